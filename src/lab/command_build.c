// SPDX-License-Identifier: GPL-2.0-only
/* build: what a run needs, by the scripts that make it. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "lab/command.h"
#include "lab/files.h"
#include "lab/process.h"
#include "util/cleanup.h"

enum { KEY_SUITE = 256, KEY_OVERLAY, KEY_NAME };

struct arguments {
	const char *kernel, *suite, *overlay, *name;
	bool dry_run;
};

static const struct argp_option options[] = {
	{"suite", KEY_SUITE, "SUITE", 0, "take the kernel from another Debian suite", 0},
	{"overlay", KEY_OVERLAY, "DIR", 0, "put these files on top of the appliance's", 0},
	{"name", KEY_NAME, "SUFFIX", 0, "with --overlay: of the images so made", 0},
	{"dry-run", 'n', NULL, 0, "print the scripts that would be run", 0},
	{},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case KEY_SUITE:
		arguments->suite = arg;
		return 0;
	case KEY_OVERLAY:
		arguments->overlay = arg;
		return 0;
	case KEY_NAME:
		arguments->name = arg;
		return 0;
	case 'n':
		arguments->dry_run = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num)
			argp_usage(state);
		arguments->kernel = arg;
		return 0;
	case ARGP_KEY_END:
		if (!arguments->overlay != !arguments->name)
			argp_error(state, "--overlay and --name go together");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The scripts that fetch what runs the images. */
static const char *const emulators[] = {"fetch-bochs.sh", "fetch-qemu.sh"};

/* Run a script to its end; what it says goes to stderr, its standard output to @output. */
static struct error *run_script(char *const *argv, int output)
{
	struct process_setup setup = {
		.argv = argv, .input = -1, .output = output, .errors = STDERR_FILENO};
	struct process process;

	try(process_start(&setup, &process));
	struct pollfd end = {.fd = process.pidfd, .events = POLLIN};
	while (poll(&end, 1, -1) < 0 && errno == EINTR)
		;
	int status = process_stop(&process);
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return NULL;
	return error_new(ERROR_SYSTEM, "%s failed, see above", argv[0]);
}

/* Fetch the kernel; *@ret is its release, for the caller to free. */
static struct error *fetch_kernel(const char *scripts, const struct arguments *arguments,
				  char **ret)
{
	_cleanup_free_ char *script = format_string("%s/fetch-kernel.sh", scripts);
	_cleanup_close_ int said = memfd_create("release", MFD_CLOEXEC);
	const char *argv[5] = {script};
	unsigned count = 1;
	char release[128] = "";

	if (arguments->suite) {
		argv[count++] = "--suite";
		argv[count++] = arguments->suite;
	}
	if (arguments->kernel)
		argv[count++] = arguments->kernel;
	try(run_script((char *const *)argv, said));
	if (pread(said, release, sizeof(release) - 1, 0) < 0)
		return error_errno(errno, "%s", script);
	release[strcspn(release, "\n")] = '\0';
	*ret = format_string("%s", release);
	return NULL;
}

static struct error *build(const char *scripts, const struct arguments *arguments)
{
	_cleanup_free_ char *images = format_string("%s/build-images.sh", scripts);
	_cleanup_free_ char *release = NULL;
	const char *argv[7] = {images};

	try(fetch_kernel(scripts, arguments, &release));
	for (size_t i = 0; i < sizeof(emulators) / sizeof(emulators[0]); i++) {
		_cleanup_free_ char *script = format_string("%s/%s", scripts, emulators[i]);
		char *const fetch[] = {script, NULL};
		try(run_script(fetch, STDERR_FILENO));
	}
	argv[1] = release;
	if (arguments->overlay) {
		argv[2] = "--overlay";
		argv[3] = arguments->overlay;
		argv[4] = "--name";
		argv[5] = arguments->name;
	}
	try(run_script((char *const *)argv, STDERR_FILENO));
	printf("%s\n", release);
	return NULL;
}

static void describe(const char *scripts, const struct arguments *arguments)
{
	printf("%s/fetch-kernel.sh%s%s%s%s\n", scripts, arguments->suite ? " --suite " : "",
	       arguments->suite ? arguments->suite : "", arguments->kernel ? " " : "",
	       arguments->kernel ? arguments->kernel : "");
	for (size_t i = 0; i < sizeof(emulators) / sizeof(emulators[0]); i++)
		printf("%s/%s\n", scripts, emulators[i]);
	printf("%s/build-images.sh RELEASE%s%s%s%s\n", scripts,
	       arguments->overlay ? " --overlay " : "",
	       arguments->overlay ? arguments->overlay : "", arguments->name ? " --name " : "",
	       arguments->name ? arguments->name : "");
}

static int run(int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		"[KERNEL]",
		"Fetch a kernel and build its images. KERNEL is a package, a release, the "
		"beginning "
		"of a version (6.1), or a .deb file; default: 6.12. Prints the release, which "
		"`crashlab run --kernel` takes.",
		NULL,
		NULL,
		NULL};
	struct arguments arguments = {};
	struct lab_paths paths;

	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	struct error *err = lab_paths_init(&paths, NULL);
	_cleanup_free_ char *scripts = format_string("%s/scripts", err ? "" : paths.root);
	if (!err && arguments.dry_run)
		describe(scripts, &arguments);
	else if (!err)
		err = build(scripts, &arguments);
	lab_paths_deinit(&paths);
	return err ? command_complain(err) : 0;
}

const struct command command_build = {"build", run, "fetch a kernel and build its images"};
