// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/record.h"

#include <string.h>
#include <sys/stat.h>

#include "lab/files.h"
#include "lab/signature.h"
#include "lab/verdict_file.h"
#include "util/cleanup.h"

#define VERDICT_LIMIT (16 << 20)
#define CONSOLE_LINES 40

#define TEXT(member, column, json) FIELD(struct record, FIELD_TEXT, member, column, json)
#define INTEGER(member, column, json) FIELD(struct record, FIELD_INTEGER, member, column, json)

const struct field record_fields[] = {
	TEXT(run, "run", NULL),
	TEXT(name, "name", "name"),
	TEXT(kernel, "kernel", "kernel"),
	INTEGER(iteration, "iteration", "iteration"),
	TEXT(id, "id", "case"),
	TEXT(spec, "spec", NULL),
	TEXT(backend, "backend", "backend"),
	TEXT(vendor, "vendor", "vendor"),
	TEXT(reboot, "reboot", "reboot"),
	TEXT(trigger, "trigger", "trigger"),
	TEXT(window, "window", "window"),
	TEXT(load, "load", "load"),
	TEXT(broken, "break", "break"),
	TEXT(images, "images", "images"),
	INTEGER(cpus, "cpus", "cpus"),
	INTEGER(panic_cpu, "panic_cpu", "panic_cpu"),
	INTEGER(reboot_cpu, "reboot_cpu", "reboot_cpu"),
	INTEGER(hold_us, "hold_us", "hold_us"),
	INTEGER(delay_us, "delay_us", "delay_us"),
	TEXT(expected, "expected", "expected"),
	TEXT(outcome, "outcome", "outcome"),
	TEXT(stage, "stage", "stage"),
	TEXT(detail, "detail", "detail"),
	TEXT(snapshot, "snapshot", "snapshot"),
	TEXT(truth, "truth", "truth"),
	TEXT(hit, "hit", NULL),
	FIELD(struct record, FIELD_JSON, stages, "stages", "stages"),
	FIELD(struct record, FIELD_BOOL, as_expected, "as_expected", "as_expected"),
	FIELD(struct record, FIELD_REAL, seconds, "seconds", "seconds"),
	FIELD(struct record, FIELD_REAL, cpu_seconds, "cpu_seconds", "cpu_seconds"),
	FIELD(struct record, FIELD_JSON, cpu_stages, "cpu_stages", "cpu_stages"),
	TEXT(signature, "signature", NULL),
	TEXT(failure, "failure", NULL),
	INTEGER(vmcore, "vmcore", NULL),
	FIELD(struct record, FIELD_JSON, verdict, "verdict", NULL),
	TEXT(console, "console", NULL),
};
const size_t record_field_count = sizeof(record_fields) / sizeof(record_fields[0]);

#define RUN_TEXT(member) FIELD(struct run_record, FIELD_TEXT, member, #member, #member)

const struct field run_fields[] = {
	RUN_TEXT(run),
	RUN_TEXT(started),
	RUN_TEXT(ended),
	RUN_TEXT(command),
	RUN_TEXT(host),
	RUN_TEXT(scenario),
	RUN_TEXT(images),
	RUN_TEXT(save),
	FIELD(struct run_record, FIELD_REAL, timeout_factor, "timeout_factor", "timeout_factor"),
	FIELD(struct run_record, FIELD_REAL, timeout, "timeout", "timeout"),
	FIELD(struct run_record, FIELD_INTEGER, seed, "seed", "seed"),
	RUN_TEXT(shard),
	RUN_TEXT(plan),
	FIELD(struct run_record, FIELD_INTEGER, planned, "planned", "planned"),
	RUN_TEXT(connect),
	RUN_TEXT(pool),
	RUN_TEXT(emulator),
};
const size_t run_field_count = sizeof(run_fields) / sizeof(run_fields[0]);

int record_list_status(const struct record_list *list)
{
	unsigned unexpected[OUTCOME_COUNT] = {};

	for (size_t i = 0; i < list->count; i++) {
		const struct record *record = &list->items[i];
		if (record->outcome && !record->as_expected)
			unexpected[record_outcome(record)]++;
	}
	return outcome_exit_status(unexpected);
}

size_t record_list_left(const struct record_list *list)
{
	size_t left = 0;

	for (size_t i = 0; i < list->count; i++)
		left += !list->items[i].outcome;
	return left;
}

enum outcome record_outcome(const struct record *record)
{
	return record->outcome ? outcome_from_name(record->outcome) : OUTCOME_COUNT;
}

enum hit record_hit(const struct record *record)
{
	return record->hit ? hit_from_name(record->hit) : HIT_NONE;
}

json_object *record_verdict(const struct record *record)
{
	return record->verdict ? json_tokener_parse(record->verdict) : NULL;
}

static char *vmcore_path(const struct record *record)
{
	return format_string("%s/capture/vmcore", record->directory);
}

static void add_verdict(struct record *record)
{
	_cleanup_free_ char *path = format_string("%s/verdict.json", record->directory);
	_cleanup_json_ json_object *verdict = NULL;
	_cleanup_error_ struct error *err = json_load(path, VERDICT_SCHEMA, &verdict);

	if (err)
		return; /* most outcomes have none */
	record->verdict = format_string(
		"%s", json_object_to_json_string_ext(
			      verdict, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	record->hit = format_string("%s", json_text(json_member(verdict, "hit"), "state"));
}

static void add_console(struct record *record)
{
	_cleanup_free_ char *path = format_string("%s/console.log", record->directory);
	size_t size;
	FILE *out = open_memstream(&record->console, &size);

	if (!out)
		abort();
	print_tail(out, path, CONSOLE_LINES, "");
	fclose(out);
}

void record_add_files(struct record *record)
{
	_cleanup_free_ char *vmcore = vmcore_path(record);
	struct stat status;

	add_verdict(record);
	add_console(record);
	record->vmcore = stat(vmcore, &status) ? 0 : status.st_size;
	signature_add(record);
}

struct error *record_load(const char *directory, struct record *ret)
{
	_cleanup_free_ char *path = format_string("%s/outcome.json", directory);
	_cleanup_json_ json_object *outcome = NULL;

	*ret = (struct record){};
	try(json_load(path, OUTCOME_SCHEMA, &outcome));
	fields_from_json(record_fields, record_field_count, outcome, ret);
	ret->directory = format_string("%s", directory);
	record_add_files(ret);
	return NULL;
}

struct error *record_write_outcome(const struct record *record)
{
	_cleanup_free_ char *path = format_string("%s/outcome.json", record->directory);
	_cleanup_json_ json_object *fields =
		fields_to_json(record_fields, record_field_count, record);
	json_object *outcome = json_object_new_object();

	json_object_object_add(outcome, "schema", json_object_new_string(OUTCOME_SCHEMA));
	json_object_object_foreach(fields, key, value)
		json_object_object_add(outcome, key, json_object_get(value));
	struct error *err = write_text(
		path, json_object_to_json_string_ext(
			      outcome, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(outcome);
	return err;
}

void record_drop_vmcore(struct record *record)
{
	_cleanup_free_ char *vmcore = vmcore_path(record);

	unlink(vmcore);
	record->vmcore = 0;
}

void record_deinit(struct record *record)
{
	fields_deinit(record_fields, record_field_count, record);
	free(take(record->directory));
}

void record_list_deinit(struct record_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		record_deinit(&list->items[i]);
	free(list->items);
	*list = (struct record_list){};
}

void run_record_deinit(struct run_record *run)
{
	fields_deinit(run_fields, run_field_count, run);
}
