/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_SCENARIO_H
#define CRASHLAB_LAB_SCENARIO_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lab/case.h"
#include "util/error.h"

/**
 * The cases of a scenario file: `[defaults]` (keys for all cases that follow it) and `[case NAME]`
 * sections, each of which stands for as many cases as its keys have combinations of values.
 * docs/backends.md lists the keys.
 */
struct scenario {
	struct case_spec *cases;
	size_t count;
};

/** What is said beside the file. */
struct scenario_options {
	const char *const
		*set; /* key, value, …: take the place of every case's own; ends with NULL */
	uint64_t seed; /* of the numbers that are drawn */
};

/** An ERROR_USAGE when @value may not stand in a scenario for @key. */
struct error *scenario_check_override(const char *key, const char *value);

/** What a case is when nothing is said. */
extern const struct case_spec case_built_in;

/**
 * Read @stream, called @name in messages, into *@ret. Any unknown section, key or value is an
 * ERROR_USAGE that starts with "file:line: "; then *@ret is empty.
 */
struct error *scenario_read(FILE *stream, const char *name, const struct scenario_options *options,
			    struct scenario *ret);

/** scenario_read() of the file at @path. */
struct error *scenario_load(const char *path, const struct scenario_options *options,
			    struct scenario *ret);

/** Print @spec as the section of a scenario file that it can be read from again. */
void scenario_print_case(const struct case_spec *spec, FILE *out);

/** Read what scenario_print_case() printed. */
struct error *scenario_read_case(const char *text, struct case_spec *ret);

void scenario_deinit(struct scenario *scenario);

#endif
