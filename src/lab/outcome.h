/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_OUTCOME_H
#define CRASHLAB_LAB_OUTCOME_H

#include <stdbool.h>

#include "lab/event.h"

/** What became of a case. */
enum outcome {
	OUTCOME_PASS,
	OUTCOME_FAIL,
	OUTCOME_INCONCLUSIVE,
	OUTCOME_RACE_MISSED, /* the reboot CPU was not in the window: says nothing, never a pass */
	OUTCOME_REBOOT_WON, /* the machine was reset before the crash kernel spoke */
	OUTCOME_NO_DUMP, /* the crash kernel ran, or the machine ended, and no verdict came of it */
	OUTCOME_CAPTURE_HANG, /* silence after the strike, or in the crash kernel */
	OUTCOME_CAPTURE_STOPPED, /* silence, and the reboot's pending vector is proved to be why */
	OUTCOME_EARLY_CRASH, /* the kernel crashed by itself, before the strike */
	OUTCOME_TIMEOUT, /* a stage before the strike took too long */
	OUTCOME_LAB_BROKEN, /* the harness failed, not the kernel under test */
	OUTCOME_SKIPPED, /* not run, for a stated reason */
	OUTCOME_COUNT
};

/** "PASS", "FAIL", …, in the order of enum outcome; ends with NULL. */
extern const char *const outcome_names[];

/** The outcome called @name, or OUTCOME_COUNT. */
enum outcome outcome_from_name(const char *name);

/** How the run of a case's machine ended. */
enum ending {
	ENDING_DONE, /* the event `done` came */
	ENDING_LIMIT, /* a stage's time limit passed */
	ENDING_EXIT, /* the machine ended by itself, not by a reset */
	ENDING_RESET, /* the machine was reset, or booted again */
	ENDING_ERROR, /* an event `error`, and nothing after it */
	ENDING_SKIPPED, /* an event `skipped`: not available on this machine */
	ENDING_BROKEN, /* the host could not go on */
};

enum hit { HIT_UNKNOWN, HIT_HIT, HIT_MISSED, HIT_NONE };

/** All that the outcome of a case is decided from. */
struct outcome_facts {
	enum stage stage; /* the last one reached */
	enum ending ending;
	bool window; /* the case names a window */
	bool early; /* the crash kernel came up, and there had been no strike */
	bool stopped; /* the panic CPU is proved to have stopped itself in the crash kernel */
	int judge; /* exit status of verify_vmcs on the host; -1: it was not run */
	bool verdict_read; /* verdict.json was there and could be read */
	enum outcome verdict; /* its verdict: PASS, FAIL or INCONCLUSIVE */
	enum hit hit;
};

/** Exit status of verify_vmcs that the outcome looks at. */
enum { JUDGE_PASS = 0, JUDGE_FAIL = 1, JUDGE_INCONCLUSIVE = 2, JUDGE_REFUSED = 3 };

/** Decide. *@ret_why is a constant sentence that tells which rule did. */
enum outcome outcome_decide(const struct outcome_facts *facts, const char **ret_why);

/** Exit status of `crashlab run` after @counts[outcome] cases that did not end as expected. */
int outcome_exit_status(const unsigned counts[OUTCOME_COUNT]);

#endif
