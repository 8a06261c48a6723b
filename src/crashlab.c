// SPDX-License-Identifier: GPL-2.0-only
/* crashlab: run crash cases on this host and tell what became of them. */
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "lab/doctor.h"
#include "lab/files.h"
#include "lab/run.h"
#include "lab/select.h"
#include "lab/table.h"
#include "util/cleanup.h"
#include "util/text.h"

enum { STATUS_BROKEN = 3, STATUS_USAGE = 64 };

static int complain(struct error *err)
{
	int status = error_is(err, ERROR_USAGE) ? STATUS_USAGE : STATUS_BROKEN;

	fprintf(stderr, "crashlab: %s\n", err->message);
	error_free(err);
	return status;
}

struct run_arguments {
	struct run_request request;
	const char *images;
};

enum {
	KEY_BACKEND = 256,
	KEY_KERNEL,
	KEY_IMAGES,
	KEY_RESULTS,
	KEY_CASE,
	KEY_SAVE,
	KEY_FACTOR,
	KEY_LIST,
	KEY_RESUME
};

static const struct argp_option run_options[] = {
	{"backend", KEY_BACKEND, "NAME", 0, "auto (default), kvm, tcg or bochs", 0},
	{"kernel", KEY_KERNEL, "RELEASE", 0, "the newest that images were built for", 0},
	{"images", KEY_IMAGES, "DIR", 0, "images of kernels, DIR/RELEASE/", 0},
	{"results", KEY_RESULTS, "DIR", 0, "where the run's directory goes", 0},
	{"case", KEY_CASE, "NAME", 0, "only this case, or those that match a pattern", 0},
	{"save", KEY_SAVE, "WHEN", 0, "the vmcore: always, fail (default), never", 0},
	{"jobs", 'j', "N", 0, "cases at a time; default: as the cores allow", 0},
	{"timeout-factor", KEY_FACTOR, "F", 0, "stretch every time limit", 0},
	{"dry-run", 'n', NULL, 0, "print what would be started, start nothing", 0},
	{"resume", KEY_RESUME, "RUN", OPTION_ARG_OPTIONAL,
	 "go on with what is left of RUN, or of the newest run", 0},
	{"list", KEY_LIST, NULL, 0, "list the cases, start nothing", 0},
	{},
};

static void check_save(struct argp_state *state, const char *value)
{
	if (strcmp(value, "always") && strcmp(value, "fail") && strcmp(value, "never"))
		argp_error(state, "--save is always, fail or never");
}

static double parse_positive(struct argp_state *state, const char *name, const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (*end || end == text || !(value > 0 && value < 10000))
		argp_error(state, "%s must be a number above 0", name);
	return value;
}

static error_t parse_run(int key, char *arg, struct argp_state *state)
{
	struct run_arguments *arguments = state->input;
	struct run_request *request = &arguments->request;

	switch (key) {
	case KEY_BACKEND:
		request->backend = arg;
		break;
	case KEY_KERNEL:
		request->kernel = arg;
		break;
	case KEY_IMAGES:
		arguments->images = arg;
		break;
	case KEY_RESULTS:
		request->results = arg;
		break;
	case KEY_CASE:
		request->only = arg;
		break;
	case KEY_SAVE:
		check_save(state, arg);
		request->save = arg;
		break;
	case 'j':
		request->jobs = parse_positive(state, "-j", arg);
		break;
	case KEY_FACTOR:
		request->timeout_factor = parse_positive(state, "--timeout-factor", arg);
		break;
	case 'n':
		request->dry_run = true;
		break;
	case KEY_RESUME:
		request->resume = arg ? arg : "";
		break;
	case KEY_LIST:
		request->list = true;
		break;
	case ARGP_KEY_ARG:
		if (state->arg_num)
			argp_usage(state);
		request->scenario = arg;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* The command line as one can give it to a shell again. */
static char *join_words(int argc, char **argv)
{
	char *text = NULL;

	for (int i = 0; i < argc; i++) {
		bool plain = !argv[i][strcspn(argv[i], "'\"\\ *?$`&|;<>()[]{}~#!\n\t")];
		_cleanup_free_ char *word = format_string(plain || !i ? "%s" : "'%s'", argv[i]);
		if (text_join(&text, " ", word))
			abort();
	}
	return text;
}

static int command_run(int argc, char **argv)
{
	static const struct argp argp = {
		run_options,
		parse_run,
		"[SCENARIO]",
		"Run the cases of SCENARIO: a name in scenarios/ (default: main) or a file."
		"\vExit status: 0 every case ended as expected, 1 some did not, 2 some were "
		"inconclusive or missed and none failed, 3 the lab itself broke, 64 bad usage.",
		NULL,
		NULL,
		NULL};
	struct run_arguments arguments = {.request = {.scenario = "main",
						      .backend = "auto",
						      .save = "fail",
						      .timeout_factor = 1}};
	struct lab_paths paths;
	_cleanup_free_ char *command = join_words(argc, argv);
	int status = 0;

	arguments.request.command = command;
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	struct error *err = lab_paths_init(&paths, arguments.images);
	if (!err)
		err = run_scenario(&paths, &arguments.request, &status);
	lab_paths_deinit(&paths);
	return err ? complain(err) : status;
}

static int command_doctor(int argc, char **argv)
{
	static const struct argp argp = {
		NULL, NULL, "",  "Tell which backends this host can run, and what the others lack.",
		NULL, NULL, NULL};
	struct lab_paths paths;

	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	struct error *err = lab_paths_init(&paths, NULL);
	int status = err ? complain(err) : doctor(&paths, stdout);
	lab_paths_deinit(&paths);
	return status;
}

struct show_arguments {
	const char *results, *name;
};

static const struct argp_option show_options[] = {
	{"results", KEY_RESULTS, "DIR", 0, "where the runs are", 0},
	{},
};

static error_t parse_show(int key, char *arg, struct argp_state *state)
{
	struct show_arguments *arguments = state->input;

	switch (key) {
	case KEY_RESULTS:
		arguments->results = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num)
			argp_usage(state);
		arguments->name = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int command_show(int argc, char **argv)
{
	static const struct argp argp = {
		show_options,
		parse_show,
		"[RUN|CASE|DIR]",
		"Print the table of a run (default: the newest) or of a case again.",
		NULL,
		NULL,
		NULL};
	struct show_arguments arguments = {};
	_cleanup_selection_ struct selection selection = {};
	struct lab_paths paths;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	struct error *err = lab_paths_init(&paths, NULL);
	if (!err)
		err = select_named(&paths, arguments.results, arguments.name, &selection);
	lab_paths_deinit(&paths);
	if (err)
		return complain(err);
	table_print(stdout, &selection.cases);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *about;
} commands[] = {
	{"run", command_run, "run the cases of a scenario"},
	{"show", command_show, "print the table of a case or a run again"},
	{"doctor", command_doctor, "what this host can run, and why not the rest"},
};

static void print_help(FILE *out)
{
	fputs("Usage: crashlab COMMAND [ARGUMENT...]\n\n", out);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].about);
	fputs("\ncrashlab COMMAND --help tells more.\n", out);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	static char program[64];

	argp_err_exit_status = STATUS_USAGE;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(name, commands[i].name))
			continue;
		snprintf(program, sizeof(program), "crashlab %s", name);
		argv[1] = program;
		return commands[i].run(argc - 1, argv + 1);
	}
	bool asked = !strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help");
	print_help(asked ? stdout : stderr);
	return asked ? 0 : STATUS_USAGE;
}
