/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_DISK_H
#define CRASHLAB_LAB_DISK_H

#include <stdint.h>

#include "util/error.h"

/**
 * Make the case disk at @path: sparse, @bytes big, FAT, label CRASHLAB, holding @case_file as
 * `case`. Its serial number is random: an appliance that waits for another disk sees it in the
 * first sector.
 */
struct error *disk_create(const char *path, uint64_t bytes, const char *case_file);

/** Copy everything on the case disk at @path into directory @folder, which must exist. */
struct error *disk_extract(const char *path, const char *folder);

#endif
