/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_EMBED_H
#define CRASHLAB_LAB_EMBED_H

#include <libvirt/libvirt.h>

#include "util/error.h"

/**
 * libvirt's QEMU driver inside this process (qemu:///embed), opened once. Its root is a directory
 * named after this process, so that a later lab can tell a killed one's.
 */
struct error *embed_open(virConnectPtr *ret);

/** The process of the domain called @name, which has been started. */
struct error *embed_pid(const char *name, pid_t *ret);

/** Close it, remove its root. Every domain must have been destroyed. */
void embed_close(void);

/** End the QEMU processes of labs that are gone, and remove their roots. */
void embed_clean(void);

#endif
