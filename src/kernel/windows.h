/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_KERNEL_WINDOWS_H
#define CRASHLAB_KERNEL_WINDOWS_H

#include <stdbool.h>
#include <stddef.h>

/**
 * The places of the kernel's reboot path in which a panic can be made to land (docs/windows.md).
 * crashtrigger arms the first of a window's probes that the running kernel has; the analyzer calls
 * a window hit when one of them is on the reboot CPU's unwound stack.
 */
struct window_probe {
	const char *symbol;
	const char *module; /* NULL: kernel image; only used if that module is loaded */
	const char *kernels; /* for people: which kernels have it, with the source of that fact */
	const char *needs; /* only where the kernel image has that function, too; NULL: always */
};

struct window {
	const char *name; /* "virt-off" */
	const char *label; /* "W4" in docs/windows.md */
	const char *about; /* one line */
	const char *reboots; /* ways of rebooting that pass here, with blanks between */
	const struct window_probe *probes; /* in order of preference, ends with symbol == NULL */
};

/** All windows, ends with name == NULL. */
extern const struct window windows[];

/** The way of rebooting called @reboot (src/trigger/reboot.c) passes @window. */
bool window_is_passed(const struct window *window, const char *reboot);

/** The window called @name, or NULL. */
const struct window *window_find(const char *name);

#endif
