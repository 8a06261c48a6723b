// SPDX-License-Identifier: GPL-2.0-only
/* Reports for other programs: TAP 13, the kernel's KTAP, JUnit XML. */
#define _GNU_SOURCE
#include <ctype.h>
#include <string.h>

#include "lab/html.h"
#include "lab/report.h"

static const char *words(const char *text)
{
	return text ? text : "";
}

/* A line of TAP: no line ends, and no '#', which would begin a directive. */
static void put_line(FILE *out, const char *text)
{
	for (; *text; text++)
		fputc(*text == '#' ? '_' : isprint((unsigned char)*text) ? *text : ' ', out);
}

static void put_result(FILE *out, const struct record *record, size_t number, const char *dash)
{
	bool skipped = record_outcome(record) == OUTCOME_SKIPPED;
	bool ok = record->outcome && (record->as_expected || skipped);

	fprintf(out, "%sok %zu %s", ok ? "" : "not ", number, dash);
	put_line(out, record->name);
	fputc(' ', out);
	put_line(out, record->kernel);
	if (record->iteration > 1)
		fprintf(out, " iteration %lld", (long long)record->iteration);
	if (skipped) {
		fputs(" # SKIP ", out);
		put_line(out, words(record->detail));
	}
	fputc('\n', out);
}

/* A text of YAML in double quotes, which JSON's are too. */
static void put_yaml(FILE *out, const char *key, const char *text)
{
	json_object *string = json_object_new_string(words(text));

	fprintf(out, "  %s: %s\n", key,
		json_object_to_json_string_ext(string, JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(string);
}

void report_tap(FILE *out, const struct report *report)
{
	fprintf(out, "TAP version 13\n1..%zu\n", report->cases->count);
	for (size_t i = 0; i < report->cases->count; i++) {
		const struct record *record = &report->cases->items[i];
		put_result(out, record, i + 1, "- ");
		fputs("  ---\n", out);
		put_yaml(out, "case", record->id);
		put_yaml(out, "outcome", report_outcome(record));
		put_yaml(out, "expected", record->expected);
		put_yaml(out, "hit", record->hit);
		put_yaml(out, "detail", record->detail);
		fprintf(out, "  seconds: %.3f\n  ...\n", record->seconds);
	}
}

void report_ktap(FILE *out, const struct report *report)
{
	fprintf(out, "KTAP version 1\n1..%zu\n", report->cases->count);
	for (size_t i = 0; i < report->cases->count; i++) {
		const struct record *record = &report->cases->items[i];
		fputs("# ", out);
		put_line(out, report_outcome(record));
		fputs(", expected ", out);
		put_line(out, record->expected);
		fputs(*words(record->detail) ? ": " : "", out);
		put_line(out, words(record->detail));
		fputc('\n', out);
		put_result(out, record, i + 1, "");
	}
}

static void put_problem(FILE *out, const char *element, const struct record *record)
{
	html(out, "      <%s type=\"%s\" message=\"%s\">", element, report_outcome(record),
	     words(record->detail));
	html(out, "expected %s\n%s</%s>\n", record->expected, words(record->failure), element);
}

static bool is_broken(const struct record *record)
{
	return record_outcome(record) == OUTCOME_LAB_BROKEN;
}

static void put_testcase(FILE *out, const struct record *record)
{
	html(out, "    <testcase classname=\"%s.%s\" name=\"%s", record->kernel, record->backend,
	     record->name);
	if (record->iteration > 1)
		html(out, " #%lld", (long long)record->iteration);
	html(out, "\" time=\"%.3f\">\n", record->seconds);
	if (!record->outcome)
		html(out, "      <skipped message=\"not run\"/>\n");
	else if (record_outcome(record) == OUTCOME_SKIPPED)
		html(out, "      <skipped message=\"%s\"/>\n", words(record->detail));
	else if (!record->as_expected)
		put_problem(out, is_broken(record) ? "error" : "failure", record);
	if (record->outcome && !record->as_expected)
		html(out, "      <system-out>%s</system-out>\n", words(record->console));
	html(out, "    </testcase>\n");
}

void report_junit(FILE *out, const struct report *report)
{
	size_t failures = 0, errors = 0, skipped = 0;
	double seconds = 0;

	for (size_t i = 0; i < report->cases->count; i++) {
		const struct record *record = &report->cases->items[i];
		bool skip = !record->outcome || record_outcome(record) == OUTCOME_SKIPPED;
		skipped += skip;
		errors += !skip && !record->as_expected && is_broken(record);
		failures += !skip && !record->as_expected && !is_broken(record);
		seconds += record->seconds;
	}
	html(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
	html(out, "  <testsuite name=\"crashlab %s\" timestamp=\"%s\" tests=\"%zu\" ",
	     report->run->scenario, report->run->started, report->cases->count);
	html(out, "failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\" time=\"%.3f\">\n", failures,
	     errors, skipped, seconds);
	for (size_t i = 0; i < report->cases->count; i++)
		put_testcase(out, &report->cases->items[i]);
	html(out, "  </testsuite>\n</testsuites>\n");
}
