// SPDX-License-Identifier: GPL-2.0-only
/* What the flight recorder left in memory, whole and damaged, and what becomes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_intel.h"
#include "virt/recorder.h"

#define SVME_SET 0x1d01
#define SVME_CLEAR 0xd01

static struct recorder_cpu recorders[FAKE_CPUS];
static struct marker marker;

/* Two AMD CPUs whose recorder saw SVME set at the start and cleared later. */
static int recorded(void **state)
{
	healthy(state);
	memcpy(kernel.memory + BOOT_CPU_DATA + 16, "AuthenticAMD", 13);
	kernel.module = "kvm_amd";
	memset(recorders, 0, sizeof(recorders));
	for (unsigned cpu = 0; cpu < FAKE_CPUS; cpu++)
		recorders[cpu] = (struct recorder_cpu){
			.magic = RECORDER_MAGIC,
			.version = RECORDER_VERSION,
			.size = sizeof(struct recorder_cpu),
			.has_initial = 1,
			.initial_efer = SVME_SET,
			.sightings = 2,
			.efer = {[WATCH_READ] = {1, 1, 0, 1, SVME_SET, 100},
				 [WATCH_WRITE] = {1, 1, 1, 2, SVME_CLEAR, 110}},
		};
	kernel.recorders = recorders;
	marker = make_marker();
	marker.t_armed = 90;
	marker.t_hit = 100;
	return 0;
}

static enum evidence_state svme(bool online)
{
	char why[160];

	return recorder_svme(&recorders[0], online, why, sizeof(why));
}

static void test_off_by_the_dump_alone(void **state)
{
	(void)state;
	expect(false, VERDICT_PASS, "off on all of 2 CPUs");
	assert_string_equal(report.cpus[0].finding.by, "recorder");
}

static void test_left_on(void **state)
{
	(void)state;
	recorders[0].efer[WATCH_WRITE].sighting = 0; /* it never was written */
	recorders[0].sightings = 1;
	expect(false, VERDICT_FAIL, "SVM (EFER.SVME) on CPU 0 is ON (direct, recorder)");
	recorders[0].efer[WATCH_READ].sighting = 0; /* nor read */
	expect(false, VERDICT_FAIL, "SVM (EFER.SVME) on CPU 0 is ON (direct, recorder)");
	recorders[0].has_initial = 0;
	expect(true, VERDICT_INCONCLUSIVE, "never saw EFER");
}

static void test_no_recorder_makes_nothing_better(void **state)
{
	(void)state;
	kernel.recorders = NULL;
	expect(false, VERDICT_INCONCLUSIVE, "only inferred");
	assert_false(report.timeline.done);
	kernel.marker = &marker;
	kernel.recorder_lost =
		true; /* a case's, whose recorder cannot be found for a missing page */
	expect(true, VERDICT_INCONCLUSIVE, "cannot be read: no map");
}

static void test_damage_is_unknown(void **state)
{
	(void)state;
	recorders[0].version++;
	expect(true, VERDICT_INCONCLUSIVE, "damaged or foreign");
	recorders[0].version--;
	kernel.missing = FAKE_BASE + FAKE_SIZE - 0x4000;
	expect(true, VERDICT_INCONCLUSIVE, "page not in dump");
}

/* The tracepoints are silent on a CPU that is marked offline. */
static void test_offline(void **state)
{
	(void)state;
	assert_int_equal(svme(false), STATE_OFF);
	recorders[0].efer[WATCH_WRITE].value = SVME_SET;
	assert_int_equal(svme(true), STATE_ON);
	assert_int_equal(svme(false), STATE_UNKNOWN);
}

/* An NMI inside one of the recorder's programs: that one does not run in the NMI, the others do. */
static void test_interrupted(void **state)
{
	(void)state;
	struct recorder_efer *write = &recorders[0].efer[WATCH_WRITE];
	struct recorder_efer *too = &recorders[0].efer[WATCH_WRITE_TOO];

	write->begun = 2; /* and nothing newer: what it was about to say is lost */
	write->begun_after = 2;
	assert_int_equal(svme(true), STATE_UNKNOWN);
	*too = (struct recorder_efer){1, 1, 2, 3, SVME_CLEAR, 120};
	assert_int_equal(svme(true), STATE_OFF);
	too->value = SVME_SET;
	assert_int_equal(svme(true), STATE_ON);
	too->begun = 2; /* both: nested NMIs cannot be, so the memory is odd */
	too->begun_after = 3;
	assert_int_equal(svme(true), STATE_UNKNOWN);
}

static void add_event(unsigned cpu, uint64_t t, enum recorder_what what, unsigned function)
{
	struct recorder_cpu *recorder = &recorders[cpu];

	recorder->events[recorder->count++ % RECORDER_EVENTS] =
		(struct recorder_event){t, SVME_CLEAR, what, function};
}

static unsigned function_index(const char *name)
{
	unsigned i = 0;

	while (strcmp(recorder_functions[i].name, name))
		i++;
	return i;
}

static void test_timeline(void **state)
{
	(void)state;
	add_event(1, 300, RECORDER_LEAVE, 1);
	add_event(0, 200, RECORDER_ENTER, 1);
	add_event(0, 400, RECORDER_EFER_WRITTEN, 0);
	add_event(0, 500, RECORDER_NOTHING, 1); /* was being written */
	add_event(0, 500, RECORDER_ENTER, RECORDER_FUNCTIONS);
	add_event(0, 500, 77, 0);
	expect(false, VERDICT_PASS, "");
	assert_int_equal(report.timeline.count, 3);
	assert_int_equal(report.timeline.events[0].t_ns, 200);
	assert_int_equal(report.timeline.events[1].cpu, 1);
	assert_string_equal(report.timeline.events[1].function, recorder_functions[1].name);
	assert_int_equal(report.timeline.events[2].value, SVME_CLEAR);
	for (unsigned i = 0; i < 3 * RECORDER_EVENTS; i++)
		add_event(0, 1000 + i, RECORDER_ENTER, 2);
	expect(false, VERDICT_PASS, "");
	assert_int_equal(report.timeline.count, 1 + RECORDER_EVENTS);
	recorders[0].count = UINT64_MAX; /* hostile: no more events than there is room for */
	expect(false, VERDICT_PASS, "");
	assert_int_equal(report.timeline.count, 1 + RECORDER_EVENTS);
}

/* A stack that cannot be followed, where the recorder saw the NMI come into the hold. */
static void test_hit_by_timeline(void **state)
{
	(void)state;
	unsigned callback = function_index("crash_nmi_callback");

	kernel.marker = &marker;
	kernel.stack_end = "page not in dump";
	expect(false, VERDICT_PASS, "");
	assert_int_equal(report.hit.state, HIT_UNKNOWN);
	add_event(0, 90, RECORDER_ENTER, callback); /* before the hold */
	add_event(1, 150, RECORDER_ENTER, callback); /* another CPU */
	expect(false, VERDICT_PASS, "");
	assert_int_equal(report.hit.state, HIT_UNKNOWN);
	add_event(0, 150, RECORDER_ENTER, callback);
	expect(false, VERDICT_PASS, "");
	assert_int_equal(report.hit.state, HIT_HIT);
	marker.t_end = 140;
	expect(false, VERDICT_PASS, "");
	assert_int_equal(report.hit.state, HIT_UNKNOWN);
	marker.t_end = 0;
	kernel.stack_end = "user mode"; /* a whole stack has the last word */
	expect(false, VERDICT_PASS, "");
	assert_int_equal(report.hit.state, HIT_MISSED);
}

#define recorder_test(function) cmocka_unit_test_setup_teardown(function, recorded, done)

int main(void)
{
	const struct CMUnitTest tests[] = {
		recorder_test(test_off_by_the_dump_alone),
		recorder_test(test_left_on),
		recorder_test(test_no_recorder_makes_nothing_better),
		recorder_test(test_damage_is_unknown),
		recorder_test(test_offline),
		recorder_test(test_interrupted),
		recorder_test(test_timeline),
		recorder_test(test_hit_by_timeline),
	};

	return cmocka_run_group_tests_name("recorder", tests, NULL, NULL);
}
