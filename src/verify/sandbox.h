/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_VERIFY_SANDBOX_H
#define CRASHLAB_VERIFY_SANDBOX_H

#include "util/error.h"

/**
 * Give up, for good, what a process that reads a hostile file must not have: all capabilities and
 * the way to gain any; every system call but those that work on memory, on threads and on what is
 * open already; access to the file system. A forbidden call kills the process with SIGSYS; opening
 * a file fails. Files can still be opened for reading by the path @path, told by its address.
 *
 * Linux 3.17 on (CONFIG_SECCOMP_FILTER); Landlock, since 5.13, where the kernel has it on. In a
 * program built with sanitizers, which need more than that, it does nothing.
 *
 * An error says what could not be given up.
 */
struct error *sandbox_enter(const char *path);

#endif
