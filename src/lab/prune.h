/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_PRUNE_H
#define CRASHLAB_LAB_PRUNE_H

#include <stdio.h>

#include "lab/db.h"

/** What prune takes away: never a verdict, a capsule, or anything but a vmcore. */
struct prune_policy {
	size_t keep_runs; /* vmcores of older runs than the newest so many go; 0: of none */
	bool yes, dry_run, json;
};

/**
 * Remove the vmcores of @db's cases that are a PASS as expected, that have a signature of which an
 * older case has its vmcore, or whose run is old. Tells which on @out, and asks on the terminal. An
 * ERROR_USAGE when there is no terminal and no @yes.
 */
struct error *prune(struct db *db, const struct prune_policy *policy, FILE *out);

#endif
