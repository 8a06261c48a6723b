// SPDX-License-Identifier: GPL-2.0-only
/* The results database: what is kept is kept once, by whoever writes, and read back the same. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/db.h"
#include "lab/files.h"
#include "lab/prune.h"
#include "lab/scenario.h"
#include "lab/signature.h"
#include "lab/space.h"
#include "util/cleanup.h"

#include "fake_record.h"

static char directory[64];

static int make_directory(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/crashlab-db.XXXXXX");
	return !mkdtemp(directory);
}

static int drop_directory(void **state)
{
	(void)state;
	remove_tree(directory);
	return 0;
}

static const struct run_record run = {.run = "r1",
				      .started = "2026-01-01T00:00:00Z",
				      .command = "crashlab run",
				      .host = "h",
				      .scenario = "main",
				      .images = "/i",
				      .save = "fail",
				      .timeout_factor = 1.5,
				      .seed = -7};

static struct record planned(char *name, int64_t iteration, char *id)
{
	struct record record = fake_record(name, id);

	record.iteration = iteration;
	return record;
}

static struct record ended(char *name, int64_t iteration, char *id, char *outcome, double seconds)
{
	struct record record = planned(name, iteration, id);

	record.outcome = outcome;
	record.stage = "done";
	record.seconds = seconds;
	record.cpu_seconds = seconds / 4;
	record.as_expected = !strcmp(outcome, "PASS");
	return record;
}

static void keep(struct db *db, struct record record)
{
	assert_null(db_store(db, &record));
}

static void expect_error(struct error *err, enum error_code code, const char *words)
{
	assert_non_null(err);
	assert_int_equal(err->code, code);
	if (!strstr(err->message, words))
		fail_msg("no \"%s\" in \"%s\"", words, err->message);
	error_free(err);
}

static struct db *open_with(struct record *cases, size_t count)
{
	struct db *db;

	assert_null(db_open(directory, true, &db));
	assert_null(db_add_run(db, &run, cases, count));
	return db;
}

static void test_round_trip(void **state)
{
	struct record cases[] = {planned("a", 1, "a.1"), planned("b", 1, "b.1")};
	struct db *db = open_with(cases, 2);
	struct record record = ended("a", 1, "a.1", "FAIL", 12.25);
	struct record_list list;
	struct run_record found;

	(void)state;
	record.verdict = "{\"cpus\":[{\"cpu\":3,\"role\":\"reboot\"}]}";
	record.detail = "it's \"odd\"";
	keep(db, record);
	db_close(db);
	assert_null(db_open(directory, false, &db));
	assert_null(db_find_run(db, NULL, &found));
	assert_string_equal(found.run, "r1");
	assert_null(found.ended);
	assert_int_equal(found.seed, -7);
	assert_true(found.timeout_factor == 1.5);
	run_record_deinit(&found);
	assert_null(db_cases(db, "r1", &list));
	assert_int_equal(list.count, 2);
	assert_string_equal(list.items[0].name, "a");
	assert_string_equal(list.items[0].outcome, "FAIL");
	assert_string_equal(list.items[0].detail, record.detail);
	assert_string_equal(list.items[0].verdict, record.verdict);
	assert_true(list.items[0].seconds == 12.25);
	assert_true(list.items[0].cpu_seconds == 12.25 / 4);
	assert_int_equal(list.items[0].panic_cpu, 1);
	assert_null(list.items[1].outcome);
	assert_int_equal(record_outcome(&list.items[1]), OUTCOME_COUNT);
	record_list_deinit(&list);
	db_close(db);
}

static void test_no_case_counts_twice(void **state)
{
	struct record cases[] = {planned("a", 1, "a.1"), planned("a", 2, "a.2")};
	struct record twice[] = {planned("a", 1, "a.1")};
	struct db *db = open_with(cases, 2);
	struct record again = ended("a", 1, "a.1", "PASS", 1);
	struct record_list list;

	(void)state;
	keep(db, ended("a", 1, "a.1", "FAIL", 1));
	expect_error(db_store(db, &again), ERROR_SYSTEM, "has its outcome already");
	keep(db, planned("a", 2, "a.3")); /* not ended yet: it may start anew */
	expect_error(db_add_run(db, &run, twice, 1), ERROR_SYSTEM, "has its outcome already");
	assert_null(db_cases(db, "r1", &list));
	assert_int_equal(list.count, 2);
	assert_string_equal(list.items[0].outcome, "FAIL");
	assert_string_equal(list.items[1].id, "a.3");
	record_list_deinit(&list);
	db_close(db);
}

static void test_two_labs(void **state)
{
	struct record cases[] = {planned("a", 1, "a.1"), planned("b", 1, "b.1")};
	struct db *first = open_with(cases, 2), *second;
	struct record_list list;

	(void)state;
	assert_null(db_open(directory, true, &second));
	keep(first, ended("a", 1, "a.1", "PASS", 1));
	keep(second, ended("b", 1, "b.1", "PASS", 1));
	assert_null(db_cases(first, "r1", &list));
	assert_non_null(list.items[0].outcome);
	assert_non_null(list.items[1].outcome);
	record_list_deinit(&list);
	db_close(first);
	db_close(second);
}

static void test_says_what_is_wrong(void **state)
{
	_cleanup_free_ char *path = format_string("%s/" DB_FILE, directory);
	struct record record;
	struct run_record found;
	struct db *db;
	sqlite3 *raw;

	(void)state;
	expect_error(db_open(directory, false, &db), ERROR_NOT_FOUND, "no crashlab.db in");
	expect_error(db_open("/no/such", true, &db), ERROR_SYSTEM, "/no/such/crashlab.db");
	assert_null(db_open(directory, true, &db));
	expect_error(db_find_run(db, NULL, &found), ERROR_NOT_FOUND, "no run in");
	expect_error(db_find_run(db, "x", &found), ERROR_NOT_FOUND, "no run \"x\"");
	expect_error(db_find_case(db, "x", &record), ERROR_NOT_FOUND, "no case \"x\"");
	db_close(db);
	assert_int_equal(sqlite3_open(path, &raw), SQLITE_OK);
	assert_int_equal(sqlite3_exec(raw, "PRAGMA user_version = 99", NULL, NULL, NULL), 0);
	sqlite3_close(raw);
	expect_error(db_open(directory, false, &db), ERROR_UNSUPPORTED, "has version 99");
	assert_null(write_text(path, "this is no database, but long enough to look like one"));
	expect_error(db_open(directory, false, &db), ERROR_SYSTEM, "not a database");
}

static void test_typical_seconds(void **state)
{
	struct record cases[] = {planned("a", 1, "a.1"), planned("a", 2, "a.2"),
				 planned("a", 3, "a.3"), planned("a", 4, "a.4")};
	struct db *db = open_with(cases, 4);
	double seconds;

	(void)state;
	assert_null(db_typical_seconds(db, &cases[0], false, &seconds));
	assert_true(seconds == 0);
	keep(db, ended("a", 1, "a.1", "PASS", 10));
	keep(db, ended("a", 2, "a.2", "FAIL", 30));
	keep(db, ended("a", 3, "a.3", "race-missed", 20));
	keep(db, ended("a", 4, "a.4", "timeout", 90)); /* tells nothing */
	assert_null(db_typical_seconds(db, &cases[0], false, &seconds));
	assert_true(seconds == 20);
	assert_null(db_typical_seconds(db, &cases[0], true, &seconds));
	assert_true(seconds == 0);
	struct record saved = ended("a", 5, "a.5", "PASS", 7);
	saved.snapshot = "snapshot.1";
	keep(db, saved);
	assert_null(db_typical_seconds(db, &cases[0], true, &seconds));
	assert_true(seconds == 7);
	assert_null(db_typical_seconds(db, &cases[0], false, &seconds));
	assert_true(seconds == 20);
	cases[0].cpus = 4;
	assert_null(db_typical_seconds(db, &cases[0], false, &seconds));
	assert_true(seconds == 0);
	db_close(db);
}

static void test_one_vmcore_for_a_signature(void **state)
{
	struct record cases[] = {planned("a", 1, "a.1"), planned("a", 2, "a.2")};
	struct db *db = open_with(cases, 2);
	struct record first = ended("a", 1, "a.1", "FAIL", 1);
	struct record second = ended("a", 2, "a.2", "FAIL", 1);
	bool kept;

	(void)state;
	first.signature = second.signature = "0123456789abcdef";
	first.vmcore = 5;
	assert_null(db_vmcore_kept(db, &first, &kept));
	assert_false(kept);
	keep(db, first);
	assert_null(db_vmcore_kept(db, &first, &kept));
	assert_false(kept);
	assert_null(db_vmcore_kept(db, &second, &kept));
	assert_true(kept);
	assert_null(db_forget_vmcore(db, &first));
	assert_null(db_vmcore_kept(db, &second, &kept));
	assert_false(kept);
	db_close(db);
}

static char *make_vmcore(const char *id)
{
	_cleanup_free_ char *capture = format_string("%s/r1/%s/capture", directory, id);
	char *path = format_string("%s/vmcore", capture);

	assert_null(make_directories(capture));
	assert_null(write_text(path, "core"));
	return path;
}

static void keep_with_vmcore(struct db *db, struct record record, char *signature)
{
	record.signature = signature;
	record.vmcore = 4;
	keep(db, record);
}

/* What `prune` leaves: the first vmcore of each failure, whose cases are not told apart otherwise.
 */
static void test_prune(void **state)
{
	struct record cases[] = {planned("a", 1, "a.1"), planned("a", 2, "a.2"),
				 planned("a", 3, "a.3"), planned("b", 1, "b.1")};
	_cleanup_free_ char *passed = make_vmcore("a.1"), *first = make_vmcore("a.2");
	_cleanup_free_ char *again = make_vmcore("a.3"), *other = make_vmcore("b.1");
	const struct prune_policy dry = {.dry_run = true}, go = {.yes = true};
	const struct prune_policy old = {.yes = true, .keep_runs = 1};
	struct db *db = open_with(cases, 4);
	FILE *out = fopen("/dev/null", "w");

	(void)state;
	keep_with_vmcore(db, ended("a", 1, "a.1", "PASS", 1), NULL);
	keep_with_vmcore(db, ended("a", 2, "a.2", "FAIL", 1), "0123456789abcdef");
	keep_with_vmcore(db, ended("a", 3, "a.3", "FAIL", 1), "0123456789abcdef");
	keep_with_vmcore(db, ended("b", 1, "b.1", "FAIL", 1), "fedcba9876543210");
	assert_null(prune(db, &dry, out));
	assert_int_equal(access(passed, F_OK), 0);
	assert_null(prune(db, &go, out));
	assert_int_not_equal(access(passed, F_OK), 0);
	assert_int_equal(access(first, F_OK), 0);
	assert_int_not_equal(access(again, F_OK), 0);
	assert_int_equal(access(other, F_OK), 0);
	assert_null(prune(db, &old, out)); /* the newest run is not old */
	assert_int_equal(access(first, F_OK), 0);
	fclose(out);
	db_close(db);
}

static const char verdict[] =
	"{\"hit\": {\"frame\": \"f+0x9/0x30 [kvm]\"}, \"cpus\": ["
	"{\"cpu\": %d, \"role\": \"reboot\", \"virtualization\": {\"property\": \"vmx\", "
	"\"state\": \"%s\"}, \"vmcs\": [{\"state\": \"clear\"}], \"stack\": ["
	"{\"symbol\": \"%s+0x1/0x2\"}, {\"symbol\": \"f+0x%x/0x30 [kvm]\"}, "
	"{\"symbol\": \"g+0x1/0x2\"}]}]}";

/* The signature of a case whose verdict has these; *@ret_failure is it in words. */
static char *sign(int cpu, const char *state, const char *above, int offset, char **ret_failure)
{
	struct record record = ended("a", 1, "a.1", "FAIL", 1);

	record.verdict = format_string(verdict, cpu, state, above, offset);
	signature_add(&record);
	free(record.verdict);
	*ret_failure = record.failure;
	return record.signature;
}

static void test_signature(void **state)
{
	_cleanup_free_ char *words = NULL, *same_words = NULL, *other_words = NULL;
	_cleanup_free_ char *one = sign(0, "on", "read_hpet", 9, &words);
	_cleanup_free_ char *same = sign(3, "on", "ktime_get", 12, &same_words);
	_cleanup_free_ char *other = sign(0, "unknown", "read_hpet", 9, &other_words);
	struct record pass = ended("a", 1, "a.1", "PASS", 1);

	(void)state;
	assert_string_equal(words, "6.12 FAIL at virt-off; reboot vmx on; reboot: f < g");
	assert_string_equal(one, same);
	assert_string_not_equal(one, other);
	signature_add(&pass);
	assert_null(pass.signature);
}

static void test_case_is_read_again(void **state)
{
	static const char text[] = "[case a]\nvendor=svm\nreboot=sysrq-b\nwindow=kvm_shutdown+"
				   "0x1f\npanic_cpu=0\nreboot_cpu=3\ncpus=4\nimages=break\n"
				   "break=svm-on\nexpect=FAIL\nexpect_cpu=3\n";
	_cleanup_free_ char *first = NULL, *second = NULL;
	struct case_spec spec, again;
	size_t size;

	(void)state;
	assert_null(scenario_read_case(text, &spec));
	FILE *out = open_memstream(&first, &size);
	scenario_print_case(&spec, out);
	fclose(out);
	assert_null(scenario_read_case(first, &again));
	out = open_memstream(&second, &size);
	scenario_print_case(&again, out);
	fclose(out);
	assert_string_equal(first, second);
	assert_int_equal(again.reboot_cpu, 3);
	assert_string_equal(again.window, "kvm_shutdown+0x1f");
	assert_int_equal(again.expect_cpu, 3);
}

/* A console that floods: what is in the middle goes, while it is written and after. */
static void test_flooded_console(void **state)
{
	_cleanup_free_ char *path = format_string("%s/console.log", directory);
	_cleanup_free_ char *text = NULL;
	FILE *log = fopen(path, "w");
	struct stat status;

	(void)state;
	for (unsigned i = 0; i < 3000000; i++) {
		fprintf(log, "line %u of a console that floods\n", i);
		if (i % 100000 == 0)
			log_punch(path);
	}
	fclose(log);
	assert_int_equal(stat(path, &status), 0);
	assert_true(status.st_size > 90000000);
	assert_true(status.st_blocks * 512 < 40000000);
	assert_null(log_compact(path));
	assert_int_equal(stat(path, &status), 0);
	assert_true(status.st_size < LOG_HEAD + LOG_TAIL + 200);
	assert_null(read_text(path, 64 << 20, &text));
	assert_memory_equal(text, "line 0 of", 9);
	assert_non_null(strstr(text, "\n[crashlab left out "));
	assert_non_null(strstr(text, "line 2999999 of"));
	assert_null(log_compact(path));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, drop_directory)
	const struct CMUnitTest tests[] = {
		TEST(test_round_trip),
		TEST(test_no_case_counts_twice),
		TEST(test_two_labs),
		TEST(test_says_what_is_wrong),
		TEST(test_typical_seconds),
		TEST(test_one_vmcore_for_a_signature),
		TEST(test_prune),
		TEST(test_flooded_console),
		cmocka_unit_test(test_signature),
		cmocka_unit_test(test_case_is_read_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
