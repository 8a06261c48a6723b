// SPDX-License-Identifier: GPL-2.0-only
#include "verify/options.h"

#include <argp.h>

#include "verify/status.h"

enum {
	OPTION_JSON = 256,
	OPTION_CASE,
	OPTION_ACCEPT_INFERRED,
	OPTION_CAPSULE,
	OPTION_SCAN,
	OPTION_EXPLAIN,
	OPTION_NO_SANDBOX,
};

/* The help is to fit one screen: a line for each. */
static const struct argp_option option_list[] = {
	{"json", OPTION_JSON, "FILE", OPTION_ARG_OPTIONAL,
	 "JSON to FILE, or to stdout instead of the text", 0},
	{"case", OPTION_CASE, "ID", 0, "refuse a dump that is not of crashtrigger's case", 0},
	{"capsule", OPTION_CAPSULE, "FILE", 0, "write a small dump: the pages it all rests on", 0},
	{"explain", OPTION_EXPLAIN, "CPU", 0, "tell in words what is believed of CPU, and why", 0},
	{"scan", OPTION_SCAN, NULL, 0, "search memory for VMCSs that the kernel has lost", 0},
	{"accept-inferred", OPTION_ACCEPT_INFERRED, NULL, 0,
	 "let PASS rest on inference, where need be", 0},
	{"no-sandbox", OPTION_NO_SANDBOX, NULL, 0, "keep all rights, for debuggers", 0},
	{},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->inputs;
		return 0;
	case OPTION_JSON:
		options->json = true;
		options->json_file = arg;
		return 0;
	case OPTION_CASE:
		options->case_id = arg;
		return 0;
	case OPTION_CAPSULE:
		options->capsule = arg;
		return 0;
	case OPTION_EXPLAIN:
		options->explain = arg;
		return 0;
	case OPTION_SCAN:
		options->scan = true;
		return 0;
	case OPTION_ACCEPT_INFERRED:
		options->accept_inferred = true;
		return 0;
	case OPTION_NO_SANDBOX:
		options->no_sandbox = true;
		return 0;
	case ARGP_KEY_ARGS:
		options->dumps = (const char *const *)state->argv + state->next;
		options->dump_count = state->argc - state->next;
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
	option_list,
	parse_option,
	"DUMP...",
	"Say whether virtualization was off on every CPU, and no VMCS left active, when the kernel "
	"in DUMP died, on what evidence, and how sure that is.\v"
	"DUMP is a vmcore, or a verdict.json made earlier, to be judged again; several\n"
	"are the parts that `makedumpfile --split' made of one.\n"
	"Status: 0 PASS, 1 FAIL, 2 INCONCLUSIVE, 3 cannot analyse, 64 bad usage.",
	children,
	NULL,
	NULL,
};

void options_parse(int argc, char **argv, struct options *ret)
{
	*ret = (struct options){};
	argp_err_exit_status = STATUS_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, ret);
}
