// SPDX-License-Identifier: GPL-2.0-only
/* The commands that look at what runs have left: list, show, report, compare, prune. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "lab/command.h"
#include "lab/compare.h"
#include "lab/files.h"
#include "lab/listing.h"
#include "lab/plan.h"
#include "lab/prune.h"
#include "lab/report.h"
#include "lab/results_json.h"
#include "lab/select.h"
#include "lab/table.h"
#include "util/cleanup.h"

enum { KEY_RESULTS = 256, KEY_JSON, KEY_FORMAT, KEY_KEEP, KEY_YES };

/** What any of these commands was asked for. */
struct arguments {
	const char *results, *names[2], *output;
	unsigned names_max, names_count;
	bool json;
	const struct report_format *format;
	struct prune_policy policy;
};

#define RESULTS_OPTION                                                    \
	{                                                                 \
		"results", KEY_RESULTS, "DIR", 0, "where the runs are", 0 \
	}
#define JSON_OPTION                                     \
	{                                               \
		"json", KEY_JSON, NULL, 0, "as JSON", 0 \
	}

static const struct report_format *find_format(struct argp_state *state, const char *name)
{
	for (const struct report_format *format = report_formats; format->name; format++) {
		if (!strcmp(format->name, name))
			return format;
	}
	argp_error(state, "--format is html, text, json, tap, ktap or junit");
	return NULL;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case KEY_RESULTS:
		arguments->results = arg;
		return 0;
	case KEY_JSON:
		arguments->json = true;
		return 0;
	case KEY_FORMAT:
		arguments->format = find_format(state, arg);
		return 0;
	case 'o':
		arguments->output = arg;
		return 0;
	case KEY_KEEP:
		arguments->policy.keep_runs = command_number(state, "--keep-runs", arg, 1, 1000000);
		return 0;
	case KEY_YES:
		arguments->policy.yes = true;
		return 0;
	case 'n':
		arguments->policy.dry_run = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num >= arguments->names_max)
			argp_usage(state);
		arguments->names[arguments->names_count++] = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static struct error *select_first(const struct arguments *arguments, struct selection *ret)
{
	struct lab_paths paths;
	struct error *err = lab_paths_init(&paths, NULL);

	if (!err)
		err = select_named(&paths, arguments->results, arguments->names[0], ret);
	lab_paths_deinit(&paths);
	return err;
}

static struct error *open_database(const struct arguments *arguments, struct db **ret)
{
	struct lab_paths paths;
	struct error *err = lab_paths_init(&paths, NULL);

	if (!err) {
		_cleanup_free_ char *results = results_directory(&paths, arguments->results);
		err = db_open(results, false, ret);
	}
	lab_paths_deinit(&paths);
	return err;
}

static int list(int argc, char **argv)
{
	static const struct argp_option options[] = {RESULTS_OPTION, JSON_OPTION, {}};
	static const struct argp argp = {
		options, parse, "[RUN]", "List the runs, or the cases of RUN.", NULL, NULL, NULL};
	struct arguments arguments = {.names_max = 1};
	_cleanup_selection_ struct selection selection = {};
	_cleanup_db_ struct db *db = NULL;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	if (!arguments.names_count) {
		struct error *err = open_database(&arguments, &db);
		if (!err)
			err = list_runs(db, arguments.json, stdout);
		return err ? command_complain(err) : 0;
	}
	struct error *err = select_first(&arguments, &selection);
	if (err)
		return command_complain(err);
	if (arguments.json)
		results_print_json(stdout, &selection.run, &selection.cases);
	else
		list_cases(&selection.cases, stdout);
	return 0;
}

static int show(int argc, char **argv)
{
	static const struct argp_option options[] = {RESULTS_OPTION, JSON_OPTION, {}};
	static const struct argp argp = {
		options,
		parse,
		"[RUN|CASE|DIR]",
		"Print the table of a run (default: the newest) or of a case again.",
		NULL,
		NULL,
		NULL};
	struct arguments arguments = {.names_max = 1};
	_cleanup_selection_ struct selection selection = {};

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	struct error *err = select_first(&arguments, &selection);
	if (err)
		return command_complain(err);
	if (arguments.json)
		results_print_json(stdout, &selection.run, &selection.cases);
	else
		table_print(stdout, &selection.cases, SIZE_MAX);
	return 0;
}

/* Where the report goes; NULL: standard output. The caller frees it. */
static char *report_path(const struct arguments *arguments, const struct selection *selection)
{
	if (arguments->output)
		return strcmp(arguments->output, "-") ? format_string("%s", arguments->output)
						      : NULL;
	if (!arguments->format->suffix || !selection->db)
		return NULL;
	if (selection->one)
		return format_string("%s/%s", selection->cases.items[0].directory,
				     arguments->format->suffix);
	return format_string("%s/%s/%s", db_results(selection->db), selection->run.run,
			     arguments->format->suffix);
}

static struct error *write_report(const struct arguments *arguments,
				  const struct selection *selection)
{
	const struct report report = {&selection->run, &selection->cases};
	_cleanup_free_ char *path = report_path(arguments, selection);

	if (!path) {
		arguments->format->print(stdout, &report);
		return NULL;
	}
	try(report_write(arguments->format, &report, path));
	printf("%s\n", path);
	return NULL;
}

static int report(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"format", KEY_FORMAT, "F", 0, "html (default), text, json, tap, ktap, junit", 0},
		{"output", 'o', "FILE", 0,
		 "-: standard output; default for html: report.html in its directory", 0},
		RESULTS_OPTION,
		{},
	};
	static const struct argp argp = {
		options,
		parse,
		"[RUN|CASE|DIR]",
		"Make a report of a run (default: the newest). The page needs nothing but itself.",
		NULL,
		NULL,
		NULL};
	struct arguments arguments = {.names_max = 1, .format = &report_formats[0]};
	_cleanup_selection_ struct selection selection = {};

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	struct error *err = select_first(&arguments, &selection);
	if (!err)
		err = write_report(&arguments, &selection);
	return err ? command_complain(err) : 0;
}

/* RUN, or RUN@KERNEL: its cases with that kernel only. */
static struct error *select_side(const struct lab_paths *paths, const struct arguments *arguments,
				 const char *side, struct selection *ret)
{
	_cleanup_free_ char *name = format_string("%s", side);
	char *kernel = strchr(name, '@');
	size_t kept = 0;

	if (kernel)
		*kernel++ = '\0';
	try(select_named(paths, arguments->results, name, ret));
	for (size_t i = 0; kernel && i < ret->cases.count; i++) {
		if (strcmp(ret->cases.items[i].kernel, kernel))
			record_deinit(&ret->cases.items[i]);
		else
			ret->cases.items[kept++] = ret->cases.items[i];
	}
	if (kernel)
		ret->cases.count = kept;
	return ret->cases.count ? NULL
				: error_new(ERROR_NOT_FOUND, "%s: no case with kernel %s", name,
					    kernel ? kernel : "");
}

static struct error *compare_sides(const struct arguments *arguments, int *ret_status)
{
	_cleanup_selection_ struct selection a = {}, b = {};
	struct comparison_list list;
	struct lab_paths paths;
	struct error *err = lab_paths_init(&paths, NULL);

	if (!err)
		err = select_side(&paths, arguments, arguments->names[0], &a);
	if (!err)
		err = select_side(&paths, arguments, arguments->names[1], &b);
	lab_paths_deinit(&paths);
	if (err)
		return err;
	err = compare_make(&a.cases, &b.cases, &list);
	if (!err)
		(arguments->json ? compare_print_json : compare_print)(
			stdout, &list, arguments->names[0], arguments->names[1]);
	*ret_status = list.count && list.items[0].change == CHANGE_WORSE;
	free(list.items);
	return err;
}

static int compare(int argc, char **argv)
{
	static const struct argp_option options[] = {RESULTS_OPTION, JSON_OPTION, {}};
	static const struct argp argp = {
		options,
		parse,
		"A B",
		"Compare two runs by the names of their cases: what got worse, better, is new, is "
		"gone. A and B are runs, or RUN@KERNEL for one kernel of a run."
		"\vExit status: 0 nothing got worse, 1 something did.",
		NULL,
		NULL,
		NULL};
	struct arguments arguments = {.names_max = 2};
	int status = 0;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	if (arguments.names_count < 2)
		return command_complain(error_new(ERROR_USAGE, "compare takes two runs"));
	struct error *err = compare_sides(&arguments, &status);
	return err ? command_complain(err) : status;
}

static int prune_command(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"keep-runs", KEY_KEEP, "N", 0, "also those of older runs than the newest N", 0},
		{"dry-run", 'n', NULL, 0, "only tell", 0},
		{"yes", KEY_YES, NULL, 0, "do not ask", 0},
		RESULTS_OPTION,
		JSON_OPTION,
		{},
	};
	static const struct argp argp = {
		options,
		parse,
		"",
		"Remove vmcores that tell nothing new: of cases that passed, and of failures "
		"that are the same as an earlier one. Capsules and verdicts stay.",
		NULL,
		NULL,
		NULL};
	struct arguments arguments = {};
	_cleanup_db_ struct db *db = NULL;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	struct error *err = open_database(&arguments, &db);
	arguments.policy.json = arguments.json;
	if (!err)
		err = prune(db, &arguments.policy, stdout);
	return err ? command_complain(err) : 0;
}

const struct command command_list = {"list", list, "list the runs, or the cases of a run"};
const struct command command_show = {"show", show, "print the table of a run or a case again"};
const struct command command_report = {"report", report, "make a report: HTML, TAP, JUnit, …"};
const struct command command_compare = {"compare", compare, "tell how two runs differ"};
const struct command command_prune = {"prune", prune_command, "remove vmcores nobody needs"};
