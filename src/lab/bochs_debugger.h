/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_BOCHS_DEBUGGER_H
#define CRASHLAB_LAB_BOCHS_DEBUGGER_H

#include "lab/bochs_console.h"
#include "util/error.h"

/**
 * Bochs' own debugger (-debugger) on a machine that goes on from a saved one: it stops the machine
 * before the first instruction of the functions in bochs_moments[], tells what every CPU and every
 * VMCS is like, and lets it go on. The machine notices nothing: emulated time stands still.
 */
struct bochs_debugger;

/** A place where the machine is stopped. */
struct bochs_moment {
	const char *name; /* moments[].moment in moments.json (docs/interfaces.md, section 6) */
	const char *symbol;
};

/** In the order in which a crash passes them; the last one ends it. */
extern const struct bochs_moment bochs_moments[];

/**
 * For a machine with @cpus CPUs and @memory_mb MiB that works in @directory. Where the saved
 * machine's kernel has its functions is in its event `symbols`, in the file at @events; an
 * ERROR_NOT_FOUND when it did not say, as kernels before 5.16 do not.
 */
struct error *bochs_debugger_create(const char *events, const char *directory, unsigned cpus,
				    unsigned memory_mb, struct bochs_debugger **ret);
void bochs_debugger_destroy(struct bochs_debugger *self);

/** Bochs has just been started: set the breakpoints, and let the machine go. */
struct error *bochs_debugger_begin(struct bochs_debugger *self, struct bochs_console *console);

/**
 * The machine has stopped: add the moment to those before it, write them all to the file at @path
 * (moments.json), and let it go on; after the last moment without breakpoints. When Bochs asked for
 * another reason than a breakpoint, and once more after the last one, that is an ERROR_SYSTEM.
 */
struct error *bochs_debugger_take(struct bochs_debugger *self, struct bochs_console *console,
				  const char *path);

#endif
