/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_CLOCK_H
#define CRASHLAB_LAB_CLOCK_H

#include <time.h>

/** Seconds of a clock that nobody sets. */
static inline double monotonic_seconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

#endif
