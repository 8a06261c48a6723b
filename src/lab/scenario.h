/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_SCENARIO_H
#define CRASHLAB_LAB_SCENARIO_H

#include <stddef.h>
#include <stdio.h>

#include "lab/case.h"
#include "util/error.h"

/**
 * A scenario file: `[defaults]` (keys for all cases that follow it) and `[case NAME]` sections.
 * docs/backends.md lists the keys.
 */
struct scenario {
	struct case_spec *cases;
	size_t count;
};

/**
 * Read @stream, called @name in messages, into *@ret. Any unknown section, key or value is an
 * ERROR_USAGE that starts with "file:line: "; then *@ret is empty.
 */
struct error *scenario_read(FILE *stream, const char *name, struct scenario *ret);

/** scenario_read() of the file at @path. */
struct error *scenario_load(const char *path, struct scenario *ret);

void scenario_deinit(struct scenario *scenario);

#endif
