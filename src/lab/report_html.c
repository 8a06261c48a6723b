// SPDX-License-Identifier: GPL-2.0-only
/* The report that people look at: one page that needs nothing but itself. */
#define _GNU_SOURCE
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "lab/estimate.h"
#include "lab/html.h"
#include "lab/report.h"
#include "lab/stats.h"
#include "util/cleanup.h"

/* Cases that are told of one by one; all have their line in the table. */
#define DETAILS_MAX 300

/* The style sheet, put into the program as it is. */
__asm__(".section .rodata\n"
	"report_css: .incbin \"src/lab/report.css\"\n"
	".byte 0\n"
	".previous");
extern const char report_css[];

/** How many cases ended how. */
struct counts {
	size_t of[OUTCOME_COUNT + 1]; /* the last: not run */
	size_t expected, all;
};

static struct counts count(const struct record_list *cases)
{
	struct counts counts = {.all = cases->count};

	for (size_t i = 0; i < cases->count; i++) {
		const struct record *record = &cases->items[i];
		counts.of[record_outcome(record)]++;
		counts.expected += record->outcome && record->as_expected;
	}
	return counts;
}

static const char *outcome_class(enum outcome outcome)
{
	static char classes[OUTCOME_COUNT][24];

	if (outcome == OUTCOME_COUNT)
		return "not-run";
	for (size_t i = 0; outcome_names[outcome][i]; i++)
		classes[outcome][i] = tolower((unsigned char)outcome_names[outcome][i]);
	return classes[outcome];
}

const char *report_class(const struct record *record)
{
	return outcome_class(record_outcome(record));
}

const char *report_outcome(const struct record *record)
{
	return record->outcome ? record->outcome : "not run";
}

static void put_head(FILE *out, const struct report *report)
{
	html(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
	html(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
	/* Whatever a machine under test printed, nothing of it can run or load anything. */
	html(out, "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		  "style-src 'unsafe-inline'\">\n");
	html(out, "<title>crashlab: %s, %s</title>\n<style>\n", report->run->scenario,
	     report->run->run);
	fputs(report_css, out);
	html(out, "</style>\n</head>\n<body>\n<main>\n");
}

static void put_fact(FILE *out, const char *name, const char *value, const char *classes)
{
	if (value && *value)
		html(out, "<div%s><dt>%s</dt><dd class=\"%s\">%s</dd></div>\n",
		     strstr(classes, "wide") ? " class=wide" : "", name, classes, value);
}

/* The kernels of the run, each once, comma-separated. */
static void put_kernels(FILE *out, const struct record_list *cases)
{
	html(out, "<div><dt>kernel</dt><dd>");
	for (size_t i = 0; i < cases->count; i++) {
		size_t j = 0;
		while (strcmp(cases->items[j].kernel, cases->items[i].kernel))
			j++;
		if (j == i)
			html(out, "%s%s", i ? ", " : "", cases->items[i].kernel);
	}
	html(out, "</dd></div>\n");
}

static const char *banner_class(const struct counts *counts)
{
	if (counts->expected == counts->all)
		return "pass";
	if (counts->of[OUTCOME_FAIL])
		return "fail";
	return counts->of[OUTCOME_LAB_BROKEN] ? "lab-broken" : "inconclusive";
}

static void put_headline(FILE *out, const struct counts *counts)
{
	size_t other = counts->all - counts->expected - counts->of[OUTCOME_COUNT];

	if (counts->expected == counts->all)
		html(out, "All <b>%zu</b> cases ended as expected", counts->all);
	else
		html(out, "<b>%zu</b> of %zu cases did not end as expected", other, counts->all);
	if (counts->of[OUTCOME_COUNT])
		html(out, ", %zu were not run", counts->of[OUTCOME_COUNT]);
}

static void put_summary(FILE *out, const struct report *report)
{
	const struct run_record *run = report->run;
	struct counts counts = count(report->cases);
	size_t hits = 0, windows = 0;

	for (size_t i = 0; i < report->cases->count; i++) {
		enum hit hit = record_hit(&report->cases->items[i]);
		hits += hit == HIT_HIT;
		windows += hit != HIT_NONE;
	}
	struct rate rate = rate_make(hits, windows);
	_cleanup_free_ char *words = rate_words(&rate);
	html(out, "<section class=\"card banner %s\">\n<h1>", banner_class(&counts));
	put_headline(out, &counts);
	html(out, "</h1>\n<p class=soft>crashlab, scenario %s, run %s</p>\n<div class=stack>",
	     run->scenario, run->run);
	for (unsigned i = 0; i <= OUTCOME_COUNT; i++) {
		if (counts.of[i])
			html(out, "<i class=\"%s\" style=\"flex:%zu\"></i>", outcome_class(i),
			     counts.of[i]);
	}
	html(out, "</div>\n<ul class=legend>");
	for (unsigned i = 0; i <= OUTCOME_COUNT; i++) {
		if (counts.of[i])
			html(out, "<li><span class=\"chip %s\">%s</span> %zu</li>",
			     outcome_class(i), i < OUTCOME_COUNT ? outcome_names[i] : "not run",
			     counts.of[i]);
	}
	html(out, "</ul>\n<h3>The run</h3>\n<dl class=facts>\n");
	put_kernels(out, report->cases);
	put_fact(out, "started", run->started, "num");
	put_fact(out, "ended", run->ended ? run->ended : "it was cut off", "num");
	put_fact(out, "windows hit", windows ? words : NULL, "");
	put_fact(out, "host", run->host, "");
	html(out, "<div><dt>seed</dt><dd class=num>%lld</dd></div>\n", (long long)run->seed);
	put_fact(out, "command", run->command, "mono wide");
	html(out, "</dl>\n</section>\n");
}

static bool same_signature(const struct record *a, const struct record *b)
{
	return a->signature && b->signature && !strcmp(a->signature, b->signature);
}

/* One row of the table of failures: all cases that have the signature of case @first. */
static void put_failure(FILE *out, const struct record_list *cases, size_t first)
{
	const struct record *record = &cases->items[first];
	size_t number = 0, shown = 0;

	for (size_t i = first; i < cases->count; i++)
		number += same_signature(record, &cases->items[i]);
	html(out, "<tr><td class=\"num right\">%zu</td>", number);
	html(out, "<td><span class=\"chip %s\">%s</span></td>", report_class(record),
	     report_outcome(record));
	html(out, "<td class=where>%s<br><span class=\"soft mono\">%s</span></td><td>",
	     record->failure, record->signature);
	for (size_t i = first; i < cases->count; i++) {
		if (!same_signature(record, &cases->items[i]) || ++shown > 6)
			continue;
		html(out, "%s<a href=\"#%s\">%s</a>", shown > 1 ? ", " : "", cases->items[i].id,
		     cases->items[i].id);
	}
	html(out, "%s</td></tr>\n", shown > 6 ? ", …" : "");
}

static void put_failures(FILE *out, const struct record_list *cases)
{
	bool any = false;

	for (size_t i = 0; i < cases->count; i++) {
		size_t j = 0;
		if (!cases->items[i].signature)
			continue;
		while (!same_signature(&cases->items[j], &cases->items[i]))
			j++;
		if (j < i)
			continue;
		if (!any)
			html(out, "<section class=card>\n<h2>What failed, and how</h2>\n<div "
				  "class=scroll><table>\n<tr><th class=right>cases</th>"
				  "<th>outcome</th><th>kernel, window, finding, stacks</th>"
				  "<th>seen in</th></tr>\n");
		any = true;
		put_failure(out, cases, i);
	}
	if (any)
		html(out, "</table></div>\n</section>\n");
}

static void put_row(FILE *out, const struct record *record, bool told)
{
	html(out, "<tr><td><span class=\"chip %s%s\">%s</span></td><td>", report_class(record),
	     record->as_expected ? "" : " hollow", report_outcome(record));
	html(out, told ? "<a href=\"#%s\">" : "<span title=\"%s\">", record->id);
	html(out, "%s", record->name);
	if (record->iteration > 1)
		html(out, " <span class=soft>#%lld</span>", (long long)record->iteration);
	html(out, told ? "</a>" : "</span>");
	html(out, "</td><td>%s</td><td>%s</td>", record->kernel, record->backend);
	html(out, "<td>%s</td><td>%s</td>", record->window, record->hit);
	html(out, "<td class=num>%lld / %lld</td>", (long long)record->panic_cpu,
	     (long long)record->reboot_cpu);
	html(out, "<td class=\"num right\">%.1f</td></tr>\n", record->seconds);
}

/* Told of one by one: what is no PASS as expected, and the first of every name that is. */
static bool is_told(const struct record_list *cases, size_t index, size_t *told)
{
	const struct record *record = &cases->items[index];
	bool plain = record_outcome(record) == OUTCOME_PASS && record->as_expected;

	for (size_t i = 0; plain && i < index; i++) {
		const struct record *other = &cases->items[i];
		if (record_outcome(other) == OUTCOME_PASS && !strcmp(other->name, record->name) &&
		    !strcmp(other->kernel, record->kernel))
			return false;
	}
	return record->outcome && ++*told <= DETAILS_MAX;
}

static void put_cases(FILE *out, const struct record_list *cases)
{
	size_t told = 0;

	html(out, "<section class=card>\n<h2>All cases</h2>\n<p class=soft>A hollow mark is an "
		  "outcome that the scenario does not expect.</p>\n<div class=scroll><table>\n"
		  "<tr><th>outcome</th><th>case</th><th>kernel</th><th>on</th><th>window</th>"
		  "<th>hit</th><th>panic / reboot CPU</th><th class=right>s</th></tr>\n");
	for (size_t i = 0; i < cases->count; i++)
		put_row(out, &cases->items[i], is_told(cases, i, &told));
	html(out, "</table></div>\n</section>\n<h2>Case by case</h2>\n");
	told = 0;
	for (size_t i = 0; i < cases->count; i++) {
		if (is_told(cases, i, &told))
			report_put_case(out, &cases->items[i]);
	}
}

void report_html(FILE *out, const struct report *report)
{
	put_head(out, report);
	put_summary(out, report);
	put_failures(out, report->cases);
	report_put_heat_map(out, report);
	report_put_windows(out, report);
	report_put_sweep(out, report);
	put_cases(out, report->cases);
	html(out, "<footer><p>PASS needs direct evidence for every CPU and every VMCS; a window "
		  "that was missed never counts as a pass. Intervals are Wilson's, 95 %%. Made "
		  "from crashlab.db.</p></footer>\n</main>\n</body>\n</html>\n");
}
