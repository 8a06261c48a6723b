/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_ESTIMATE_H
#define CRASHLAB_LAB_ESTIMATE_H

#include "lab/plan.h"

/** How long a run may take. */
struct estimate {
	double seconds;
	size_t past, guessed; /* cases that are judged by past ones, and by a default */
};

/**
 * Estimate @plan on @cores cores, with @jobs cases at a time (0: as many as fit) and with @saved
 * from saved machines, from the median of past cases in its results directory, or, where there are
 * none, from what a case takes on an idle 2-core machine. Making a saved machine is not counted.
 */
struct error *estimate_make(const struct plan *plan, bool saved, unsigned cores, unsigned jobs,
			    struct estimate *ret);

/**
 * What a case takes, in seconds of one core, wherever it runs: docs/scale.md says from what.
 */
double estimate_work(const struct case_spec *spec);

/** @seconds in words: "35 s", "4 min", "2 h 10 min". The caller frees it. */
char *estimate_words(double seconds);

#endif
