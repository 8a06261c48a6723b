// SPDX-License-Identifier: GPL-2.0-only
/* A case of a run as a record: what it is, and what became of it so far. */
#define _GNU_SOURCE
#include <string.h>

#include "lab/files.h"
#include "lab/runner.h"
#include "lab/scenario.h"

static char *copy(const char *text)
{
	return format_string("%s", text ? text : "");
}

static char *spec_text(const struct case_spec *spec)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	scenario_print_case(spec, out);
	fclose(out);
	return text;
}

/* The stages that @run reached, each with its number of @seconds. */
static char *stages_text(const struct case_run *run, const double *seconds)
{
	json_object *stages = json_object_new_object();

	for (enum stage stage = STAGE_BOOT; stage < STAGE_ERROR; stage++) {
		if (run->reached[stage] > 0)
			json_object_object_add(stages, stage_names[stage],
					       json_seconds(seconds[stage]));
	}
	char *text = copy(json_object_to_json_string_ext(stages, JSON_C_TO_STRING_PLAIN));
	json_object_put(stages);
	return text;
}

static void add_result(const struct case_run *run, struct record *record)
{
	record->outcome = copy(outcome_names[run->outcome]);
	record->stage = copy(stage_names[run->stage]);
	record->detail = copy(run->detail);
	record->snapshot = copy(run->snapshot);
	record->truth = copy(truth_names[run->truth]);
	record->stages = stages_text(run, run->reached);
	record->cpu_stages = stages_text(run, run->cpu_reached);
	record->as_expected = run->as_expected;
	record->seconds = run->seconds;
	record->cpu_seconds = run->cpu_seconds;
}

void case_record(const struct case_run *run, const char *run_name, struct record *ret)
{
	const struct case_spec *spec = run->spec;

	*ret = (struct record){
		.run = copy(run_name),
		.name = copy(spec->name),
		.kernel = copy(run->kernel),
		.iteration = spec->iteration,
		.id = copy(run->id),
		.spec = spec_text(spec),
		.directory = copy(run->directory),
		.backend = copy(run->backend ? run->backend->name : ""),
		.vendor = copy(vendor_names[spec->vendor]),
		.reboot = copy(case_reboots[spec->reboot]),
		.trigger = copy(case_triggers[spec->trigger]),
		.window = copy(spec->window),
		.load = copy(case_loads[spec->load]),
		.broken = copy(spec->broken),
		.images = copy(spec->images),
		.cpus = spec->cpus,
		.panic_cpu = spec->panic_cpu,
		.reboot_cpu = spec->reboot_cpu,
		.hold_us = spec->hold_us,
		.delay_us = spec->delay_us,
		.expected = copy(outcome_names[spec->expect]),
	};
	if (run->ended)
		add_result(run, ret);
}

struct error *case_write_outcome(const struct case_run *run)
{
	struct record record;

	case_record(run, "", &record);
	struct error *err = record_write_outcome(&record);
	record_deinit(&record);
	return err;
}

void case_run_deinit(struct case_run *self)
{
	free(self->directory);
	free(self->images);
	free(self->kernel);
	free(self->detail);
}
