/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_SPACE_H
#define CRASHLAB_LAB_SPACE_H

#include <stdint.h>

#include "util/error.h"

/* MiB that must be free: for a case to start, and for one that runs to be believed. */
#define SPACE_START 256
#define SPACE_RUNNING 16

/**
 * An ERROR_SYSTEM when the file system of @directory has less than @mib MiB left. What a case on a
 * full disk does says nothing about the kernel under test: its machine cannot write its dump.
 */
struct error *space_check(const char *directory, unsigned mib);

/* Bytes that a log keeps at its start and at its end, once it has more than twice as many. */
#define LOG_HEAD (1U << 20)
#define LOG_TAIL (8U << 20)

/**
 * Free what lies between head and tail of the log at @path, while its writer goes on: it is read as
 * zeroes from then on. Errors do nothing: the log is only longer then.
 */
void log_punch(const char *path);

/** Put a line in the place of what log_punch() freed, when the writer is gone. */
struct error *log_compact(const char *path);

#endif
