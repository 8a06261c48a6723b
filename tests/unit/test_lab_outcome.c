// SPDX-License-Identifier: GPL-2.0-only
/* The outcome of a case as a function of what was seen: every outcome, and the exit status. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lab/crash_words.h"
#include "lab/outcome.h"
#include "lab/verdict_file.h"

#define NO_JUDGE .judge = -1
#define JUDGED(status, word, state)                                                        \
	.stage = STAGE_DONE, .ending = ENDING_DONE, .judge = status, .verdict_read = true, \
	.verdict = word, .window = true, .hit = state

static const struct {
	struct outcome_facts facts;
	enum outcome outcome;
} rows[] = {
	/* verdicts */
	{{JUDGED(0, OUTCOME_PASS, HIT_HIT)}, OUTCOME_PASS},
	{{JUDGED(1, OUTCOME_FAIL, HIT_HIT)}, OUTCOME_FAIL},
	{{JUDGED(2, OUTCOME_INCONCLUSIVE, HIT_HIT)}, OUTCOME_INCONCLUSIVE},
	/* a window that was not hit is never a verdict */
	{{JUDGED(0, OUTCOME_PASS, HIT_MISSED)}, OUTCOME_RACE_MISSED},
	{{JUDGED(1, OUTCOME_FAIL, HIT_MISSED)}, OUTCOME_RACE_MISSED},
	{{JUDGED(0, OUTCOME_PASS, HIT_UNKNOWN)}, OUTCOME_INCONCLUSIVE},
	{{JUDGED(0, OUTCOME_PASS, HIT_NONE)}, OUTCOME_INCONCLUSIVE},
	{{.stage = STAGE_DONE,
	  .ending = ENDING_DONE,
	  .judge = 0,
	  .verdict_read = true,
	  .verdict = OUTCOME_PASS,
	  .window = false,
	  .hit = HIT_NONE},
	 OUTCOME_PASS},
	/* the analyzer refuses, fails, contradicts itself */
	{{.stage = STAGE_DONE, .ending = ENDING_DONE, .judge = 3}, OUTCOME_LAB_BROKEN},
	{{.stage = STAGE_DONE, .ending = ENDING_DONE, .judge = 139}, OUTCOME_LAB_BROKEN},
	{{.stage = STAGE_DONE, .ending = ENDING_DONE, .judge = 0}, OUTCOME_LAB_BROKEN},
	{{JUDGED(1, OUTCOME_PASS, HIT_HIT)}, OUTCOME_LAB_BROKEN},
	/* before the strike */
	{{.stage = STAGE_START, .ending = ENDING_LIMIT, NO_JUDGE}, OUTCOME_TIMEOUT},
	{{.stage = STAGE_GUESTS, .ending = ENDING_LIMIT, NO_JUDGE}, OUTCOME_TIMEOUT},
	{{.stage = STAGE_READY, .ending = ENDING_LIMIT, NO_JUDGE}, OUTCOME_TIMEOUT},
	{{.stage = STAGE_KVM, .ending = ENDING_ERROR, NO_JUDGE}, OUTCOME_LAB_BROKEN},
	{{.stage = STAGE_GUESTS, .ending = ENDING_SKIPPED, NO_JUDGE}, OUTCOME_SKIPPED},
	{{.stage = STAGE_STRIKE, .ending = ENDING_SKIPPED, NO_JUDGE}, OUTCOME_SKIPPED},
	{{.stage = STAGE_CAPTURE, .ending = ENDING_SKIPPED, NO_JUDGE}, OUTCOME_LAB_BROKEN},
	{{.stage = STAGE_STRIKE, .ending = ENDING_ERROR, NO_JUDGE}, OUTCOME_LAB_BROKEN},
	{{.stage = STAGE_BOOT, .ending = ENDING_RESET, NO_JUDGE}, OUTCOME_LAB_BROKEN},
	{{.stage = STAGE_BOOT, .ending = ENDING_EXIT, NO_JUDGE}, OUTCOME_LAB_BROKEN},
	{{.stage = STAGE_START, .ending = ENDING_BROKEN, NO_JUDGE}, OUTCOME_LAB_BROKEN},
	/* after it */
	{{.stage = STAGE_STRIKE, .ending = ENDING_RESET, NO_JUDGE}, OUTCOME_REBOOT_WON},
	{{.stage = STAGE_STRIKE, .ending = ENDING_LIMIT, NO_JUDGE}, OUTCOME_CAPTURE_HANG},
	{{.stage = STAGE_STRIKE, .ending = ENDING_LIMIT, .stopped = true, NO_JUDGE},
	 OUTCOME_CAPTURE_STOPPED},
	{{.stage = STAGE_CAPTURE, .ending = ENDING_LIMIT, .stopped = true, NO_JUDGE},
	 OUTCOME_CAPTURE_HANG},
	{{.stage = STAGE_STRIKE, .ending = ENDING_EXIT, NO_JUDGE}, OUTCOME_NO_DUMP},
	{{.stage = STAGE_STRIKE, .ending = ENDING_BROKEN, NO_JUDGE}, OUTCOME_LAB_BROKEN},
	/* in the crash kernel */
	{{.stage = STAGE_CAPTURE, .ending = ENDING_LIMIT, NO_JUDGE}, OUTCOME_CAPTURE_HANG},
	{{.stage = STAGE_SAVED, .ending = ENDING_LIMIT, NO_JUDGE}, OUTCOME_CAPTURE_HANG},
	{{.stage = STAGE_CAPTURE, .ending = ENDING_RESET, NO_JUDGE}, OUTCOME_NO_DUMP},
	{{.stage = STAGE_CAPTURE, .ending = ENDING_EXIT, NO_JUDGE}, OUTCOME_NO_DUMP},
	{{.stage = STAGE_CAPTURE, .ending = ENDING_ERROR, NO_JUDGE}, OUTCOME_NO_DUMP},
	{{.stage = STAGE_DONE, .ending = ENDING_DONE, NO_JUDGE}, OUTCOME_NO_DUMP},
	{{.stage = STAGE_DONE, .ending = ENDING_BROKEN, NO_JUDGE}, OUTCOME_LAB_BROKEN},
	/* a crash kernel without a strike: another crash, unless the dump has the strike's mark */
	{{.stage = STAGE_DONE, .ending = ENDING_DONE, .judge = 3, .early = true},
	 OUTCOME_EARLY_CRASH},
	{{.stage = STAGE_CAPTURE, .ending = ENDING_LIMIT, NO_JUDGE, .early = true},
	 OUTCOME_EARLY_CRASH},
	{{.stage = STAGE_CAPTURE, .ending = ENDING_BROKEN, NO_JUDGE, .early = true},
	 OUTCOME_LAB_BROKEN},
	{{JUDGED(0, OUTCOME_PASS, HIT_HIT), .early = true}, OUTCOME_PASS},
};

static void test_decides(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *why = NULL;
		enum outcome outcome = outcome_decide(&rows[i].facts, &why);
		if (outcome != rows[i].outcome)
			fail_msg("row %zu: %s instead of %s: %s", i, outcome_names[outcome],
				 outcome_names[rows[i].outcome], why);
		assert_non_null(why);
	}
}

static void test_every_combination_is_decided(void **state)
{
	(void)state;
	for (enum stage stage = STAGE_START; stage <= STAGE_DONE; stage++) {
		for (enum ending ending = ENDING_DONE; ending <= ENDING_BROKEN; ending++) {
			struct outcome_facts facts = {.stage = stage, .ending = ending, NO_JUDGE};
			const char *why;
			enum outcome outcome = outcome_decide(&facts, &why);
			assert_true(outcome > OUTCOME_RACE_MISSED);
			assert_int_equal(outcome == OUTCOME_SKIPPED,
					 ending == ENDING_SKIPPED && stage <= STAGE_STRIKE);
		}
	}
}

static void test_names(void **state)
{
	(void)state;
	for (enum outcome outcome = 0; outcome < OUTCOME_COUNT; outcome++)
		assert_int_equal(outcome_from_name(outcome_names[outcome]), outcome);
	assert_int_equal(outcome_from_name("pass"), OUTCOME_COUNT);
}

static void test_exit_status(void **state)
{
	unsigned counts[OUTCOME_COUNT] = {};

	(void)state;
	assert_int_equal(outcome_exit_status(counts), 0);
	counts[OUTCOME_RACE_MISSED] = 2;
	assert_int_equal(outcome_exit_status(counts), 2);
	counts[OUTCOME_FAIL] = 1;
	assert_int_equal(outcome_exit_status(counts), 1);
	counts[OUTCOME_LAB_BROKEN] = 1;
	assert_int_equal(outcome_exit_status(counts), 3);
}

static json_object *parse(const char *text)
{
	json_object *object = json_tokener_parse(text);

	assert_non_null(object);
	return object;
}

static void test_summary_names_the_cpus(void **state)
{
	json_object *verdict =
		parse("{\"verdict\": \"FAIL\", \"hit\": {\"state\": \"hit\"}, \"conflicts\": "
		      "[\"a\", \"b\"],"
		      "\"cpus\": ["
		      "{\"cpu\": 0, \"virtualization\": {\"state\": \"on\"}, \"vmcs\": []},"
		      "{\"cpu\": 1, \"virtualization\": {\"state\": \"off\"}, \"vmcs\": "
		      "[{\"state\": \"clear\"}]},"
		      "{\"cpu\": 2, \"virtualization\": {\"state\": \"unknown\"}},"
		      "{\"cpu\": 5, \"virtualization\": {\"state\": \"off\"},"
		      " \"vmcs\": [{\"state\": \"clear\"}, {\"state\": \"active\"}]}]}");
	struct verdict_summary summary;

	(void)state;
	assert_null(verdict_summarize(verdict, &summary));
	assert_int_equal(summary.verdict, OUTCOME_FAIL);
	assert_int_equal(summary.hit, HIT_HIT);
	assert_int_equal(summary.conflicts, 2);
	assert_int_equal(summary.bad_cpus, 1 << 0 | 1 << 5);
	json_object_put(verdict);
}

/* A log of @text: @words of it, or NULL. */
static void assert_words(const char *text, const char *words)
{
	char path[] = "/tmp/dmesg.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	char *said = crash_words(path);
	unlink(path);
	if (words)
		assert_string_equal(said, words);
	else
		assert_null(said);
	free(said);
}

static void test_words_of_a_crash(void **state)
{
	(void)state;
	assert_words("[    1.5] kvm_amd: loaded\n"
		     "[    2.5] BUG: unable to handle page fault for address: ffffc90000a0\n"
		     "[    2.5] Oops: 0002 [#1] PREEMPT SMP NOPTI\n"
		     "[    2.5] RIP: 0010:svm_vcpu_run+0x1/0x2 [kvm_amd]\n"
		     "[    2.5] RIP: 0033:0x7f\n",
		     "BUG: unable to handle page fault for address: ffffc90000a0, RIP: "
		     "0010:svm_vcpu_run+0x1/0x2 [kvm_amd]");
	assert_words("[    2.5] Kernel panic - not syncing: no more",
		     "Kernel panic - not syncing: no more");
	assert_words("[    2.5] all is well\n[    2.6] RIP: 0\n", NULL);
	assert_words("", NULL);
	assert_null(crash_words("/nowhere/dmesg.txt"));
}

static void test_summary_of_nonsense(void **state)
{
	static const char *const texts[] = {
		"{}",
		"[]",
		"{\"verdict\": \"timeout\", \"cpus\": [], \"conflicts\": []}",
		"{\"verdict\": \"PASS\", \"conflicts\": []}",
		"{\"verdict\": \"PASS\", \"cpus\": {}, \"conflicts\": []}",
	};
	struct verdict_summary summary;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_object *verdict = parse(texts[i]);
		struct error *err = verdict_summarize(verdict, &summary);
		assert_non_null(err);
		assert_int_equal(err->code, ERROR_FORMAT);
		error_free(err);
		json_object_put(verdict);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decides),
		cmocka_unit_test(test_every_combination_is_decided),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_exit_status),
		cmocka_unit_test(test_summary_names_the_cpus),
		cmocka_unit_test(test_summary_of_nonsense),
		cmocka_unit_test(test_words_of_a_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
