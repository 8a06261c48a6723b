// SPDX-License-Identifier: GPL-2.0-only
/* What becomes of a stick's cases, from the marks that they left. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "lab/db.h"
#include "lab/files.h"
#include "stick/stick.h"
#include "util/cleanup.h"

#define NEVER (-1) /* no ending: to be run again */

struct fixture {
	char folder[32];
	char *results, *scenario;
	struct stick_options options;
};

static void assert_ok(struct error *err)
{
	if (err)
		fail_msg("%s", err->message);
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	strcpy(fixture->folder, "/tmp/stick.XXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	fixture->results = format_string("%s/results", fixture->folder);
	fixture->scenario = format_string("%s/scenario.ini", fixture->folder);
	assert_ok(write_text(fixture->scenario,
			     "[defaults]\nreboot = restart\nwindow = virt-off\n"
			     "panic_cpu = 0\nreboot_cpu = 0\ntrigger = crash-self\n"
			     "[case first]\nvendor = svm\nrepeat = 5\n"
			     "[case other]\nvendor = vmx\n"
			     "[case far]\nvendor = svm\ncpus = 64\n"
			     "panic_cpu = 63\nreboot_cpu = 63\n"));
	fixture->options = (struct stick_options){.results = fixture->results,
						  .scenario = fixture->scenario,
						  .vendor = "svm",
						  .save = "fail",
						  .watchdog = 60};
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	remove_tree(fixture->folder);
	free(fixture->results);
	free(fixture->scenario);
	free(fixture);
	return 0;
}

/* As a boot does: what became of the case before, and the next one; its id, "" when none is left.
 */
static void next(struct fixture *fixture, char *id)
{
	_cleanup_(stick_deinit) struct stick stick;
	const struct case_run *run;

	assert_ok(stick_open(&fixture->options, &stick));
	if (!stick.run.run)
		assert_ok(stick_begin(&stick));
	assert_ok(stick_next(&stick, &run));
	strcpy(id, run ? run->id : "");
	if (run) {
		_cleanup_free_ char *pointer = format_string("%s/case", run->directory);
		assert_int_equal(access(pointer, R_OK), 0);
	}
}

/* Leave @text as the marks of case @id, each with the time at which @ago seconds have passed. */
static void leave(struct fixture *fixture, const char *id, const char *const *marks, long ago)
{
	_cleanup_(stick_deinit) struct stick stick;

	assert_ok(stick_open(&fixture->options, &stick));
	_cleanup_free_ char *path = format_string("%s/%s/events.log", stick.directory, id);
	_cleanup_fclose_ FILE *file = fopen(path, "ae");
	struct timespec up;

	clock_gettime(CLOCK_BOOTTIME, &up);
	for (; *marks; marks++)
		fprintf(file, "crashlab %s at=%lld\n", *marks,
			(long long)time(NULL) - up.tv_sec - ago);
}

static void assert_outcome(struct fixture *fixture, const char *id, const char *outcome)
{
	_cleanup_(stick_deinit) struct stick stick;
	struct record record;

	assert_ok(stick_open(&fixture->options, &stick));
	_cleanup_free_ char *directory = format_string("%s/%s", stick.directory, id);
	assert_ok(record_load(directory, &record));
	assert_string_equal(record.outcome, outcome);
	record_deinit(&record);
}

static void test_endings(void **state)
{
	static const struct {
		struct marks marks;
		struct boot boot;
		int ending;
	} table[] = {
		{{.stage = STAGE_GUESTS, .last = 100}, {.time = 110, .watchdog = 60}, NEVER},
		{{.stage = STAGE_GUESTS, .last = 100}, {.time = 170, .watchdog = 60}, ENDING_LIMIT},
		{{.stage = STAGE_STRIKE, .last = 100}, {.time = 110, .watchdog = 60}, ENDING_RESET},
		{{.stage = STAGE_STRIKE, .last = 100}, {.time = 140, .watchdog = 60}, ENDING_EXIT},
		{{.stage = STAGE_STRIKE, .last = 100}, {.time = 165, .watchdog = 60}, ENDING_LIMIT},
		{{.stage = STAGE_STRIKE, .last = 100}, {.time = 105, .fired = true}, ENDING_LIMIT},
		{{.stage = STAGE_STRIKE, .last = 100}, {.time = 165}, ENDING_EXIT},
		{{.stage = STAGE_STRIKE, .last = 100}, {.time = 9999, .watchdog = 60}, NEVER},
		{{.stage = STAGE_STRIKE, .last = 100, .restarted = true},
		 {.time = 165},
		 ENDING_RESET},
		{{.stage = STAGE_VERDICT, .last = 100}, {.time = 110, .watchdog = 60}, NEVER},
		{{.stage = STAGE_CAPTURE, .last = 100},
		 {.time = 165, .watchdog = 60},
		 ENDING_LIMIT},
		{{.stage = STAGE_KVM, .last = 100, .failed = true}, {.time = 9999}, ENDING_ERROR},
		{{.stage = STAGE_STRIKE, .last = 100, .skipped = true},
		 {.time = 105},
		 ENDING_SKIPPED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		enum ending ending;
		bool known = marks_ending(&table[i].marks, &table[i].boot, &ending);
		if ((known ? (int)ending : NEVER) != table[i].ending)
			fail_msg("row %zu: %d", i, known ? (int)ending : NEVER);
	}
}

static void test_power_cut(void **state)
{
	static const char *const early[] = {"case", "kvm", "armed", NULL};
	struct fixture *fixture = *state;
	char id[64], again[64];

	next(fixture, id);
	next(fixture, again); /* before its first mark */
	assert_string_equal(again, id);
	leave(fixture, id, early, 5);
	next(fixture, again);
	assert_string_equal(again, id);
	leave(fixture, id, early, 5);
	next(fixture, again); /* not a fourth time */
	assert_string_not_equal(again, id);
	assert_outcome(fixture, id, "lab-broken");
}

static void test_hangs(void **state)
{
	static const char *const dead[] = {"case", "kvm", "armed", "guests", "strike", NULL};
	struct fixture *fixture = *state;
	char ids[3][64], id[64];

	for (unsigned i = 0; i < 3; i++) {
		next(fixture, ids[i]);
		leave(fixture, ids[i], dead, 70);
	}
	/* The fourth and fifth are set aside; the other two are not for this machine. */
	next(fixture, id);
	assert_string_equal(id, "");
	for (unsigned i = 0; i < 3; i++)
		assert_outcome(fixture, ids[i], "capture-hang");
}

static void test_early_crash(void **state)
{
	static const char *const marks[] = {"case", "kvm", "armed", "capture", "verdict status=3",
					    "done", NULL};
	struct fixture *fixture = *state;
	char id[64], other[64];

	next(fixture, id);
	leave(fixture, id, marks, 5);
	next(fixture, other);
	assert_string_not_equal(other, id);
	assert_outcome(fixture, id, "early-crash");
}

static void test_torn_marks(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_free_ char *path = format_string("%s/events.log", fixture->folder);
	_cleanup_(marks_deinit) struct marks marks;

	assert_ok(write_text(path,
			     "crashlab case at=5 id=x\ncrashlab error at=6 stage=kvm text=old\n"
			     "crashlab case at=7 id=x\ncrashlab kvm at=9 module=kvm_amd\n"
			     "\n\1\2crashlab nonsense\ncrashlab arm"));
	assert_ok(marks_read(path, &marks));
	assert_int_equal(marks.stage, STAGE_KVM);
	assert_int_equal(marks.first, 7);
	assert_int_equal(marks.last, 9);
	assert_false(marks.failed);
	assert_null(marks.text);
}

/* Another scenario begins another run; so does another kernel or machine, by the same comparison.
 */
static void test_another_scenario(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_(stick_deinit) struct stick stick;
	char id[64];

	next(fixture, id);
	assert_ok(stick_open(&fixture->options, &stick));
	assert_non_null(stick.run.run);
	stick_deinit(&stick);
	assert_ok(write_text(fixture->scenario, "[case x]\nreboot = restart\nwindow = none\n"
						"vendor = svm\n"));
	assert_ok(stick_open(&fixture->options, &stick));
	assert_null(stick.run.run);
	assert_int_equal(stick.count, 1);
}

static void test_finish(void **state)
{
	struct fixture *fixture = *state;
	_cleanup_(stick_deinit) struct stick stick;
	_cleanup_db_ struct db *db = NULL;
	struct record_list cases;
	struct run_record run;
	char id[64];
	FILE *out = fopen("/dev/null", "we");

	next(fixture, id);
	assert_ok(stick_open(&fixture->options, &stick));
	assert_ok(stick_finish(&stick, out));
	assert_ok(db_open(fixture->results, false, &db));
	assert_ok(db_find_run(db, NULL, &run));
	assert_string_equal(run.run, stick.run.run);
	assert_non_null(run.ended);
	assert_ok(db_cases(db, run.run, &cases));
	assert_int_equal(cases.count, 7);
	record_list_deinit(&cases);
	run_record_deinit(&run);
	fclose(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_endings),
		cmocka_unit_test_setup_teardown(test_power_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hangs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_early_crash, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_torn_marks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_another_scenario, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_finish, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
