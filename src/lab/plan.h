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
	char *results, *directory; /* of the run: in @results */
	char *shard; /* as in struct run_record; NULL: the whole */
	char *fingerprint;
	size_t planned; /* cases, before a shard was cut out */
	bool resumed; /* what is left of @run */
	int lock; /* then: on the run's directory, for the ledger; otherwise -1 */
	struct run_record run;
};

/** Work out what @request means. Nothing is started, nothing is written. */
struct error *plan_make(const struct lab_paths *paths, const struct run_request *request,
			struct plan *ret);

/** Plan the tries of @request->again. */
struct error *plan_again(const struct lab_paths *paths, const struct run_request *request,
			 struct plan *ret);

/**
 * Take over where @request wants QEMU to run, and see that it can be reached. Before any case is
 * planned.
 */
struct error *plan_connect(struct lab_paths *paths, const struct run_request *request);

/** Add a case to @plan, which has room for it. */
struct error *plan_add(const struct lab_paths *paths, const struct run_request *request,
		       struct plan *plan, const struct case_spec *spec, const char *kernel);

/** Give the run and its cases their directories, and make these; or, with !@make, only tell them.
 */
struct error *plan_place(struct plan *plan, bool make);

/** The absolute path of the results directory that was asked for; NULL: the one of the project. */
char *results_directory(const struct lab_paths *paths, const char *given);

/** Refuse images that were not made of the programs that are here. */
struct error *plan_check_images(const struct lab_paths *paths, const struct plan *plan);

struct estimate;

/** Print it as a table, or as JSON (docs/interfaces.md, section 8). */
void plan_print(const struct plan *plan, FILE *out);
void plan_print_json(const struct plan *plan, const struct estimate *estimate, FILE *out);

void plan_deinit(struct plan *plan);

#endif
