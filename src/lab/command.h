/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_COMMAND_H
#define CRASHLAB_LAB_COMMAND_H

#include <argp.h>

#include "lab/run.h"

/** A command of crashlab: its main function, with its own name as argv[0]. Returns exit status. */
struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *about;
};

extern const struct command command_build, command_kernels; /* command_kernels.c */
extern const struct command command_run, command_repro, command_merge,
	command_watch; /* command_*.c each */
extern const struct command command_list, command_show, command_report, command_compare,
	command_prune; /* command_results.c */

enum { STATUS_BROKEN = 3, STATUS_USAGE = 64 };

/** Say @err on stderr and free it; returns the exit status for it. */
int command_complain(struct error *err);

/** The number that option @name was given, from @min to @max; ends the program when it is none. */
uint64_t command_number(struct argp_state *state, const char *name, const char *text, uint64_t min,
			uint64_t max);

/** The number above 0 that option @name was given; ends the program when it is none. */
double command_positive(struct argp_state *state, const char *name, const char *text);

/** The command line as one can give it to a shell again. The caller frees it. */
char *command_line(int argc, char **argv);

#endif
