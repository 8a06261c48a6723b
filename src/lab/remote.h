/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_REMOTE_H
#define CRASHLAB_LAB_REMOTE_H

#include <libvirt/libvirt.h>
#include <stdio.h>

#include "lab/backend.h"

/**
 * A reference to the connection to paths.connect, for virConnectClose(). It is opened when there is
 * none or the last was lost; then what labs of this host that are gone left there, or what this one
 * lost, is cleared away: domains, and volumes of cases. An ERROR_USAGE is about the URI or the
 * pool.
 */
struct error *remote_open(const struct lab_paths *paths, virConnectPtr *ret);

/** Clear away what was lost, if it can still be reached, and close the connection. */
void remote_close(void);

/** The CPUs of its host; 0 when that is not known. */
unsigned remote_cores(const struct lab_paths *paths);

/** Print one line about it to @out: host, QEMU, pool. */
struct error *remote_describe(const struct lab_paths *paths, FILE *out);

/**
 * What a domain or a volume of case @id of this process is called: it tells the host, the process,
 * and when that started. The caller frees it.
 */
char *remote_name(const char *id);

/**
 * Did a lab of this host that has ended give something the name @name? With @own this process
 * counts as ended.
 */
bool remote_is_left(const char *name, bool own);

#endif
