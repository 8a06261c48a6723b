// SPDX-License-Identifier: GPL-2.0-only
#include "verify/judge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/number.h"
#include "util/text.h"
#include "verify/sandbox.h"
#include "virt/capsule.h"
#include "virt/collect.h"
#include "virt/inputs.h"
#include "virt/report_explain.h"
#include "virt/report_json.h"
#include "virt/report_text.h"
#include "virt/scan.h"
#include "virt/verdict.h"

/** What is analysed, open until the capsule is written; without a dump the report is from JSON. */
struct subject {
	struct dump_file *files; /* as many as dumps were named */
	size_t count;
	struct dump *dump;
	struct kernel *kernel;
	struct report report;
};

/* ---- before a byte of a dump is read ---- */

static struct error *open_dumps(const struct options *options, struct subject *subject)
{
	subject->files = calloc(options->dump_count, sizeof(*subject->files));
	if (!subject->files)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	for (; subject->count < options->dump_count; subject->count++)
		try(dump_file_open(options->dumps[subject->count],
				   &subject->files[subject->count]));
	return NULL;
}

static struct error *lock_up(void)
{
	const char *path;

	try(kernel_open_scratch(&path));
	struct error *err = sandbox_enter(path);

	if (err)
		fprintf(stderr,
			"verify_vmcs: warning: the dump is read with more rights than it "
			"should be: %s\n",
			err->message);
	error_free(err);
	return NULL;
}

/* ---- the analysis ---- */

/** True when the file starts as JSON does, and a dump never does. */
static bool is_json(int fd)
{
	char start[64] = "";

	/* What a pipe gives can be read only once: this fails there. */
	if (pread(fd, start, sizeof(start) - 1, 0) <= 0)
		return false;
	return start[strspn(start, " \t\r\n")] == '{';
}

static void subject_deinit(struct subject *subject)
{
	report_deinit(&subject->report);
	if (subject->kernel)
		kernel_close(subject->kernel);
	if (subject->dump)
		dump_close(subject->dump);
	for (size_t i = 0; i < subject->count; i++)
		dump_file_close(&subject->files[i]);
	free(subject->files);
}

static void show_progress(uint64_t done, uint64_t total)
{
	static int shown = -1;
	int percent = total ? (int)(done * 100 / total) : 100;

	if (percent != shown)
		fprintf(stderr, "\rscan: %3d %%%s", percent,
			done == total ? "\r           \r" : "");
	shown = percent;
}

static struct error *analyse(struct subject *subject, const struct options *options)
{
	struct error *err = kernel_open(subject->dump, &options->inputs.kernel, &subject->kernel);

	if (!err)
		err = report_collect(subject->kernel, &options->inputs.calibrations,
				     &subject->report);
	if (!err && options->scan)
		err = report_scan(subject->kernel, &options->inputs.calibrations, &subject->report,
				  isatty(STDERR_FILENO) ? show_progress : NULL);
	if (error_is(err, ERROR_NO_DATA))
		err = error_wrap(err, "the dump lacks pages that every analysis needs (was it cut "
				      "off, or saved with more than makedumpfile -d 23?)");
	return err;
}

static struct error *load_json(const struct options *options, const struct dump_file *file,
			       struct report *ret)
{
	const char *needs = options->capsule ? "capsule"
			    : options->scan  ? "scan"
					     : inputs_need_dump(&options->inputs);
	_cleanup_free_ char *text = NULL;

	if (needs)
		return error_new(ERROR_USAGE, "%s is no dump: --%s wants one", file->name, needs);
	if (options->dump_count > 1)
		return error_new(ERROR_USAGE, "%s is no part of a dump: judge it alone",
				 file->name);
	try(input_read_text(file->fd, file->name, &text));
	return error_wrap(report_parse_json(text, ret), "%s", file->name);
}

static struct error *load(const struct options *options, struct subject *subject)
{
	_cleanup_free_ char *all = NULL;

	if (is_json(subject->files[0].fd))
		return load_json(options, &subject->files[0], &subject->report);
	for (size_t i = 0; i < options->dump_count; i++)
		try(text_join(&all, ", ", options->dumps[i]));
	try(dump_open_files(subject->files, subject->count, &subject->dump));
	if (options->capsule)
		dump_record(subject->dump);
	try(error_wrap(analyse(subject, options), "%s", all));
	return text_set(&subject->report.dump_path, "%s", all);
}

static struct error *check_case(const struct report *report, const char *id)
{
	if (!id)
		return NULL;
	if (!report->has_case)
		return error_new(ERROR_FORMAT, "this dump is of no case, not of %s: %s", id,
				 report->hit.reason ? report->hit.reason : "no marker");
	if (strcmp(report->marker.case_id, id))
		return error_new(ERROR_FORMAT, "this dump is of case %s, not of %s",
				 report->marker.case_id, id);
	return NULL;
}

/* ---- what comes out ---- */

static struct error *explain(const struct report *report, const char *number)
{
	uint64_t cpu;

	try(number_parse("--explain", number, 0, UINT16_MAX, &cpu));
	return report_explain(report, cpu, stdout);
}

/** https://no-color.org */
static bool wants_colour(void)
{
	const char *without = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && !(without && *without);
}

static struct error *print(const struct report *report, const struct options *options,
			   struct output *json)
{
	if (options->json && !options->json_file)
		return report_write_json(report, stdout);
	if (options->explain)
		try(explain(report, options->explain));
	else
		report_print_text(report, stdout, wants_colour());
	if (!json->path)
		return NULL;
	try(error_wrap(report_write_json(report, json->file), "%s", json->path));
	return output_done(json);
}

static struct error *write_capsule(struct subject *subject, struct output *capsule)
{
	if (!capsule->path)
		return NULL;
	try(error_wrap(report_write_capsule(subject->kernel, &subject->report, capsule->file),
		       "capsule %s", capsule->path));
	return output_done(capsule);
}

static struct error *run(struct options *options, struct subject *subject, struct outputs *outputs)
{
	struct report *report = &subject->report;

	try(inputs_read(&options->inputs));
	try(open_dumps(options, subject));
	if (!options->no_sandbox)
		try(lock_up());
	try(load(options, subject));
	try(check_case(report, options->case_id));
	try(inputs_apply(&options->inputs, report));
	try(verdict_judge(report, options->accept_inferred));
	try(print(report, options, &outputs->json));
	try(write_capsule(subject, &outputs->capsule));
	if (fflush(stdout))
		return error_errno(errno, "standard output");
	return NULL;
}

struct error *judge(struct options *options, struct outputs *outputs, enum status *ret)
{
	static const enum status statuses[] = {
		[VERDICT_PASS] = STATUS_PASS,
		[VERDICT_FAIL] = STATUS_FAIL,
		[VERDICT_INCONCLUSIVE] = STATUS_INCONCLUSIVE,
	};
	struct subject subject = {};
	struct error *err = run(options, &subject, outputs);

	*ret = statuses[subject.report.verdict];
	subject_deinit(&subject);
	return err;
}
