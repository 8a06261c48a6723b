// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/signature.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lab/files.h"
#include "lab/verdict_file.h"
#include "util/cleanup.h"

/* Outcomes that tell nothing against the kernel or the lab. */
static bool is_failure(const struct record *record)
{
	switch (record_outcome(record)) {
	case OUTCOME_PASS:
	case OUTCOME_RACE_MISSED:
	case OUTCOME_SKIPPED:
	case OUTCOME_COUNT:
		return false;
	default:
		return true;
	}
}

/* Outcomes whose detail is what sets one failure apart from another. */
static bool tells_more(enum outcome outcome)
{
	return outcome == OUTCOME_LAB_BROKEN || outcome == OUTCOME_EARLY_CRASH;
}

/* "name+0x1/0x2 [module]": "name". */
static int name_length(const char *symbol)
{
	return strcspn(symbol, "+ ");
}

static bool same_function(const char *a, const char *b)
{
	int length = name_length(a);

	return length && length == name_length(b) && !memcmp(a, b, length);
}

/* The stack's functions, from the one of @frame on when it is there. */
static void put_stack(FILE *out, json_object *cpu, const char *frame)
{
	size_t first = 0;

	for (size_t i = 0; i < json_count(cpu, "stack"); i++) {
		if (same_function(json_text(json_item(cpu, "stack", i), "symbol"), frame))
			first = i;
	}
	for (size_t i = first; i < json_count(cpu, "stack"); i++) {
		const char *symbol = json_text(json_item(cpu, "stack", i), "symbol");
		fprintf(out, "%s%.*s", i > first ? " < " : "", name_length(symbol), symbol);
	}
}

static void put_finding(FILE *out, json_object *cpu)
{
	json_object *virtualization = json_member(cpu, "virtualization");
	const char *role = json_text(cpu, "role"), *state = json_text(virtualization, "state");
	bool active = false, unknown = false;

	if (strcmp(state, "off"))
		fprintf(out, "; %s %s %s", role, json_text(virtualization, "property"), state);
	for (size_t i = 0; i < json_count(cpu, "vmcs"); i++) {
		const char *vmcs = json_text(json_item(cpu, "vmcs", i), "state");
		active |= !strcmp(vmcs, "active");
		unknown |= !strcmp(vmcs, "unknown");
	}
	if (active || unknown)
		fprintf(out, "; %s vmcs %s", role, active ? "active" : "unknown");
}

static void put_verdict(FILE *out, json_object *verdict)
{
	const char *frame = json_text(json_member(verdict, "hit"), "frame");

	for (size_t i = 0; i < json_count(verdict, "cpus"); i++)
		put_finding(out, json_item(verdict, "cpus", i));
	for (size_t i = 0; i < json_count(verdict, "cpus"); i++) {
		json_object *cpu = json_item(verdict, "cpus", i);
		const char *role = json_text(cpu, "role");
		if (!strstr(role, "reboot") && !strstr(role, "panic"))
			continue;
		fprintf(out, "; %s: ", role);
		put_stack(out, cpu, strstr(role, "reboot") ? frame : "");
	}
}

/* FNV-1a, 64 bits: the groups of a results directory are few. */
static uint64_t hash(const char *text)
{
	uint64_t value = 0xcbf29ce484222325;

	for (; *text; text++)
		value = (value ^ (unsigned char)*text) * 0x100000001b3;
	return value;
}

void signature_add(struct record *record)
{
	_cleanup_json_ json_object *verdict = record_verdict(record);
	size_t size;

	if (!is_failure(record))
		return;
	FILE *out = open_memstream(&record->failure, &size);
	if (!out)
		abort();
	fprintf(out, "%s %s at %s", record->kernel, record->outcome, record->window);
	if (verdict)
		put_verdict(out, verdict);
	else
		fprintf(out, "; reached %s", record->stage ? record->stage : "nothing");
	/* What names the case would set it apart from all others. */
	if (tells_more(record_outcome(record)) && record->detail &&
	    !strstr(record->detail, record->id))
		fprintf(out, ": %s", record->detail);
	fclose(out);
	record->signature = format_string("%016" PRIx64, hash(record->failure));
}
