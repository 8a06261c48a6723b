/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_CALIBRATE_INFER_H
#define CRASHLAB_CALIBRATE_INFER_H

#include "calibrate/samples.h"

/** How far the samples bear out what was inferred from them. */
struct support {
	unsigned samples[SAMPLE_KINDS];
	unsigned shown[SAMPLE_KINDS]; /* in which memory told the true launch state */
};

/** The share of all samples in which memory told the true launch state, 0 to 1. */
double support_share(const struct support *support);

/**
 * Find the launch state, and the fields whose values are known, in the regions that were sampled
 * on a CPU whose VMCSs have @ret->revision: fills in all of @ret but the CPU and the path.
 *
 * Launch state is what has one value in every sample of a VMCS that was cleared or never launched,
 * and the other in samples of launched ones. Nothing else can have: a launched VMCS is cleared
 * without having run in between, and all its fields are in that sample, too.
 *
 * ERROR_NOT_FOUND, with the reason, where the samples do not determine it: too few, no such bit,
 * one that goes back to clear without VMCLEAR, several at odds, or regions of another revision.
 */
struct error *calibration_infer(const struct samples *samples, struct calibration *ret,
				struct support *ret_support);

#endif
