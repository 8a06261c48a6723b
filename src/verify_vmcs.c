// SPDX-License-Identifier: GPL-2.0-only
/* verify_vmcs: was virtualization off on every CPU, and no VMCS active, when this kernel died? */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "util/cleanup.h"
#include "util/number.h"
#include "virt/capsule.h"
#include "virt/collect.h"
#include "virt/inputs.h"
#include "virt/report_explain.h"
#include "virt/report_json.h"
#include "virt/report_text.h"
#include "virt/scan.h"
#include "virt/verdict.h"

enum status {
	STATUS_PASS = 0,
	STATUS_FAIL = 1,
	STATUS_INCONCLUSIVE = 2,
	STATUS_CANNOT = 3,
	STATUS_USAGE = 64,
};

struct arguments {
	const char *const *dumps; /* several: the parts of one */
	size_t dump_count;
	const char *case_id;
	struct inputs inputs;
	bool json;
	const char *json_file; /* NULL: standard output, instead of the text */
	const char *capsule;
	const char *explain;
	bool scan;
	bool accept_inferred;
};

/** What is analysed, open until the capsule is written; without a dump the report is from JSON. */
struct subject {
	struct dump *dump;
	struct kernel *kernel;
	struct report report;
};

enum {
	OPTION_JSON = 256,
	OPTION_CASE,
	OPTION_ACCEPT_INFERRED,
	OPTION_CAPSULE,
	OPTION_SCAN,
	OPTION_EXPLAIN
};

/* The help is to fit one screen: a line for each. */
static const struct argp_option options[] = {
	{"json", OPTION_JSON, "FILE", OPTION_ARG_OPTIONAL,
	 "JSON to FILE, or to stdout instead of the text", 0},
	{"case", OPTION_CASE, "ID", 0, "refuse a dump that is not of crashtrigger's case", 0},
	{"capsule", OPTION_CAPSULE, "FILE", 0, "write a small dump: the pages it all rests on", 0},
	{"explain", OPTION_EXPLAIN, "CPU", 0, "tell in words what is believed of CPU, and why", 0},
	{"scan", OPTION_SCAN, NULL, 0, "search memory for VMCSs that the kernel has lost", 0},
	{"accept-inferred", OPTION_ACCEPT_INFERRED, NULL, 0,
	 "let PASS rest on inference, where need be", 0},
	{},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &arguments->inputs;
		return 0;
	case OPTION_JSON:
		arguments->json = true;
		arguments->json_file = arg;
		return 0;
	case OPTION_CASE:
		arguments->case_id = arg;
		return 0;
	case OPTION_CAPSULE:
		arguments->capsule = arg;
		return 0;
	case OPTION_EXPLAIN:
		arguments->explain = arg;
		return 0;
	case OPTION_SCAN:
		arguments->scan = true;
		return 0;
	case OPTION_ACCEPT_INFERRED:
		arguments->accept_inferred = true;
		return 0;
	case ARGP_KEY_ARGS:
		arguments->dumps = (const char *const *)state->argv + state->next;
		arguments->dump_count = state->argc - state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which DUMP? Give a vmcore or an earlier verdict.json");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {{&inputs_argp, 0, NULL, 0}, {}};

static const struct argp argp = {
	options,
	parse_option,
	"DUMP...",
	"Say whether virtualization was off on every CPU, and no VMCS left active, when the kernel "
	"in DUMP died, on what evidence, and how sure that is.\v"
	"DUMP is a vmcore, or a verdict.json made earlier, which is judged again; several are the\n"
	"parts that `makedumpfile --split' made of one.\n"
	"Status: 0 PASS, 1 FAIL, 2 INCONCLUSIVE, 3 cannot analyse, 64 bad usage.",
	children,
	NULL,
	NULL,
};

/** True when the file starts as JSON does. */
static bool is_json(const char *path)
{
	_cleanup_fclose_ FILE *file = NULL;
	struct stat status;
	char first = '\0';

	/* What a pipe gives can be read only once. */
	if (stat(path, &status) || !S_ISREG(status.st_mode))
		return false;
	file = fopen(path, "re");
	return file && fscanf(file, " %c", &first) == 1 && first == '{';
}

static void subject_deinit(struct subject *subject)
{
	report_deinit(&subject->report);
	if (subject->kernel)
		kernel_close(subject->kernel);
	if (subject->dump)
		dump_close(subject->dump);
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

/** The errors of dump_open() name the path, the others do not. */
static struct error *analyse(struct subject *subject, const struct inputs *inputs, const char *path,
			     bool scan)
{
	struct error *err = kernel_open(subject->dump, &inputs->kernel, &subject->kernel);

	if (!err)
		err = report_collect(subject->kernel, &subject->report);
	if (!err && scan)
		err = report_scan(subject->kernel, &subject->report,
				  isatty(STDERR_FILENO) ? show_progress : NULL);
	if (error_is(err, ERROR_NO_DATA))
		err = error_wrap(err, "the dump lacks pages that every analysis needs (was it cut "
				      "off, or saved with more than makedumpfile -d 23?)");
	return error_wrap(err, "%s", path);
}

static struct error *load(const struct arguments *arguments, struct subject *subject)
{
	const char *path = arguments->dumps[0];
	_cleanup_free_ char *text = NULL, *all = NULL;

	if (is_json(path)) {
		const char *needs = arguments->capsule ? "capsule"
				    : arguments->scan  ? "scan"
						       : inputs_need_dump(&arguments->inputs);

		if (needs)
			return error_new(ERROR_USAGE, "%s is no dump: --%s wants one", path, needs);
		if (arguments->dump_count > 1)
			return error_new(ERROR_USAGE, "%s is no part of a dump: judge it alone",
					 path);
		try(input_text(path, &text));
		return error_wrap(report_parse_json(text, &subject->report), "%s", path);
	}
	for (size_t i = 0; i < arguments->dump_count; i++)
		try(text_join(&all, ", ", arguments->dumps[i]));
	try(dump_open_set(arguments->dumps, arguments->dump_count, &subject->dump));
	if (arguments->capsule)
		dump_record(subject->dump);
	try(analyse(subject, &arguments->inputs, all, arguments->scan));
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

static struct error *explain(const struct report *report, const char *number)
{
	uint64_t cpu;

	try(number_parse("--explain", number, 0, UINT16_MAX, &cpu));
	return report_explain(report, cpu, stdout);
}

static struct error *print(const struct report *report, const struct arguments *arguments)
{
	if (arguments->json && !arguments->json_file)
		return report_write_json(report, stdout);
	if (arguments->explain)
		try(explain(report, arguments->explain));
	else
		report_print_text(report, stdout, isatty(STDOUT_FILENO));
	if (!arguments->json)
		return NULL;
	_cleanup_fclose_ FILE *file = fopen(arguments->json_file, "we");
	if (!file)
		return error_errno(errno, "%s", arguments->json_file);
	return error_wrap(report_write_json(report, file), "%s", arguments->json_file);
}

static struct error *run(struct arguments *arguments, struct subject *subject)
{
	struct report *report = &subject->report;

	try(inputs_read(&arguments->inputs));
	try(load(arguments, subject));
	try(check_case(report, arguments->case_id));
	try(inputs_apply(&arguments->inputs, report));
	try(verdict_judge(report, arguments->accept_inferred));
	try(print(report, arguments));
	if (arguments->capsule)
		try(report_write_capsule(subject->kernel, report, arguments->capsule));
	if (fflush(stdout))
		return error_errno(errno, "standard output");
	return NULL;
}

int main(int argc, char **argv)
{
	static const enum status statuses[] = {
		[VERDICT_PASS] = STATUS_PASS,
		[VERDICT_FAIL] = STATUS_FAIL,
		[VERDICT_INCONCLUSIVE] = STATUS_INCONCLUSIVE,
	};
	struct arguments arguments = {};
	struct subject subject = {};

	argp_err_exit_status = STATUS_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	struct error *err = run(&arguments, &subject);
	int status = statuses[subject.report.verdict];

	if (err) {
		fprintf(stderr, "verify_vmcs: %s\n", err->message);
		status = error_is(err, ERROR_USAGE) ? STATUS_USAGE : STATUS_CANNOT;
	}
	error_free(err);
	subject_deinit(&subject);
	inputs_deinit(&arguments.inputs);
	return status;
}
