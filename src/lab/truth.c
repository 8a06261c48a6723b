// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/truth.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lab/files.h"

const char *const truth_names[] = {[TRUTH_NONE] = "",
				   [TRUTH_AGREES] = "agrees",
				   [TRUTH_PARTLY] = "partly",
				   [TRUTH_DISAGREES] = "disagrees"};

/** A comparison on its way. */
struct comparison {
	json_object *verdict, *truth;
	unsigned same, unknown;
	char *why; /* the first difference */
};

static void differ(struct comparison *self, char *why)
{
	if (self->why)
		free(why);
	else
		self->why = why;
}

/* @state is the analyzer's word, @on and @off those that it may say. */
static void compare(struct comparison *self, const char *what, const char *state, const char *on,
		    const char *off, bool truth)
{
	const char *right = truth ? on : off;

	if (!strcmp(state, right))
		self->same++;
	else if (!strcmp(state, on) || !strcmp(state, off))
		differ(self, format_string("%s is %s, the dump says %s", what, right, state));
	else
		self->unknown++;
}

static uint64_t address(const char *text)
{
	return strtoull(text, NULL, 16);
}

/* Launched, or the current one of a CPU in VMX operation, which may hold what memory has not. */
static bool is_active(json_object *truth, uint64_t physical)
{
	for (size_t i = 0; i < json_count(truth, "launched"); i++) {
		json_object *item = json_item(truth, "launched", i);
		if (address(json_object_get_string(item)) == physical)
			return true;
	}
	for (size_t i = 0; i < json_count(truth, "cpus"); i++) {
		json_object *cpu = json_item(truth, "cpus", i);
		if (json_object_get_boolean(json_member(cpu, "vmx")) &&
		    address(json_text(cpu, "current")) == physical)
			return true;
	}
	return false;
}

static void compare_vmcss(struct comparison *self, json_object *cpu)
{
	for (size_t i = 0; i < json_count(cpu, "vmcs"); i++) {
		json_object *vmcs = json_item(cpu, "vmcs", i);
		const char *physical = json_text(vmcs, "physical");
		char *what = format_string("VMCS %s", physical);
		compare(self, what, json_text(vmcs, "state"), "active", "clear",
			is_active(self->truth, address(physical)));
		free(what);
	}
}

static void compare_cpu(struct comparison *self, json_object *truth)
{
	int64_t number = json_object_get_int64(json_member(truth, "cpu"));
	char *what = format_string("VMX operation on CPU %d", (int)number);
	bool found = false;

	for (size_t i = 0; i < json_count(self->verdict, "cpus"); i++) {
		json_object *cpu = json_item(self->verdict, "cpus", i);
		if (json_object_get_int64(json_member(cpu, "cpu")) != number)
			continue;
		found = true;
		compare(self, what, json_text(json_member(cpu, "virtualization"), "state"), "on",
			"off", json_object_get_boolean(json_member(truth, "vmx")));
		compare_vmcss(self, cpu);
	}
	if (!found)
		differ(self, format_string("the dump says nothing of CPU %d", (int)number));
	free(what);
}

static bool is_named(json_object *verdict, uint64_t physical)
{
	for (size_t i = 0; i < json_count(verdict, "cpus"); i++) {
		json_object *cpu = json_item(verdict, "cpus", i);
		for (size_t j = 0; j < json_count(cpu, "vmcs"); j++) {
			if (address(json_text(json_item(cpu, "vmcs", j), "physical")) == physical)
				return true;
		}
	}
	return false;
}

enum truth truth_compare(json_object *verdict, json_object *truth, char **ret_why)
{
	struct comparison self = {.verdict = verdict, .truth = truth};

	for (size_t i = 0; i < json_count(truth, "cpus"); i++)
		compare_cpu(&self, json_item(truth, "cpus", i));
	for (size_t i = 0; i < json_count(truth, "launched"); i++) {
		const char *physical = json_object_get_string(json_item(truth, "launched", i));
		if (!is_named(verdict, address(physical)))
			differ(&self,
			       format_string("VMCS %s is launched, the dump does not know it",
					     physical));
	}
	*ret_why = self.why;
	if (self.why)
		return TRUTH_DISAGREES;
	if (!self.same)
		return TRUTH_NONE;
	return self.unknown ? TRUTH_PARTLY : TRUTH_AGREES;
}
