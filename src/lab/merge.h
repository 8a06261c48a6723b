/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_MERGE_H
#define CRASHLAB_LAB_MERGE_H

#include <stdio.h>

#include "lab/db.h"

/**
 * Put the runs of @directories, results directories or those of single runs in them, @count in all,
 * into results directory @results: cases and their directories. Shards of one plan become one run,
 * and a run that is there already is added to, so merging again adds what is new.
 *
 * A case counts once: of two with the same name, kernel and iteration the first that has ended. One
 * that was begun or planned and has not ended stays as that, for `run --resume`. A run that a lab
 * still works on is an ERROR_USAGE. What was merged is told on @out; *@ret_status is what
 * `crashlab run` would exit with, 3 when a run is not complete.
 */
struct error *merge(const char *const *directories, size_t count, const char *results, FILE *out,
		    int *ret_status);

#endif
