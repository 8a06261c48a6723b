// SPDX-License-Identifier: GPL-2.0-only
/*
 * crashstick: keeps the account of a run on a stick, where no host does. The appliance's agent
 * (appliance/stick.sh) starts it; docs/stick.md says what it reads and writes.
 */
#define _GNU_SOURCE
#include <argp.h>
#include <string.h>

#include "stick/stick.h"
#include "util/cleanup.h"
#include "util/number.h"

/* Exit status: also whether there is something to do. */
enum { EXIT_NEW = 0, EXIT_CASE = 0, EXIT_GOES_ON = 1, EXIT_NONE_LEFT = 2, EXIT_BROKEN = 3 };

enum { KEY_RESULTS = 256, KEY_SCENARIO, KEY_VENDOR, KEY_WATCHDOG, KEY_FIRED, KEY_SAVE };

#define WATCHDOG_MAX 86400

static const struct argp_option option_table[] = {
	{"results", KEY_RESULTS, "DIR", 0, "The results on the partition (/mnt/results)", 0},
	{"scenario", KEY_SCENARIO, "FILE", 0, "What to run", 0},
	{"vendor", KEY_VENDOR, "vmx|svm", 0, "What the CPU has; nothing: neither", 0},
	{"watchdog", KEY_WATCHDOG, "SECONDS", 0, "When it resets the machine; 0: there is none", 0},
	{"watchdog-fired", KEY_FIRED, NULL, 0, "It is why the machine booted", 0},
	{"save", KEY_SAVE, "WHEN", 0, "Keep vmcores: always, fail (default), never", 0},
	{},
};

struct arguments {
	struct stick_options options;
	const char *command;
};

static const char *const save_names[] = {"always", "fail", "never", NULL};

static void set_save(struct argp_state *state, const char *text, struct stick_options *options)
{
	for (size_t i = 0; save_names[i]; i++) {
		if (!strcmp(text, save_names[i])) {
			options->save = save_names[i];
			return;
		}
	}
	argp_error(state, "--save: always, fail, never");
}

static void set_watchdog(struct argp_state *state, const char *text, struct stick_options *options)
{
	uint64_t seconds = 0;
	struct error *err = number_parse("--watchdog", text, 0, WATCHDOG_MAX, &seconds);

	if (err)
		argp_error(state, "%s", err->message);
	error_free(err);
	options->watchdog = seconds;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	struct stick_options *options = &arguments->options;

	switch (key) {
	case KEY_RESULTS:
		options->results = arg;
		return 0;
	case KEY_SCENARIO:
		options->scenario = arg;
		return 0;
	case KEY_VENDOR:
		options->vendor = arg;
		return 0;
	case KEY_WATCHDOG:
		set_watchdog(state, arg, options);
		return 0;
	case KEY_FIRED:
		options->fired = true;
		return 0;
	case KEY_SAVE:
		set_save(state, arg, options);
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num)
			argp_usage(state);
		arguments->command = arg;
		return 0;
	case ARGP_KEY_END:
		if (!arguments->command || !options->scenario)
			argp_usage(state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static struct error *status(struct stick *stick, int *ret)
{
	size_t ended = 0;

	for (size_t i = 0; i < stick->count; i++)
		ended += stick_ended(&stick->cases[i]);
	if (!stick->run.run)
		printf("crashlab: a new run of %zu cases\n", stick->count);
	else
		printf("crashlab: run %s of scenario %s: %zu of %zu cases have ended\n",
		       stick->run.run, stick->run.scenario, ended, stick->count);
	*ret = !stick->run.run ? EXIT_NEW : ended < stick->count ? EXIT_GOES_ON : EXIT_NONE_LEFT;
	return NULL;
}

static struct error *next(struct stick *stick, int *ret)
{
	const struct case_run *run;

	if (!stick->run.run)
		try(stick_begin(stick));
	try(stick_next(stick, &run));
	*ret = run ? EXIT_CASE : EXIT_NONE_LEFT;
	if (run)
		printf("%s/%s\n", stick->run.run, run->id);
	return NULL;
}

static struct error *finish(struct stick *stick, int *ret)
{
	*ret = EXIT_SUCCESS;
	if (!stick->run.run)
		return error_new(ERROR_NOT_FOUND, "no run of this scenario on this machine");
	return stick_finish(stick, stdout);
}

static const struct {
	const char *name;
	struct error *(*run)(struct stick *stick, int *ret);
} commands[] = {{"status", status}, {"next", next}, {"finish", finish}};

static struct error *run(const struct arguments *arguments, int *ret)
{
	_cleanup_(stick_deinit) struct stick stick = {};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, arguments->command))
			continue;
		try(stick_open(&arguments->options, &stick));
		return commands[i].run(&stick, ret);
	}
	return error_new(ERROR_USAGE, "no command \"%s\": status, next, finish",
			 arguments->command);
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		option_table,
		parse,
		"status|next|finish",
		"Keep the account of a run on a stick. status: 0 none goes on, 1 one does, 2 it is "
		"done. next: what became of the case before, then the name of the next one; 2: "
		"none "
		"is left. finish: the report.\v3: it cannot be done, 64: bad usage.",
		NULL,
		NULL,
		NULL};
	struct arguments arguments = {
		.options = {.results = "/mnt/results", .vendor = "", .save = "fail"}};
	int status = EXIT_BROKEN;

	argp_err_exit_status = 64;
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	_cleanup_error_ struct error *err = run(&arguments, &status);
	if (!err)
		return status;
	fprintf(stderr, "crashstick: %s\n", err->message);
	return error_is(err, ERROR_USAGE) ? 64 : EXIT_BROKEN;
}
