// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <string.h>

#include "lab/command.h"
#include "lab/files.h"
#include "lab/select.h"
#include "util/cleanup.h"

#define TRIES 10 /* until it happens */
#define TRIES_MAX 100000

enum {
	KEY_UNTIL = 256,
	KEY_TRIES,
	KEY_GDB,
	KEY_BACKEND,
	KEY_RESULTS,
	KEY_FACTOR,
	KEY_JSON,
	KEY_CONNECT,
	KEY_POOL,
	KEY_EMULATOR
};

struct arguments {
	struct run_request request;
	const char *name;
};

static const struct argp_option options[] = {
	{"until", KEY_UNTIL, "OUTCOME", 0, "stop as soon as a try ends so; default: as CASE did",
	 0},
	{"tries", KEY_TRIES, "N", 0, "run it N times; with --until (10) at most so many", 0},
	{"jobs", 'j', "N", 0, "tries at a time; default: as the cores allow", 0},
	{"backend", KEY_BACKEND, "NAME", 0, "another one than CASE had", 0},
	{"gdb", KEY_GDB, NULL, 0,
	 "stop the machine when the crash kernel starts, with QEMU's gdb port open", 0},
	{"connect", KEY_CONNECT, "URI", 0, "as for `run`; default: where CASE ran", 0},
	{"pool", KEY_POOL, "NAME", 0, "the same", 0},
	{"emulator", KEY_EMULATOR, "PATH", 0, "the same", 0},
	{"timeout-factor", KEY_FACTOR, "F", 0, "stretch every stage's limit", 0},
	{"results", KEY_RESULTS, "DIR", 0, "where the runs are", 0},
	{"dry-run", 'n', NULL, 0, "print what would be started", 0},
	{"json", KEY_JSON, NULL, 0, "the result as JSON, progress to stderr", 0},
	{},
};

static void parse_until(struct argp_state *state, struct run_request *request, const char *name)
{
	request->until = outcome_from_name(name);
	if (request->until == OUTCOME_COUNT)
		argp_error(state, "--until: there is no outcome \"%s\"", name);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	struct run_request *request = &arguments->request;

	switch (key) {
	case KEY_UNTIL:
		parse_until(state, request, arg);
		break;
	case KEY_TRIES:
		request->tries = command_number(state, "--tries", arg, 1, TRIES_MAX);
		break;
	case 'j':
		request->jobs = command_number(state, "-j", arg, 1, 1000);
		break;
	case KEY_BACKEND:
		request->backend = arg;
		break;
	case KEY_GDB:
		request->gdb = true;
		break;
	case KEY_FACTOR:
		request->timeout_factor = command_positive(state, "--timeout-factor", arg);
		break;
	case KEY_RESULTS:
		request->results = arg;
		break;
	case KEY_CONNECT:
		request->connect = arg;
		break;
	case KEY_POOL:
		request->pool = arg;
		break;
	case KEY_EMULATOR:
		request->emulator = arg;
		break;
	case 'n':
		request->dry_run = true;
		break;
	case KEY_JSON:
		request->json = true;
		break;
	case ARGP_KEY_ARG:
		if (state->arg_num)
			argp_usage(state);
		arguments->name = arg;
		break;
	case ARGP_KEY_NO_ARGS:
		argp_usage(state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* What the record says, where the command line does not. */
static struct error *complete(struct run_request *request, const struct selection *selection)
{
	const struct record *record = &selection->cases.items[0];

	if (selection->cases.count != 1 || !record->spec)
		return error_new(ERROR_USAGE, "not one case of a results directory (crashlab list "
					      "RUN has their names)");
	request->again = record;
	request->scenario = record->id;
	request->results = db_results(selection->db);
	request->seed = selection->run.seed;
	if (!request->backend)
		request->backend = *record->backend ? record->backend : "auto";
	if (!request->connect)
		run_request_place(request, &selection->run);
	if (request->until == OUTCOME_COUNT && !request->tries)
		request->until = record_outcome(record);
	if (request->until == OUTCOME_COUNT && !request->tries)
		return error_new(ERROR_USAGE, "case %s was not run: say --until or --tries",
				 record->id);
	request->endless = request->until == OUTCOME_COUNT;
	if (request->endless)
		request->until = record_outcome(record);
	if (!request->tries)
		request->tries = TRIES;
	if (request->gdb)
		request->jobs = 1;
	return NULL;
}

static struct error *repeat(struct lab_paths *paths, struct arguments *arguments, int *ret_status)
{
	struct run_request *request = &arguments->request;
	_cleanup_selection_ struct selection selection = {};

	try(select_named(paths, request->results, arguments->name, &selection));
	try(complete(request, &selection));
	free(paths->images);
	paths->images = format_string("%s", selection.run.images);
	return run_scenario(paths, request, ret_status);
}

static int run(int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		"CASE",
		"Run a case again as it is in its record: kernel, images, CPUs, window, delay. "
		"Tells how often it ended so, and the interval of that rate."
		"\vExit status: 0 it happened, 1 it did not, 3 the lab broke, 64 bad usage.",
		NULL,
		NULL,
		NULL};
	struct arguments arguments = {
		.request = {.save = "fail", .timeout_factor = 1, .until = OUTCOME_COUNT}};
	_cleanup_free_ char *command = command_line(argc, argv);
	struct lab_paths paths;
	int status = 0;

	arguments.request.command = command;
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	struct error *err = lab_paths_init(&paths, NULL);
	if (!err)
		err = repeat(&paths, &arguments, &status);
	lab_paths_deinit(&paths);
	return err ? command_complain(err) : status;
}

const struct command command_repro = {"repro", run, "run a case again, tell how often it happens"};
