/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_STICK_STICK_H
#define CRASHLAB_STICK_STICK_H

#include <stdbool.h>

#include "lab/conclude.h"
#include "lab/record.h"
#include "lab/scenario.h"

/**
 * A run on the results partition of a stick. Files are all that is known of it (docs/stick.md);
 * each is written as a whole and synced, so that a power cut at any moment costs the running case
 * at most.
 */
struct stick {
	const struct stick_options *options;
	struct run_record run; /* no @run.run: there is none to go on with */
	char *directory; /* of the run */
	struct scenario scenario;
	struct case_run *cases; /* one for each of the scenario's, in the order in which they run */
	size_t count;
};

/** What the agent tells. */
struct stick_options {
	const char *results; /* directory on the partition */
	const char *scenario; /* file */
	const char *vendor; /* of the CPU's virtualization: "vmx", "svm"; "": it has none */
	const char *save; /* as in struct run_options */
	unsigned watchdog; /* seconds that a stage may take before the watchdog resets; 0: none */
	bool fired; /* the watchdog did reset the machine */
};

/** Find the run that is going on: of this scenario, on this machine, with this kernel. */
struct error *stick_open(const struct stick_options *options, struct stick *ret);

/** Begin a run: give @stick, which has none, its directory. */
struct error *stick_begin(struct stick *stick);

/** The run in directory @name of the results, whatever its machine. ERROR_NOT_FOUND: it is none. */
struct error *stick_load(const struct stick_options *options, const char *name, struct stick *ret);

/** Write @stick's run down again. */
struct error *stick_store(const struct stick *stick);

void stick_deinit(struct stick *stick);

/** Whether @run has its outcome on the partition. */
bool stick_ended(const struct case_run *run);

/**
 * Find the next case to run, after giving an outcome to whatever needs none or had its end, and
 * write down that it starts. *@ret is NULL when no case is left. ERROR_SYSTEM also when the
 * partition is full.
 */
struct error *stick_next(struct stick *stick, const struct case_run **ret);

/** What the files of a case that was started tell of its end. Times are seconds since 1970. */
struct marks {
	enum stage stage; /* the last one that was reached */
	long long first, last; /* time of its start, and of the last mark */
	long long reached[STAGE_COUNT]; /* 0: not reached */
	bool failed, skipped; /* an event `error`, `skipped` */
	bool restarted; /* another kernel booted after the strike */
	int judge; /* exit status of verify_vmcs, -1: unknown */
	char *text; /* of `error` or `skipped` */
};

/** Read the file events.log at @path; one that is missing has no marks. */
struct error *marks_read(const char *path, struct marks *ret);

void marks_deinit(struct marks *marks);

/** What else the end of a case is told from. */
struct boot {
	long long time; /* at which the machine came back, seconds since 1970 */
	unsigned watchdog; /* as in struct stick_options */
	bool fired;
};

/**
 * How a case ended that left @marks, when it did not leave `done`: true and *@ret, or false when
 * that may have been a power cut: it is to be run again.
 */
bool marks_ending(const struct marks *marks, const struct boot *boot, enum ending *ret);

/* Times that a case is started that comes to no end before the strike. */
#define STICK_ATTEMPTS 3

/** Give @run, which was started @attempts times, its outcome; or leave it without, to be run again.
 */
struct error *stick_settle(struct case_run *run, const struct stick_options *options,
			   unsigned attempts);

/**
 * Make the results database of all runs, the report and the summary of @stick's, and print the
 * summary to @out.
 */
struct error *stick_finish(struct stick *stick, FILE *out);

/** The machine that a stick runs on, as a backend in records. */
extern const struct backend backend_metal;

#endif
