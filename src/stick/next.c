// SPDX-License-Identifier: GPL-2.0-only
/* Which case is next. */
#define _GNU_SOURCE
#include <string.h>
#include <unistd.h>

#include "lab/files.h"
#include "lab/space.h"
#include "stick/stick.h"
#include "util/cleanup.h"

#define SPACE_NEEDED 64 /* MiB: capsule, texts, and something of a vmcore */
#define HANGS_MAX 3 /* of the same case, one after another: then it is set aside */
#define BREAKER "/crashlab/break" /* what breaks an appliance on purpose */

bool stick_ended(const struct case_run *run)
{
	_cleanup_free_ char *path = format_string("%s/outcome.json", run->directory);

	return run->directory && !access(path, F_OK);
}

/* A file for each time that the case was started. */
static char *start_path(const struct case_run *run, unsigned attempt)
{
	return format_string("%s/start-%u", run->directory, attempt);
}

static unsigned count_attempts(const struct case_run *run)
{
	for (unsigned attempts = 0;; attempts++) {
		_cleanup_free_ char *path = start_path(run, attempts + 1);
		if (access(path, F_OK))
			return attempts;
	}
}

static bool is_hang(enum outcome outcome)
{
	return outcome == OUTCOME_CAPTURE_HANG || outcome == OUTCOME_TIMEOUT;
}

/* How many of the cases before @run that have its name hung, one after another, the last of them
 * too. */
static unsigned count_hangs(const struct stick *stick, const struct case_run *run)
{
	unsigned hangs = 0;

	for (size_t i = run->index; i--;) {
		const struct case_run *other = &stick->cases[i];
		if (strcmp(other->spec->name, run->spec->name) ||
		    other->outcome == OUTCOME_SKIPPED)
			continue;
		if (!other->ended || !is_hang(other->outcome))
			break;
		hangs++;
	}
	return hangs;
}

static bool other_vendor(const struct stick *stick, const struct case_run *run)
{
	return strcmp(stick->options->vendor, vendor_names[run->spec->vendor]);
}

/* Why @run cannot be, or is not to be, run on this machine; NULL: it can. The caller frees it. */
static char *obstacle(const struct stick *stick, const struct case_run *run)
{
	const struct case_spec *spec = run->spec;
	const char *vendor = stick->options->vendor;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (other_vendor(stick, run))
		return format_string("the case is for a CPU with %s, this one has %s",
				     vendor_names[spec->vendor], *vendor ? vendor : "neither");
	if (spec->panic_cpu >= cpus || spec->reboot_cpu >= cpus)
		return format_string("the machine has %ld CPUs", cpus);
	if (spec->kernel[0] && strcmp(spec->kernel, run->kernel))
		return format_string("the case is for kernel %s, this is %s", spec->kernel,
				     run->kernel);
	if (strcmp(spec->broken, "none") && access(BREAKER, X_OK))
		return format_string("this image has nothing to break the appliance with");
	unsigned hangs = count_hangs(stick, run);
	if (hangs >= HANGS_MAX)
		return format_string("set aside: it hung %u times, one after another", hangs);
	return NULL;
}

/* A scenario for both vendors is complete when the cases of this machine's have been run. */
static struct error *skip(const struct stick *stick, struct case_run *run, char *why)
{
	try(make_directories(run->directory));
	run->outcome = OUTCOME_SKIPPED;
	run->as_expected = run->spec->expect == OUTCOME_SKIPPED || other_vendor(stick, run);
	run->detail = why;
	run->ended = true;
	return case_write_outcome(run);
}

/* From an earlier boot. */
static struct error *recall(struct case_run *run)
{
	struct record record;
	struct error *err = record_load(run->directory, &record);

	if (!err) {
		run->outcome = record_outcome(&record);
		run->ended = true;
	}
	record_deinit(&record);
	return err;
}

static struct error *start(const struct stick *stick, const struct case_run *run, unsigned attempt)
{
	_cleanup_free_ char *file = format_string("%s/case", run->directory);
	_cleanup_free_ char *capture = format_string("%s/capture", run->directory);
	_cleanup_free_ char *mark = start_path(run, attempt);
	_cleanup_free_ char *text = case_file_text(run, stick->run.save);
	struct error *full = space_check(stick->options->results, SPACE_NEEDED);

	if (full)
		return error_wrap(full,
				  "case %s is not started: the results partition is full. "
				  "Make room on it; the run goes on with this case",
				  run->id);
	remove_tree(capture);
	try(make_directories(capture));
	try(write_text(file, text));
	try(write_text(mark, ""));
	sync();
	return NULL;
}

struct error *stick_next(struct stick *stick, const struct case_run **ret)
{
	*ret = NULL;
	for (size_t i = 0; i < stick->count; i++) {
		struct case_run *run = &stick->cases[i];
		unsigned attempts = count_attempts(run);
		char *why;
		if (stick_ended(run)) {
			try(recall(run));
			continue;
		}
		if (attempts)
			try(stick_settle(run, stick->options, attempts));
		else if ((why = obstacle(stick, run)))
			try(skip(stick, run, why));
		if (run->ended)
			continue;
		*ret = run;
		return start(stick, run, attempts + 1);
	}
	return NULL;
}
