// SPDX-License-Identifier: GPL-2.0-only
#include "virt/report.h"

#include <stdlib.h>

#include "util/cleanup.h"

static void cpu_deinit(struct cpu_finding *cpu)
{
	for (size_t i = 0; i < cpu->stack_count; i++)
		free(cpu->stack[i].symbol);
	for (size_t i = 0; i < cpu->vmcs_count; i++) {
		free(cpu->vmcs[i].format);
		free(cpu->vmcs[i].finding.by);
	}
	free(cpu->stack);
	free(cpu->vmcs);
	free(cpu->where);
	free(cpu->stack_end);
	free(cpu->finding.by);
}

void report_deinit(struct report *report)
{
	for (size_t i = 0; i < report->cpu_count; i++)
		cpu_deinit(&report->cpus[i]);
	for (size_t i = 0; i < report->chain_count; i++) {
		free(report->chain[i].name);
		free(report->chain[i].text);
	}
	free(report->cpus);
	free(report->chain);
	free(report->dump_path);
	free(report->dump_format);
	free(report->release);
	free(report->vendor);
	free(report->hit.window);
	free(report->hit.frame);
	free(report->hit.reason);
	evidence_list_deinit(&report->evidence);
	for (size_t i = 0; i < report->scan.count; i++)
		free(report->scan.hits[i].format);
	free(report->scan.hits);
	for (size_t i = 0; i < report->timeline.count; i++)
		free(report->timeline.events[i].function);
	free(report->timeline.events);
	text_list_deinit(&report->notes);
	text_list_deinit(&report->conflicts);
	text_list_deinit(&report->reasons);
	*report = (struct report){};
}

struct cpu_finding *report_cpu(const struct report *report, unsigned cpu)
{
	for (size_t i = 0; i < report->cpu_count; i++) {
		if (report->cpus[i].cpu == cpu)
			return &report->cpus[i];
	}
	return NULL;
}

struct error *report_add_cpu(struct report *report, unsigned cpu, struct cpu_finding **ret)
{
	try(array_grow((void **)&report->cpus, &report->cpu_count, sizeof(*report->cpus)));
	*ret = &report->cpus[report->cpu_count - 1];
	(*ret)->cpu = cpu;
	return NULL;
}

struct error *report_add_vmcs(struct cpu_finding *cpu, struct vmcs_finding **ret)
{
	try(array_grow((void **)&cpu->vmcs, &cpu->vmcs_count, sizeof(*cpu->vmcs)));
	*ret = &cpu->vmcs[cpu->vmcs_count - 1];
	return NULL;
}

struct error *report_add_stack(struct cpu_finding *cpu, struct stack_entry **ret)
{
	try(array_grow((void **)&cpu->stack, &cpu->stack_count, sizeof(*cpu->stack)));
	*ret = &cpu->stack[cpu->stack_count - 1];
	return NULL;
}

struct error *report_add_scan_hit(struct scan *scan, struct scan_hit **ret)
{
	try(array_grow((void **)&scan->hits, &scan->count, sizeof(*scan->hits)));
	*ret = &scan->hits[scan->count - 1];
	return NULL;
}

struct error *report_add_event(struct timeline *timeline, const struct timeline_event *event,
			       const char *function)
{
	try(array_grow((void **)&timeline->events, &timeline->count, sizeof(*timeline->events)));
	struct timeline_event *added = &timeline->events[timeline->count - 1];

	*added = *event;
	added->function = NULL;
	return text_set(&added->function, "%s", function);
}

struct error *report_add_chain(struct report *report, const char *name, bool known, int64_t number,
			       const char *text)
{
	try(array_grow((void **)&report->chain, &report->chain_count, sizeof(*report->chain)));
	struct chain_value *value = &report->chain[report->chain_count - 1];
	value->known = known;
	value->number = number;
	try(text_set(&value->name, "%s", name));
	return text ? text_set(&value->text, "%s", text) : NULL;
}

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[] = {
		[VERDICT_INCONCLUSIVE] = "INCONCLUSIVE",
		[VERDICT_PASS] = "PASS",
		[VERDICT_FAIL] = "FAIL",
	};

	return names[verdict];
}

const char *hit_name(enum hit_state state)
{
	static const char *const names[] = {
		[HIT_NONE] = "none",
		[HIT_UNKNOWN] = "unknown",
		[HIT_MISSED] = "missed",
		[HIT_HIT] = "hit",
	};

	return names[state];
}

const char *owner_name(enum scan_owner owner)
{
	static const char *const names[] = {
		[OWNER_NONE] = "none", [OWNER_LIST] = "list",   [OWNER_CURRENT] = "current",
		[OWNER_VCPU] = "vcpu", [OWNER_VMXON] = "vmxon",
	};

	return names[owner];
}

const char *event_name(enum recorder_what what)
{
	static const char *const names[] = {
		[RECORDER_NOTHING] = "nothing",
		[RECORDER_ENTER] = "enter",
		[RECORDER_LEAVE] = "leave",
		[RECORDER_EFER_READ] = "efer-read",
		[RECORDER_EFER_WRITTEN] = "efer-written",
	};

	return names[what];
}

const char *role_name(const struct cpu_finding *cpu)
{
	static const char *const names[2][2] = {{"bystander", "reboot"}, {"panic", "panic+reboot"}};

	return names[cpu->panic][cpu->reboot];
}

const char *properties_name(unsigned properties)
{
	static const char *const names[] = {"none", "vmx", "svm", "vmx+svm"};

	return names[properties & 3];
}
