// SPDX-License-Identifier: GPL-2.0-only
#include "virt/report_json.h"

#include <inttypes.h>
#include <json-c/json.h>

#include "util/cleanup.h"

/* json-c fails only for want of memory; a value that could not be made is left out as null. */

static void put(struct json_object *object, const char *key, struct json_object *value)
{
	json_object_object_add(object, key, value);
}

static void put_text(struct json_object *object, const char *key, const char *text)
{
	put(object, key, text ? json_object_new_string(text) : NULL);
}

static void put_bool(struct json_object *object, const char *key, bool value)
{
	put(object, key, json_object_new_boolean(value));
}

static void put_number(struct json_object *object, const char *key, uint64_t value)
{
	put(object, key, json_object_new_uint64(value));
}

static void put_address(struct json_object *object, const char *key, uint64_t address)
{
	char text[32];

	snprintf(text, sizeof(text), "0x%" PRIx64, address);
	put_text(object, key, text);
}

static struct json_object *dump_json(const struct report *report)
{
	struct json_object *object = json_object_new_object();

	put_text(object, "path", report->dump_path);
	put_text(object, "format", report->dump_format);
	return object;
}

static struct json_object *kernel_json(const struct report *report)
{
	struct json_object *object = json_object_new_object();

	put_text(object, "release", report->release);
	put_text(object, "vendor", report->vendor);
	put_number(object, "cpus", report->cpu_count);
	return object;
}

/* An older crashtrigger drew nothing. */
static struct json_object *drawn_json(const struct marker *marker)
{
	if (marker->version < 2)
		return NULL;
	struct json_object *object = json_object_new_object();

	put_number(object, "seed", marker->seed);
	put_number(object, "delay_min_ns", marker->delay_min_ns);
	put_number(object, "delay_max_ns", marker->delay_max_ns);
	put_number(object, "sweep_index", marker->sweep_index);
	put_number(object, "sweep_count", marker->sweep_count);
	put_number(object, "frequency", marker->frequency);
	return object;
}

static struct json_object *case_json(const struct report *report)
{
	const struct marker *marker = &report->marker;

	if (!report->has_case)
		return NULL;
	struct json_object *object = json_object_new_object();

	put_text(object, "id", marker->case_id);
	put_number(object, "panic_cpu", marker->panic_cpu);
	put_number(object, "reboot_cpu", marker->reboot_cpu);
	put_text(object, "window", marker->window);
	put_text(object, "probe", marker->probe);
	put_address(object, "probe_address", marker->probe_address);
	put_text(object, "reboot", marker->reboot);
	put_text(object, "trigger", marker->trigger);
	put_number(object, "hold_ns", marker->hold_ns);
	put_number(object, "delay_ns", marker->delay_ns);
	put_number(object, "t_armed", marker->t_armed);
	put_number(object, "t_hit", marker->t_hit);
	put_number(object, "t_last", marker->t_last);
	put_number(object, "t_end", marker->t_end);
	put_number(object, "t_seen", marker->t_seen);
	put_number(object, "hits", marker->hits);
	put(object, "drawn", drawn_json(marker));
	return object;
}

static struct json_object *hit_json(const struct hit *hit)
{
	struct json_object *object = json_object_new_object();

	put_text(object, "state", hit_name(hit->state));
	put_text(object, "window", hit->window);
	put_text(object, "frame", hit->frame);
	put_text(object, "reason", hit->reason);
	return object;
}

static void put_finding(struct json_object *object, enum evidence_property property,
			const struct finding *finding)
{
	put_text(object, "state", state_name(property, finding->state));
	put_text(object, "strength", strength_name(finding->strength));
	put_text(object, "by", finding->by);
}

static struct json_object *vmcs_json(const struct vmcs_finding *vmcs)
{
	struct json_object *object = json_object_new_object();

	put_address(object, "physical", vmcs->physical);
	put_text(object, "format", vmcs->format);
	put_bool(object, "current", vmcs->current);
	put_bool(object, "listed", vmcs->listed);
	put_bool(object, "launched", vmcs->launched);
	put_finding(object, PROPERTY_VMCS, &vmcs->finding);
	return object;
}

static struct json_object *vmxon_json(const struct vmxon_finding *vmxon)
{
	if (!vmxon->known)
		return NULL;
	struct json_object *object = json_object_new_object();

	put_address(object, "physical", vmxon->physical);
	if (vmxon->readable)
		put_address(object, "revision", vmxon->revision);
	else
		put(object, "revision", NULL);
	put_bool(object, "wrong", vmxon->wrong);
	return object;
}

static struct json_object *cpu_json(const struct cpu_finding *cpu)
{
	struct json_object *object = json_object_new_object();
	struct json_object *stack = json_object_new_array();
	struct json_object *virtualization = json_object_new_object();
	struct json_object *vmcs = json_object_new_array();

	put_number(object, "cpu", cpu->cpu);
	put_bool(object, "online", cpu->online);
	put_text(object, "role", role_name(cpu));
	put_address(object, "rip", cpu->rip);
	put_text(object, "where", cpu->where);
	put_bool(object, "note", cpu->note);
	for (size_t i = 0; i < cpu->stack_count; i++) {
		struct json_object *frame = json_object_new_object();

		put_address(frame, "address", cpu->stack[i].address);
		put_text(frame, "symbol", cpu->stack[i].symbol);
		put_bool(frame, "reliable", cpu->stack[i].reliable);
		json_object_array_add(stack, frame);
	}
	put(object, "stack", stack);
	put_text(object, "stack_end", cpu->stack_end);
	put_text(virtualization, "property", properties_name(cpu->properties));
	put_finding(virtualization, PROPERTY_VMX, &cpu->finding);
	put(object, "virtualization", virtualization);
	put(object, "vmxon", vmxon_json(&cpu->vmxon));
	for (size_t i = 0; i < cpu->vmcs_count; i++)
		json_object_array_add(vmcs, vmcs_json(&cpu->vmcs[i]));
	put(object, "vmcs", vmcs);
	put_bool(object, "vmcs_complete", cpu->vmcs_complete);
	return object;
}

static struct json_object *chain_json(const struct report *report)
{
	struct json_object *object = json_object_new_object();

	for (size_t i = 0; i < report->chain_count; i++) {
		const struct chain_value *value = &report->chain[i];

		if (!value->known)
			put(object, value->name, NULL);
		else if (value->text)
			put_text(object, value->name, value->text);
		else
			put(object, value->name, json_object_new_int64(value->number));
	}
	return object;
}

static struct json_object *fact_json(const struct evidence *evidence)
{
	struct json_object *object = json_object_new_object();

	put_text(object, "property", property_name(evidence->property));
	put_number(object, "cpu", evidence->cpu);
	if (evidence->vmcs)
		put_address(object, "vmcs", evidence->vmcs);
	else
		put(object, "vmcs", NULL);
	put_text(object, "state", state_name(evidence->property, evidence->state));
	put_text(object, "strength", strength_name(evidence->strength));
	put_text(object, "source", evidence->source);
	put_text(object, "reason", evidence->reason);
	return object;
}

static struct json_object *evidence_json(const struct evidence_list *list, bool only_outside)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < list->count; i++) {
		if (!only_outside || evidence_source_find(list->items[i].source)->outside)
			json_object_array_add(array, fact_json(&list->items[i]));
	}
	return array;
}

static struct json_object *scan_json(const struct scan *scan)
{
	if (!scan->done)
		return NULL;
	struct json_object *object = json_object_new_object();
	struct json_object *hits = json_object_new_array();

	put_number(object, "pages", scan->pages);
	put_number(object, "unreadable", scan->unreadable);
	put_address(object, "revision", scan->revision);
	put_number(object, "strangers", scan->strangers);
	for (size_t i = 0; i < scan->count; i++) {
		const struct scan_hit *hit = &scan->hits[i];
		struct json_object *item = json_object_new_object();

		put_address(item, "physical", hit->physical);
		put_text(item, "format", hit->format);
		put_text(item, "owner", owner_name(hit->owner));
		put(item, "cpu", json_object_new_int(hit->cpu));
		put_text(item, "state", state_name(PROPERTY_VMCS, hit->state));
		put_bool(item, "ours", hit->ours);
		json_object_array_add(hits, item);
	}
	put(object, "hits", hits);
	return object;
}

static struct json_object *timeline_json(const struct timeline *timeline)
{
	if (!timeline->done)
		return NULL;
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < timeline->count; i++) {
		const struct timeline_event *event = &timeline->events[i];
		struct json_object *item = json_object_new_object();

		put_number(item, "t_ns", event->t_ns);
		put_number(item, "cpu", event->cpu);
		put_text(item, "event", event_name(event->what));
		put_text(item, "function", event->function);
		put_address(item, "value", event->value);
		json_object_array_add(array, item);
	}
	return array;
}

static struct json_object *lines_json(const struct text_list *list)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < list->count; i++)
		json_object_array_add(array, json_object_new_string(list->items[i]));
	return array;
}

static struct json_object *report_json(const struct report *report)
{
	struct json_object *root = json_object_new_object();
	struct json_object *cpus = json_object_new_array();

	put_text(root, "schema", REPORT_SCHEMA);
	put(root, "dump", dump_json(report));
	put(root, "kernel", kernel_json(report));
	put(root, "case", case_json(report));
	put(root, "hit", hit_json(&report->hit));
	for (size_t i = 0; i < report->cpu_count; i++)
		json_object_array_add(cpus, cpu_json(&report->cpus[i]));
	put(root, "cpus", cpus);
	put(root, "chain", chain_json(report));
	put(root, "evidence", evidence_json(&report->evidence, false));
	put(root, "scan", scan_json(&report->scan));
	put(root, "timeline", timeline_json(&report->timeline));
	put(root, "notes", lines_json(&report->notes));
	put(root, "conflicts", lines_json(&report->conflicts));
	put_text(root, "verdict", verdict_name(report->verdict));
	put(root, "reasons", lines_json(&report->reasons));
	return root;
}

struct error *report_write_json(const struct report *report, FILE *file)
{
	struct json_object *root = report_json(report);
	const char *text =
		root ? json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY |
								    JSON_C_TO_STRING_NOSLASHESCAPE)
		     : NULL;
	struct error *err = NULL;

	if (!text)
		err = error_new(ERROR_NO_MEMORY, "out of memory");
	else if (fprintf(file, "%s\n", text) < 0 || fflush(file))
		err = error_new(ERROR_SYSTEM, "the JSON could not be written in full");
	json_object_put(root);
	return err;
}

struct error *report_kept_json(const struct evidence_list *list, char **ret)
{
	struct json_object *root = json_object_new_object();
	struct json_object *evidence = evidence_json(list, true);
	struct error *err = NULL;

	put_text(root, "schema", KEPT_SCHEMA);
	put(root, "evidence", evidence);
	if (json_object_array_length(evidence))
		err = text_set(ret, "%s",
			       json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN));
	json_object_put(root);
	return err;
}
