// SPDX-License-Identifier: GPL-2.0-only
/* A run on several machines: its parts are the whole, and put together each case counts once. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "lab/db.h"
#include "lab/estimate.h"
#include "lab/files.h"
#include "lab/merge.h"
#include "lab/shard.h"
#include "util/cleanup.h"

#include "fake_record.h"

static char top[64];

static int make_top(void **state)
{
	(void)state;
	strcpy(top, "/tmp/crashlab-merge.XXXXXX");
	return !mkdtemp(top);
}

static int drop_top(void **state)
{
	(void)state;
	remove_tree(top);
	return 0;
}

/* ---- shards ---- */

#define CASES 23

static struct plan make_plan(struct case_spec *specs, struct case_run *cases)
{
	for (unsigned i = 0; i < CASES; i++) {
		specs[i] = (struct case_spec){.vendor = i % 3 ? VENDOR_SVM : VENDOR_VMX,
					      .cpus = 2 + i % 2 * 6,
					      .iteration = 1};
		snprintf(specs[i].name, sizeof(specs[i].name), "case%u", i);
		snprintf(specs[i].window, sizeof(specs[i].window), "none");
		cases[i] = (struct case_run){
			.spec = &specs[i], .index = i, .kernel = format_string("6.1")};
	}
	return (struct plan){.cases = cases, .count = CASES};
}

static void drop_plan(struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		case_run_deinit(&plan->cases[i]);
}

/* Of every number of shards: each case is in one, and no shard has more to do than a case above
 * its share. */
static void test_shards(void **state)
{
	struct case_spec specs[CASES];
	struct case_run cases[CASES];
	struct plan plan = make_plan(specs, cases);
	double whole = 0, longest = 0;

	(void)state;
	for (unsigned i = 0; i < CASES; i++) {
		whole += estimate_work(&specs[i]);
		longest = estimate_work(&specs[i]) > longest ? estimate_work(&specs[i]) : longest;
	}
	for (unsigned count = 1; count <= CASES + 2; count++) {
		unsigned shards[CASES], again[CASES];
		shard_assign(&plan, count, shards);
		shard_assign(&plan, count, again);
		assert_memory_equal(shards, again, sizeof(shards));
		for (unsigned shard = 1; shard <= count; shard++) {
			double work = 0;
			for (unsigned i = 0; i < CASES; i++)
				work += shards[i] == shard ? estimate_work(&specs[i]) : 0;
			assert_true(work <= whole / count + longest);
		}
		for (unsigned i = 0; i < CASES; i++)
			assert_in_range(shards[i], 1, count);
	}
	drop_plan(&plan);
}

static void test_cut(void **state)
{
	bool seen[CASES] = {};
	size_t total = 0;

	(void)state;
	for (unsigned index = 1; index <= 4; index++) {
		const struct shard shard = {index, 4};
		struct case_spec specs[CASES];
		struct case_run cases[CASES];
		struct plan plan = make_plan(specs, cases);
		shard_cut(&plan, &shard);
		total += plan.count;
		for (size_t i = 0; i < plan.count; i++) {
			unsigned number = atoi(plan.cases[i].spec->name + 4);
			assert_false(seen[number]);
			seen[number] = true;
			assert_int_equal(plan.cases[i].index, i);
		}
		drop_plan(&plan);
	}
	assert_int_equal(total, CASES);
}

static void test_fingerprint(void **state)
{
	struct case_spec specs[CASES];
	struct case_run cases[CASES];
	struct plan plan = make_plan(specs, cases);
	_cleanup_free_ char *one = plan_fingerprint(&plan, 7);
	_cleanup_free_ char *same = plan_fingerprint(&plan, 7);
	_cleanup_free_ char *other_seed = plan_fingerprint(&plan, 8);

	(void)state;
	specs[11].hold_us++;
	_cleanup_free_ char *other_case = plan_fingerprint(&plan, 7);
	assert_string_equal(one, same);
	assert_string_not_equal(one, other_seed);
	assert_string_not_equal(one, other_case);
	drop_plan(&plan);
}

static void refuse_shard(const char *text)
{
	struct shard shard;
	struct error *err = shard_parse(text, &shard);

	assert_true(error_is(err, ERROR_USAGE));
	error_free(err);
}

static void test_shard_text(void **state)
{
	struct shard shard;

	(void)state;
	assert_null(shard_parse("3/8", &shard));
	assert_int_equal(shard.index, 3);
	assert_int_equal(shard.count, 8);
	refuse_shard("0/8");
	refuse_shard("9/8");
	refuse_shard("8");
	refuse_shard("/8");
	refuse_shard("1/");
	refuse_shard("1/0");
	refuse_shard("1/2/3");
	refuse_shard("-1/2");
}

/* ---- merging ---- */

static char *path_of(const char *name)
{
	return format_string("%s/%s", top, name);
}

/* A case that a lab kept, or without @outcome only planned. */
struct given {
	char *name, *id, *outcome;
};

/* A results directory with run r1, a part of a plan of @planned cases, ending with no name. */
static void make_part(const char *part, const char *shard, const char *plan, int64_t planned,
		      const struct given *given)
{
	const struct run_record run = {.run = "r1",
				       .started = "2026-01-01T00:00:00Z",
				       .command = "crashlab run",
				       .host = "h",
				       .scenario = "main",
				       .images = "/i",
				       .save = "fail",
				       .timeout_factor = 1,
				       .shard = (char *)shard,
				       .plan = (char *)plan,
				       .planned = planned};
	_cleanup_free_ char *results = path_of(part);
	_cleanup_free_ char *directory = format_string("%s/r1", results);
	struct db *db;

	assert_null(make_directories(directory));
	assert_null(db_open(results, true, &db));
	assert_null(db_add_run(db, &run, NULL, 0));
	for (; given->name; given++) {
		struct record record = fake_record(given->name, given->id);
		_cleanup_free_ char *place = format_string("%s/%s", directory, given->id);
		_cleanup_free_ char *file = format_string("%s/console.log", place);
		record.outcome = given->outcome;
		record.as_expected = given->outcome && !strcmp(given->outcome, "PASS");
		assert_null(make_directories(place));
		assert_null(write_text(file, given->id));
		assert_null(db_store(db, &record));
	}
	db_close(db);
}

static int merge_parts(const char *first, const char *second)
{
	_cleanup_free_ char *a = path_of(first);
	_cleanup_free_ char *b = second ? path_of(second) : NULL;
	_cleanup_free_ char *into = path_of("into");
	const char *const directories[] = {a, b};
	FILE *out = fopen("/dev/null", "w");
	int status;

	assert_null(merge(directories, second ? 2 : 1, into, out, &status));
	fclose(out);
	return status;
}

/* The id of case @name where all went, "" when it has no outcome, NULL when it is not there. */
static char *merged(const char *name, const char *run)
{
	_cleanup_free_ char *into = path_of("into");
	_cleanup_db_ struct db *db = NULL;
	struct record_list list;
	char *found = NULL;

	assert_null(db_open(into, false, &db));
	assert_null(db_cases(db, run, &list));
	for (size_t i = 0; i < list.count; i++) {
		struct record *record = &list.items[i];
		if (strcmp(record->name, name))
			continue;
		assert_null(found); /* it counts once */
		found = format_string("%s", record->outcome ? record->id : "");
		assert_int_equal(!access(record->directory, F_OK), !!record->outcome);
	}
	record_list_deinit(&list);
	return found;
}

static void check_merged(const char *name, const char *run, const char *id)
{
	_cleanup_free_ char *found = merged(name, run);

	if (!id)
		assert_null(found);
	else
		assert_string_equal(found, id);
}

static bool run_ended(const char *name)
{
	_cleanup_free_ char *into = path_of("into");
	_cleanup_db_ struct db *db = NULL;
	struct run_record run;

	assert_null(db_open(into, false, &db));
	assert_null(db_find_run(db, name, &run));
	bool ended = run.ended;
	run_record_deinit(&run);
	return ended;
}

static void test_whole(void **state)
{
	static const struct given one[] = {{"a", "a.1", "PASS"}, {"b", "b.1", "PASS"}, {}};
	static const struct given two[] = {{"c", "c.1", "FAIL"}, {}};
	_cleanup_free_ char *page = path_of("into/r1/report.html");

	(void)state;
	make_part("one", "1/2", "p", 3, one);
	make_part("two", "2/2", "p", 3, two);
	assert_int_equal(merge_parts("one", "two"), 1);
	check_merged("a", "r1", "a.1");
	check_merged("b", "r1", "b.1");
	check_merged("c", "r1", "c.1");
	assert_true(run_ended("r1"));
	assert_int_equal(access(page, R_OK), 0);
	assert_int_equal(merge_parts("one", "two"), 1); /* nothing is new */
	check_merged("a", "r1", "a.1");
}

/* A shard that nobody brought is missed, and taken when it comes. */
static void test_missing_shard(void **state)
{
	static const struct given one[] = {{"a", "a.1", "PASS"}, {}};
	static const struct given two[] = {{"b", "b.1", "PASS"}, {}};

	(void)state;
	make_part("one", "1/2", "p", 2, one);
	make_part("two", "2/2", "p", 2, two);
	assert_int_equal(merge_parts("one", NULL), 3);
	assert_false(run_ended("r1"));
	assert_int_equal(merge_parts("two", NULL), 0);
	assert_true(run_ended("r1"));
}

/* Begun and not ended: it stays so, until a part has its end. */
static void test_cut_off(void **state)
{
	static const struct given one[] = {{"a", "a.1", "PASS"}, {}};
	static const struct given cut[] = {{"b", "b.1", NULL}, {}};
	static const struct given again[] = {{"b", "b.2", "PASS"}, {}};

	(void)state;
	make_part("one", "1/2", "p", 2, one);
	make_part("cut", "2/2", "p", 2, cut);
	assert_int_equal(merge_parts("one", "cut"), 3);
	check_merged("b", "r1", "");
	assert_false(run_ended("r1"));
	make_part("again", "2/2", "p", 2, again);
	assert_int_equal(merge_parts("again", "cut"), 0);
	check_merged("b", "r1", "b.2");
}

/* A shard that ran on two machines: the first one given counts. */
static void test_twice(void **state)
{
	static const struct given one[] = {{"a", "a.1", "PASS"}, {}};
	static const struct given two[] = {{"a", "a.2", "FAIL"}, {}};

	(void)state;
	make_part("one", "1/1", "p", 1, one);
	make_part("two", "1/1", "p", 1, two);
	assert_int_equal(merge_parts("one", "two"), 0);
	check_merged("a", "r1", "a.1");
}

/* Another plan is another run, whatever its name. */
static void test_other_plan(void **state)
{
	static const struct given one[] = {{"a", "a.1", "PASS"}, {}};
	static const struct given two[] = {{"a", "a.2", "PASS"}, {}};

	(void)state;
	make_part("one", "", "p", 1, one);
	make_part("two", "", "q", 1, two);
	assert_int_equal(merge_parts("one", "two"), 0);
	check_merged("a", "r1", "a.1");
	check_merged("a", "r1-2", "a.2");
	assert_int_equal(merge_parts("two", "one"), 0);
	check_merged("a", "r1", "a.1");
}

/* Its lab was killed when the case had ended, but was not yet kept. */
static void test_adopted(void **state)
{
	static const struct given one[] = {{"a", "a.1", NULL}, {}};
	struct record record = fake_record("a", "a.1");

	(void)state;
	make_part("one", "1/1", "p", 1, one);
	record.directory = path_of("one/r1/a.1");
	record.outcome = "PASS";
	record.as_expected = true;
	assert_null(record_write_outcome(&record));
	free(record.directory);
	assert_int_equal(merge_parts("one", NULL), 0);
	check_merged("a", "r1", "a.1");
}

static void refuse(const char *first, enum error_code code, const char *words)
{
	_cleanup_free_ char *a = path_of(first);
	_cleanup_free_ char *into = path_of("into");
	const char *const directories[] = {a};
	int status;
	struct error *err = merge(directories, 1, into, stderr, &status);

	assert_true(error_is(err, code));
	if (!strstr(err->message, words))
		fail_msg("no \"%s\" in \"%s\"", words, err->message);
	error_free(err);
}

static void test_refused(void **state)
{
	static const struct given one[] = {{"a", "a.1", "PASS"}, {}};
	_cleanup_free_ char *run = path_of("one/r1");

	(void)state;
	make_part("one", "1/1", "p", 1, one);
	refuse("none", ERROR_SYSTEM, "none");
	refuse("into", ERROR_USAGE, "into itself");
	refuse("one/r2", ERROR_SYSTEM, "r2");
	int lock = open(run, O_RDONLY | O_DIRECTORY);
	assert_int_equal(flock(lock, LOCK_EX), 0);
	refuse("one", ERROR_USAGE, "is still running");
	close(lock);
	assert_int_equal(merge_parts("one/r1", NULL), 0);
	check_merged("a", "r1", "a.1");
}

int main(void)
{
#define MERGE_TEST(test) cmocka_unit_test_setup_teardown(test, make_top, drop_top)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shards),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_fingerprint),
		cmocka_unit_test(test_shard_text),
		MERGE_TEST(test_whole),
		MERGE_TEST(test_missing_shard),
		MERGE_TEST(test_cut_off),
		MERGE_TEST(test_twice),
		MERGE_TEST(test_other_plan),
		MERGE_TEST(test_adopted),
		MERGE_TEST(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
