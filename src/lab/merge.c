// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/merge.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/param.h>
#include <sys/stat.h>

#include "lab/files.h"
#include "lab/ledger.h"
#include "lab/process.h"
#include "lab/report.h"
#include "util/cleanup.h"
#include "util/text.h"

#define COPY_SECONDS 3600
#define STATUS_INCOMPLETE 3

/** A run in the database that all goes into. */
struct target {
	struct run_record run;
	struct record_list cases; /* as they were before this merge; grows with it */
	size_t parts, doubles;
};

struct merger {
	struct db *into;
	struct target *targets;
	size_t count;
};

static struct record *find_case(const struct record_list *list, const struct record *like)
{
	for (size_t i = 0; i < list->count; i++) {
		struct record *record = &list->items[i];
		if (record->iteration == like->iteration && !strcmp(record->name, like->name) &&
		    !strcmp(record->kernel, like->kernel))
			return record;
	}
	return NULL;
}

/* It appears as a whole, before its row does. Without one, it was moved away or pruned. */
static struct error *copy_directory(const char *from, const char *to)
{
	_cleanup_free_ char *new = format_string("%s.new", to);
	char *const argv[] = {"cp", "-a", "--reflink=auto", (char *)from, new, NULL};

	if (access(from, F_OK) || !access(to, F_OK))
		return NULL;
	remove_tree(new);
	try(process_check(argv, COPY_SECONDS));
	return rename(new, to) ? error_errno(errno, "%s", to) : NULL;
}

static struct error *store_case(struct merger *merger, struct target *target,
				const struct record *record)
{
	_cleanup_free_ char *directory =
		format_string("%s/%s/%s", db_results(merger->into), target->run.run, record->id);
	struct record moved = *record;

	if (record->outcome)
		try(copy_directory(record->directory, directory));
	moved.run = target->run.run;
	return db_store(merger->into, &moved);
}

/* Whether @record says more of its case than what is there. */
static bool is_news(struct target *target, const struct record *known, const struct record *record)
{
	if (!known)
		return true;
	if (!known->outcome)
		return record->outcome;
	if (record->outcome && strcmp(known->id, record->id))
		target->doubles++;
	return false;
}

/* *@record is taken over when it is kept. */
static struct error *merge_case(struct merger *merger, struct target *target, struct record *record)
{
	struct record *known = find_case(&target->cases, record);

	if (!is_news(target, known, record))
		return NULL;
	try(store_case(merger, target, record));
	if (known) {
		record_deinit(known);
	} else {
		try(array_grow((void **)&target->cases.items, &target->cases.count,
			       sizeof(*target->cases.items)));
		known = &target->cases.items[target->cases.count - 1];
	}
	*known = *record;
	*record = (struct record){};
	return NULL;
}

/* A name for @run that no other run has there. */
static struct error *free_name(struct merger *merger, const char *run, char **ret)
{
	*ret = format_string("%s", run);
	for (unsigned tries = 2;; tries++) {
		struct run_record other;
		struct error *err = db_find_run(merger->into, *ret, &other);
		run_record_deinit(&other);
		if (error_is(err, ERROR_NOT_FOUND)) {
			error_free(err);
			return NULL;
		}
		try(err);
		free(*ret);
		*ret = format_string("%s-%u", run, tries);
	}
}

static struct error *begin_run(struct merger *merger, struct run_record *run,
			       struct run_record *ret)
{
	char *name;

	try(free_name(merger, run->run, &name));
	*ret = *run;
	*run = (struct run_record){};
	free(ret->run);
	ret->run = name;
	free(take(ret->ended));
	try(text_set(&ret->shard, "%s", "")); /* it is to be the whole */
	_cleanup_free_ char *directory = format_string("%s/%s", db_results(merger->into), name);
	try(make_directories(directory));
	return db_add_run(merger->into, ret, NULL, 0);
}

/* A run of before there were fingerprints is known by its cases' ids. */
static struct error *find_run(struct merger *merger, const struct run_record *run,
			      const struct record_list *cases, struct run_record *ret)
{
	struct record same;

	if (run->plan && *run->plan)
		return db_find_plan(merger->into, run->plan, ret);
	*ret = (struct run_record){};
	if (!cases->count)
		return error_new(ERROR_NOT_FOUND, "no case");
	struct error *err = db_find_case(merger->into, cases->items[0].id, &same);
	if (!err)
		err = db_find_run(merger->into, same.run, ret);
	record_deinit(&same);
	return err;
}

/* The target that @run, of which something may be taken, goes into. */
static struct error *find_target(struct merger *merger, struct run_record *run,
				 const struct record_list *cases, struct target **ret)
{
	struct run_record found;
	struct error *err = find_run(merger, run, cases, &found);

	if (error_is(err, ERROR_NOT_FOUND)) {
		error_free(err);
		err = begin_run(merger, run, &found);
	}
	for (size_t i = 0; !err && i < merger->count; i++) {
		*ret = &merger->targets[i];
		if (!strcmp((*ret)->run.run, found.run)) {
			run_record_deinit(&found);
			return NULL;
		}
	}
	if (!err)
		err = array_grow((void **)&merger->targets, &merger->count,
				 sizeof(*merger->targets));
	if (err) {
		run_record_deinit(&found);
		return err;
	}
	*ret = &merger->targets[merger->count - 1];
	(*ret)->run = found;
	return db_cases(merger->into, found.run, &(*ret)->cases);
}

/* Nobody may work on it: what it goes on to do would be done again by who resumes the merged run.
 */
static struct error *check_idle(const char *results, const char *run)
{
	_cleanup_free_ char *path = format_string("%s/%s", results, run);
	_cleanup_close_ int lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (lock < 0 || !flock(lock, LOCK_SH | LOCK_NB))
		return NULL;
	return error_new(ERROR_USAGE, "%s is still running: merge it when it has ended", path);
}

static struct error *take_cases(struct merger *merger, struct target *target,
				struct record_list *cases)
{
	target->parts++;
	for (size_t i = 0; i < cases->count; i++) {
		struct record *record = &cases->items[i], found;
		if (!record->outcome && ledger_adopt(record, &found)) {
			record_deinit(record);
			*record = found;
		}
		try(merge_case(merger, target, record));
	}
	return NULL;
}

static struct error *merge_run(struct merger *merger, struct db *from, struct run_record *run)
{
	struct record_list cases = {};
	struct target *target = NULL;

	try(check_idle(db_results(from), run->run));
	try(db_cases(from, run->run, &cases));
	struct error *err = find_target(merger, run, &cases, &target);
	if (!err)
		err = take_cases(merger, target, &cases);
	record_list_deinit(&cases);
	return err;
}

static struct error *merge_database(struct merger *merger, const char *results, const char *only)
{
	_cleanup_db_ struct db *from = NULL;
	struct run_record *runs = NULL;
	struct stat a, b;
	size_t count = 0;
	bool found = false;

	try(db_open(results, false, &from));
	if (!stat(results, &a) && !stat(db_results(merger->into), &b) && a.st_ino == b.st_ino &&
	    a.st_dev == b.st_dev)
		return error_new(ERROR_USAGE, "%s cannot be merged into itself", results);
	struct error *err = db_runs(from, &runs, &count);
	for (size_t i = 0; i < count; i++) {
		if (!err && (!only || !strcmp(runs[i].run, only))) {
			found = true;
			err = merge_run(merger, from, &runs[i]);
		}
		run_record_deinit(&runs[i]);
	}
	free(runs);
	if (!err && only && !found)
		err = error_new(ERROR_NOT_FOUND, "no run \"%s\" in %s", only, results);
	return err;
}

/* A results directory has a database, a run's is in one that has. */
static struct error *merge_directory(struct merger *merger, const char *path)
{
	_cleanup_free_ char *whole = realpath(path, NULL);
	_cleanup_free_ char *database = format_string("%s/" DB_FILE, path);

	if (!whole)
		return error_errno(errno, "%s", path);
	if (!access(database, F_OK))
		return merge_database(merger, whole, NULL);
	char *slash = strrchr(whole, '/');
	*slash = '\0';
	return merge_database(merger, whole, slash + 1);
}

/* The run is complete when all cases of its plan are there and have ended. */
static struct error *finish_target(struct merger *merger, struct target *target, FILE *out,
				   int *ret_status)
{
	const struct record_list *cases = &target->cases;
	size_t left = record_list_left(cases);
	size_t planned = MAX((size_t)target->run.planned, cases->count);
	int status = record_list_status(cases);

	fprintf(out, "%s: %zu of %zu cases, %zu ended; %zu %s\n", target->run.run, cases->count,
		planned, cases->count - left, target->parts, target->parts == 1 ? "part" : "parts");
	if (target->doubles)
		fprintf(out, "%s: %zu cases were run twice: the first of each counts\n",
			target->run.run, target->doubles);
	if (cases->count < planned)
		fprintf(out, "%s: the shards of %zu cases are missing: merge them, too\n",
			target->run.run, planned - cases->count);
	if (left)
		fprintf(out, "%s: `crashlab run --resume=%s --results %s` runs the %zu others\n",
			target->run.run, target->run.run, db_results(merger->into), left);
	if (left || cases->count < planned) {
		*ret_status = STATUS_INCOMPLETE;
		return NULL;
	}
	if (*ret_status != STATUS_INCOMPLETE && (!*ret_status || status == 1 || status == 3))
		*ret_status = status;
	try(db_end_run(merger->into, target->run.run));
	_cleanup_free_ char *page = format_string("%s/%s/%s", db_results(merger->into),
						  target->run.run, report_formats[0].suffix);
	const struct report report = {&target->run, cases};
	return report_write(&report_formats[0], &report, page);
}

static struct error *merge_all(struct merger *merger, const char *const *directories, size_t count,
			       FILE *out, int *ret_status)
{
	for (size_t i = 0; i < count; i++)
		try(merge_directory(merger, directories[i]));
	for (size_t i = 0; i < merger->count; i++)
		try(finish_target(merger, &merger->targets[i], out, ret_status));
	return NULL;
}

struct error *merge(const char *const *directories, size_t count, const char *results, FILE *out,
		    int *ret_status)
{
	struct merger merger = {};

	*ret_status = 0;
	try(make_directories(results));
	struct error *err = db_open(results, true, &merger.into);
	if (!err)
		err = merge_all(&merger, directories, count, out, ret_status);
	for (size_t i = 0; i < merger.count; i++) {
		run_record_deinit(&merger.targets[i].run);
		record_list_deinit(&merger.targets[i].cases);
	}
	free(merger.targets);
	db_close(merger.into);
	return err;
}
