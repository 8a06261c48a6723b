// SPDX-License-Identifier: GPL-2.0-only
#include "lab/report.h"

#include "lab/results_json.h"
#include "lab/table.h"

static void print_text(FILE *out, const struct report *report)
{
	table_print(out, report->cases);
}

static void print_json(FILE *out, const struct report *report)
{
	results_print_json(out, report->run, report->cases);
}

const struct report_format report_formats[] = {
	{"html", "report.html", report_html},
	{"text", NULL, print_text},
	{"json", NULL, print_json},
	{"tap", NULL, report_tap},
	{"ktap", NULL, report_ktap},
	{"junit", NULL, report_junit},
	{},
};
