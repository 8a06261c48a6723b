/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_VERIFY_JUDGE_H
#define CRASHLAB_VERIFY_JUDGE_H

#include "verify/options.h"
#include "verify/outputs.h"
#include "verify/status.h"

/**
 * The whole job, from open to written, in the sandbox from the moment that all is open; gives the
 * status of the verdict. An error is no verdict.
 */
struct error *judge(struct options *options, struct outputs *outputs, enum status *ret);

#endif
