/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_SCRIPT_H
#define CRASHLAB_LAB_SCRIPT_H

#include <stdio.h>

#include "lab/backend.h"

/**
 * Run a script of the project to its end; @argv[0] is its name in scripts/. What it says goes to
 * stderr, its standard output to descriptor @output. Any exit status but 0 is an error (64:
 * ERROR_USAGE).
 */
struct error *script_run(const struct lab_paths *paths, const char *const *argv, int output);

/** The same, and *@ret is its standard output, at most @limit bytes; the caller frees it. */
struct error *script_read(const struct lab_paths *paths, const char *const *argv, size_t limit,
			  char **ret);

/** Print the command that script_run() would run. */
void script_print(const struct lab_paths *paths, const char *const *argv, FILE *out);

#endif
