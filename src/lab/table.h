/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_TABLE_H
#define CRASHLAB_LAB_TABLE_H

#include <stdio.h>

#include "util/error.h"

/**
 * Print the cases whose directories are @directories (NULL-ended) to @out, from the outcome.json
 * and verdict.json in them: a table with a row for each CPU, then what needs words, then totals.
 */
struct error *table_print(FILE *out, char *const *directories);

/**
 * The case directories that @path stands for: itself when it holds an outcome.json, else those of
 * its subdirectories that do, by name. NULL-ended; none at all is an error. Free with table_free().
 */
struct error *table_find(const char *path, char ***ret);

void table_free(char **directories);

#endif
