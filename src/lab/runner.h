/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_RUNNER_H
#define CRASHLAB_LAB_RUNNER_H

#include <stdbool.h>

#include "lab/backend.h"
#include "lab/progress.h"
#include "lab/stopped.h"
#include "lab/truth.h"
#include "lab/record.h"

#define CASE_ID_MAX 63

/** What holds for all cases of a run. */
struct run_options {
	struct lab_paths paths;
	const char *save; /* "always", "fail", "never" */
	double timeout_factor;
	double timeout; /* seconds of a whole case; 0: only the stages have limits */
	int stop_fd; /* readable: end everything */
	bool gdb; /* stop at `capture`, until the operator says so */
	struct snapshots *snapshots; /* NULL: every case boots */
	bool truth; /* compare each verdict with what the emulator knows */
	bool moments; /* also at moments on the way there */
	bool snapshots_only; /* a case whose snapshot fails is lab-broken, it does not boot instead
			      */
};

/** One case of a run: what it is, and what became of it. */
struct case_run {
	const struct case_spec *spec;
	const struct backend *backend; /* NULL: skipped, @detail says why */
	char id[CASE_ID_MAX + 1];
	char *directory, *images;
	char *kernel; /* release */
	unsigned index; /* in the run, for progress */
	const char *wait; /* where the appliance waits to be saved; NULL: nowhere */
	/* after case_run() */
	bool ended; /* it has an outcome; not one that was cut short, which is not kept */
	enum outcome outcome;
	bool as_expected;
	enum hit hit; /* HIT_NONE: no window, or no dump that tells */
	enum stage stage; /* the last one reached */
	struct crash_memory crash_memory;
	double reached[STAGE_COUNT]; /* seconds after the start; 0: not reached */
	double cpu_reached[STAGE_COUNT]; /* CPU seconds of the machine by then */
	double seconds, cpu_seconds;
	char *detail;
	enum truth truth;
	char snapshot[CASE_ID_MAX + 1]; /* id of the saved machine it went on from; "": it booted */
};

/**
 * Run @self to its end in its directory, and leave outcome.json there. Never fails: what goes wrong
 * is the outcome. @progress is told of every stage.
 */
void case_run(struct case_run *self, const struct run_options *options, struct progress *progress);

/** Print what case_run() would start. */
struct error *case_describe(const struct case_run *self, const struct run_options *options,
			    FILE *out);

/**
 * The text of the case file of @self (docs/interfaces.md, section 2); @save is as in struct
 * run_options. The caller frees it.
 */
char *case_file_text(const struct case_run *self, const char *save);

/** Tell @progress that @run has ended. */
void case_tell_end(const struct case_run *run, struct progress *progress);
/** The kernel command line that the appliance of @self gets; the caller frees it. */
struct error *case_cmdline(const struct case_run *self, char **ret);

/** What the machine of @self is made from; it points into the arguments. */
struct machine_setup case_setup(const struct case_run *self, const struct run_options *options,
				const char *cmdline);

/** Write all files of @self that must be in its directory before its machine starts. */
struct error *case_prepare(const struct case_run *self, const struct run_options *options,
			   const struct machine_setup *setup);

/** Write outcome.json of a case that has its outcome. */
struct error *case_write_outcome(const struct case_run *run);

/** The record of @run, which is a case of the run called @run_name. */
void case_record(const struct case_run *run, const char *run_name, struct record *ret);

void case_run_deinit(struct case_run *self);

#endif
