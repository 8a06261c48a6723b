/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_CONCLUDE_H
#define CRASHLAB_LAB_CONCLUDE_H

#include "lab/runner.h"
#include "lab/verdict_file.h"

/**
 * Give @run its outcome, whether that was expected, and its detail, from @facts and, where
 * @facts->verdict_read, @summary of its verdict. @run->truth is known. @more (or NULL) is what else
 * is to be said of a case without a verdict.
 */
void case_conclude(struct case_run *run, const struct outcome_facts *facts,
		   const struct verdict_summary *summary, const char *more);

#endif
