/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_CALIBRATE_FILE_H
#define CRASHLAB_CALIBRATE_FILE_H

#include <stdio.h>

#include "calibrate/infer.h"

/** What `verify_vmcs --calibration` reads (docs/interfaces.md, section 4), and what it rests on. */
void calibration_print(const struct calibration *calibration, const struct support *support,
		       FILE *out);

#endif
