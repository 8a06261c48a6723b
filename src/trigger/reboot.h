/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_TRIGGER_REBOOT_H
#define CRASHLAB_TRIGGER_REBOOT_H

#include <stdbool.h>

#include "util/error.h"

/** A way of rebooting, or of taking a CPU out in another way. */
struct reboot_way {
	const char *name; /* on the command line and in the marker */
	const char *about;
	bool migrates; /* the kernel goes on on its reboot_cpu: migrate_to_reboot_cpu() */
	bool shares; /* needs the panic CPU for work of its own: the panic thread may not keep it */
	/**
	 * Look whether it can be done for @cpu, and open its file into *@fd, or set that to -1.
	 * ERROR_UNSUPPORTED with the reason when it cannot.
	 */
	struct error *(*open)(unsigned cpu, int *fd);
	int (*go)(int fd); /* comes back only when it failed, with -1 and errno */
};

/** All ways, ends with name == NULL. */
extern const struct reboot_way reboot_ways[];

/** The way called @name, or NULL. */
const struct reboot_way *reboot_way_find(const char *name);

#endif
