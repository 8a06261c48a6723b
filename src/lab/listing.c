// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/listing.h"

#include <libsmartcols/libsmartcols.h>
#include <stdlib.h>

#include "lab/files.h"
#include "lab/results_json.h"
#include "lab/table.h"
#include "util/cleanup.h"

/** A run's cases in numbers. */
struct totals {
	size_t cases, ended, expected;
};

static struct error *count(struct db *db, const char *run, struct totals *ret)
{
	struct record_list cases;

	*ret = (struct totals){};
	try(db_cases(db, run, &cases));
	ret->cases = cases.count;
	for (size_t i = 0; i < cases.count; i++) {
		ret->ended += !!cases.items[i].outcome;
		ret->expected += cases.items[i].outcome && cases.items[i].as_expected;
	}
	record_list_deinit(&cases);
	return NULL;
}

static void add_run(struct libscols_table *table, const struct run_record *run,
		    const struct totals *totals)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);

	scols_line_set_data(line, 0, run->run);
	scols_line_set_data(line, 1, run->scenario);
	scols_line_refer_data(line, 2, format_string("%zu", totals->cases));
	scols_line_refer_data(line, 3, format_string("%zu", totals->ended));
	scols_line_refer_data(line, 4, format_string("%zu", totals->expected));
	scols_line_set_data(line, 5, run->started);
	scols_line_set_data(line, 6, run->ended ? run->ended : "(goes on, or --resume)");
}

static void add_json(json_object *list, const struct run_record *run, const struct totals *totals)
{
	json_object *object = fields_to_json(run_fields, run_field_count, run);

	json_object_object_add(object, "cases", json_object_new_int64(totals->cases));
	json_object_object_add(object, "cases_ended", json_object_new_int64(totals->ended));
	json_object_object_add(object, "as_expected", json_object_new_int64(totals->expected));
	json_object_array_add(list, object);
}

static struct error *add_runs(struct db *db, struct libscols_table *table, json_object *list)
{
	struct run_record *runs;
	size_t number;
	struct error *err = db_runs(db, &runs, &number);

	for (size_t i = 0; i < number; i++) {
		struct totals totals;
		if (!err)
			err = count(db, runs[i].run, &totals);
		if (!err && table)
			add_run(table, &runs[i], &totals);
		if (!err && list)
			add_json(list, &runs[i], &totals);
		run_record_deinit(&runs[i]);
	}
	free(runs);
	return err;
}

struct error *list_runs(struct db *db, bool json, FILE *out)
{
	static const char *const titles[] = {"RUN",         "SCENARIO", "CASES", "ENDED",
					     "AS EXPECTED", "STARTED",  "ENDED", NULL};
	struct libscols_table *table = json ? NULL : table_new(out, titles);
	json_object *list = json ? json_object_new_array() : NULL;
	struct error *err = add_runs(db, table, list);

	if (table && !err)
		scols_print_table(table);
	scols_unref_table(table);
	if (!json)
		return err;
	json_object *object = json_object_new_object();
	json_object_object_add(object, "schema", json_object_new_string(LIST_SCHEMA));
	json_object_object_add(object, "runs", list);
	if (err)
		json_object_put(object);
	else
		json_print(out, object);
	return err;
}

void list_cases(const struct record_list *cases, FILE *out)
{
	static const char *const titles[] = {"CASE",   "OUTCOME", "EXPECTED", "KERNEL",
					     "ON",     "WINDOW",  "HIT",      "PANIC",
					     "REBOOT", "SECONDS", "VMCORE",   NULL};
	struct libscols_table *table = table_new(out, titles);

	for (size_t i = 0; i < cases->count; i++) {
		const struct record *record = &cases->items[i];
		struct libscols_line *line = scols_table_new_line(table, NULL);
		scols_line_set_data(line, 0, record->id);
		scols_line_set_data(line, 1, record->outcome ? record->outcome : "(not run)");
		scols_line_set_data(line, 2, record->expected);
		scols_line_set_data(line, 3, record->kernel);
		scols_line_set_data(line, 4, record->backend);
		scols_line_set_data(line, 5, record->window);
		scols_line_set_data(line, 6, record->hit);
		scols_line_refer_data(line, 7, format_string("%lld", (long long)record->panic_cpu));
		scols_line_refer_data(line, 8,
				      format_string("%lld", (long long)record->reboot_cpu));
		scols_line_refer_data(line, 9, format_string("%.1f", record->seconds));
		if (record->vmcore)
			scols_line_refer_data(
				line, 10,
				format_string("%lld MiB", (long long)record->vmcore >> 20));
	}
	scols_print_table(table);
	scols_unref_table(table);
}
