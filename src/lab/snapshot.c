// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "lab/clock.h"
#include "lab/files.h"
#include "util/cleanup.h"

#define KEY_MAX (1 << 16)

/** A shape's saved machine. */
struct snapshot {
	struct snapshot *next;
	char *name;
	char *folder;
	int lock_file; /* of the folder, against other labs: shared while it may be used */
	pthread_mutex_t lock; /* of what follows, and while it is made */
	bool asked; /* @failure, or without one @id, holds */
	bool told; /* of the failure */
	char *failure;
	char id[CASE_ID_MAX + 1];
};

struct snapshots {
	pthread_mutex_t lock; /* of the list */
	struct snapshot *first;
};

struct error *snapshots_create(struct snapshots **ret)
{
	struct snapshots *self = calloc(1, sizeof(*self));

	if (!self)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	pthread_mutex_init(&self->lock, NULL);
	*ret = self;
	return NULL;
}

static bool has_guests(const struct case_run *run)
{
	return !strcmp(run->backend->save_point, "guests");
}

static char *shape_name(const struct case_run *run)
{
	const struct case_spec *spec = run->spec;
	const char *images = strrchr(run->images, '/');
	_cleanup_free_ char *load =
		has_guests(run)
			? format_string(".%s.%u.%u%s", case_loads[spec->load], spec->load_per_cpu,
					spec->load_vcpus, spec->calibrate ? ".calibrated" : "")
			: format_string("%s", "");

	return format_string("%s.%s.%ucpus.record-%s%s%s%s%s", images ? images + 1 : run->images,
			     run->backend->name, spec->cpus, case_records[spec->record], load,
			     spec->init_test ? ".init-test" : "", spec->lockdown ? "." : "",
			     spec->lockdown ? case_lockdowns[spec->lockdown] : "");
}

static struct snapshot *find(struct snapshots *self, const struct case_run *run,
			     const struct run_options *options)
{
	_cleanup_free_ char *name = shape_name(run);
	struct snapshot *snapshot = self->first;

	while (snapshot && strcmp(snapshot->name, name))
		snapshot = snapshot->next;
	if (snapshot || !options)
		return snapshot;
	snapshot = calloc(1, sizeof(*snapshot));
	if (!snapshot)
		return NULL;
	snapshot->lock_file = -1;
	pthread_mutex_init(&snapshot->lock, NULL);
	snapshot->folder = format_string("%s/%s", options->paths.snapshots, name);
	snapshot->name = take(name);
	snapshot->next = self->first;
	self->first = snapshot;
	return snapshot;
}

/** The case that the machine to be saved runs; it ends where it is saved. */
struct base {
	struct case_spec spec;
	struct case_run run;
};

static void base_init(struct base *base, const struct case_run *run, const char *folder)
{
	*base = (struct base){.spec = *run->spec};
	strcpy(base->spec.broken, "none");
	base->run = (struct case_run){.spec = &base->spec,
				      .backend = run->backend,
				      .directory = (char *)folder,
				      .images = run->images,
				      .wait = run->backend->save_point};
	strcpy(base->run.id, "snapshot");
}

static void print_file(FILE *out, const char *path)
{
	struct stat status;

	if (stat(path, &status))
		fprintf(out, "%s: %s\n", path, strerror(errno));
	else
		fprintf(out, "%s: %jd bytes, changed %jd.%09ld\n", path, (intmax_t)status.st_size,
			(intmax_t)status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
}

/* All that the saved machine depends on. */
static struct error *make_key(const struct base *base, const struct machine_setup *setup,
			      char **ret)
{
	const struct backend *backend = base->run.backend;
	_cleanup_free_ char *emulator = backend->emulator(setup->paths);
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	print_file(out, emulator ? emulator : "no emulator");
	for (size_t i = 0; backend->files[i]; i++) {
		_cleanup_free_ char *path =
			format_string("%s/%s", setup->images, backend->files[i]);
		print_file(out, path);
	}
	fprintf(out, "at: %s\ncommand line: %s\n", base->run.wait, setup->cmdline);
	struct error *err = backend->describe(setup, out);
	fclose(out);
	if (!err)
		*ret = take(text);
	return err;
}

static bool is_made(const struct snapshot *snapshot, const char *key)
{
	_cleanup_free_ char *path = format_string("%s/key", snapshot->folder);
	_cleanup_free_ char *text = NULL;
	_cleanup_error_ struct error *err = read_text(path, KEY_MAX, &text);

	return !err && !strcmp(text, key);
}

/* Wait until the machine says `ready`. */
static struct error *await_ready(struct machine *machine, struct event_log *log, unsigned limit_ms,
				 int stop_fd)
{
	struct pollfd polls[] = {{.fd = stop_fd, .events = POLLIN},
				 {.fd = log->watch, .events = POLLIN},
				 {.fd = machine->exit_fd, .events = POLLIN}};
	double end = monotonic_seconds() + limit_ms / 1e3;
	struct event event;

	for (;;) {
		while (event_log_next(log, &event)) {
			if (event.stage == STAGE_READY)
				return NULL;
			if (event.stage == STAGE_ERROR || event.stage == STAGE_SKIPPED)
				return error_new(ERROR_SYSTEM, "%s: %s",
						 event_value(&event, "stage"),
						 event_value(&event, "text"));
		}
		double left = end - monotonic_seconds();
		int ready = left > 0 ? poll(polls, 3, left * 1000 + 1) : 0;
		if (ready < 0 && errno != EINTR)
			return error_errno(errno, "poll");
		if (!ready)
			return error_new(ERROR_SYSTEM, "it was not ready in time");
		if (ready > 0 && polls[0].revents)
			return error_new(ERROR_SYSTEM, "interrupted");
		if (ready > 0 && polls[2].revents && !polls[1].revents)
			return error_new(ERROR_SYSTEM, "the machine ended");
	}
}

static unsigned limit_ms(const struct backend *backend, double factor)
{
	unsigned seconds = 0;

	for (enum stage stage = STAGE_START; stage < STAGE_READY; stage++)
		seconds += backend->limits[stage];
	return seconds * 1000 * factor;
}

static struct error *boot_and_save(const struct base *base, const struct run_options *options,
				   const struct machine_setup *setup)
{
	_cleanup_free_ char *events = format_string("%s/events.log", setup->directory);
	const struct backend *backend = base->run.backend;
	struct event_log log = {.file = -1, .watch = -1};
	struct machine *machine = NULL;

	struct error *err = event_log_open(&log, events);
	if (!err)
		err = backend->start(setup, &machine);
	if (!err)
		err = await_ready(machine, &log, limit_ms(backend, options->timeout_factor),
				  options->stop_fd);
	if (!err)
		err = backend->save(machine);
	if (machine)
		backend->stop(machine);
	event_log_close(&log);
	return err;
}

/* The key is written last: a folder without it is one that was not finished. */
static struct error *make(const struct snapshot *snapshot, struct base *base, const char *key,
			  const struct run_options *options, const struct machine_setup *setup)
{
	_cleanup_free_ char *id_path = format_string("%s/id", snapshot->folder);
	_cleanup_free_ char *key_path = format_string("%s/key", snapshot->folder);
	_cleanup_free_ char *disk = format_string("%s/case.disk", snapshot->folder);

	remove_tree(snapshot->folder);
	try(make_directories(snapshot->folder));
	snprintf(base->run.id, sizeof(base->run.id), "snapshot.%06x", random_number() & 0xffffff);
	try(case_prepare(&base->run, options, setup));
	try(boot_and_save(base, options, setup));
	unlink(disk);
	try(write_text(id_path, base->run.id));
	return write_text(key_path, key);
}

static struct error *take_lock(struct snapshot *snapshot, int how)
{
	_cleanup_free_ char *path = format_string("%s.lock", snapshot->folder);

	if (snapshot->lock_file < 0)
		snapshot->lock_file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (snapshot->lock_file < 0 || flock(snapshot->lock_file, how))
		return error_errno(errno, "%s", path);
	return NULL;
}

static struct error *ensure(struct snapshot *snapshot, const struct case_run *run,
			    const struct run_options *options)
{
	_cleanup_free_ char *id_path = format_string("%s/id", snapshot->folder);
	_cleanup_free_ char *cmdline = NULL;
	_cleanup_free_ char *key = NULL;
	_cleanup_free_ char *id = NULL;
	struct base base;

	base_init(&base, run, snapshot->folder);
	try(case_cmdline(run, &cmdline));
	struct machine_setup setup = case_setup(&base.run, options, cmdline);
	try(make_key(&base, &setup, &key));
	try(make_directories(options->paths.snapshots));
	try(take_lock(snapshot, LOCK_SH));
	if (!is_made(snapshot, key)) {
		/* Not held in between: another lab may have made it by then. */
		try(take_lock(snapshot, LOCK_EX));
		if (!is_made(snapshot, key))
			try(make(snapshot, &base, key, options, &setup));
		try(take_lock(snapshot, LOCK_SH));
	}
	try(read_text(id_path, CASE_ID_MAX, &id));
	strcpy(snapshot->id, id);
	return NULL;
}

/* Find the shape's, and hold it. */
static struct snapshot *hold(struct snapshots *self, const struct case_run *run,
			     const struct run_options *options)
{
	pthread_mutex_lock(&self->lock);
	struct snapshot *snapshot = find(self, run, options);
	pthread_mutex_unlock(&self->lock);
	if (snapshot)
		pthread_mutex_lock(&snapshot->lock);
	return snapshot;
}

struct error *snapshots_get(struct snapshots *self, const struct case_run *run,
			    const struct run_options *options, char **ret_folder, char *ret_id)
{
	struct snapshot *snapshot = hold(self, run, options);
	struct error *err = NULL;

	if (!snapshot)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	if (!snapshot->asked) {
		snapshot->asked = true;
		err = ensure(snapshot, run, options);
		if (err)
			snapshot->failure = format_string("%s", err->message);
	} else if (snapshot->failure) {
		err = error_new(ERROR_SYSTEM, "%s", snapshot->failure);
	}
	if (!err) {
		*ret_folder = format_string("%s", snapshot->folder);
		strcpy(ret_id, snapshot->id);
	}
	pthread_mutex_unlock(&snapshot->lock);
	return err;
}

bool snapshots_spoil(struct snapshots *self, const struct case_run *run, const struct error *err)
{
	struct snapshot *snapshot = hold(self, run, NULL);

	if (!snapshot)
		return true;
	_cleanup_free_ char *key = format_string("%s/key", snapshot->folder);
	unlink(key);
	if (!snapshot->failure)
		snapshot->failure = format_string("%s", err->message);
	bool first = !snapshot->told;
	snapshot->told = true;
	pthread_mutex_unlock(&snapshot->lock);
	return first;
}

void snapshots_destroy(struct snapshots *self)
{
	if (!self)
		return;
	for (struct snapshot *next, *one = self->first; one; one = next) {
		next = one->next;
		cleanup_close(&one->lock_file);
		pthread_mutex_destroy(&one->lock);
		free(one->name);
		free(one->folder);
		free(one->failure);
		free(one);
	}
	pthread_mutex_destroy(&self->lock);
	free(self);
}
