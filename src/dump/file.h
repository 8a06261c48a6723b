/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_DUMP_FILE_H
#define CRASHLAB_DUMP_FILE_H

#include <stdbool.h>

#include "util/error.h"

/**
 * A dump's file and all else that reading it can need, open, with no byte of it looked at: what
 * follows can be done by a process that may open nothing.
 */
struct dump_file {
	const char *name; /* for messages: the path, which stays the caller's */
	int fd;
	int temporary; /* an unnamed file, for what is put together from a flattened dump; or -1 */
	int temporary_errno; /* why there is none */
	bool live; /* /proc/vmcore itself: this program runs in the capture kernel of this crash */
	int msr; /* the capture kernel's /dev/cpu/0/msr; -1 when not live, or without the driver */
};

/** Open @path, "-" being standard input. The temporary file is in $TMPDIR, else in /var/tmp. */
struct error *dump_file_open(const char *path, struct dump_file *ret);
void dump_file_close(struct dump_file *file);

#endif
