// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "kernel/windows.h"
#include "util/cleanup.h"
#include "virt/collect.h"

/** A text of the marker: it ends within its array and is printable. */
static bool is_text(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (!text[i])
			return true;
		if (!isprint((unsigned char)text[i]))
			return false;
	}
	return false;
}

static bool marker_is_sound(const struct marker *marker)
{
	size_t size = marker->version == 1 ? MARKER_SIZE_1 : sizeof(*marker);

	return marker->magic == MARKER_MAGIC && marker->version >= 1 &&
	       marker->version <= MARKER_VERSION && marker->size == size &&
	       is_text(marker->case_id, sizeof(marker->case_id)) &&
	       is_text(marker->window, sizeof(marker->window)) &&
	       is_text(marker->probe, sizeof(marker->probe)) &&
	       is_text(marker->reboot, sizeof(marker->reboot)) &&
	       is_text(marker->trigger, sizeof(marker->trigger));
}

/** What an older crashtrigger did not write stays 0. */
static struct error *read_marker(struct collector *collector, struct marker *marker)
{
	struct bpf_values values;

	try(kernel_bpf_array(collector->kernel, MARKER_MAP, MARKER_SIZE_1, &values));
	try(dump_read(collector->dump, values.address, marker, MARKER_SIZE_1));
	if (marker->version == 1)
		return NULL;
	if (values.stride < sizeof(*marker))
		return error_new(ERROR_FORMAT, "BPF map " MARKER_MAP " is too small for version %u",
				 marker->version);
	return dump_read(collector->dump, values.address, marker, sizeof(*marker));
}

struct error *collect_marker(struct collector *collector)
{
	struct report *report = collector->report;
	struct marker marker = {};
	struct error *err = read_marker(collector, &marker);

	if (!err && marker_is_sound(&marker)) {
		report->has_case = true;
		report->marker = marker;
	} else if (!err) {
		err = text_set(&report->hit.reason, "the marker in the dump is damaged or foreign");
	} else if (error_is(err, ERROR_NOT_FOUND)) {
		error_clear(&err);
		err = text_set(&report->hit.reason, "no marker: not one of crashtrigger's crashes");
	} else {
		struct error *said =
			text_set(&report->hit.reason, "no marker could be read: %s", err->message);

		error_clear(&err);
		err = said;
	}
	return err;
}

#define PROBE_SIZE sizeof(((struct marker *)0)->probe)

static bool has_symbol(struct collector *collector, const char *module, const char *symbol)
{
	uint64_t address;
	_cleanup_error_ struct error *err =
		kernel_symbol(collector->kernel, module, symbol, &address);

	return !err;
}

/** The first of the window's probes that the kernel has: the one that crashtrigger would take. */
static const char *first_probe(struct collector *collector, const struct window *window)
{
	for (const struct window_probe *probe = window->probes; probe->symbol; probe++) {
		if (has_symbol(collector, probe->module, probe->symbol) &&
		    (!probe->needs || has_symbol(collector, NULL, probe->needs)))
			return probe->symbol;
	}
	return "";
}

/** The function that has to be on the stack: the probe's, or for want of one the window's. */
static void find_target(struct collector *collector, const struct marker *marker,
			char ret[PROBE_SIZE])
{
	const struct window *window = window_find(marker->window);
	const char *function = marker->probe;

	if (!*function)
		function = window ? first_probe(collector, window) : marker->window;
	snprintf(ret, PROBE_SIZE, "%s", function);
	ret[strcspn(ret, "+ ")] = '\0';
}

/** The symbol "name+0x1f/0x80 [module]", also with a compiler's suffix (".cold"), is @function. */
static bool is_in(const char *symbol, const char *function)
{
	size_t length = strlen(function);

	return length && !strncmp(symbol, function, length) && strchr("+.", symbol[length]) &&
	       symbol[length];
}

static struct error *set_hit(struct hit *hit, enum hit_state state, const char *reason)
{
	hit->state = state;
	return text_set(&hit->reason, "%s", reason);
}

/** The frame was found: the marker, written while it happened, has to tell the same story. */
static struct error *check_marker(const struct marker *marker, struct hit *hit)
{
	if (!*marker->probe)
		return set_hit(hit, HIT_HIT, "the function is on the reboot CPU's stack");
	if (!marker->t_hit)
		return set_hit(hit, HIT_UNKNOWN,
			       "the function is on the reboot CPU's stack, but "
			       "the marker says that no hold began");
	if (marker->t_end)
		return set_hit(hit, HIT_UNKNOWN,
			       "the function is on the reboot CPU's stack, but "
			       "the hold had ended before the panic came");
	return set_hit(hit, HIT_HIT,
		       "the function is on the reboot CPU's stack, and its hold "
		       "began and never ended");
}

/** The frame at @index is in the window; say so where people look first, too. */
static struct error *found_frame(const struct marker *marker, struct cpu_finding *cpu, size_t index,
				 struct hit *hit)
{
	const struct stack_entry *entry = &cpu->stack[index];

	try(text_set(&hit->frame, "%s", entry->symbol));
	if (index)
		try(text_set(&cpu->where, "%s > %s", entry->symbol, cpu->stack[0].symbol));
	if (entry->reliable)
		return check_marker(marker, hit);
	return set_hit(hit, HIT_UNKNOWN,
		       "the function is on the reboot CPU's stack, but the way "
		       "to it was partly guessed");
}

/**
 * For a stack that cannot be followed: in a held kprobe nothing else runs on the CPU but an NMI's
 * handler, so that a hold without an end, in which the shootdown's NMI came, says the same.
 */
static bool held_by_timeline(const struct report *report, const struct cpu_finding *cpu)
{
	const struct marker *marker = &report->marker;
	const struct timeline *timeline = &report->timeline;

	if (stack_is_complete(cpu) || !marker->t_hit || marker->t_end)
		return false;
	for (size_t i = 0; i < timeline->count; i++) {
		const struct timeline_event *event = &timeline->events[i];

		if (event->cpu == cpu->cpu && event->what == RECORDER_ENTER &&
		    event->t_ns >= marker->t_hit && !strcmp(event->function, "crash_nmi_callback"))
			return true;
	}
	return false;
}

static struct error *judge_hit(struct collector *collector, struct cpu_finding *cpu,
			       struct hit *hit)
{
	const struct marker *marker = &collector->report->marker;
	char target[PROBE_SIZE];

	/* Where it was later, at the dump, is no answer. */
	if (held_by_timeline(collector->report, cpu))
		return set_hit(hit, HIT_HIT,
			       "the recorder: the hold had begun and not ended when the reboot CPU "
			       "took the NMI");
	if (!cpu->note)
		return set_hit(hit, HIT_UNKNOWN, "the reboot CPU saved no registers");
	find_target(collector, marker, target);
	for (size_t i = 0; i < cpu->stack_count; i++) {
		if (is_in(cpu->stack[i].symbol, target))
			return found_frame(marker, cpu, i, hit);
	}
	/* In user mode there is no stack to follow. */
	if (stack_is_complete(cpu) || !strcmp(cpu->where, "user mode"))
		return set_hit(hit, HIT_MISSED,
			       marker->t_hit ? "the reboot CPU had left the function"
					     : "the reboot CPU was not in the function");
	hit->state = HIT_UNKNOWN;
	return text_set(&hit->reason, "the reboot CPU's stack ends early: %s",
			cpu->stack_end ? cpu->stack_end : "no stack");
}

struct error *collect_hit(struct collector *collector)
{
	struct report *report = collector->report;
	const struct marker *marker = &report->marker;
	struct cpu_finding *cpu;

	if (!report->has_case)
		return NULL;
	try(text_set(&report->hit.window, "%s", marker->window));
	if (!strcmp(marker->window, "none"))
		return set_hit(&report->hit, HIT_NONE, "a timed strike: no window was aimed at");
	cpu = report_cpu(report, marker->reboot_cpu);
	if (!cpu)
		return set_hit(&report->hit, HIT_UNKNOWN, "the dump has no such reboot CPU");
	return judge_hit(collector, cpu, &report->hit);
}
