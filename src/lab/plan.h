/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_PLAN_H
#define CRASHLAB_LAB_PLAN_H

#include "lab/run.h"
#include "lab/scenario.h"

/** The cases of a run, each with its backend, its id and its places. */
struct plan {
	struct scenario scenario;
	struct case_run *cases;
	size_t count;
	char *kernel; /* release */
	char *directory; /* of the run */
};

/** Work out what @request means. Nothing is started, nothing is written. */
struct error *plan_make(const struct lab_paths *paths, const struct run_request *request,
			struct plan *ret);

/** Print it as a table. */
void plan_print(const struct plan *plan, FILE *out);

void plan_deinit(struct plan *plan);

#endif
