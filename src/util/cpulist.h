/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_UTIL_CPULIST_H
#define CRASHLAB_UTIL_CPULIST_H

#include <sched.h>

#include "util/error.h"

/**
 * Read a list of CPUs as the kernel writes it ("0-3,5") into a set. CPU numbers go up to
 * CPU_SETSIZE - 1. ERROR_USAGE when it is no such list or is empty; @what names it in the message.
 */
struct error *cpulist_parse(const char *what, const char *text, cpu_set_t *ret);

/** The same from the first line of a file, such as /sys/devices/system/cpu/online. */
struct error *cpulist_read(const char *path, cpu_set_t *ret);

#endif
