// SPDX-License-Identifier: GPL-2.0-only
#include "virt/recorder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/cleanup.h"
#include "virt/collect.h"
#include "kernel/cpu_bits.h"

static bool is_sound(const struct recorder_cpu *recorder)
{
	return recorder->magic == RECORDER_MAGIC && recorder->version == RECORDER_VERSION &&
	       recorder->size == sizeof(*recorder);
}

/** A program that began and did not end was interrupted, for good, by what it may have missed. */
static bool was_interrupted(const struct recorder_efer *efer)
{
	return efer->begun != efer->done;
}

/** The newest sighting of EFER by a program that was not interrupted; NULL: there is none. */
static const struct recorder_efer *newest(const struct recorder_cpu *recorder)
{
	const struct recorder_efer *found = NULL;

	for (size_t i = 0; i < WATCHERS; i++) {
		const struct recorder_efer *efer = &recorder->efer[i];

		if (efer->sighting && !was_interrupted(efer) &&
		    (!found || efer->sighting > found->sighting))
			found = efer;
	}
	return found;
}

/** Something was being seen when the CPU was interrupted, and nothing has been seen since. */
static bool may_be_stale(const struct recorder_cpu *recorder, const struct recorder_efer *found)
{
	for (size_t i = 0; i < WATCHERS; i++) {
		const struct recorder_efer *efer = &recorder->efer[i];

		if (was_interrupted(efer) && (!found || found->sighting <= efer->begun_after))
			return true;
	}
	return false;
}

enum evidence_state recorder_svme(const struct recorder_cpu *recorder, bool online, char *why,
				  size_t size)
{
	const struct recorder_efer *found = newest(recorder);
	uint64_t value = found ? found->value : recorder->initial_efer;

	if (may_be_stale(recorder, found)) {
		snprintf(why, size, "the recorder was interrupted while it looked at an MSR");
		return STATE_UNKNOWN;
	}
	if (!found && !recorder->has_initial) {
		snprintf(why, size, "the recorder never saw EFER of this CPU");
		return STATE_UNKNOWN;
	}
	snprintf(why, size, "the recorder saw EFER=0x%" PRIx64 " %s, SVME is %s", value,
		 found ? "last" : "when it began, and no change",
		 value & EFER_SVME ? "set" : "clear");
	if (!(value & EFER_SVME))
		return STATE_OFF;
	if (online)
		return STATE_ON;
	snprintf(why, size,
		 "the recorder saw EFER=0x%" PRIx64 ", SVME set, and is blind on a CPU "
		 "that is offline",
		 value);
	return STATE_UNKNOWN;
}

/** The events that were whole when the CPU died, oldest first. */
static struct error *add_events(struct timeline *timeline, unsigned cpu,
				const struct recorder_cpu *recorder)
{
	uint64_t count = recorder->count;
	uint64_t first = count > RECORDER_EVENTS ? count - RECORDER_EVENTS : 0;

	for (uint64_t number = first; number < count; number++) {
		const struct recorder_event *event = &recorder->events[number % RECORDER_EVENTS];
		bool function = event->what == RECORDER_ENTER || event->what == RECORDER_LEAVE;

		if (event->what == RECORDER_NOTHING || event->what > RECORDER_EFER_WRITTEN ||
		    (function && event->function >= RECORDER_FUNCTIONS))
			continue;
		struct timeline_event added = {.t_ns = event->t_ns,
					       .cpu = cpu,
					       .what = event->what,
					       .value = event->value};

		try(report_add_event(timeline, &added,
				     function ? recorder_functions[event->function].name : ""));
	}
	return NULL;
}

static struct error *judge(struct collector *collector, const struct cpu_finding *cpu,
			   const struct recorder_cpu *recorder, const char *unreadable)
{
	struct evidence evidence = {
		.property = PROPERTY_SVM, .cpu = cpu->cpu, .source = "recorder"};
	char why[160];

	if (!(cpu->properties & 1u << PROPERTY_SVM))
		return NULL;
	if (unreadable)
		snprintf(why, sizeof(why), "the recorder of this CPU cannot be read: %s",
			 unreadable);
	else
		evidence.state = recorder_svme(recorder, cpu->online, why, sizeof(why));
	if (evidence.state != STATE_UNKNOWN)
		evidence.strength = STRENGTH_DIRECT;
	return evidence_add(&collector->report->evidence, evidence, "%s", why);
}

static struct error *read_cpu(struct collector *collector, const struct bpf_values *values,
			      const struct cpu_finding *cpu)
{
	struct recorder_cpu recorder;
	struct error *err =
		cpu->cpu >= values->count
			? error_new(ERROR_FORMAT, "it has none")
			: dump_read(collector->dump, values->address + cpu->cpu * values->stride,
				    &recorder, sizeof(recorder));

	if (!err && !is_sound(&recorder))
		err = error_new(ERROR_FORMAT, "it is damaged or foreign");
	struct error *failed = judge(collector, cpu, &recorder, err ? err->message : NULL);

	if (!err && !failed)
		failed = add_events(&collector->report->timeline, cpu->cpu, &recorder);
	error_free(err);
	return failed;
}

static int by_time(const void *one, const void *two)
{
	const struct timeline_event *a = one, *b = two;

	return a->t_ns < b->t_ns ? -1 : a->t_ns > b->t_ns;
}

/** A case's dump that lacks what leads to the recorder's map: it may have had one. */
static struct error *lost(struct collector *collector, const struct error *err)
{
	struct report *report = collector->report;

	if (error_is(err, ERROR_NOT_FOUND) || !report->has_case)
		return NULL;
	for (size_t i = 0; i < report->cpu_count; i++)
		try(judge(collector, &report->cpus[i], NULL, err->message));
	return NULL;
}

struct error *source_recorder(struct collector *collector)
{
	struct report *report = collector->report;
	struct bpf_values values;
	struct error *err = kernel_bpf_array(collector->kernel, RECORDER_MAP,
					     sizeof(struct recorder_cpu), &values);

	if (err) {
		struct error *failed = lost(collector, err);

		error_free(err);
		return failed;
	}
	report->timeline.done = true;
	for (size_t i = 0; i < report->cpu_count; i++)
		try(read_cpu(collector, &values, &report->cpus[i]));
	if (report->timeline.count)
		qsort(report->timeline.events, report->timeline.count,
		      sizeof(*report->timeline.events), by_time);
	return NULL;
}
