// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/runner.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/param.h>

#include "lab/clock.h"
#include "lab/disk.h"
#include "lab/files.h"
#include "lab/judge.h"
#include "lab/snapshot.h"
#include "lab/space.h"
#include "lab/verdict_file.h"
#include "util/cleanup.h"

#define CMDLINE_MAX 4096
#define EVENTS_MAX (1 << 20)
#define ERROR_LIMIT \
	20.0 /* seconds that the crash kernel has to finish after it reported an error */

#define MOMENTS_SLOWER 4 /* so many times longer a machine takes that stops at moments */
#define TICK 2.0 /* seconds between two looks at the disk */

/** A case while its machine runs. */
struct watch {
	struct case_run *run;
	const struct run_options *options;
	struct progress *progress;
	struct machine *machine;
	struct event_log log;
	double start, deadline;
	char *trouble; /* an error event's text, or why the host gave up */
	bool failed; /* the crash kernel reported an error */
	bool cut_short; /* what becomes of it says nothing: --resume runs it again */
};

static void set_trouble(struct watch *watch, char *text)
{
	text[strcspn(text, "\n")] = '\0'; /* libvirt's errors have QEMU's warnings below */
	if (watch->trouble)
		free(text);
	else
		watch->trouble = text;
}

static void set_stage(struct watch *watch, enum stage stage)
{
	struct case_run *run = watch->run;

	run->stage = stage;
	run->reached[stage] = monotonic_seconds() - watch->start;
	run->cpu_reached[stage] = run->backend->cpu_seconds(watch->machine);
	double limit = run->backend->limits[stage] * watch->options->timeout_factor;
	watch->deadline =
		monotonic_seconds() + limit * (watch->options->moments ? MOMENTS_SLOWER : 1);
	if (watch->options->timeout > 0)
		watch->deadline = MIN(watch->deadline, watch->start + watch->options->timeout);
	progress_stage(watch->progress, run->index, stage);
}

/* Have @get write its file into the case directory, or one that says why it cannot. */
static void sample(struct watch *watch, struct error *(*get)(struct machine *, const char *),
		   const char *name)
{
	_cleanup_free_ char *path = format_string("%s/%s", watch->run->directory, name);
	struct error *err = get(watch->machine, path);

	if (!err)
		return;
	_cleanup_free_ char *note = format_string("%s.err", path);
	_cleanup_free_ char *text = format_string("%s\n", err->message);
	error_free(err);
	error_free(write_text(note, text));
}

/* Leave the machine to gdb, until a line comes on standard input or the lab is told to end. */
static void leave_to_gdb(struct watch *watch)
{
	struct pollfd polls[] = {{.fd = STDIN_FILENO, .events = POLLIN},
				 {.fd = watch->options->stop_fd, .events = POLLIN}};
	const struct backend *backend = watch->run->backend;
	unsigned port = 0;
	char line[256];
	struct error *err = backend->debug(watch->machine, &port);

	if (err) {
		set_trouble(watch, format_string("gdb: %s", err->message));
		error_free(err);
		return;
	}
	printf("The machine stands still: the crash kernel has just started, the other CPUs are as "
	       "the crash left them.\n  gdb -ex 'target remote 127.0.0.1:%u'\nEnter lets it go "
	       "on.\n",
	       port);
	fflush(stdout);
	while (poll(polls, 2, -1) < 0 && errno == EINTR)
		;
	if (polls[0].revents && read(STDIN_FILENO, line, sizeof(line)) < 0)
		set_trouble(watch, format_string("standard input: %s", strerror(errno)));
	backend->debug_end(watch->machine);
}

/* Has the machine said the event @name, taken up or not? */
static bool has_said(const struct watch *watch, const char *name)
{
	_cleanup_free_ char *path = format_string("%s/events.log", watch->run->directory);
	_cleanup_free_ char *line = format_string("crashlab %s\n", name);
	_cleanup_free_ char *text = NULL;
	_cleanup_error_ struct error *err = read_text(path, EVENTS_MAX, &text);

	return err || strstr(text, line);
}

/* Read too late: the capture kernel may have started CPUs by then. */
static void forget(const struct watch *watch, const char *name)
{
	_cleanup_free_ char *path = format_string("%s/%s", watch->run->directory, name);
	_cleanup_free_ char *note = format_string("%s.err", path);

	if (!unlink(path))
		error_free(write_text(note, "read too late: CPUs were being started again\n"));
}

static void sample_captured(struct watch *watch)
{
	const struct backend *backend = watch->run->backend;

	sample(watch, backend->registers, "host-regs.txt");
	if (watch->options->truth && backend->truth)
		sample(watch, backend->truth, "truth.json");
	if (has_said(watch, "init-test")) {
		forget(watch, "host-regs.txt");
		forget(watch, "truth.json");
	}
}

/* The appliance holds its reboot CPU now, and waits for the NMI that makes the other one panic. */
static void send_nmi(struct watch *watch)
{
	const struct backend *backend = watch->run->backend;

	if (!backend->nmi || watch->run->stage != STAGE_STRIKE)
		return;
	struct error *err = backend->nmi(watch->machine);
	if (err)
		set_trouble(watch, format_string("%s", err->message));
	error_free(err);
}

static bool on_error(struct watch *watch, const struct event *event, enum ending *ret)
{
	set_trouble(watch, format_string("%s: %s", event_value(event, "stage"),
					 event_value(event, "text")));
	*ret = ENDING_ERROR;
	if (watch->run->stage < STAGE_CAPTURE)
		return true;
	/* The crash kernel may still have saved something: give it a little time to say `done`. */
	watch->failed = true;
	watch->deadline = MIN(watch->deadline, monotonic_seconds() + ERROR_LIMIT);
	return false;
}

/* True when @event ends the case; then *@ret is how. */
static bool take_event(struct watch *watch, const struct event *event, enum ending *ret)
{
	struct case_run *run = watch->run;

	if (event->stage == STAGE_ERROR)
		return on_error(watch, event, ret);
	if (event->stage == STAGE_SKIPPED) {
		set_trouble(watch, format_string("%s", event_value(event, "text")));
		*ret = ENDING_SKIPPED;
		return true;
	}
	if (event->stage == STAGE_NMI) {
		send_nmi(watch);
		return false;
	}
	if (event->stage == STAGE_BOOT && run->stage >= STAGE_BOOT) {
		*ret = ENDING_RESET;
		return true;
	}
	if (event->stage == STAGE_CASE && strcmp(event_value(event, "id"), run->id)) {
		set_trouble(watch, format_string("the appliance read case \"%s\"",
						 event_value(event, "id")));
		*ret = ENDING_BROKEN;
		return true;
	}
	if (event->stage > run->stage)
		set_stage(watch, event->stage);
	if (event->stage == STAGE_ARMED)
		crash_memory_parse(event_value(event, "memory"), &run->crash_memory);
	if (event->stage == STAGE_CAPTURE && watch->options->gdb) {
		leave_to_gdb(watch);
		set_stage(watch, STAGE_CAPTURE); /* its time begins now */
	}
	if (event->stage == STAGE_CAPTURE)
		sample_captured(watch);
	*ret = ENDING_DONE;
	return event->stage == STAGE_DONE;
}

static bool take_events(struct watch *watch, enum ending *ret)
{
	struct event event;

	while (event_log_next(&watch->log, &event)) {
		if (take_event(watch, &event, ret))
			return true;
	}
	return false;
}

static enum ending cut_short(struct watch *watch, char *why)
{
	watch->cut_short = true;
	set_trouble(watch, why);
	return ENDING_BROKEN;
}

/* The machine stands still at a moment: take it down. False: it cannot go on. */
static bool take_moment(struct watch *watch)
{
	_cleanup_free_ char *path = format_string("%s/moments.json", watch->run->directory);
	struct error *err = watch->run->backend->moment(watch->machine, path);

	if (err)
		set_trouble(watch, format_string("%s", err->message));
	error_free(err);
	return !err;
}

static enum ending ended_by_itself(struct watch *watch)
{
	const struct backend *backend = watch->run->backend;
	enum ending ending;

	bool again = false;
	if (take_events(watch, &ending))
		return ending;
	char *trouble = backend->trouble ? backend->trouble(watch->machine, &again) : NULL;
	if (trouble && again)
		return cut_short(watch, trouble);
	if (trouble) {
		set_trouble(watch, trouble);
		return ENDING_BROKEN;
	}
	return watch->run->backend->was_reset(watch->machine) ? ENDING_RESET : ENDING_EXIT;
}

/* What the machine writes must neither fill the disk, nor find it full. */
static struct error *look_after_disk(struct watch *watch)
{
	_cleanup_free_ char *console = format_string("%s/console.log", watch->run->directory);

	log_punch(console);
	return space_check(watch->run->directory, SPACE_RUNNING);
}

/* Follow the machine until something ends the case. */
static enum ending follow(struct watch *watch)
{
	struct pollfd polls[] = {{.fd = watch->options->stop_fd, .events = POLLIN},
				 {.fd = watch->log.watch, .events = POLLIN},
				 {.fd = watch->machine->exit_fd, .events = POLLIN},
				 {.fd = watch->machine->moment_fd, .events = POLLIN}};
	enum ending ending;

	while (!take_events(watch, &ending)) {
		double left = watch->deadline - monotonic_seconds();
		if (left <= 0)
			return watch->failed ? ENDING_ERROR : ENDING_LIMIT;
		_cleanup_error_ struct error *err = look_after_disk(watch);
		if (err)
			return cut_short(watch, format_string("%s", err->message));
		int ready = poll(polls, 4, MIN(left, TICK) * 1000 + 1);
		if (ready < 0 && errno != EINTR) {
			set_trouble(watch, format_string("poll: %s", strerror(errno)));
			return ENDING_BROKEN;
		}
		if (ready > 0 && polls[0].revents)
			return cut_short(watch, format_string("interrupted"));
		if (ready > 0 && polls[2].revents)
			return ended_by_itself(watch);
		if (ready > 0 && polls[3].revents && !take_moment(watch))
			return ENDING_BROKEN;
	}
	return ending;
}

struct error *case_cmdline(const struct case_run *self, char **ret)
{
	_cleanup_free_ char *path = format_string("%s/%s", self->images, self->backend->cmdline);

	_cleanup_free_ char *line = NULL;
	unsigned lockdown = self->spec->lockdown;

	if (lockdown && self->backend->fixed_cmdline)
		return error_new(ERROR_UNSUPPORTED,
				 "lockdown = %s: the kernel command line of a %s is fixed",
				 case_lockdowns[lockdown], self->backend->name);
	try(read_text(path, CMDLINE_MAX, &line));
	line[strcspn(line, "\n")] = '\0';
	*ret = format_string("%s%s%s", line, lockdown ? " lockdown=" : "",
			     lockdown ? case_lockdowns[lockdown] : "");
	return NULL;
}

struct machine_setup case_setup(const struct case_run *self, const struct run_options *options,
				const char *cmdline)
{
	return (struct machine_setup){.paths = &options->paths,
				      .spec = self->spec,
				      .id = self->id,
				      .directory = self->directory,
				      .images = self->images,
				      .cmdline = cmdline,
				      .moments = options->moments};
}

struct error *case_describe(const struct case_run *self, const struct run_options *options,
			    FILE *out)
{
	_cleanup_free_ char *cmdline = NULL;
	_cleanup_free_ char *text = case_file_text(self, options->save);

	try(case_cmdline(self, &cmdline));
	struct machine_setup setup = case_setup(self, options, cmdline);
	fprintf(out, "# case %s on %s\n# case disk:\n%s# kernel command line:\n%s\n# machine:\n",
		self->spec->name, self->backend->name, text, cmdline);
	return self->backend->describe(&setup, out);
}

static struct error *write_command(const struct case_run *self, const struct machine_setup *setup)
{
	_cleanup_free_ char *path = format_string("%s/command", self->directory);
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	struct error *err = self->backend->describe(setup, out);
	fclose(out);
	return err ? err : write_text(path, text);
}

struct error *case_prepare(const struct case_run *self, const struct run_options *options,
			   const struct machine_setup *setup)
{
	_cleanup_free_ char *file = format_string("%s/case", self->directory);
	_cleanup_free_ char *cmdline = format_string("%s/cmdline", self->directory);
	_cleanup_free_ char *console = format_string("%s/console.log", self->directory);
	_cleanup_free_ char *events = format_string("%s/events.log", self->directory);
	_cleanup_free_ char *disk = format_string("%s/case.disk", self->directory);
	_cleanup_free_ char *text = case_file_text(self, options->save);
	_cleanup_free_ char *line = format_string("%s\n", setup->cmdline);
	uint64_t bytes = (backend_memory(self->backend, self->spec) * 3ULL / 2) << 20;

	try(write_text(file, text));
	try(write_text(cmdline, line));
	try(write_text(console, ""));
	try(write_text(events, ""));
	try(write_command(self, setup));
	return disk_create(disk, bytes, file);
}

static struct error *begin(struct watch *watch, const struct machine_setup *setup)
{
	_cleanup_free_ char *events = format_string("%s/events.log", watch->run->directory);

	event_log_close(&watch->log);
	try(case_prepare(watch->run, watch->options, setup));
	try(event_log_open(&watch->log, events));
	watch->start = monotonic_seconds();
	return watch->run->backend->start(setup, &watch->machine);
}

/* From its shape's saved machine, where that is wanted; an error when it cannot be. */
static struct error *begin_saved(struct watch *watch, struct machine_setup setup)
{
	struct case_run *run = watch->run;
	_cleanup_free_ char *folder = NULL;

	try(snapshots_get(watch->options->snapshots, run, watch->options, &folder, run->snapshot));
	setup.saved = folder;
	return begin(watch, &setup);
}

static struct error *begin_somehow(struct watch *watch, const struct machine_setup *setup)
{
	const struct run_options *options = watch->options;
	struct case_run *run = watch->run;

	if (!options->snapshots)
		return begin(watch, setup);
	_cleanup_error_ struct error *err = begin_saved(watch, *setup);
	if (!err)
		return NULL;
	run->snapshot[0] = '\0';
	bool first = snapshots_spoil(options->snapshots, run, err);
	if (options->snapshots_only)
		return error_new(err->code, "snapshot: %s", err->message);
	_cleanup_free_ char *note = format_string("no snapshot for %s on %s, so its cases boot: %s",
						  run->images, run->backend->name, err->message);
	if (first)
		progress_note(watch->progress, note);
	return begin(watch, setup);
}

/* Without what is on its disk a case that has captured a dump has no verdict. */
static enum ending collect(struct watch *watch, enum ending ending)
{
	struct error *err = watch->run->backend->collect(watch->machine);

	if (!err)
		return ending;
	set_trouble(watch, format_string("%s", err->message));
	error_free(err);
	return ENDING_BROKEN;
}

/* Start the machine, follow it, end it. */
static enum ending run_machine(struct watch *watch)
{
	struct case_run *run = watch->run;
	_cleanup_free_ char *cmdline = NULL;
	struct error *err = case_cmdline(run, &cmdline);
	struct machine_setup setup = case_setup(run, watch->options, cmdline);

	if (!err)
		err = begin_somehow(watch, &setup);
	if (err) {
		set_trouble(watch, format_string("%s", err->message));
		error_free(err);
		event_log_close(&watch->log);
		return ENDING_BROKEN;
	}
	set_stage(watch, STAGE_START);
	enum ending ending = follow(watch);
	if (ending == ENDING_LIMIT && run->stage >= STAGE_STRIKE) {
		sample(watch, run->backend->registers, "hang-regs.txt");
		sample(watch, run->backend->apics, "hang-apics.txt");
	}
	if (run->stage >= STAGE_CAPTURE && run->backend->collect)
		ending = collect(watch, ending);
	double used = run->backend->stop(watch->machine);
	/* of one that ended by itself it is not known any more */
	run->cpu_seconds = MAX(used, run->cpu_reached[run->stage]);
	event_log_close(&watch->log);
	_cleanup_free_ char *console = format_string("%s/console.log", run->directory);
	error_free(log_compact(console)); /* or it stays long */
	return ending;
}

void case_tell_end(const struct case_run *run, struct progress *progress)
{
	const struct progress_end end = {.name = run->spec->name,
					 .outcome = outcome_names[run->outcome],
					 .detail = run->detail,
					 .unexpected = !run->as_expected,
					 .hit = run->hit};

	progress_end(progress, run->index, &end);
}

void case_run(struct case_run *self, const struct run_options *options, struct progress *progress)
{
	struct watch watch = {.run = self,
			      .options = options,
			      .progress = progress,
			      .log = {.file = -1, .watch = -1},
			      .start = monotonic_seconds()};

	progress_start(progress, self->index, self->spec->name, self->backend->name);
	enum ending ending = run_machine(&watch);
	_cleanup_error_ struct error *full = space_check(self->directory, SPACE_RUNNING);
	if (full && !watch.cut_short)
		ending = cut_short(&watch, format_string("%s", full->message));
	judge_case(self, options, ending, watch.trouble);
	free(watch.trouble);
	self->seconds = monotonic_seconds() - watch.start;
	self->ended = !watch.cut_short;
	struct error *err = self->ended ? case_write_outcome(self) : NULL;
	if (err) {
		self->outcome = OUTCOME_LAB_BROKEN;
		self->as_expected = false;
		free(self->detail);
		self->detail = format_string("%s", err->message);
		error_free(err);
	}
	case_tell_end(self, progress);
}
