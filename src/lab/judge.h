/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_JUDGE_H
#define CRASHLAB_LAB_JUDGE_H

#include "lab/runner.h"

/**
 * Give @run its outcome: take the files off its disk, let verify_vmcs judge them again with the
 * host's registers, and decide. @trouble (or NULL) is what an error event or the host said.
 */
void judge_case(struct case_run *run, const struct run_options *options, enum ending ending,
		const char *trouble);

#endif
