// SPDX-License-Identifier: GPL-2.0-only
/*
 * guestload: KVM guests straight on /dev/kvm, in a state of which src/guest/ has a table. Each load
 * proves that it is in its state before it says that its guests are running.
 */
#define _GNU_SOURCE
#include <argp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "guest/crew.h"
#include "guest/load.h"
#include "util/cleanup.h"
#include "util/cpulist.h"
#include "util/number.h"

#define EXIT_BAD_USAGE 64

struct options {
	struct load_request request;
	bool has_cpus;
};

static struct error *parse_count(const char *what, const char *text, unsigned *ret)
{
	uint64_t number;

	try(number_parse(what, text, 1, GUEST_VCPUS_MAX, &number));
	*ret = number;
	return NULL;
}

static struct error *parse_load(const char *name, const struct load **ret)
{
	*ret = load_find(name);
	if (!*ret)
		return error_new(ERROR_USAGE, "unknown load '%s' (--help lists them)", name);
	return NULL;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;
	struct load_request *request = &options->request;
	_cleanup_error_ struct error *err = NULL;

	switch (key) {
	case 'l':
		err = parse_load(arg, &request->load);
		break;
	case 'c':
		err = cpulist_parse("--cpus", arg, &request->cpus);
		options->has_cpus = true;
		break;
	case 'n':
		err = parse_count("--per-cpu", arg, &request->per_cpu);
		break;
	case 'v':
		err = parse_count("--vcpus", arg, &request->vcpus);
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument '%s'", arg);
		break;
	case ARGP_KEY_END:
		if (!request->load)
			argp_error(state, "--load is missing");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	if (err)
		argp_error(state, "%s", err->message);
	return 0;
}

static const struct argp_option option_table[] = {
	{"load", 'l', "LOAD", 0, "What the guests do", 0},
	{"cpus", 'c', "LIST", 0, "CPUs to run them on, such as 0-3,5 (default: all online)", 0},
	{"per-cpu", 'n', "N", 0, "vCPUs for each CPU (default: 1, many: 64)", 0},
	{"vcpus", 'v', "N", 0, "vCPUs that hop (default: one for each CPU)", 0},
	{},
};

/* Puts the loads behind the options. */
static char *help_filter(int key, const char *text, void *input)
{
	char *made = NULL;
	size_t size;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	FILE *out = open_memstream(&made, &size);
	if (!out)
		return (char *)text;
	fputs("Loads:\n", out);
	for (const struct load *const *load = loads; *load; load++)
		fprintf(out, "  %-8s%s\n", (*load)->name, (*load)->about);
	fprintf(out, "\n%s", text);
	fclose(out);
	return made;
}

static const struct argp argp = {
	.options = option_table,
	.parser = parse_option,
	.doc = "Run KVM guests straight on /dev/kvm.\v"
	       "Says \"guestload: N guests running\" once all of them have proved to be in the "
	       "load's state, then stays until it is killed. Status 1: a guest failed, 64: bad "
	       "usage.",
	.help_filter = help_filter,
};

static struct error *choose_cpus(struct options *options)
{
	cpu_set_t online, chosen, *cpus = &options->request.cpus;

	try(cpulist_read("/sys/devices/system/cpu/online", &online));
	if (!options->has_cpus)
		*cpus = online;
	CPU_AND(&chosen, cpus, &online);
	if (!CPU_EQUAL(&chosen, cpus))
		return error_new(ERROR_USAGE, "--cpus: not all of these CPUs are online");
	return load_check(&options->request);
}

int main(int argc, char **argv)
{
	struct options options = {};
	_cleanup_error_ struct error *err = NULL;

	argp_err_exit_status = EXIT_BAD_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &options);
	err = choose_cpus(&options);
	if (!err)
		err = crew_run(&options.request);
	if (err)
		fprintf(stderr, "guestload: %s\n", err->message);
	return error_is(err, ERROR_USAGE) ? EXIT_BAD_USAGE : EXIT_FAILURE;
}
