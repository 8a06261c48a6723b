/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_TRIGGER_REBOOT_H
#define CRASHLAB_TRIGGER_REBOOT_H

#include <stdbool.h>

#include "util/error.h"

/** A way of rebooting. */
struct reboot_way {
	const char *name; /* on the command line and in the marker */
	const char *about;
	bool migrates; /* the kernel goes on on its reboot_cpu: migrate_to_reboot_cpu() */
	const char *file; /* opened for writing beforehand; NULL: none */
	int (*go)(int fd); /* comes back only when it failed, with -1 and errno */
};

/** All ways, ends with name == NULL. */
extern const struct reboot_way reboot_ways[];

/** The way called @name, or NULL. */
const struct reboot_way *reboot_way_find(const char *name);

/** Opens the way's file into *@fd, or sets it to -1. */
struct error *reboot_way_open(const struct reboot_way *way, int *fd);

#endif
