/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_TRIGGER_PANIC_H
#define CRASHLAB_TRIGGER_PANIC_H

#include "util/error.h"

/** A way of dying. */
struct panic_way {
	const char *name; /* on the command line and in the marker */
	const char *about;
	/* Gets hold of all that is needed, as a file descriptor. The reason why it cannot be had
	 * here, otherwise. */
	struct error *(*open)(int *ret);
	int (*go)(int fd); /* comes back only when it failed, with -1 and errno */
};

/** All ways, ends with name == NULL; the first is the usual one. */
extern const struct panic_way panic_ways[];

/** The way called @name, or NULL. */
const struct panic_way *panic_way_find(const char *name);

#endif
