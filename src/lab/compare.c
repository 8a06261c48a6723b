// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/compare.h"

#include <libsmartcols/libsmartcols.h>
#include <stdlib.h>
#include <string.h>

#include "lab/files.h"
#include "lab/results_json.h"
#include "lab/stats.h"
#include "lab/table.h"
#include "util/cleanup.h"
#include "util/text.h"

static const char *const change_names[] = {
	[CHANGE_WORSE] = "worse", [CHANGE_BETTER] = "better", [CHANGE_NEW] = "new",
	[CHANGE_GONE] = "gone",   [CHANGE_SAME] = "same",
};

static struct error *find(struct comparison_list *list, const char *name, struct comparison **ret)
{
	for (size_t i = 0; i < list->count; i++) {
		*ret = &list->items[i];
		if (!strcmp((*ret)->name, name))
			return NULL;
	}
	try(array_grow((void **)&list->items, &list->count, sizeof(*list->items)));
	*ret = &list->items[list->count - 1];
	(*ret)->name = name;
	return NULL;
}

static void add(struct tally *tally, const struct record *record)
{
	tally->ended++;
	tally->expected += record->as_expected;
	tally->hits += record_hit(record) == HIT_HIT;
	tally->windows += record_hit(record) != HIT_NONE;
	tally->of[record_outcome(record)]++;
}

static struct error *add_all(struct comparison_list *list, const struct record_list *cases, bool b)
{
	for (size_t i = 0; i < cases->count; i++) {
		const struct record *record = &cases->items[i];
		struct comparison *comparison;
		enum outcome outcome = record_outcome(record);
		if (outcome == OUTCOME_COUNT || outcome == OUTCOME_SKIPPED)
			continue;
		try(find(list, record->name, &comparison));
		add(b ? &comparison->b : &comparison->a, record);
	}
	return NULL;
}

static enum change judge(const struct tally *a, const struct tally *b)
{
	if (!a->ended)
		return CHANGE_NEW;
	if (!b->ended)
		return CHANGE_GONE;
	size_t before = a->expected * b->ended, after = b->expected * a->ended;
	return before == after ? CHANGE_SAME : after < before ? CHANGE_WORSE : CHANGE_BETTER;
}

struct error *compare_make(const struct record_list *a, const struct record_list *b,
			   struct comparison_list *ret)
{
	struct comparison_list all = {};
	struct error *err = add_all(&all, a, false);

	*ret = (struct comparison_list){};
	if (!err)
		err = add_all(&all, b, true);
	for (size_t i = 0; i < all.count; i++) {
		struct comparison *item = &all.items[i];
		item->change = judge(&item->a, &item->b);
		item->p = fisher_exact(item->a.expected, item->a.ended, item->b.expected,
				       item->b.ended);
		item->p_hit =
			fisher_exact(item->a.hits, item->a.windows, item->b.hits, item->b.windows);
	}
	for (enum change change = CHANGE_WORSE; !err && change <= CHANGE_SAME; change++) {
		for (size_t i = 0; !err && i < all.count; i++) {
			if (all.items[i].change != change)
				continue;
			err = array_grow((void **)&ret->items, &ret->count, sizeof(*ret->items));
			if (!err)
				ret->items[ret->count - 1] = all.items[i];
		}
	}
	free(all.items);
	return err;
}

/* "3 PASS, 1 FAIL". */
static char *outcomes_words(const struct tally *tally)
{
	char *text = format_string("%s", "");

	for (unsigned i = 0; i < OUTCOME_COUNT; i++) {
		if (!tally->of[i])
			continue;
		char *longer = format_string("%s%s%zu %s", text, *text ? ", " : "", tally->of[i],
					     outcome_names[i]);
		free(text);
		text = longer;
	}
	return text;
}

static char *hits_words(const struct tally *tally)
{
	return tally->windows ? format_string("%zu/%zu", tally->hits, tally->windows)
			      : format_string("-");
}

static bool comparable(const struct comparison *item)
{
	return item->a.ended && item->b.ended;
}

static void add_row(struct libscols_table *table, const struct comparison *item)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);

	scols_line_set_data(line, 0, item->name);
	scols_line_set_data(line, 1, change_names[item->change]);
	scols_line_refer_data(line, 2, outcomes_words(&item->a));
	scols_line_refer_data(line, 3, outcomes_words(&item->b));
	if (comparable(item))
		scols_line_refer_data(
			line, 4,
			format_string("%.3f%s", item->p, item->p < SIGNIFICANT ? " *" : ""));
	scols_line_refer_data(line, 5, hits_words(&item->a));
	scols_line_refer_data(line, 6, hits_words(&item->b));
	if (item->a.windows && item->b.windows)
		scols_line_refer_data(line, 7,
				      format_string("%.3f%s", item->p_hit,
						    item->p_hit < SIGNIFICANT ? " *" : ""));
}

void compare_print(FILE *out, const struct comparison_list *list, const char *a, const char *b)
{
	static const char *const titles[] = {"CASE",  "CHANGE", "A", "B", "P",
					     "HIT A", "HIT B",  "P", NULL};
	struct libscols_table *table = table_new(out, titles);
	size_t counts[CHANGE_SAME + 1] = {};

	for (size_t i = 0; i < list->count; i++) {
		add_row(table, &list->items[i]);
		counts[list->items[i].change]++;
	}
	fprintf(out, "A: %s\nB: %s\n\n", a, b);
	scols_print_table(table);
	scols_unref_table(table);
	fputc('\n', out);
	for (enum change change = CHANGE_WORSE; change <= CHANGE_SAME; change++)
		fprintf(out, "%s%zu %s", change ? ", " : "", counts[change], change_names[change]);
	fputs("\nP: how likely chance alone makes such a difference (Fisher's exact test); * below "
	      "0.05\n",
	      out);
}

static json_object *tally_json(const struct tally *tally)
{
	json_object *object = json_object_new_object(), *outcomes = json_object_new_object();
	const struct {
		const char *key;
		size_t value;
	} numbers[] = {{"ended", tally->ended},
		       {"as_expected", tally->expected},
		       {"hits", tally->hits},
		       {"windows", tally->windows}};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		json_object_object_add(object, numbers[i].key,
				       json_object_new_int64(numbers[i].value));
	for (unsigned i = 0; i < OUTCOME_COUNT; i++) {
		if (tally->of[i])
			json_object_object_add(outcomes, outcome_names[i],
					       json_object_new_int64(tally->of[i]));
	}
	json_object_object_add(object, "outcomes", outcomes);
	return object;
}

void compare_print_json(FILE *out, const struct comparison_list *list, const char *a, const char *b)
{
	json_object *object = json_object_new_object(), *cases = json_object_new_array();

	json_object_object_add(object, "schema", json_object_new_string(COMPARE_SCHEMA));
	json_object_object_add(object, "a", json_object_new_string(a));
	json_object_object_add(object, "b", json_object_new_string(b));
	for (size_t i = 0; i < list->count; i++) {
		const struct comparison *item = &list->items[i];
		json_object *entry = json_object_new_object();
		json_object_object_add(entry, "name", json_object_new_string(item->name));
		json_object_object_add(entry, "change",
				       json_object_new_string(change_names[item->change]));
		json_object_object_add(entry, "a", tally_json(&item->a));
		json_object_object_add(entry, "b", tally_json(&item->b));
		json_object_object_add(entry, "p", json_object_new_double(item->p));
		json_object_object_add(entry, "p_hit", json_object_new_double(item->p_hit));
		json_object_array_add(cases, entry);
	}
	json_object_object_add(object, "cases", cases);
	json_print(out, object);
}
