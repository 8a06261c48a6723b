/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_SHARD_H
#define CRASHLAB_LAB_SHARD_H

#include "lab/plan.h"

/** A part of a run, for one of several machines: number @index of @count. @count 0: the whole. */
struct shard {
	unsigned index, count;
};

/** Read "I/N", I from 1 to N. */
struct error *shard_parse(const char *text, struct shard *ret);

/** "I/N", or "" for the whole; the caller frees it. */
char *shard_text(const struct shard *shard);

/**
 * The shard of each case of @plan, numbers from 1 to @count, in @ret, which has room for all: the
 * longest case first, to the shard that has the least to do. What a case takes is a constant of its
 * vendor and its CPUs, so that every machine comes to the same.
 */
void shard_assign(const struct plan *plan, unsigned count, unsigned *ret);

/** Leave in @plan the cases of @shard alone. */
void shard_cut(struct plan *plan, const struct shard *shard);

/**
 * What tells one plan from another: of all its cases, what they are, and of the seed. Shards of one
 * run have the same. The caller frees it.
 */
char *plan_fingerprint(const struct plan *plan, int64_t seed);

#endif
