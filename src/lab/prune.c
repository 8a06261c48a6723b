// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/prune.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/files.h"
#include "util/cleanup.h"
#include "util/text.h"

/** The vmcores that go. */
struct harvest {
	struct record_list cases; /* owns them */
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

static struct error *take_case(struct harvest *harvest, struct record *record, bool old, FILE *out)
{
	struct record_list *cases = &harvest->cases;

	if (!record->vmcore)
		return NULL;
	const char *why = reason(harvest, record, old);
	if (!why)
		return record->signature
			       ? text_list_add(&harvest->signatures, "%s", record->signature)
			       : NULL;
	try(array_grow((void **)&cases->items, &cases->count, sizeof(*cases->items)));
	fprintf(out, "%s/capture/vmcore: %lld MiB, %s\n", record->directory,
		(long long)record->vmcore >> 20, why);
	harvest->bytes += record->vmcore;
	cases->items[cases->count - 1] = *record;
	*record = (struct record){};
	return NULL;
}

static struct error *take_run(struct db *db, struct harvest *harvest, const char *run, bool old,
			      FILE *out)
{
	struct record_list cases;
	struct error *err = db_cases(db, run, &cases);

	for (size_t i = 0; !err && i < cases.count; i++)
		err = take_case(harvest, &cases.items[i], old, out);
	record_list_deinit(&cases);
	return err;
}

static struct error *collect(struct db *db, const struct prune_policy *policy,
			     struct harvest *harvest, FILE *out)
{
	struct run_record *runs;
	size_t count;
	struct error *err = db_runs(db, &runs, &count);

	for (size_t i = 0; i < count; i++) {
		bool old = policy->keep_runs && i + policy->keep_runs < count;
		if (!err)
			err = take_run(db, harvest, runs[i].run, old, out);
		run_record_deinit(&runs[i]);
	}
	free(runs);
	return err;
}

static struct error *ask(const struct prune_policy *policy, FILE *out, bool *ret)
{
	char answer[8] = "";

	*ret = policy->yes;
	if (policy->yes || policy->dry_run)
		return NULL;
	if (!isatty(STDIN_FILENO))
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

	fprintf(out, "%zu vmcores, %lld MiB\n", harvest->cases.count,
		(long long)harvest->bytes >> 20);
	if (!harvest->cases.count)
		return NULL;
	try(ask(policy, out, &go));
	for (size_t i = 0; go && i < harvest->cases.count; i++) {
		record_drop_vmcore(&harvest->cases.items[i]);
		try(db_forget_vmcore(db, &harvest->cases.items[i]));
	}
	return NULL;
}

struct error *prune(struct db *db, const struct prune_policy *policy, FILE *out)
{
	struct harvest harvest = {};
	struct error *err = collect(db, policy, &harvest, out);

	if (!err)
		err = carry_out(db, policy, &harvest, out);
	record_list_deinit(&harvest.cases);
	text_list_deinit(&harvest.signatures);
	return err;
}
