// SPDX-License-Identifier: GPL-2.0-only
/* A stored verdict: what can be read can be judged and written, and reads the same again. */
#include <stdint.h>
#include <string.h>

#include "util/cleanup.h"
#include "virt/report_json.h"
#include "virt/verdict.h"

static void cleanup_report(struct report *report)
{
	report_deinit(report);
}

static char *write_json(const struct report *report)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);
	struct error *err = report_write_json(report, file);

	fclose(file);
	if (!err)
		return text;
	error_free(err);
	free(text);
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size);
	_cleanup_(cleanup_report) struct report report = {0};
	_cleanup_(cleanup_report) struct report again = {0};
	struct error *err = report_parse_json(text, &report);

	if (!err)
		err = verdict_judge(&report, false);
	if (err) {
		error_free(err);
		return 0;
	}
	_cleanup_free_ char *first = write_json(&report);
	if (!first)
		return 0;
	err = report_parse_json(first, &again);
	if (!err)
		err = verdict_judge(&again, false);
	if (err || again.verdict != report.verdict)
		__builtin_trap();
	return 0;
}
