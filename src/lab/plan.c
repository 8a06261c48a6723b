// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/plan.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <libsmartcols/libsmartcols.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include <time.h>

#include "lab/estimate.h"
#include "lab/files.h"
#include "lab/kernels.h"
#include "lab/process.h"
#include "lab/results_json.h"
#include "lab/shard.h"
#include "lab/table.h"
#include "util/cleanup.h"

#define ROOT_MARK "appliance/domain.xml"
#define QEMU "qemu-system-x86_64"

static char *parent(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash > path ? format_string("%.*s", (int)(slash - path), path) : NULL;
}

struct error *lab_paths_init(struct lab_paths *paths, const char *images)
{
	char program[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);

	*paths = (struct lab_paths){};
	if (length < 0)
		return error_errno(errno, "/proc/self/exe");
	program[length] = '\0';
	paths->bin = parent(program);
	paths->root = parent(paths->bin);
	while (paths->root) {
		_cleanup_free_ char *mark = format_string("%s/" ROOT_MARK, paths->root);
		if (!access(mark, R_OK))
			break;
		char *up = parent(paths->root);
		free(paths->root);
		paths->root = up;
	}
	if (!paths->root)
		return error_new(ERROR_NOT_FOUND, "no " ROOT_MARK " in any directory above %s",
				 program);
	paths->snapshots = format_string("%s/build/snapshots", paths->root);
	paths->bochs = format_string("%s/build/bochs/bochs", paths->root);
	_cleanup_free_ char *qemu = format_string("%s/build/qemu/" QEMU, paths->root);
	paths->qemu = access(qemu, X_OK) ? process_find(QEMU) : take(qemu);
	if (!images)
		paths->images = format_string("%s/build/images", paths->root);
	else if (!(paths->images = realpath(images, NULL)))
		return error_errno(errno, "%s", images);
	return NULL;
}

void lab_paths_deinit(struct lab_paths *paths)
{
	free(paths->root);
	free(paths->bin);
	free(paths->bochs);
	free(paths->qemu);
	free(paths->images);
	free(paths->snapshots);
}

static struct error *load_scenario(const struct lab_paths *paths, const struct run_request *request,
				   struct scenario *ret)
{
	const struct scenario_options options = {.set = request->set, .seed = request->seed};
	const char *name = request->scenario;
	bool is_path = strchr(name, '/') || strstr(name, ".ini");
	_cleanup_free_ char *path =
		is_path ? strdup(name) : format_string("%s/scenarios/%s.ini", paths->root, name);

	if (access(path, R_OK))
		return error_new(ERROR_USAGE,
				 "no scenario \"%s\" (%s: %s); scenarios/ has those that come "
				 "with crashlab",
				 name, path, strerror(errno));
	return scenario_load(path, &options, ret);
}

/* Variants of the images lie beside the plain ones, as RELEASE-VARIANT. */
static bool is_variant(struct dirent *const *entries, int index)
{
	for (int i = 0; i < index; i++) {
		size_t length = strlen(entries[i]->d_name);
		if (!strncmp(entries[index]->d_name, entries[i]->d_name, length) &&
		    entries[index]->d_name[length] == '-')
			return true;
	}
	return false;
}

static int no_dots(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* The newest kernel that images were built for. */
static struct error *find_kernel(const char *images, char **ret)
{
	struct dirent **entries = NULL;
	int count = scandir(images, &entries, no_dots, versionsort);

	*ret = NULL;
	for (int i = 0; i < count; i++) {
		if (!is_variant(entries, i)) {
			free(*ret);
			*ret = format_string("%s", entries[i]->d_name);
		}
	}
	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
	if (!*ret)
		return error_new(ERROR_NOT_FOUND,
				 "no images in %s (make images, or scripts/build-images.sh)",
				 images);
	return NULL;
}

/* The directory is the run's from here on: of two labs that start at once each has its own. */
static struct error *claim_directory(struct plan *plan)
{
	char stamp[32];
	time_t seconds = time(NULL);
	struct tm when;

	strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", localtime_r(&seconds, &when));
	plan->directory = format_string("%s/%s", plan->results, stamp);
	for (unsigned tries = 2; mkdir(plan->directory, 0755); tries++) {
		if (errno != EEXIST)
			return error_errno(errno, "%s", plan->directory);
		free(plan->directory);
		plan->directory = format_string("%s/%s-%u", plan->results, stamp, tries);
	}
	return NULL;
}

struct error *plan_place(struct plan *plan, bool make)
{
	if (!plan->directory && make)
		try(claim_directory(plan));
	else if (!plan->directory)
		plan->directory = format_string("%s/RUN", plan->results);
	for (size_t i = 0; i < plan->count; i++) {
		struct case_run *run = &plan->cases[i];
		run->directory = format_string("%s/%s", plan->directory, run->id);
		if (make)
			try(make_directories(run->directory));
	}
	return NULL;
}

static struct error *check_images(const struct case_run *run)
{
	for (size_t i = 0; run->backend->files[i]; i++) {
		_cleanup_free_ char *path =
			format_string("%s/%s", run->images, run->backend->files[i]);
		if (access(path, R_OK))
			return error_errno(errno, "case %s: %s", run->spec->name, path);
	}
	return NULL;
}

/* A kernel is there when its plain images are; a variant's are made apart. */
static char *variant_lacks(const struct case_run *run)
{
	if (!run->spec->images[0] || !access(run->images, F_OK))
		return NULL;
	return format_string("there are no images %s (docs/interfaces.md says what makes them)",
			     run->images);
}

static void skip(struct case_run *run, char *why)
{
	run->backend = NULL;
	run->outcome = OUTCOME_SKIPPED;
	run->detail = why;
}

/* The id has something random in it: a dump of another run can never answer for this case. */
static void make_id(struct case_run *run)
{
	snprintf(run->id, sizeof(run->id), "%s.%06x", run->spec->name, random_number() & 0xffffff);
}

static struct error *plan_case(const struct lab_paths *paths, const struct run_request *request,
			       struct case_run *run)
{
	const struct case_spec *spec = run->spec;

	make_id(run);
	run->images = format_string("%s/%s%s%s", paths->images, run->kernel,
				    spec->images[0] ? "-" : "", spec->images);
	struct error *err = backend_choose(paths, request->backend, spec->vendor, &run->backend);
	if (error_is(err, ERROR_USAGE))
		return err;
	if (err) {
		skip(run, format_string("no backend for %s: %s", vendor_names[spec->vendor],
					err->message));
		error_free(err);
		return NULL;
	}
	char *lacks = kernel_lacks(run->images, spec, run->backend);
	if (!lacks && !request->list)
		lacks = variant_lacks(run);
	if (!lacks && !strncmp(case_triggers[spec->trigger], "host-nmi", 8) && !run->backend->nmi)
		lacks = format_string("trigger = %s: a %s can be sent no NMI from outside",
				      case_triggers[spec->trigger], run->backend->name);
	if (lacks) {
		skip(run, lacks);
		return NULL;
	}
	if (request->gdb && !run->backend->debug)
		return error_new(ERROR_USAGE, "%s has no port for gdb", run->backend->name);
	return request->list ? NULL : check_images(run);
}

struct error *plan_connect(struct lab_paths *paths, const struct run_request *request)
{
	if (!request->connect && (request->pool || request->emulator))
		return error_new(ERROR_USAGE, "--pool and --emulator go with --connect");
	if (!request->connect)
		return NULL;
	if (request->snapshot)
		return error_new(ERROR_USAGE, "--snapshot does not go with --connect: a saved "
					      "machine is a file of this host");
	if (request->gdb)
		return error_new(ERROR_USAGE, "--gdb does not go with --connect: the port would be "
					      "open on the other host");
	paths->connect = request->connect;
	paths->pool = request->pool;
	paths->emulator = request->emulator;
	return backend_reach(paths);
}

struct error *plan_add(const struct lab_paths *paths, const struct run_request *request,
		       struct plan *plan, const struct case_spec *spec, const char *kernel)
{
	struct case_run *run = &plan->cases[plan->count];

	*run = (struct case_run){
		.spec = spec, .index = plan->count++, .kernel = format_string("%s", kernel)};
	return plan_case(paths, request, run);
}

/* The kernel of cases that name none: the newest that there are images of. */
static struct error *default_kernel(const struct lab_paths *paths,
				    const struct run_request *request, char **ret)
{
	if (!request->list)
		return find_kernel(paths->images, ret);
	*ret = format_string("%s", "");
	return NULL;
}

static struct error *plan_cases(const struct lab_paths *paths, const struct run_request *request,
				struct plan *plan)
{
	_cleanup_free_ char *kernel = NULL;

	plan->cases = calloc(plan->scenario.count, sizeof(*plan->cases));
	if (!plan->cases)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < plan->scenario.count; i++) {
		const struct case_spec *spec = &plan->scenario.cases[i];
		if (request->only && fnmatch(request->only, spec->name, 0))
			continue;
		if (!spec->kernel[0] && !kernel)
			try(default_kernel(paths, request, &kernel));
		try(plan_add(paths, request, plan, spec, spec->kernel[0] ? spec->kernel : kernel));
	}
	if (!plan->count)
		return error_new(ERROR_USAGE, "the scenario has no case \"%s\"", request->only);
	return NULL;
}

char *results_directory(const struct lab_paths *paths, const char *given)
{
	if (!given)
		return format_string("%s/results", paths->root);
	if (*given == '/')
		return format_string("%s", given);
	_cleanup_free_ char *here = getcwd(NULL, 0);
	return format_string("%s/%s", here ? here : ".", given);
}

static struct error *make(const struct lab_paths *paths, const struct run_request *request,
			  struct plan *ret)
{
	struct shard shard = {};

	if (request->shard)
		try(shard_parse(request->shard, &shard));
	try(load_scenario(paths, request, &ret->scenario));
	ret->results = results_directory(paths, request->results);
	try(plan_cases(paths, request, ret));
	ret->fingerprint = plan_fingerprint(ret, request->seed);
	ret->planned = ret->count;
	ret->shard = shard_text(&shard);
	if (shard.count)
		shard_cut(ret, &shard);
	return NULL;
}

struct error *plan_make(const struct lab_paths *paths, const struct run_request *request,
			struct plan *ret)
{
	*ret = (struct plan){.lock = -1};
	struct error *err = make(paths, request, ret);
	if (err)
		plan_deinit(ret);
	return err;
}

static struct error *make_again(const struct lab_paths *paths, const struct run_request *request,
				struct plan *plan)
{
	plan->results = results_directory(paths, request->results);
	plan->scenario.cases = calloc(request->tries, sizeof(*plan->scenario.cases));
	plan->cases = calloc(request->tries, sizeof(*plan->cases));
	if (!plan->scenario.cases || !plan->cases)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	for (unsigned i = 0; i < request->tries; i++) {
		struct case_spec *spec = &plan->scenario.cases[i];
		try(scenario_read_case(request->again->spec, spec));
		plan->scenario.count++;
		spec->iteration = i + 1;
		try(plan_add(paths, request, plan, spec, request->again->kernel));
	}
	return NULL;
}

struct error *plan_again(const struct lab_paths *paths, const struct run_request *request,
			 struct plan *ret)
{
	*ret = (struct plan){.lock = -1};
	struct error *err = make_again(paths, request, ret);
	if (err)
		plan_deinit(ret);
	return err;
}

/* Is it the first case with these images? */
static bool is_first(const struct plan *plan, size_t index)
{
	for (size_t i = index; i--;) {
		if (!strcmp(plan->cases[i].images, plan->cases[index].images))
			return false;
	}
	return true;
}

struct error *plan_check_images(const struct lab_paths *paths, const struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		if (plan->cases[i].backend && is_first(plan, i))
			try(kernel_images_fit(paths, plan->cases[i].images));
	}
	return NULL;
}

void plan_print(const struct plan *plan, FILE *out)
{
	static const char *const titles[] = {"CASE",   "KERNEL", "VENDOR", "BACKEND", "PANIC",
					     "REBOOT", "BY",     "WINDOW", "EXPECT",  NULL};
	struct libscols_table *table = table_new(out, titles);

	for (size_t i = 0; i < plan->count; i++) {
		const struct case_run *run = &plan->cases[i];
		const struct case_spec *spec = run->spec;
		struct libscols_line *line = scols_table_new_line(table, NULL);
		scols_line_refer_data(line, 0,
				      spec->iteration > 1
					      ? format_string("%s #%u", spec->name, spec->iteration)
					      : format_string("%s", spec->name));
		scols_line_set_data(line, 1, *run->kernel ? run->kernel : "(newest)");
		scols_line_set_data(line, 2, vendor_names[spec->vendor]);
		scols_line_set_data(line, 3, run->backend ? run->backend->name : "(none)");
		scols_line_refer_data(line, 4, format_string("CPU %u", spec->panic_cpu));
		scols_line_refer_data(line, 5, format_string("CPU %u", spec->reboot_cpu));
		scols_line_set_data(line, 6, case_reboots[spec->reboot]);
		scols_line_set_data(line, 7, spec->window);
		scols_line_set_data(line, 8, outcome_names[spec->expect]);
	}
	scols_print_table(table);
	scols_unref_table(table);
}

void plan_print_json(const struct plan *plan, const struct estimate *estimate, FILE *out)
{
	json_object *object = json_object_new_object(), *list = json_object_new_array();

	json_object_object_add(object, "schema", json_object_new_string("crashlab-plan/1"));
	json_object_object_add(object, "estimated_seconds", json_seconds(estimate->seconds));
	for (size_t i = 0; i < plan->count; i++) {
		struct record record;
		case_record(&plan->cases[i], "", &record);
		json_object_array_add(list,
				      fields_to_json(record_fields, record_field_count, &record));
		record_deinit(&record);
	}
	json_object_object_add(object, "cases", list);
	json_print(out, object);
}

void plan_deinit(struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		case_run_deinit(&plan->cases[i]);
	free(plan->cases);
	free(plan->results);
	free(plan->directory);
	free(plan->shard);
	free(plan->fingerprint);
	run_record_deinit(&plan->run);
	scenario_deinit(&plan->scenario);
	cleanup_close(&plan->lock);
	*plan = (struct plan){.lock = -1};
}
