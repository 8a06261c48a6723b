/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_VERIFY_OPTIONS_H
#define CRASHLAB_VERIFY_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "virt/inputs.h"

/** The command line of verify_vmcs; the strings are argv's. inputs_deinit() what is in it. */
struct options {
	const char *const *dumps; /* several: the parts of one */
	size_t dump_count;
	const char *case_id;
	struct inputs inputs;
	bool json;
	const char *json_file; /* NULL: standard output, instead of the text */
	const char *capsule;
	const char *explain;
	bool scan;
	bool accept_inferred;
	bool no_sandbox;
};

/** Ends the program for a bad command line, or one that only asks for help. */
void options_parse(int argc, char **argv, struct options *ret);

#endif
