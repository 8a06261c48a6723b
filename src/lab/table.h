/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_TABLE_H
#define CRASHLAB_LAB_TABLE_H

#include <stdio.h>

#include "lab/record.h"

struct libscols_table;

/** A table to be printed to @out with these columns' titles, which end with NULL. */
struct libscols_table *table_new(FILE *out, const char *const *titles);

/**
 * Print the cases of @list that have ended to @out: a table with a row for each CPU, then what needs
 * words, then totals. Of more than @most cases, only those that are no PASS as expected are shown.
 */
void table_print(FILE *out, const struct record_list *list, size_t most);

#endif
