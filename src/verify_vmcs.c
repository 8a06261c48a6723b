// SPDX-License-Identifier: GPL-2.0-only
/*
 * verify_vmcs: was virtualization off on every CPU, and no VMCS active, when this kernel died?
 *
 * A dump is hostile input. A child process reads it, without any rights (verify/sandbox.h); this
 * one never sees a byte of it, names the files that the child wrote, and tells what became of it.
 */
#include <stdio.h>

#include "util/cleanup.h"
#include "verify/child.h"
#include "verify/judge.h"

static int tell(struct error *err)
{
	int status = error_is(err, ERROR_USAGE) ? STATUS_USAGE : STATUS_CANNOT;

	fprintf(stderr, "verify_vmcs: %s\n", err->message);
	error_free(err);
	return status;
}

static int be_child(struct options *options, struct outputs *outputs)
{
	enum status status;
	struct error *err = judge(options, outputs, &status);

	outputs_close(outputs);
	inputs_deinit(&options->inputs);
	return err ? tell(err) : (int)status;
}

/** The child's own status, which it has explained itself, if it is one that it may have. */
static bool is_told(int status)
{
	return status >= STATUS_PASS && (status <= STATUS_CANNOT || status == STATUS_USAGE);
}

static int be_parent(struct child *child, struct outputs *outputs)
{
	int status = -1, signal = 0;
	struct error *err = child_wait(child, &status, &signal);

	if (!err && !signal && is_told(status)) {
		err = outputs_finish(outputs);
		return err ? tell(err) : status;
	}
	outputs_abandon(outputs);
	if (!err && signal)
		err = child_death(signal);
	else if (!err)
		err = error_new(ERROR_SYSTEM, "no verdict: the analysis ended with status %d",
				status);
	if (err)
		return tell(err);
	child_die_of(child, signal);
	return STATUS_CANNOT;
}

int main(int argc, char **argv)
{
	struct options options;
	struct outputs outputs;
	struct child child;

	options_parse(argc, argv, &options);
	struct error *err = outputs_create(&options, &outputs);

	if (!err)
		err = child_start(&child);
	if (!err && !child.pid)
		return be_child(&options, &outputs);
	inputs_deinit(&options.inputs);
	if (!err)
		return be_parent(&child, &outputs);
	outputs_abandon(&outputs);
	return tell(err);
}
