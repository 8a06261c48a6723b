// SPDX-License-Identifier: GPL-2.0-only
#include "calibrate/file.h"

#include <inttypes.h>
#include <json-c/json.h>

static json_object *hex(uint64_t value)
{
	char text[20];

	snprintf(text, sizeof(text), "0x%" PRIx64, value);
	return json_object_new_string(text);
}

static json_object *cpu_object(const struct cpu_model *cpu)
{
	json_object *object = json_object_new_object();

	json_object_object_add(object, "vendor", json_object_new_string(cpu->vendor));
	json_object_object_add(object, "family", json_object_new_int64(cpu->family));
	json_object_object_add(object, "model", json_object_new_int64(cpu->model));
	json_object_object_add(object, "stepping", json_object_new_int64(cpu->stepping));
	json_object_object_add(object, "microcode", hex(cpu->microcode));
	return object;
}

static json_object *state_object(const struct calibration *calibration)
{
	json_object *object = json_object_new_object();

	json_object_object_add(object, "offset", json_object_new_int64(calibration->offset));
	json_object_object_add(object, "width", json_object_new_int64(calibration->width));
	json_object_object_add(object, "mask", hex(calibration->mask));
	json_object_object_add(object, "clear", hex(calibration->clear));
	json_object_object_add(object, "launched", hex(calibration->launched));
	json_object_object_add(
		object, "written",
		json_object_new_string(calibration->at_launch ? "at-launch" : "later"));
	return object;
}

static json_object *fields_object(const struct calibration *calibration)
{
	json_object *object = json_object_new_object();

	for (int i = 0; i < FIELD_COUNT; i++) {
		if (calibration->fields[i])
			json_object_object_add(object, calibrated_field_names[i],
					       json_object_new_int64(calibration->fields[i]));
	}
	return object;
}

static json_object *counts_object(const unsigned *counts)
{
	json_object *object = json_object_new_object();

	for (int kind = 0; kind < SAMPLE_KINDS; kind++)
		json_object_object_add(object, sample_kind_names[kind],
				       json_object_new_int64(counts[kind]));
	return object;
}

void calibration_print(const struct calibration *calibration, const struct support *support,
		       FILE *out)
{
	json_object *object = json_object_new_object();
	char share[16];

	snprintf(share, sizeof(share), "%.4f", support_share(support));
	json_object_object_add(object, "schema", json_object_new_string(CALIBRATION_SCHEMA));
	json_object_object_add(object, "cpu", cpu_object(&calibration->cpu));
	json_object_object_add(object, "revision", hex(calibration->revision));
	json_object_object_add(object, "launch_state", state_object(calibration));
	json_object_object_add(object, "fields", fields_object(calibration));
	json_object_object_add(object, "samples", counts_object(support->samples));
	json_object_object_add(object, "shown", counts_object(support->shown));
	json_object_object_add(object, "confidence",
			       json_object_new_double_s(support_share(support), share));
	fprintf(out, "%s\n",
		json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
							       JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}
