/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_SELECT_H
#define CRASHLAB_LAB_SELECT_H

#include "lab/db.h"
#include "lab/run.h"

/** What a person named: a run with its cases, or one case. */
struct selection {
	struct db *db; /* NULL: a case directory that is in no database */
	struct run_record run; /* its texts are NULL then */
	struct record_list cases;
	bool one; /* a case was named, not a run */
};

/**
 * Find what @name says: a run's name, a case's id, or the path of a run's or a case's directory;
 * NULL is the newest run. Names are looked up in results directory @results, NULL is the project's.
 */
struct error *select_named(const struct lab_paths *paths, const char *results, const char *name,
			   struct selection *ret);

void selection_deinit(struct selection *selection);

#define _cleanup_selection_ __attribute__((cleanup(selection_deinit)))

#endif
