/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_SCENARIO_KEYS_H
#define CRASHLAB_LAB_SCENARIO_KEYS_H

#include <stdint.h>

#include "lab/scenario.h"

#define KEYS_MAX 64

/** How the value of one key is read into a field of struct case_spec. */
struct key {
	const char *name;
	size_t offset, size; /* of the field */
	struct error *(*parse)(const struct key *key, const char *value, void *field);
	void (*print)(const struct key *key, const void *field, FILE *out); /* NULL: never */
	const char *const *choices; /* choices: what is allowed */
	unsigned min, max; /* numbers */
	const char *chars; /* words: allowed characters */
	bool required;
	bool cpu; /* it may be "all" */
	bool drawn; /* it may be "LOW..HIGH": a number drawn for each case */
	bool unnamed; /* as an axis it leaves the cases their names: the account tells them apart */
	const char *tag; /* goes before the value in the names of an axis's cases; NULL: no axis */
};

/** As many as there are keys in a scenario file, at most KEYS_MAX. */
extern const struct key scenario_keys[];
extern const size_t scenario_key_count;

/** The index of the key called @name, or scenario_key_count. */
size_t scenario_key_find(const char *name);

/** A [case NAME] section as it was read, with what [defaults] said before it. */
struct section {
	char *name;
	unsigned line;
	char *values[KEYS_MAX]; /* each one value or several, comma-separated; NULL: not given */
	char *without;
};

void section_deinit(struct section *section);

/**
 * An error when @text is no value, or list of values, of @key. *@ret_many: it stands for more than
 * one case.
 */
struct error *scenario_check_values(const struct key *key, const char *text, bool *ret_many);

/** An error when @text is no list of combinations, "key=value key=value, …". */
struct error *scenario_check_without(const char *text);

/** Add all cases that @section stands for to @ret; drawn numbers come from @seed. */
struct error *scenario_expand(const struct section *section, uint64_t seed, struct scenario *ret);

#endif
