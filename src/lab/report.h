/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_REPORT_H
#define CRASHLAB_LAB_REPORT_H

#include <stdio.h>

#include "lab/record.h"

/** What a report is made from. */
struct report {
	const struct run_record *run;
	const struct record_list *cases;
};

/** A way to write a report down. */
struct report_format {
	const char *name;
	const char *suffix; /* of a file in the run's directory; NULL: to standard output */
	void (*print)(FILE *out, const struct report *report);
};

/** html, text, json, tap, ktap, junit; ends with a name of NULL. */
extern const struct report_format report_formats[];

/** Write it to the file at @path, as a whole. */
struct error *report_write(const struct report_format *format, const struct report *report,
			   const char *path);

/* report_tap.c */
void report_tap(FILE *out, const struct report *report);
void report_ktap(FILE *out, const struct report *report);
void report_junit(FILE *out, const struct report *report);

/* report_html.c */
void report_html(FILE *out, const struct report *report);

/* report_charts.c: the parts of the page that are about all cases */
void report_put_heat_map(FILE *out, const struct report *report);
void report_put_windows(FILE *out, const struct report *report);
void report_put_sweep(FILE *out, const struct report *report);

/* report_case.c: what is told of one case */
void report_put_case(FILE *out, const struct record *record);

/* report_timeline.c: what its CPUs did when, as far as @verdict tells */
void report_put_timeline(FILE *out, json_object *verdict);

/** The class of @record's outcome in the page's style sheet: "pass", "race-missed", "not-run". */
const char *report_class(const struct record *record);

/** Its outcome in words. */
const char *report_outcome(const struct record *record);

#endif
