// SPDX-License-Identifier: GPL-2.0-only
/* Reports: numbers with their intervals, comparisons, and that nothing of a guest gets into markup.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lab/compare.h"
#include "lab/files.h"
#include "lab/html.h"
#include "lab/report.h"
#include "lab/stats.h"
#include "util/cleanup.h"

#include "fake_record.h"

static bool near(double a, double b)
{
	return a - b < 0.0005 && b - a < 0.0005;
}

static void test_wilson(void **state)
{
	/* Wilson's formula, worked out apart. */
	static const struct {
		size_t hits, of;
		double low, high;
	} rows[] = {{0, 10, 0, 0.2775},
		    {10, 10, 0.7225, 1},
		    {5, 10, 0.2366, 0.7634},
		    {1, 100, 0.0018, 0.0545},
		    {0, 0, 0, 1}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rate rate = rate_make(rows[i].hits, rows[i].of);
		if (!near(rate.low, rows[i].low) || !near(rate.high, rows[i].high))
			fail_msg("%zu of %zu: %f to %f", rows[i].hits, rows[i].of, rate.low,
				 rate.high);
	}
}

static void test_fisher(void **state)
{
	(void)state;
	/* Fisher's lady tasting tea, two-sided; 3 of 4 and 1 of 4. */
	assert_true(near(fisher_exact(3, 4, 1, 4), 0.4857));
	assert_true(near(fisher_exact(4, 4, 0, 4), 0.0286));
	assert_true(near(fisher_exact(0, 10, 8, 10), 0.0007));
	assert_true(near(fisher_exact(5, 10, 5, 10), 1));
	assert_true(near(fisher_exact(0, 0, 3, 3), 1));
	assert_true(near(fisher_exact(1, 1, 0, 1), 1));
}

static char *rendered(const char *text)
{
	char *result;
	size_t size;
	FILE *out = open_memstream(&result, &size);

	html(out, "<p title=\"%s\">%5.1f%% %d %lld %zu</p>", text, 1.25, -3, 1LL << 40, (size_t)7);
	fclose(out);
	return result;
}

static void test_escapes(void **state)
{
	static const struct {
		const char *text, *shown;
	} rows[] = {
		{"<script>alert('\"&')</script>",
		 "&lt;script&gt;alert(&#39;&quot;&amp;&#39;)&lt;/script&gt;"},
		{"plain, tab\t, \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80",
		 "plain, tab\t, \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80"},
		/* an escape sequence, a lone byte, an overlong '<', a surrogate, a C1 control */
		{"\x1b[2J", "\xef\xbf\xbd[2J"},
		{"\xff"
		 "a",
		 "\xef\xbf\xbd"
		 "a"},
		{"\xc0\xbc", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xc2\x9b", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},
		{NULL, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_free_ char *got = rendered(rows[i].text);
		_cleanup_free_ char *want = format_string(
			"<p title=\"%s\">  1.2%% -3 1099511627776 7</p>", rows[i].shown);
		assert_string_equal(got, want);
	}
}

static struct record make(char *name, char *outcome, bool as_expected, char *hit)
{
	struct record record = fake_record(name, format_string("%s.1", name));

	record.outcome = outcome;
	record.stage = outcome ? "done" : NULL;
	record.as_expected = as_expected;
	record.hit = hit;
	record.seconds = 2.5;
	return record;
}

static void free_ids(struct record *records, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(records[i].id);
}

static void test_compares(void **state)
{
	struct record before[] = {
		make("gone", "PASS", true, "hit"), make("worse", "PASS", true, "hit"),
		make("worse", "PASS", true, "hit"), make("same", "FAIL", false, "hit"),
		make("better", "FAIL", false, NULL)};
	struct record after[] = {
		make("same", "FAIL", false, "missed"), make("worse", "PASS", true, "hit"),
		make("worse", "FAIL", false, "hit"),   make("better", "PASS", true, "hit"),
		make("new", "PASS", true, "hit"),      make("unfinished", NULL, false, NULL)};
	static const struct {
		const char *name;
		enum change change;
	} rows[] = {{"worse", CHANGE_WORSE},
		    {"better", CHANGE_BETTER},
		    {"new", CHANGE_NEW},
		    {"gone", CHANGE_GONE},
		    {"same", CHANGE_SAME}};
	struct comparison_list list;

	(void)state;
	assert_null(compare_make(&(struct record_list){before, 5}, &(struct record_list){after, 6},
				 &list));
	assert_int_equal(list.count, 5);
	for (size_t i = 0; i < 5; i++) {
		assert_string_equal(list.items[i].name, rows[i].name);
		assert_int_equal(list.items[i].change, rows[i].change);
	}
	assert_int_equal(list.items[0].a.expected, 2);
	assert_int_equal(list.items[0].b.of[OUTCOME_FAIL], 1);
	assert_true(near(list.items[0].p, 1));
	free(list.items);
	free_ids(before, 5);
	free_ids(after, 6);
}

static char *print(const struct report_format *format, struct record *records, size_t count)
{
	static const struct run_record run = {.run = "r<1>",
					      .started = "2026-01-01T00:00:00Z",
					      .command = "crashlab run",
					      .host = "h",
					      .scenario = "main"};
	const struct record_list cases = {records, count};
	const struct report report = {&run, &cases};
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	format->print(out, &report);
	fclose(out);
	return text;
}

static const struct report_format *find(const char *name)
{
	const struct report_format *format = report_formats;

	while (strcmp(format->name, name))
		format++;
	return format;
}

#define EVIL "<img src=x onerror=alert(1)>\x1b[31m"

/* A case, all of whose texts want to be markup. */
static struct record evil(void)
{
	struct record record = make("a", "FAIL", false, "hit");

	record.kernel = record.window = record.detail = record.failure = record.stage =
		record.console = record.reboot = record.signature = EVIL;
	record.verdict =
		"{\"verdict\": \"FAIL\", \"hit\": {\"state\": \""
		"<img src=x>\", \"window\": "
		"\"<img src=x>\", \"frame\": \"<img src=x>\", \"reason\": \"<img src=x>\"},"
		"\"reasons\": [\"<img src=x>\"], \"conflicts\": [\"<img src=x>\"],"
		"\"cpus\": [{\"cpu\": 0, \"role\": \"<img src=x>\", \"where\": \"<img src=x>\","
		"\"virtualization\": {\"property\": \"vmx<img src=x>\", \"state\": \"<img src=x>\","
		"\"by\": \"<img src=x>\"}, \"stack\": [{\"symbol\": \"<img src=x>\"}],"
		"\"stack_end\": \"<img src=x>\","
		"\"vmcs\": [{\"physical\": \"<img src=x>\", \"state\": \"<img src=x>\"}]}],"
		"\"evidence\": [{\"cpu\": 0, \"property\": \"<img src=x>\", \"vmcs\": \"<img "
		"src=x>\","
		"\"state\": \"<img src=x>\", \"strength\": \"<img src=x>\", \"source\": "
		"\"<img src=x>\", \"reason\": \"<img src=x>\"}],"
		"\"timeline\": [{\"t_ns\": 5, \"cpu\": 0, \"event\": \"<img src=x>\", "
		"\"function\": "
		"\"<img src=x>\"}, {\"t_ns\": 900, \"cpu\": 1, \"event\": \"b\", \"function\": "
		"\"f\"}]}";
	return record;
}

static void test_page(void **state)
{
	struct record records[] = {make("ok", "PASS", true, "hit"), evil(),
				   make("late", NULL, false, NULL)};
	_cleanup_free_ char *page = print(find("html"), records, 3);
	const char *file = getenv("CRASHLAB_TEST_PAGE"); /* for tests/unit/test_page_browser.sh */

	(void)state;
	if (file)
		assert_null(write_text(file, page));
	assert_null(strstr(page, "<img"));
	assert_null(strchr(page, '\x1b'));
	assert_null(strstr(page, "<script"));
	assert_null(strstr(page, "http://"));
	assert_null(strstr(page, "https://"));
	assert_non_null(strstr(page, "&lt;img src=x&gt;"));
	assert_non_null(
		strstr(page, "<b>1</b> of 3 cases did not end as expected, 1 were not run"));
	assert_non_null(strstr(page, "<h3>Timeline</h3>"));
	assert_non_null(strstr(page, "class=\"chip fail hollow\">FAIL</span>"));
	assert_non_null(strstr(page, "r&lt;1&gt;"));
	free_ids(records, 3);
}

static void test_timeline_of_the_marker(void **state)
{
	struct record record = make("ok", "PASS", true, "hit");
	record.verdict = "{\"case\": {\"panic_cpu\": 1, \"reboot_cpu\": 0, \"t_armed\": 1000000, "
			 "\"t_hit\": 3000000, \"t_last\": 9000000, \"t_seen\": 4000000, "
			 "\"t_end\": 0}}";
	_cleanup_free_ char *page = print(find("html"), &record, 1);

	(void)state;
	assert_non_null(strstr(page, "<title>2.000000 ms: hold begins</title>"));
	assert_non_null(strstr(page, "last turn before the NMI"));
	assert_null(strstr(page, "hold ends"));
	free_ids(&record, 1);
}

static void test_other_formats(void **state)
{
	struct record records[] = {make("ok", "PASS", true, "hit"), evil(),
				   make("late", NULL, false, NULL),
				   make("skip", "skipped", false, NULL)};
	_cleanup_free_ char *tap = print(find("tap"), records, 4);
	_cleanup_free_ char *ktap = print(find("ktap"), records, 4);
	_cleanup_free_ char *junit = print(find("junit"), records, 4);

	(void)state;
	assert_memory_equal(tap, "TAP version 13\n1..4\nok 1 - ok 6.12\n", 35);
	assert_non_null(strstr(tap, "\nnot ok 2 - a "));
	assert_non_null(strstr(tap, "\nnot ok 3 - late 6.12\n"));
	assert_non_null(strstr(tap, "\nok 4 - skip 6.12 # SKIP "));
	assert_null(strchr(tap, '\x1b'));
	assert_memory_equal(ktap, "KTAP version 1\n1..4\n", 20);
	assert_non_null(strstr(ktap, "\nnot ok 2 a "));
	assert_non_null(strstr(junit, "tests=\"4\" failures=\"1\" errors=\"0\" skipped=\"2\""));
	assert_null(strstr(junit, "<img"));
	assert_null(strchr(junit, '\x1b'));
	free_ids(records, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wilson),        cmocka_unit_test(test_fisher),
		cmocka_unit_test(test_escapes),       cmocka_unit_test(test_compares),
		cmocka_unit_test(test_page),          cmocka_unit_test(test_timeline_of_the_marker),
		cmocka_unit_test(test_other_formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
