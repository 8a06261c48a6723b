// SPDX-License-Identifier: GPL-2.0-only
/* crashlab: run crash cases on this host and tell what became of them. */
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "lab/command.h"
#include "lab/doctor.h"
#include "lab/plan.h"
#include "util/cleanup.h"

enum { KEY_JSON = 256, KEY_CONNECT, KEY_POOL, KEY_EMULATOR };

struct doctor_arguments {
	bool json;
	struct run_request request;
};

static error_t parse_doctor(int key, char *arg, struct argp_state *state)
{
	struct doctor_arguments *arguments = state->input;

	switch (key) {
	case KEY_JSON:
		arguments->json = true;
		return 0;
	case KEY_CONNECT:
		arguments->request.connect = arg;
		return 0;
	case KEY_POOL:
		arguments->request.pool = arg;
		return 0;
	case KEY_EMULATOR:
		arguments->request.emulator = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int run_doctor(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"connect", KEY_CONNECT, "URI", 0, "of the host of this libvirt, as for `run`", 0},
		{"pool", KEY_POOL, "NAME", 0, "its storage pool; default: default", 0},
		{"emulator", KEY_EMULATOR, "PATH", 0, "QEMU there; default: its own", 0},
		{"json", KEY_JSON, NULL, 0, "as JSON", 0},
		{}};
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
	struct doctor_arguments arguments = {};

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	struct error *err = lab_paths_init(&paths, NULL);
	int status = 0;

	if (!err)
		err = plan_connect(&paths, &arguments.request);
	if (!err)
		err = doctor(&paths, arguments.json, stdout, &status);
	backend_shutdown();
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
