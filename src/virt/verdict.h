/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_VIRT_VERDICT_H
#define CRASHLAB_VIRT_VERDICT_H

#include <stdbool.h>

#include "virt/report.h"

/**
 * Judge @report anew: a pure function of its evidence and of its subjects (the CPUs with the
 * properties that must be off, their VMCSs). Fills the findings, conflicts, verdict and reasons,
 * and replaces what an earlier judgement left there.
 *
 * Of one subject, direct evidence beats all other; UNKNOWN beats inference ("looked, and could not
 * tell"); inferences that contradict each other are UNKNOWN. Then
 *   FAIL          direct evidence that something is on or active, or direct evidence that
 *                 contradicts other direct evidence; inferred ON with @accept_inferred
 *   PASS          everything is off or clear by direct evidence; with @accept_inferred also by
 *                 inference, and the reasons say so
 *   INCONCLUSIVE  the rest
 */
struct error *verdict_judge(struct report *report, bool accept_inferred);

#endif
