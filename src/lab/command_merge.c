// SPDX-License-Identifier: GPL-2.0-only
/* merge: what several machines found, in one place. */
#define _GNU_SOURCE
#include "lab/command.h"
#include "lab/merge.h"
#include "lab/plan.h"
#include "util/cleanup.h"

enum { KEY_RESULTS = 256 };

struct arguments {
	const char *results;
	char **directories;
	unsigned count;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case KEY_RESULTS:
		arguments->results = arg;
		return 0;
	case ARGP_KEY_ARGS:
		arguments->directories = state->argv + state->next;
		arguments->count = state->argc - state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_usage(state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int run(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"results", KEY_RESULTS, "DIR", 0, "where the merged runs go", 0}, {}};
	static const struct argp argp = {
		options,
		parse,
		"DIR...",
		"Put runs of other machines, results directories or runs in them, into one results "
		"directory; the shards of a run become one. A case counts once, and one that has "
		"not ended stays so, for `run --resume`. Merging again adds what is new."
		"\vExit status: as `run` has it after all of the merged runs' cases, 3 when any "
		"run is not complete.",
		NULL,
		NULL,
		NULL};
	struct arguments arguments = {};
	struct lab_paths paths;
	int status = 0;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	struct error *err = lab_paths_init(&paths, NULL);
	if (!err) {
		_cleanup_free_ char *results = results_directory(&paths, arguments.results);
		err = merge((const char *const *)arguments.directories, arguments.count, results,
			    stdout, &status);
	}
	lab_paths_deinit(&paths);
	return err ? command_complain(err) : status;
}

const struct command command_merge = {"merge", run, "put together what several machines found"};
