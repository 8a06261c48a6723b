// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <string.h>
#include <sys/random.h>

#include "lab/command.h"
#include "lab/files.h"
#include "lab/kernels.h"
#include "lab/scenario.h"
#include "util/cleanup.h"

enum {
	KEY_BACKEND = 256,
	KEY_IMAGES,
	KEY_RESULTS,
	KEY_CASE,
	KEY_SAVE,
	KEY_SEED,
	KEY_TIMEOUT,
	KEY_FACTOR,
	KEY_LIST,
	KEY_JSON,
	KEY_RESUME,
	KEY_SNAPSHOT,
	KEY_TRUTH,
	KEY_KERNEL,
	KEY_SHARD,
	KEY_CONNECT,
	KEY_POOL,
	KEY_EMULATOR,
	KEY_SET /* and on: overrides[] */
};

/* Options that take the place of a scenario's key. */
static const struct {
	const char *option, *key;
} overrides[] = {
	{"--vendor", "vendor"},       {"--cpus", "cpus"},
	{"--panic-cpu", "panic_cpu"}, {"--reboot-cpu", "reboot_cpu"},
	{"--window", "window"},       {"--trigger", "trigger"},
	{"--load", "load"},           {"--hold-us", "hold_us"},
	{"--delay-us", "delay_us"},   {"--iterations", "repeat"},
};

#define OVERRIDES (sizeof(overrides) / sizeof(overrides[0]))

struct run_arguments {
	struct run_request request;
	const char *images;
	const char *kernels;
	const char *set[2 * OVERRIDES + 3]; /* and the kernel */
	size_t set_count;
	bool seed_given;
};

static const struct argp_option options[] = {
	{"kernel", KEY_KERNEL, "KERNEL", 0,
	 "a name `kernels` has, or what `build` takes; or a list; default: the newest with images",
	 0},
	{"backend", KEY_BACKEND, "NAME", 0, "auto (default), kvm, tcg, bochs, bochs-plain", 0},
	{"vendor", KEY_SET + 0, "V", 0, "vmx, svm, or vmx,svm: in place of the scenario's", 0},
	{"cpus", KEY_SET + 1, "N", 0, "in place of the scenario's", 0},
	{"panic-cpu", KEY_SET + 2, "N", 0, "the same; a list 0,2, or all", 0},
	{"reboot-cpu", KEY_SET + 3, "N", 0, "the same; a list 0,2, or all", 0},
	{"window", KEY_SET + 4, "W", 0, "in place of the scenario's; may be a list", 0},
	{"trigger", KEY_SET + 5, "T", 0, "in place of the scenario's", 0},
	{"load", KEY_SET + 6, "L", 0, "in place of the scenario's", 0},
	{"hold-us", KEY_SET + 7, "N", 0, "in place of the scenario's", 0},
	{"delay-us", KEY_SET + 8, "N", 0, "the same; LOW..HIGH is drawn for each case", 0},
	{"iterations", KEY_SET + 9, "N", 0, "run every case N times", 0},
	{"case", KEY_CASE, "PATTERN", 0, "only cases of that name", 0},
	{"shard", KEY_SHARD, "I/N", 0, "part I of N alone; `merge` puts them together", 0},
	{"seed", KEY_SEED, "N", 0, "of the numbers that are drawn", 0},
	{"save", KEY_SAVE, "WHEN", 0, "the vmcore: always, fail (default), never", 0},
	{"jobs", 'j', "N", 0, "cases at a time; default: as the cores allow", 0},
	{"timeout", KEY_TIMEOUT, "SECONDS", 0, "longest that a case may take in all", 0},
	{"timeout-factor", KEY_FACTOR, "F", 0, "stretch every stage's limit", 0},
	{"images", KEY_IMAGES, "DIR", 0, "images of kernels, DIR/RELEASE/", 0},
	{"results", KEY_RESULTS, "DIR", 0, "where the run's directory goes", 0},
	{"snapshot", KEY_SNAPSHOT, "only", OPTION_ARG_OPTIONAL,
	 "boot once, cases go on from there; =only: never boot", 0},
	{"connect", KEY_CONNECT, "URI", 0, "QEMU runs where this libvirt is", 0},
	{"pool", KEY_POOL, "NAME", 0, "its storage pool; default: default", 0},
	{"emulator", KEY_EMULATOR, "PATH", 0, "QEMU there; default: its own", 0},
	{"truth", KEY_TRUTH, "moments", OPTION_ARG_OPTIONAL,
	 "compare with what Bochs knows; =moments: also on the way there", 0},
	{"resume", KEY_RESUME, "RUN", OPTION_ARG_OPTIONAL, "go on with RUN, or the newest", 0},
	{"dry-run", 'n', NULL, 0, "print what would be started", 0},
	{"list", KEY_LIST, NULL, 0, "list the cases, and how long they may take", 0},
	{"json", KEY_JSON, NULL, 0, "the result as JSON, progress to stderr", 0},
	{},
};

static void check_save(struct argp_state *state, const char *value)
{
	if (strcmp(value, "always") && strcmp(value, "fail") && strcmp(value, "never"))
		argp_error(state, "--save is always, fail or never");
}

static void add_override(struct argp_state *state, struct run_arguments *arguments, size_t index,
			 const char *value)
{
	struct error *err = scenario_check_override(overrides[index].key, value);

	if (err)
		argp_error(state, "%s: %s", overrides[index].option, err->message);
	for (size_t i = 0; i < arguments->set_count; i += 2) {
		if (arguments->set[i] == overrides[index].key)
			argp_error(state, "%s is given twice", overrides[index].option);
	}
	arguments->set[arguments->set_count++] = overrides[index].key;
	arguments->set[arguments->set_count++] = value;
}

/* Options whose argument is taken as it is. */
static const char **plain_option(struct run_arguments *arguments, int key)
{
	struct run_request *request = &arguments->request;

	switch (key) {
	case KEY_BACKEND:
		return &request->backend;
	case KEY_IMAGES:
		return &arguments->images;
	case KEY_RESULTS:
		return &request->results;
	case KEY_CASE:
		return &request->only;
	case KEY_KERNEL:
		return &arguments->kernels;
	case KEY_SHARD:
		return &request->shard;
	case KEY_CONNECT:
		return &request->connect;
	case KEY_POOL:
		return &request->pool;
	case KEY_EMULATOR:
		return &request->emulator;
	default:
		return NULL;
	}
}

static error_t parse_other(int key, char *arg, struct argp_state *state)
{
	struct run_arguments *arguments = state->input;
	struct run_request *request = &arguments->request;

	switch (key) {
	case KEY_SAVE:
		check_save(state, arg);
		request->save = arg;
		return 0;
	case KEY_SEED:
		request->seed = command_number(state, "--seed", arg, 0, INT64_MAX);
		arguments->seed_given = true;
		return 0;
	case 'j':
		request->jobs = command_number(state, "-j", arg, 1, 1000);
		return 0;
	case KEY_TIMEOUT:
		request->timeout = command_positive(state, "--timeout", arg);
		return 0;
	case KEY_FACTOR:
		request->timeout_factor = command_positive(state, "--timeout-factor", arg);
		return 0;
	case KEY_TRUTH:
		if (arg && strcmp(arg, "moments"))
			argp_error(state, "--truth is given alone, or as --truth=moments");
		request->truth = true;
		request->moments = arg;
		return 0;
	case KEY_SNAPSHOT:
		if (arg && strcmp(arg, "only"))
			argp_error(state, "--snapshot is given alone, or as --snapshot=only");
		request->snapshot = true;
		request->snapshot_only = arg;
		return 0;
	case KEY_RESUME:
		request->resume = arg ? arg : "";
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num)
			argp_usage(state);
		request->scenario = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct run_arguments *arguments = state->input;
	const char **plain = plain_option(arguments, key);

	if (plain) {
		*plain = arg;
		return 0;
	}
	if (key >= KEY_SET && key < KEY_SET + (int)OVERRIDES) {
		add_override(state, arguments, key - KEY_SET, arg);
		return 0;
	}
	switch (key) {
	case 'n':
		arguments->request.dry_run = true;
		return 0;
	case KEY_LIST:
		arguments->request.list = true;
		return 0;
	case KEY_JSON:
		arguments->request.json = true;
		return 0;
	default:
		return parse_other(key, arg, state);
	}
}

static int64_t random_seed(void)
{
	uint32_t seed;

	while (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		;
	return seed;
}

/* Kernels become names that there are images of; nothing is made only to be told of. */
static struct error *set_kernels(const struct lab_paths *paths, struct run_arguments *arguments,
				 char **ret)
{
	const struct run_request *request = &arguments->request;

	if (arguments->images || request->list || request->dry_run)
		*ret = format_string("%s", arguments->kernels);
	else
		try(kernels_resolve(paths, arguments->kernels, ret));
	arguments->set[arguments->set_count++] = "kernel";
	arguments->set[arguments->set_count++] = *ret;
	return error_wrap(scenario_check_override("kernel", *ret), "--kernel");
}

static int run(int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		"[SCENARIO]",
		"Run the cases of SCENARIO: a name in scenarios/ (default: main) or a file."
		"\vExit status: 0 every case ended as expected, 1 some did not, 2 some were "
		"inconclusive or missed and none failed, 3 the lab itself broke, 64 bad usage.",
		NULL,
		NULL,
		NULL};
	struct run_arguments arguments = {
		.request = {.backend = "auto", .save = "fail", .timeout_factor = 1}};
	struct run_request *request = &arguments.request;
	struct lab_paths paths;
	_cleanup_free_ char *command = command_line(argc, argv), *kernels = NULL;
	int status = 0;

	request->command = command;
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	request->set = arguments.set;
	if (!arguments.seed_given && !request->shard)
		request->seed = random_seed(); /* shards draw the same without being told */
	if (request->resume &&
	    (request->scenario || arguments.set_count || arguments.kernels || request->shard))
		return command_complain(
			error_new(ERROR_USAGE, "--resume takes no scenario and changes no case"));
	if (request->moments && !request->snapshot)
		return command_complain(error_new(ERROR_USAGE,
						  "--truth=moments: only a machine that goes on "
						  "from a saved one is stopped; add --snapshot"));
	if (!request->scenario)
		request->scenario = "main";
	struct error *err = lab_paths_init(&paths, arguments.images);
	if (!err && arguments.kernels)
		err = set_kernels(&paths, &arguments, &kernels);
	if (!err)
		err = run_scenario(&paths, request, &status);
	lab_paths_deinit(&paths);
	return err ? command_complain(err) : status;
}

const struct command command_run = {"run", run, "run the cases of a scenario"};
