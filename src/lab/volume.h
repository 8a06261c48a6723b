/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_VOLUME_H
#define CRASHLAB_LAB_VOLUME_H

#include <libvirt/libvirt.h>

#include "util/error.h"

/* Files of this host as volumes of a storage pool, whose holes stay holes on the way. */

/** Make volume @name in @pool, which must not have it, out of the file at @path. */
struct error *volume_put(virStoragePoolPtr pool, const char *name, const char *path);

/**
 * The same for a file that many cases need, where @name tells its content: nothing is done when the
 * volume is there as a whole.
 */
struct error *volume_keep(virStoragePoolPtr pool, const char *name, const char *path);

/** Write volume @name to the file at @path. */
struct error *volume_get(virStoragePoolPtr pool, const char *name, const char *path);

/** Remove volume @name; one that is missing is fine. */
void volume_remove(virStoragePoolPtr pool, const char *name);

/** The digits of the SHA-256 of the file at @path; the caller frees them. */
struct error *volume_hash(const char *path, char **ret);

#endif
