/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_COMPARE_H
#define CRASHLAB_LAB_COMPARE_H

#include <stdio.h>

#include "lab/record.h"

#define COMPARE_SCHEMA "crashlab-compare/1"
#define SIGNIFICANT 0.05 /* below it chance is not a good explanation of a difference */

/** What became of the cases of one name in one run. */
struct tally {
	size_t ended, expected, hits, windows;
	size_t of[OUTCOME_COUNT];
};

/** The cases of one name in two runs. */
struct comparison {
	const char *name; /* of one of the lists */
	enum change { CHANGE_WORSE, CHANGE_BETTER, CHANGE_NEW, CHANGE_GONE, CHANGE_SAME } change;
	struct tally a, b;
	double p; /* of the rates "as expected", Fisher's exact test */
	double p_hit; /* of the hit rates */
};

struct comparison_list {
	struct comparison *items; /* by change, then in the order of the cases */
	size_t count;
};

/** Compare the cases of @a and @b by their names, of those that have ended; free @ret->items. */
struct error *compare_make(const struct record_list *a, const struct record_list *b,
			   struct comparison_list *ret);

/** Print it as a table, or as JSON (docs/interfaces.md, section 8); @a and @b name the runs. */
void compare_print(FILE *out, const struct comparison_list *list, const char *a, const char *b);
void compare_print_json(FILE *out, const struct comparison_list *list, const char *a,
			const char *b);

#endif
