/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_TRIGGER_COMBINE_H
#define CRASHLAB_TRIGGER_COMBINE_H

#include "trigger/panic.h"
#include "trigger/reboot.h"

/** What comes of a way of dying, a way of rebooting and a window together. */
enum combination {
	COMBINATION_WORKS,
	COMBINATION_NO_DUMP, /* it can be done, and no crash kernel can come of it */
	COMBINATION_NONE, /* cannot be */
};

/**
 * What the kernel's code leaves of it, on whatever machine. @window is a window's name, or anything
 * else. *@ret_why is a constant, or NULL when it works.
 */
enum combination combine(const struct panic_way *panic, const struct reboot_way *reboot,
			 const char *window, const char **ret_why);

#endif
