/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_TRIGGER_DRAW_H
#define CRASHLAB_TRIGGER_DRAW_H

#include <linux/types.h>

/** The next number of the generator SplitMix64 (Steele, Lea, Flood 2014), for BPF programs too. */
static inline __u64 draw_next(__u64 *state)
{
	__u64 z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

#ifndef __bpf__
#include <stdint.h>

#include "util/error.h"

/** How the delay to the panic is found. */
struct draw {
	uint64_t min_ns, max_ns; /* the same: no draw */
	unsigned sweep_index, sweep_count; /* step of a sweep; count 0: drawn from the seed */
	uint64_t seed;
};

/**
 * The delay in nanoseconds. Drawn geometrically, so that each power of two is as likely as any
 * other (rr's chaos mode does so), or with a sweep, the step's of equal ones from min to max.
 */
uint64_t draw_delay(const struct draw *draw);

/** Read "I/N", step I of N from 0 on. */
struct error *draw_parse_sweep(const char *text, struct draw *draw);

/** Read a chance above 0 and up to 1, as millionths. */
struct error *draw_parse_frequency(const char *text, uint32_t *ret);
#endif

#endif
