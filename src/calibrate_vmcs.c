// SPDX-License-Identifier: GPL-2.0-only
/*
 * calibrate_vmcs: learn where this Intel CPU keeps the launch state in a VMCS region, on a stock
 * kernel, and write it down for `verify_vmcs --calibration`.
 */
#define _GNU_SOURCE
#include <argp.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "calibrate/cpu.h"
#include "calibrate/experiment.h"
#include "calibrate/file.h"
#include "calibrate/infer.h"
#include "util/cleanup.h"
#include "util/cpulist.h"
#include "util/number.h"

#define EXIT_NOT_HERE 2
#define EXIT_BAD_USAGE 64

struct options {
	struct experiment experiment;
	const char *output; /* NULL: stdout */
};

static struct error *parse_count(const char *what, const char *text, unsigned min, unsigned max,
				 unsigned *ret)
{
	uint64_t number;

	try(number_parse(what, text, min, max, &number));
	*ret = number;
	return NULL;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;
	_cleanup_error_ struct error *err = NULL;

	switch (key) {
	case 'o':
		options->output = arg;
		break;
	case 'n':
		err = parse_count("--vmcss", arg, 2, 1024, &options->experiment.vmcss);
		break;
	case 'r':
		err = parse_count("--rounds", arg, 2, 1000, &options->experiment.rounds);
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument '%s'", arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	if (err)
		argp_error(state, "%s", err->message);
	return 0;
}

static const struct argp_option option_table[] = {
	{"output", 'o', "FILE", 0, "Write the calibration there (default: standard output)", 0},
	{"vmcss", 'n', "N", 0, "VMCSs to load on a CPU at a time (default: 32)", 0},
	{"rounds", 'r', "N", 0, "How often they go from CPU to CPU (default: 8)", 0},
	{},
};

static const struct argp argp = {
	.options = option_table,
	.parser = parse_option,
	.doc = "Learn where this Intel CPU keeps the launch state in a VMCS region.\v"
	       "Runs small KVM guests, whose VMCSs are cleared, loaded and launched, and looks at "
	       "their regions in memory by BPF. Status 0: written; 2: this CPU or kernel does not "
	       "tell, with the reason; 1: failed; 64: bad usage.",
};

static struct error *write_file(const char *path, const struct calibration *calibration,
				const struct support *support)
{
	_cleanup_free_ char *part = NULL;

	if (!path) {
		calibration_print(calibration, support, stdout);
		return fflush(stdout) ? error_errno(errno, "standard output") : NULL;
	}
	if (asprintf(&part, "%s.part", path) < 0)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	FILE *out = fopen(part, "we");
	if (!out)
		return error_errno(errno, "%s", part);
	calibration_print(calibration, support, out);
	bool failed = fflush(out) || fsync(fileno(out));
	failed |= fclose(out) || rename(part, path);
	return failed ? error_errno(errno, "%s", path) : NULL;
}

static void say(const struct calibration *calibration, const struct support *support)
{
	unsigned count = 0;

	for (int kind = 0; kind < SAMPLE_KINDS; kind++)
		count += support->samples[kind];
	fprintf(stderr,
		"calibrate_vmcs: launch state at offset %u, mask 0x%llx, launched 0x%llx, written "
		"%s; %.4g%% of %u samples agree\n",
		calibration->offset, (unsigned long long)calibration->mask,
		(unsigned long long)calibration->launched,
		calibration->at_launch ? "at launch" : "later", support_share(support) * 100,
		count);
}

static struct error *read_model(struct cpu_model *ret)
{
	_cleanup_fclose_ FILE *cpuinfo = fopen("/proc/cpuinfo", "re");

	return cpuinfo ? cpu_model_read(cpuinfo, ret) : error_errno(errno, "/proc/cpuinfo");
}

static struct error *calibrate(struct options *options)
{
	struct calibration calibration = {};
	struct samples samples = {};
	struct support support;

	try(cpulist_read("/sys/devices/system/cpu/online", &options->experiment.cpus));
	try(read_model(&calibration.cpu));
	try(cpu_vmcs_revision(&options->experiment.cpus, &calibration.revision));
	struct error *err = experiment_run(&options->experiment, &samples);

	if (!err)
		err = calibration_infer(&samples, &calibration, &support);
	samples_deinit(&samples);
	if (error_is(err, ERROR_NOT_FOUND))
		err = error_wrap(err, "not determinable");
	if (!err)
		err = write_file(options->output, &calibration, &support);
	if (!err)
		say(&calibration, &support);
	return err;
}

int main(int argc, char **argv)
{
	struct options options = {.experiment = {.vmcss = 32, .rounds = 8}};
	_cleanup_error_ struct error *err = NULL;

	argp_err_exit_status = EXIT_BAD_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &options);
	err = calibrate(&options);
	if (!err)
		return EXIT_SUCCESS;
	fprintf(stderr, "calibrate_vmcs: %s\n", err->message);
	return error_is(err, ERROR_NOT_FOUND) || error_is(err, ERROR_UNSUPPORTED) ? EXIT_NOT_HERE
										  : EXIT_FAILURE;
}
