// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/report.h"

#include <stdlib.h>

#include "lab/files.h"
#include "lab/results_json.h"
#include "lab/table.h"
#include "util/cleanup.h"

static void print_text(FILE *out, const struct report *report)
{
	table_print(out, report->cases, SIZE_MAX);
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

struct error *report_write(const struct report_format *format, const struct report *report,
			   const char *path)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	format->print(out, report);
	fclose(out);
	return write_text(path, text);
}
