// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>

#include "util/cleanup.h"
#include "virt/json_get.h"
#include "virt/report_json.h"

static struct error *parse_header(struct json_object *root, struct report *report)
{
	struct json_object *dump, *kernel;
	const char *schema;

	try(get_word(root, "schema", &schema));
	if (strcmp(schema, REPORT_SCHEMA))
		return error_new(ERROR_FORMAT, "schema \"%s\" is not " REPORT_SCHEMA, schema);
	try(get(root, "dump", json_type_object, "an object", &dump));
	try(get_text(dump, "path", &report->dump_path));
	try(get_text(dump, "format", &report->dump_format));
	try(get(root, "kernel", json_type_object, "an object", &kernel));
	try(get_text(kernel, "release", &report->release));
	return get_text(kernel, "vendor", &report->vendor);
}

static struct error *get_buffer(struct json_object *object, const char *key, char *buffer,
				size_t size)
{
	const char *text;

	try(get_word(object, key, &text));
	if (strlen(text) >= size)
		return foreign(key, "as short as it should be");
	memcpy(buffer, text, strlen(text) + 1);
	return NULL;
}

static struct error *get_numbers(struct json_object *object, const char *const keys[],
				 __u64 *const values[], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t number;

		try(get_number(object, keys[i], UINT64_MAX, &number));
		*values[i] = number;
	}
	return NULL;
}

static struct error *parse_drawn(struct json_object *root, struct marker *marker)
{
	struct json_object *object;
	uint64_t small[3];

	marker->version = 1;
	if (!json_object_object_get_ex(root, "drawn", &object) || !object)
		return NULL;
	if (!json_object_is_type(object, json_type_object))
		return foreign("drawn", "an object");
	marker->version = MARKER_VERSION;
	try(get_number(object, "sweep_index", UINT32_MAX, &small[0]));
	try(get_number(object, "sweep_count", UINT32_MAX, &small[1]));
	try(get_number(object, "frequency", MARKER_ALWAYS, &small[2]));
	marker->sweep_index = small[0];
	marker->sweep_count = small[1];
	marker->frequency = small[2];
	static const char *const keys[] = {"seed", "delay_min_ns", "delay_max_ns"};
	__u64 *const values[] = {&marker->seed, &marker->delay_min_ns, &marker->delay_max_ns};
	return get_numbers(object, keys, values, 3);
}

static struct error *parse_case(struct json_object *root, struct report *report)
{
	struct marker *marker = &report->marker;
	struct json_object *object;

	if (!json_object_object_get_ex(root, "case", &object) || !object)
		return NULL;
	if (!json_object_is_type(object, json_type_object))
		return foreign("case", "an object");
	report->has_case = true;
	try(get_buffer(object, "id", marker->case_id, sizeof(marker->case_id)));
	try(get_buffer(object, "window", marker->window, sizeof(marker->window)));
	try(get_buffer(object, "probe", marker->probe, sizeof(marker->probe)));
	try(get_buffer(object, "reboot", marker->reboot, sizeof(marker->reboot)));
	try(get_buffer(object, "trigger", marker->trigger, sizeof(marker->trigger)));
	try(get_cpu(object, "panic_cpu", &marker->panic_cpu));
	try(get_cpu(object, "reboot_cpu", &marker->reboot_cpu));
	uint64_t address;
	try(get_address(object, "probe_address", &address));
	marker->probe_address = address;
	static const char *const keys[] = {"hold_ns", "delay_ns", "t_armed", "t_hit",
					   "t_last",  "t_end",    "t_seen",  "hits"};
	__u64 *const values[] = {&marker->hold_ns, &marker->delay_ns, &marker->t_armed,
				 &marker->t_hit,   &marker->t_last,   &marker->t_end,
				 &marker->t_seen,  &marker->hits};

	try(get_numbers(object, keys, values, sizeof(keys) / sizeof(*keys)));
	return parse_drawn(object, marker);
}

static struct error *parse_hit(struct json_object *root, struct hit *hit)
{
	struct json_object *object;
	const char *state;

	try(get(root, "hit", json_type_object, "an object", &object));
	try(get_word(object, "state", &state));
	for (hit->state = HIT_NONE; strcmp(state, hit_name(hit->state)); hit->state++) {
		if (hit->state == HIT_HIT)
			return foreign("hit.state", "a known word");
	}
	try(get_text(object, "window", &hit->window));
	try(get_text(object, "frame", &hit->frame));
	return get_text(object, "reason", &hit->reason);
}

static struct error *parse_vmcs(struct json_object *object, struct cpu_finding *cpu)
{
	struct vmcs_finding *vmcs;

	try(report_add_vmcs(cpu, &vmcs));
	try(get_address(object, "physical", &vmcs->physical));
	try(get_text(object, "format", &vmcs->format));
	try(get_bool(object, "current", &vmcs->current));
	try(get_bool(object, "listed", &vmcs->listed));
	return get_bool(object, "launched", &vmcs->launched);
}

static struct error *parse_stack(struct json_object *object, struct cpu_finding *cpu)
{
	struct stack_entry *entry;

	try(report_add_stack(cpu, &entry));
	try(get_address(object, "address", &entry->address));
	try(get_text(object, "symbol", &entry->symbol));
	return get_bool(object, "reliable", &entry->reliable);
}

static struct error *parse_role(struct json_object *object, struct cpu_finding *cpu)
{
	struct json_object *virtualization;
	const char *role, *property;

	try(get_word(object, "role", &role));
	for (unsigned roles = 0;; roles++) {
		cpu->panic = roles & 1;
		cpu->reboot = roles & 2;
		if (!strcmp(role, role_name(cpu)))
			break;
		if (roles == 3)
			return foreign("role", "a known word");
	}
	try(get(object, "virtualization", json_type_object, "an object", &virtualization));
	try(get_word(virtualization, "property", &property));
	for (cpu->properties = 0; strcmp(property, properties_name(cpu->properties));
	     cpu->properties++) {
		if (cpu->properties == 3)
			return foreign("virtualization.property", "a known word");
	}
	return NULL;
}

/** Of a report that was made before they were listed: none. */
static struct error *parse_vmxon(struct json_object *object, struct vmxon_finding *vmxon)
{
	struct json_object *region, *value;
	uint64_t revision;

	if (!json_object_object_get_ex(object, "vmxon", &region) || !region)
		return NULL;
	try(get(object, "vmxon", json_type_object, "an object", &region));
	vmxon->known = true;
	try(get_address(region, "physical", &vmxon->physical));
	vmxon->readable = json_object_object_get_ex(region, "revision", &value) && value;
	if (vmxon->readable) {
		try(get_address(region, "revision", &revision));
		vmxon->revision = revision;
	}
	return get_bool(region, "wrong", &vmxon->wrong);
}

static struct error *parse_cpu(struct json_object *object, struct report *report)
{
	struct json_object *stack, *vmcs, *item;
	struct cpu_finding *cpu;
	unsigned number;

	try(get_cpu(object, "cpu", &number));
	if (report_cpu(report, number))
		return error_new(ERROR_FORMAT, "CPU %u is there twice", number);
	try(report_add_cpu(report, number, &cpu));
	try(get_bool(object, "online", &cpu->online));
	try(parse_role(object, cpu));
	try(get_address(object, "rip", &cpu->rip));
	try(get_text(object, "where", &cpu->where));
	try(get_bool(object, "note", &cpu->note));
	try(get_array(object, "stack", &stack));
	for (size_t i = 0; i < json_object_array_length(stack); i++) {
		try(get_array_object(stack, i, "stack", &item));
		try(parse_stack(item, cpu));
	}
	try(get_text(object, "stack_end", &cpu->stack_end));
	try(parse_vmxon(object, &cpu->vmxon));
	try(get_array(object, "vmcs", &vmcs));
	for (size_t i = 0; i < json_object_array_length(vmcs); i++) {
		try(get_array_object(vmcs, i, "vmcs", &item));
		try(parse_vmcs(item, cpu));
	}
	return get_bool(object, "vmcs_complete", &cpu->vmcs_complete);
}

static struct error *parse_chain(struct json_object *root, struct report *report)
{
	struct json_object *chain;

	try(get(root, "chain", json_type_object, "an object", &chain));
	json_object_object_foreach(chain, key, value)
	{
		bool text = json_object_is_type(value, json_type_string);

		if (value && !text && !json_object_is_type(value, json_type_int))
			return foreign(key, "a number or a text");
		try(report_add_chain(report, key, value, json_object_get_int64(value),
				     text ? json_object_get_string(value) : NULL));
	}
	return NULL;
}

static struct error *parse_fact(struct json_object *object, struct evidence_list *list)
{
	const char *property, *state, *strength, *reason;
	struct json_object *vmcs = NULL;
	struct evidence evidence = {};

	try(get_word(object, "property", &property));
	if (!property_parse(property, &evidence.property))
		return foreign("property", "a known word");
	try(get_cpu(object, "cpu", &evidence.cpu));
	if (json_object_object_get_ex(object, "vmcs", &vmcs) && vmcs)
		try(get_address(object, "vmcs", &evidence.vmcs));
	try(get_word(object, "state", &state));
	if (!state_parse(evidence.property, state, &evidence.state))
		return foreign("state", "a known word");
	try(get_word(object, "strength", &strength));
	if (!strength_parse(strength, &evidence.strength))
		return foreign("strength", "a known word");
	try(get_word(object, "source", &evidence.source));
	try(get_word(object, "reason", &reason));
	return evidence_add(list, evidence, "%s", reason);
}

static struct error *parse_evidence(struct json_object *root, struct evidence_list *list)
{
	struct json_object *array, *item;

	try(get_array(root, "evidence", &array));
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		try(get_array_object(array, i, "evidence", &item));
		try(parse_fact(item, list));
	}
	return NULL;
}

static struct error *parse_scan_hit(struct json_object *object, struct scan *scan)
{
	struct scan_hit *hit;
	const char *owner, *state;
	struct json_object *cpu;

	try(report_add_scan_hit(scan, &hit));
	try(get_address(object, "physical", &hit->physical));
	try(get_text(object, "format", &hit->format));
	try(get_word(object, "owner", &owner));
	for (hit->owner = OWNER_NONE; strcmp(owner, owner_name(hit->owner)); hit->owner++) {
		if (hit->owner == OWNER_VMXON)
			return foreign("owner", "a known word");
	}
	try(get(object, "cpu", json_type_int, "a number", &cpu));
	hit->cpu = json_object_get_int(cpu);
	try(get_word(object, "state", &state));
	if (!state_parse(PROPERTY_VMCS, state, &hit->state))
		return foreign("state", "a known word");
	return get_bool(object, "ours", &hit->ours);
}

/** Of a report that was made without a scan, or before there was one: none. */
static struct error *parse_scan(struct json_object *root, struct scan *scan)
{
	struct json_object *object, *hits, *item;
	uint64_t revision;

	if (!json_object_object_get_ex(root, "scan", &object) || !object)
		return NULL;
	if (!json_object_is_type(object, json_type_object))
		return foreign("scan", "an object");
	scan->done = true;
	try(get_number(object, "pages", UINT64_MAX, &scan->pages));
	try(get_number(object, "unreadable", UINT64_MAX, &scan->unreadable));
	try(get_number(object, "strangers", UINT64_MAX, &scan->strangers));
	try(get_address(object, "revision", &revision));
	scan->revision = revision;
	try(get_array(object, "hits", &hits));
	for (size_t i = 0; i < json_object_array_length(hits); i++) {
		try(get_array_object(hits, i, "hits", &item));
		try(parse_scan_hit(item, scan));
	}
	return NULL;
}

/** Of a report that was made before there were any: none. */
static struct error *parse_notes(struct json_object *root, struct text_list *notes)
{
	struct json_object *array;

	if (!json_object_object_get_ex(root, "notes", &array))
		return NULL;
	try(get_array(root, "notes", &array));
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *line = json_object_array_get_idx(array, i);

		if (!json_object_is_type(line, json_type_string))
			return foreign("notes", "a list of texts");
		try(text_list_add(notes, "%s", json_object_get_string(line)));
	}
	return NULL;
}

static struct error *parse_event(struct json_object *object, struct timeline *timeline)
{
	struct timeline_event event = {.what = RECORDER_ENTER};
	const char *word, *function;

	try(get_number(object, "t_ns", UINT64_MAX, &event.t_ns));
	try(get_cpu(object, "cpu", &event.cpu));
	try(get_word(object, "event", &word));
	while (strcmp(word, event_name(event.what))) {
		if (event.what == RECORDER_EFER_WRITTEN)
			return foreign("event", "a known word");
		event.what++;
	}
	try(get_word(object, "function", &function));
	try(get_address(object, "value", &event.value));
	return report_add_event(timeline, &event, function);
}

/** Of a report without a recorder, or from before there was one: none. */
static struct error *parse_timeline(struct json_object *root, struct timeline *timeline)
{
	struct json_object *array, *item;

	if (!json_object_object_get_ex(root, "timeline", &array) || !array)
		return NULL;
	try(get_array(root, "timeline", &array));
	timeline->done = true;
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		try(get_array_object(array, i, "timeline", &item));
		try(parse_event(item, timeline));
	}
	return NULL;
}

static struct error *parse_report(struct json_object *root, struct report *report)
{
	struct json_object *cpus, *item;

	if (!json_object_is_type(root, json_type_object))
		return error_new(ERROR_FORMAT, "not a JSON object");
	try(parse_header(root, report));
	try(parse_case(root, report));
	try(parse_hit(root, &report->hit));
	try(get_array(root, "cpus", &cpus));
	for (size_t i = 0; i < json_object_array_length(cpus); i++) {
		try(get_array_object(cpus, i, "cpus", &item));
		try(parse_cpu(item, report));
	}
	try(parse_chain(root, report));
	try(parse_scan(root, &report->scan));
	try(parse_timeline(root, &report->timeline));
	try(parse_notes(root, &report->notes));
	return parse_evidence(root, &report->evidence);
}

struct error *report_parse_json(const char *text, struct report *ret)
{
	struct json_object *root;
	struct report report = {};

	try(json_parse(text, &root));
	struct error *err = parse_report(root, &report);

	json_object_put(root);
	if (err)
		report_deinit(&report);
	else
		*ret = report;
	return err;
}

static struct error *parse_outside(struct json_object *root, const char *wanted,
				   struct evidence_list *list)
{
	const char *schema;

	if (!json_object_is_type(root, json_type_object))
		return error_new(ERROR_FORMAT, "not a JSON object");
	try(get_word(root, "schema", &schema));
	if (strcmp(schema, wanted))
		return error_new(ERROR_FORMAT, "schema \"%s\" is not %s", schema, wanted);
	try(parse_evidence(root, list));
	for (size_t i = 0; i < list->count; i++) {
		if (!evidence_source_find(list->items[i].source)->outside)
			return error_new(ERROR_FORMAT, "%s speaks for the dump's memory",
					 list->items[i].source);
	}
	return NULL;
}

struct error *report_parse_outside(const char *text, const char *schema, struct evidence_list *ret)
{
	struct evidence_list list = {};
	struct json_object *root;

	try(json_parse(text, &root));
	struct error *err = parse_outside(root, schema, &list);

	json_object_put(root);
	if (err)
		evidence_list_deinit(&list);
	else
		*ret = list;
	return err;
}
