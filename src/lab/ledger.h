/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_LEDGER_H
#define CRASHLAB_LAB_LEDGER_H

#include "lab/db.h"
#include "lab/plan.h"

/** Keeps the account of a run while it goes on: what is planned, and each case that ended. */
struct ledger {
	struct db *db;
	char *run; /* its name */
	const struct plan *plan;
	const struct run_options *options;
	int lock; /* on the run's directory: one lab at a time works on a run */
};

/**
 * Take up @plan, a new run or one that goes on: its directory, its lock, its rows in the database.
 * A run that another lab works on is an ERROR_USAGE.
 */
struct error *ledger_open(struct plan *plan, const struct run_request *request,
			  const struct run_options *options, struct ledger *ret);

/**
 * Keep @run, which has ended. Its vmcore goes when a case with the same signature has one already,
 * unless all are to be saved.
 */
struct error *ledger_keep(struct ledger *ledger, const struct case_run *run);

/**
 * The record of @planned, which has no outcome, when its lab was killed between writing its
 * outcome.json and keeping it. False: it has not ended.
 */
bool ledger_adopt(const struct record *planned, struct record *ret);

/** All cases have been kept: the run has ended. */
struct error *ledger_finish(struct ledger *ledger);

void ledger_close(struct ledger *ledger);

/**
 * Plan what is left of a run: @request->resume in its results directory, or the newest ("").
 * Cases that ended but were not kept, as their lab was killed just then, are kept first.
 */
struct error *plan_resume(struct lab_paths *paths, struct run_request *request, struct plan *ret);

#endif
