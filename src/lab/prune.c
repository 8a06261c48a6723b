// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/prune.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/results_json.h"
#include "util/cleanup.h"
#include "util/text.h"

/** A vmcore that goes. */
struct victim {
	struct record record;
	const char *why;
};

/** The vmcores that go. */
struct harvest {
	struct victim *victims;
	size_t count;
	struct text_list signatures; /* that have a vmcore that stays */
	int64_t bytes;
};

static bool is_known(const struct harvest *harvest, const char *signature)
{
	for (size_t i = 0; i < harvest->signatures.count; i++) {
		if (!strcmp(harvest->signatures.items[i], signature))
			return true;
	}
	return false;
}

/* Why @record's vmcore goes; NULL: it stays. */
static const char *reason(const struct harvest *harvest, const struct record *record, bool old)
{
	if (old)
		return "its run is old";
	if (record_outcome(record) == OUTCOME_PASS && record->as_expected)
		return "it passed";
	if (record->signature && is_known(harvest, record->signature))
		return "the same failure has one already";
	return NULL;
}

static struct error *take_case(struct harvest *harvest, struct record *record, bool old)
{
	if (!record->vmcore)
		return NULL;
	const char *why = reason(harvest, record, old);
	if (!why)
		return record->signature
			       ? text_list_add(&harvest->signatures, "%s", record->signature)
			       : NULL;
	try(array_grow((void **)&harvest->victims, &harvest->count, sizeof(*harvest->victims)));
	harvest->bytes += record->vmcore;
	harvest->victims[harvest->count - 1] = (struct victim){*record, why};
	*record = (struct record){};
	return NULL;
}

static struct error *take_run(struct db *db, struct harvest *harvest, const char *run, bool old)
{
	struct record_list cases;
	struct error *err = db_cases(db, run, &cases);

	for (size_t i = 0; !err && i < cases.count; i++)
		err = take_case(harvest, &cases.items[i], old);
	record_list_deinit(&cases);
	return err;
}

static struct error *collect(struct db *db, const struct prune_policy *policy,
			     struct harvest *harvest)
{
	struct run_record *runs;
	size_t count;
	struct error *err = db_runs(db, &runs, &count);

	for (size_t i = 0; i < count; i++) {
		bool old = policy->keep_runs && i + policy->keep_runs < count;
		if (!err)
			err = take_run(db, harvest, runs[i].run, old);
		run_record_deinit(&runs[i]);
	}
	free(runs);
	return err;
}

static void print_text(const struct harvest *harvest, FILE *out)
{
	for (size_t i = 0; i < harvest->count; i++) {
		const struct victim *victim = &harvest->victims[i];
		fprintf(out, "%s/capture/vmcore: %lld MiB, %s\n", victim->record.directory,
			(long long)victim->record.vmcore >> 20, victim->why);
	}
	fprintf(out, "%zu vmcores, %lld MiB\n", harvest->count, (long long)harvest->bytes >> 20);
}

static void print_json(const struct harvest *harvest, bool removed, FILE *out)
{
	json_object *object = json_object_new_object(), *list = json_object_new_array();

	for (size_t i = 0; i < harvest->count; i++) {
		const struct victim *victim = &harvest->victims[i];
		json_object *entry = json_object_new_object();
		json_object_object_add(entry, "case", json_object_new_string(victim->record.id));
		json_object_object_add(entry, "directory",
				       json_object_new_string(victim->record.directory));
		json_object_object_add(entry, "bytes",
				       json_object_new_int64(victim->record.vmcore));
		json_object_object_add(entry, "reason", json_object_new_string(victim->why));
		json_object_array_add(list, entry);
	}
	json_object_object_add(object, "schema", json_object_new_string("crashlab-prune/1"));
	json_object_object_add(object, "vmcores", list);
	json_object_object_add(object, "bytes", json_object_new_int64(harvest->bytes));
	json_object_object_add(object, "removed", json_object_new_boolean(removed));
	json_print(out, object);
}

static struct error *ask(const struct prune_policy *policy, FILE *out, bool *ret)
{
	char answer[8] = "";

	*ret = policy->yes && !policy->dry_run;
	if (policy->yes || policy->dry_run)
		return NULL;
	if (policy->json || !isatty(STDIN_FILENO))
		return error_new(ERROR_USAGE, "nothing was removed: nobody to ask, give --yes");
	fprintf(out, "Remove them? [y/N] ");
	fflush(out);
	*ret = fgets(answer, sizeof(answer), stdin) && (*answer == 'y' || *answer == 'Y');
	return NULL;
}

static struct error *carry_out(struct db *db, const struct prune_policy *policy,
			       struct harvest *harvest, FILE *out)
{
	bool go = false;

	if (!policy->json)
		print_text(harvest, out);
	if (harvest->count)
		try(ask(policy, out, &go));
	if (policy->json)
		print_json(harvest, go, out);
	for (size_t i = 0; go && i < harvest->count; i++) {
		record_drop_vmcore(&harvest->victims[i].record);
		try(db_forget_vmcore(db, &harvest->victims[i].record));
	}
	return NULL;
}

struct error *prune(struct db *db, const struct prune_policy *policy, FILE *out)
{
	struct harvest harvest = {};
	struct error *err = collect(db, policy, &harvest);

	if (!err)
		err = carry_out(db, policy, &harvest, out);
	for (size_t i = 0; i < harvest.count; i++)
		record_deinit(&harvest.victims[i].record);
	free(harvest.victims);
	text_list_deinit(&harvest.signatures);
	return err;
}
