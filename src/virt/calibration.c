// SPDX-License-Identifier: GPL-2.0-only
#include "virt/calibration.h"

#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/text.h"
#include "virt/json_get.h"
#include "virt/vmcs_page.h"

const char *const calibrated_field_names[FIELD_COUNT] = {
	[FIELD_HOST_RIP] = "host_rip",         [FIELD_HOST_CR3] = "host_cr3",
	[FIELD_HOST_CR4] = "host_cr4",         [FIELD_HOST_GS_BASE] = "host_gs_base",
	[FIELD_LINK_POINTER] = "link_pointer",
};

/* Behind the revision and the abort indicator, SDM 3C 25.2. */
#define FIRST_OFFSET 8

bool cpu_model_same(const struct cpu_model *a, const struct cpu_model *b)
{
	return !strcmp(a->vendor, b->vendor) && a->family == b->family && a->model == b->model &&
	       a->stepping == b->stepping && a->microcode == b->microcode;
}

void calibrations_deinit(struct calibrations *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i].path);
	free(list->items);
	*list = (struct calibrations){};
}

struct calibration *calibrations_find(const struct calibrations *list, uint32_t revision)
{
	for (size_t i = 0; list && i < list->count; i++) {
		if (list->items[i].revision == revision)
			return &list->items[i];
	}
	return NULL;
}

static struct error *parse_small(struct json_object *object, const char *key, unsigned *ret)
{
	uint64_t value;

	try(get_number(object, key, UINT16_MAX, &value));
	*ret = value;
	return NULL;
}

static struct error *parse_u32(struct json_object *object, const char *key, uint32_t *ret)
{
	uint64_t value;

	try(get_address(object, key, &value));
	*ret = value;
	return value <= UINT32_MAX ? NULL : foreign(key, "a number of 32 bits");
}

static struct error *parse_cpu(struct json_object *root, struct cpu_model *ret)
{
	struct json_object *cpu;
	const char *vendor;

	try(get(root, "cpu", json_type_object, "an object", &cpu));
	try(get_word(cpu, "vendor", &vendor));
	if (strlen(vendor) >= sizeof(ret->vendor))
		return foreign("vendor", "as CPUID spells it");
	strcpy(ret->vendor, vendor);
	try(parse_small(cpu, "family", &ret->family));
	try(parse_small(cpu, "model", &ret->model));
	try(parse_small(cpu, "stepping", &ret->stepping));
	return parse_u32(cpu, "microcode", &ret->microcode);
}

/** The offset of @width bytes that must lie in the region, behind its header. */
static struct error *parse_offset(struct json_object *object, const char *key, unsigned width,
				  unsigned *ret)
{
	try(parse_small(object, key, ret));
	return *ret >= FIRST_OFFSET && *ret + width <= VMCS_SIZE
		       ? NULL
		       : foreign(key, "an offset into a VMCS region");
}

static struct error *parse_state(struct json_object *root, struct calibration *ret)
{
	struct json_object *state;
	const char *written;

	try(get(root, "launch_state", json_type_object, "an object", &state));
	try(parse_small(state, "width", &ret->width));
	if (ret->width != 1 && ret->width != 2 && ret->width != 4 && ret->width != 8)
		return foreign("width", "1, 2, 4 or 8");
	try(parse_offset(state, "offset", ret->width, &ret->offset));
	try(get_address(state, "mask", &ret->mask));
	try(get_address(state, "clear", &ret->clear));
	try(get_address(state, "launched", &ret->launched));
	if (ret->width < 8 && ret->mask >> ret->width * 8)
		return foreign("mask", "as wide as the launch state");
	if (ret->clear == ret->launched || (ret->clear | ret->launched) & ~ret->mask)
		return error_new(ERROR_FORMAT, "\"clear\" and \"launched\" have to be two values "
					       "under \"mask\"");
	try(get_word(state, "written", &written));
	ret->at_launch = !strcmp(written, "at-launch");
	return ret->at_launch || !strcmp(written, "later")
		       ? NULL
		       : foreign("written", "\"at-launch\" or \"later\"");
}

static struct error *parse_fields(struct json_object *root, struct calibration *ret)
{
	struct json_object *fields, *value;

	if (!json_object_object_get_ex(root, "fields", &fields))
		return NULL;
	try(get(root, "fields", json_type_object, "an object", &fields));
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		const char *name = calibrated_field_names[i];

		if (json_object_object_get_ex(fields, name, &value))
			try(parse_offset(fields, name, 8, &ret->fields[i]));
	}
	return NULL;
}

static struct error *parse(struct json_object *root, struct calibration *ret)
{
	const char *schema;

	if (!json_object_is_type(root, json_type_object))
		return error_new(ERROR_FORMAT, "not a JSON object");
	try(get_word(root, "schema", &schema));
	if (strcmp(schema, CALIBRATION_SCHEMA))
		return error_new(ERROR_FORMAT, "schema \"%s\" is not " CALIBRATION_SCHEMA, schema);
	try(parse_cpu(root, &ret->cpu));
	try(parse_u32(root, "revision", &ret->revision));
	if (!ret->revision || ret->revision > INT32_MAX)
		return foreign("revision", "a VMCS revision, of 31 bits and not 0");
	try(parse_state(root, ret));
	return parse_fields(root, ret);
}

struct error *calibrations_add(struct calibrations *list, const char *path, const char *text)
{
	struct calibration calibration = {};
	struct json_object *root;

	try(json_parse(text, &root));
	struct error *err = parse(root, &calibration);

	json_object_put(root);
	if (err)
		return err;
	if (calibrations_find(list, calibration.revision))
		return error_new(ERROR_FORMAT, "revision 0x%x was calibrated before",
				 calibration.revision);
	try(array_grow((void **)&list->items, &list->count, sizeof(*list->items)));
	list->items[list->count - 1] = calibration;
	return text_set(&list->items[list->count - 1].path, "%s", path);
}
