/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_TRIGGER_COST_H
#define CRASHLAB_TRIGGER_COST_H

#include <stdio.h>

#include "util/error.h"

/**
 * Measure on this machine what the flight recorder costs, and harm nothing. EFER of CPU 0 is read
 * many times on it, through the msr driver and so through native_read_msr_safe() and its tracepoint,
 * without the recorder, with it, and without it again. Written to @out, in nanoseconds for one read:
 *
 * without=N with=N program=N runs=N
 *
 * @without and @with are the fastest round's, @program is the recorder's program alone, as the kernel
 * counts it (kernel.bpf_stats_enabled), over @runs runs. It has the most to do of all of them.
 * ERROR_UNSUPPORTED where the recorder, the msr driver or these statistics (5.8) are not to be had.
 */
struct error *cost_measure(FILE *out);

#endif
