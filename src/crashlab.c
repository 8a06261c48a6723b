// SPDX-License-Identifier: GPL-2.0-only
/* crashlab: run crash cases on this host and tell what became of them. */
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "lab/command.h"
#include "lab/doctor.h"
#include "util/cleanup.h"

enum { KEY_JSON = 256 };

static error_t parse_doctor(int key, char *arg, struct argp_state *state)
{
	bool *json = state->input;

	(void)arg;
	if (key != KEY_JSON)
		return ARGP_ERR_UNKNOWN;
	*json = true;
	return 0;
}

static int run_doctor(int argc, char **argv)
{
	static const struct argp_option options[] = {{"json", KEY_JSON, NULL, 0, "as JSON", 0}, {}};
	static const struct argp argp = {
		options,
		parse_doctor,
		"",
		"Tell which backends this host can run, and what the others lack."
		"\vExit status: 0 a case of each vendor can run, 1 not of each.",
		NULL,
		NULL,
		NULL};
	struct lab_paths paths;
	bool json = false;

	argp_parse(&argp, argc, argv, 0, NULL, &json);
	struct error *err = lab_paths_init(&paths, NULL);
	int status = 0;

	if (!err)
		err = doctor(&paths, json, stdout, &status);
	lab_paths_deinit(&paths);
	return err ? command_complain(err) : status;
}

static const struct command command_doctor = {"doctor", run_doctor,
					      "what this host can run, and why not the rest"};

static const struct command *const commands[] = {
	&command_doctor, &command_kernels, &command_build,  &command_run,
	&command_list,   &command_show,    &command_report, &command_compare,
	&command_repro,  &command_merge,   &command_prune,  &command_watch,
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *out)
{
	fputs("Usage: crashlab COMMAND [ARGUMENT...]\n\n", out);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-8s %s\n", commands[i]->name, commands[i]->about);
	fputs("\ncrashlab COMMAND --help tells more.\n", out);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	static char program[64];

	argp_err_exit_status = STATUS_USAGE;
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(name, commands[i]->name))
			continue;
		snprintf(program, sizeof(program), "crashlab %s", name);
		argv[1] = program;
		return commands[i]->run(argc - 1, argv + 1);
	}
	bool asked = !strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help");
	print_help(asked ? stdout : stderr);
	return asked ? 0 : STATUS_USAGE;
}
