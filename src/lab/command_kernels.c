// SPDX-License-Identifier: GPL-2.0-only
/* What is about kernels: kernels lists them, build makes one's images. */
#define _GNU_SOURCE
#include <string.h>

#include "lab/command.h"
#include "lab/files.h"
#include "lab/kernels.h"
#include "util/cleanup.h"

enum {
	KEY_SUITE = 256,
	KEY_OVERLAY,
	KEY_NAME,
	KEY_FLAVOUR,
	KEY_FORMAT,
	KEY_SCENARIO,
	KEY_OPTIONS,
	KEY_GO,
	KEY_NETWORK,
	KEY_LOCAL,
	KEY_FRESH,
	KEY_JSON
};

#define STICK_ARGUMENTS 24

struct build_arguments {
	struct kernel_order order;
	const char *stick[STICK_ARGUMENTS + 1]; /* ends with NULL */
	unsigned stick_count;
	bool dry_run;
};

/* An argument for the script that makes sticks. */
static void add_stick(struct argp_state *state, struct build_arguments *arguments,
		      const char *option, const char *value)
{
	if (arguments->stick_count + 2 > STICK_ARGUMENTS)
		argp_error(state, "too many options");
	arguments->stick[arguments->stick_count++] = option;
	if (value)
		arguments->stick[arguments->stick_count++] = value;
}

static void end_build(struct argp_state *state, struct build_arguments *arguments)
{
	struct kernel_order *order = &arguments->order;

	if (order->stick && order->suffix)
		argp_error(state, "--name is not for --format");
	if (!order->stick && arguments->stick_count)
		argp_error(state, "%s goes with --format", arguments->stick[0]);
	if (order->flavour && order->overlay && !order->stick)
		argp_error(state, "--flavour and --overlay do not go together");
	if (!order->stick && !order->overlay != !order->suffix)
		argp_error(state, "--overlay and --name go together");
	if (order->stick && order->overlay)
		add_stick(state, arguments, "--overlay", order->overlay);
}

static error_t parse_build(int key, char *arg, struct argp_state *state)
{
	struct build_arguments *arguments = state->input;
	struct kernel_order *order = &arguments->order;

	switch (key) {
	case KEY_SUITE:
		order->suite = arg;
		return 0;
	case KEY_OVERLAY:
		order->overlay = arg;
		return 0;
	case KEY_NAME:
		order->suffix = arg;
		return 0;
	case KEY_FLAVOUR:
		if (strcmp(arg, "small") && strcmp(arg, "linux") && strcmp(arg, "full"))
			argp_error(state, "--flavour: small, linux, full");
		order->flavour = arg;
		return 0;
	case KEY_FORMAT:
		if (strcmp(arg, "iso") && strcmp(arg, "disk") && strcmp(arg, "netboot"))
			argp_error(state, "--format: iso, disk, netboot");
		order->stick = arguments->stick;
		add_stick(state, arguments, "--format", arg);
		return 0;
	case KEY_SCENARIO:
		add_stick(state, arguments, "--scenario", arg);
		return 0;
	case KEY_OPTIONS:
		add_stick(state, arguments, "--options", arg);
		return 0;
	case KEY_GO:
		add_stick(state, arguments, "--go", NULL);
		return 0;
	case KEY_NETWORK:
		add_stick(state, arguments, "--network", NULL);
		return 0;
	case 'n':
		arguments->dry_run = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num)
			argp_usage(state);
		order->kernel = arg;
		return 0;
	case ARGP_KEY_END:
		end_build(state, arguments);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static struct error *build(const struct lab_paths *paths, const struct build_arguments *arguments)
{
	_cleanup_free_ char *name = NULL;

	if (arguments->dry_run) {
		kernel_describe(paths, &arguments->order, stdout);
		return NULL;
	}
	try(kernel_make(paths, &arguments->order, &name));
	if (!arguments->order.stick)
		printf("%s\n", name);
	return NULL;
}

static int run_build(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"suite", KEY_SUITE, "SUITE", 0, "take the kernel from another Debian suite", 0},
		{"overlay", KEY_OVERLAY, "DIR", 0, "put these files on top of the appliance's", 0},
		{"name", KEY_NAME, "SUFFIX", 0, "with --overlay: of the images so made", 0},
		{"flavour", KEY_FLAVOUR, "F", 0,
		 "what is in them: small, linux (a Linux guest), full (QEMU, libvirt, crashlab)",
		 0},
		{"format", KEY_FORMAT, "F", 0,
		 "make what a real machine boots: iso, disk, netboot; again for more", 0},
		{"scenario", KEY_SCENARIO, "S", 0,
		 "with --format: what it runs, a name or a file (stick)", 0},
		{"options", KEY_OPTIONS, "WORDS", 0, "with --format: for its kernel command line",
		 0},
		{"go", KEY_GO, NULL, 0, "with --format: it begins at once, and asks nobody", 0},
		{"network", KEY_NETWORK, NULL, 0,
		 "with --format: it can send its results (crashlab.put=URL in --options)", 0},
		{"dry-run", 'n', NULL, 0, "print the scripts that would be run", 0},
		{},
	};
	static const struct argp argp = {
		options,
		parse_build,
		"[KERNEL]",
		"Get a kernel and build its images. KERNEL is a Debian package, a release, the "
		"beginning of a version (6.1), one of these after SUITE/, a .deb or .rpm file, or "
		"a directory (./DIR) with one kernel's packages, with a vmlinuz and its modules, "
		"or in which a kernel was built; default: 6.12. Prints its name, which "
		"`crashlab run --kernel` takes; with --format those of the files.",
		NULL,
		NULL,
		NULL};
	struct build_arguments arguments = {};
	struct lab_paths paths;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	struct error *err = lab_paths_init(&paths, NULL);
	if (!err)
		err = build(&paths, &arguments);
	lab_paths_deinit(&paths);
	return err ? command_complain(err) : 0;
}

static error_t parse_kernels(int key, char *arg, struct argp_state *state)
{
	struct kernels_request *request = state->input;

	switch (key) {
	case KEY_LOCAL:
		request->local = true;
		return 0;
	case KEY_FRESH:
		request->fresh = true;
		return 0;
	case KEY_JSON:
		request->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num + 1 >= sizeof(request->suites) / sizeof(request->suites[0]))
			argp_error(state, "too many suites");
		request->suites[state->arg_num] = arg;
		return 0;
	case ARGP_KEY_END:
		if (request->local && (request->fresh || request->suites[0]))
			argp_error(state, "--local goes with no suite and no --fresh");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int run_kernels(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"local", KEY_LOCAL, NULL, 0, "those that are here alone", 0},
		{"fresh", KEY_FRESH, NULL, 0, "fetch the suites' package lists anew", 0},
		{"json", KEY_JSON, NULL, 0, "as JSON", 0},
		{},
	};
	static const struct argp argp = {
		options,
		parse_kernels,
		"[SUITE...]",
		"List the kernels that are here, with what the lab needs and they lack, and those "
		"that Debian's suites (default: all) have.",
		NULL,
		NULL,
		NULL};
	struct kernels_request request = {};
	struct lab_paths paths;

	argp_parse(&argp, argc, argv, 0, NULL, &request);
	struct error *err = lab_paths_init(&paths, NULL);
	if (!err)
		err = kernels_list(&paths, &request, stdout);
	lab_paths_deinit(&paths);
	return err ? command_complain(err) : 0;
}

const struct command command_build = {"build", run_build, "get a kernel and build its images"};
const struct command command_kernels = {"kernels", run_kernels,
					"list the kernels that are here and can be had"};
