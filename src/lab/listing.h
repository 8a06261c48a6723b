/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_LISTING_H
#define CRASHLAB_LAB_LISTING_H

#include <stdio.h>

#include "lab/db.h"

#define LIST_SCHEMA "crashlab-list/1"

/** Print a line for each run in @db, the oldest first; with @json as crashlab-list/1. */
struct error *list_runs(struct db *db, bool json, FILE *out);

/** Print a line for each of @cases. */
void list_cases(const struct record_list *cases, FILE *out);

#endif
