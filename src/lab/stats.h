/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_STATS_H
#define CRASHLAB_LAB_STATS_H

#include <stddef.h>

/** A rate, @hits of @of, and the 95 % interval that it may lie in. */
struct rate {
	size_t hits, of;
	double low, high; /* 0 to 1 */
};

/**
 * Wilson's score interval (E. B. Wilson, JASA 22, 1927; z = 1.96): fit for few cases and for rates
 * near 0 and 1. Of no cases it is 0 to 1.
 */
struct rate rate_make(size_t hits, size_t of);

/** "3 of 10 (30 %, 11 to 60 %)". The caller frees it. */
char *rate_words(const struct rate *rate);

/**
 * Fisher's exact test, two-sided: how likely it is that two rates differ by at least as much as
 * @a_hits of @a_of and @b_hits of @b_of when nothing but chance makes them differ.
 */
double fisher_exact(size_t a_hits, size_t a_of, size_t b_hits, size_t b_of);

#endif
