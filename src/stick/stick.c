// SPDX-License-Identifier: GPL-2.0-only
/* A run's own files. */
#define _GNU_SOURCE
#include "stick/stick.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "lab/files.h"
#include "lab/verdict_file.h"
#include "util/cleanup.h"

#define STICK_SCHEMA "crashlab-stick/1"
#define SCENARIO_MAX (1 << 20)
#define LINE_LIMIT 256

const struct backend backend_metal = {.name = "metal", .about = "the machine itself"};

/* The first line of the file at @path, "" when it has none. The caller frees it. */
static char *read_line(const char *path)
{
	char *text = NULL;
	_cleanup_error_ struct error *err = read_text(path, LINE_LIMIT, &text);

	if (err)
		return format_string("%s", "");
	text[strcspn(text, "\n")] = '\0';
	return text;
}

/* The CPU's name as /proc/cpuinfo has it. */
static char *cpu_model(void)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/cpuinfo", "re");
	_cleanup_free_ char *line = NULL;
	size_t size = 0;

	while (file && getline(&line, &size, file) > 0) {
		const char *value = strstr(line, ": ");
		if (value && !strncmp(line, "model name", 10))
			return format_string("%.*s", (int)strcspn(value + 2, "\n"), value + 2);
	}
	return format_string("%s", "unknown CPU");
}

/* What the run says of its machine; results of two machines do not go into one run. */
static char *describe_machine(void)
{
	static const char *const dmi = "/sys/class/dmi/id/";
	_cleanup_free_ char *vendor_path = format_string("%ssys_vendor", dmi);
	_cleanup_free_ char *product_path = format_string("%sproduct_name", dmi);
	_cleanup_free_ char *uuid_path = format_string("%sproduct_uuid", dmi);
	_cleanup_free_ char *bios_path = format_string("%sbios_version", dmi);
	_cleanup_free_ char *vendor = read_line(vendor_path), *product = read_line(product_path);
	_cleanup_free_ char *uuid = read_line(uuid_path), *bios = read_line(bios_path);
	_cleanup_free_ char *model = cpu_model();
	struct utsname name;

	if (uname(&name))
		name.release[0] = '\0';
	return format_string("%s %s, firmware %s, %s, %ld CPUs, Linux %s, machine %s", vendor,
			     product, bios, model, sysconf(_SC_NPROCESSORS_ONLN), name.release,
			     uuid);
}

/* From 24 bits that are the run's own and each case's once, so that no dump of another answers. */
static void make_id(const struct stick *stick, size_t index, struct case_run *run)
{
	unsigned number = (stick->run.seed + index * 0x9e3779U) & 0xffffff;

	snprintf(run->id, sizeof(run->id), "%s.%06x", run->spec->name, number);
}

static struct error *make_cases(struct stick *stick, const char *scenario)
{
	const struct scenario_options options = {.seed = stick->run.seed};
	struct utsname name;

	try(scenario_load(scenario, &options, &stick->scenario));
	if (uname(&name))
		return error_errno(errno, "uname");
	stick->cases = calloc(stick->scenario.count, sizeof(*stick->cases));
	if (!stick->cases)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	stick->count = stick->scenario.count;
	for (size_t i = 0; i < stick->count; i++) {
		struct case_run *run = &stick->cases[i];
		*run = (struct case_run){.spec = &stick->scenario.cases[i],
					 .backend = &backend_metal,
					 .index = i,
					 .kernel = format_string("%s", name.release)};
		make_id(stick, i, run);
		if (stick->directory)
			run->directory = format_string("%s/%s", stick->directory, run->id);
	}
	return NULL;
}

static struct error *load(struct stick *stick, const char *name)
{
	stick->directory = format_string("%s/%s", stick->options->results, name);
	_cleanup_free_ char *path = format_string("%s/run.json", stick->directory);
	_cleanup_free_ char *scenario = format_string("%s/scenario.ini", stick->directory);
	_cleanup_json_ json_object *json = NULL;

	if (access(path, F_OK))
		return error_new(ERROR_NOT_FOUND, "%s: no run", stick->directory);
	try(json_load(path, STICK_SCHEMA, &json));
	fields_from_json(run_fields, run_field_count, json, &stick->run);
	return make_cases(stick, scenario);
}

struct error *stick_load(const struct stick_options *options, const char *name, struct stick *ret)
{
	*ret = (struct stick){.options = options};
	struct error *err = load(ret, name);
	if (err)
		stick_deinit(ret);
	return err;
}

/* Whether @stick's run is what would be begun now. */
static bool goes_on(const struct stick *stick)
{
	_cleanup_free_ char *path = format_string("%s/scenario.ini", stick->directory);
	_cleanup_free_ char *machine = describe_machine();
	_cleanup_free_ char *had = NULL, *wanted = NULL;
	_cleanup_error_ struct error *err = read_text(path, SCENARIO_MAX, &had);

	if (!err)
		err = read_text(stick->options->scenario, SCENARIO_MAX, &wanted);
	return !err && !strcmp(had, wanted) && stick->run.host && !strcmp(stick->run.host, machine);
}

struct error *stick_open(const struct stick_options *options, struct stick *ret)
{
	_cleanup_free_ char *pointer = format_string("%s/current", options->results);
	_cleanup_free_ char *name = read_line(pointer);

	*ret = (struct stick){.options = options};
	if (name[0] && !strchr(name, '/')) {
		struct error *err = stick_load(options, name, ret);
		if (!err && goes_on(ret))
			return NULL;
		/* One that cannot be read any more stays as it is, for people to look at. */
		error_free(err);
		stick_deinit(ret);
	}
	*ret = (struct stick){.options = options};
	struct error *err = make_cases(ret, options->scenario);
	if (err)
		stick_deinit(ret);
	return err;
}

static char *timestamp(const char *format)
{
	time_t seconds = time(NULL);
	char text[32];
	struct tm when;

	strftime(text, sizeof(text), format, gmtime_r(&seconds, &when));
	return format_string("%s", text);
}

static struct error *claim_directory(struct stick *stick)
{
	_cleanup_free_ char *stamp = timestamp("%Y%m%d-%H%M%S");

	try(make_directories(stick->options->results));
	stick->run.run = format_string("%s", stamp);
	for (unsigned tries = 2;; tries++) {
		free(stick->directory);
		stick->directory = format_string("%s/%s", stick->options->results, stick->run.run);
		if (!mkdir(stick->directory, 0755))
			return NULL;
		if (errno != EEXIST)
			return error_errno(errno, "%s", stick->directory);
		free(stick->run.run);
		stick->run.run = format_string("%s-%u", stamp, tries);
	}
}

struct error *stick_store(const struct stick *stick)
{
	_cleanup_free_ char *path = format_string("%s/run.json", stick->directory);
	_cleanup_json_ json_object *json = fields_to_json(run_fields, run_field_count, &stick->run);

	json_object_object_add(json, "schema", json_object_new_string(STICK_SCHEMA));
	return write_text(path,
			  json_object_to_json_string_ext(
				  json, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
}

/* The name of a scenario file without directory and suffix. */
static char *scenario_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	return format_string("%.*s", (int)strcspn(name, "."), name);
}

struct error *stick_begin(struct stick *stick)
{
	const struct stick_options *options = stick->options;
	_cleanup_free_ char *pointer = format_string("%s/current", options->results);
	_cleanup_free_ char *text = NULL;

	try(claim_directory(stick));
	_cleanup_free_ char *copy = format_string("%s/scenario.ini", stick->directory);
	_cleanup_free_ char *name = format_string("%s", stick->run.run);
	stick->run.started = timestamp("%Y-%m-%dT%H:%M:%SZ");
	stick->run.command = format_string("crashlab stick");
	stick->run.host = describe_machine();
	stick->run.scenario = scenario_name(options->scenario);
	stick->run.images = format_string("stick");
	stick->run.save = format_string("%s", options->save);
	stick->run.timeout_factor = 1;
	stick->run.seed = random_number();
	try(read_text(options->scenario, SCENARIO_MAX, &text));
	try(write_text(copy, text));
	try(stick_store(stick));
	try(write_text(pointer, name)); /* from here on it is the one that goes on */
	stick_deinit(stick);
	return stick_load(options, name, stick);
}

void stick_deinit(struct stick *stick)
{
	for (size_t i = 0; i < stick->count; i++)
		case_run_deinit(&stick->cases[i]);
	free(stick->cases);
	free(stick->directory);
	run_record_deinit(&stick->run);
	scenario_deinit(&stick->scenario);
	*stick = (struct stick){.options = stick->options};
}
