// SPDX-License-Identifier: GPL-2.0-only
/* What QEMU's notes prove, by where each virtual CPU was when the dump was written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_kernel.h"
#include "virt/collect.h"
#include "virt/verdict.h"

#define VMX (1u << PROPERTY_VMX)
#define VMXE (1ull << 13)

static struct kernel kernel;
static struct report report;
static struct collector collector;
static struct kernel_vcpu vcpus[2];

static void ok(struct error *err)
{
	if (err)
		print_message("%s\n", err->message);
	assert_null(err);
}

/* Two Intel CPUs, the second panicked and is in the crash kernel; both have VMX off. */
static int healthy(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	kernel.crashed = true;
	kernel.cpus = 2;
	vcpus[0] = (struct kernel_vcpu){.place = VCPU_KERNEL, .cr4 = 0x3506f0};
	vcpus[1] = (struct kernel_vcpu){.place = VCPU_CRASH_KERNEL, .cr4 = 0x3506f0};
	for (unsigned i = 0; i < 2; i++) {
		struct cpu_finding *cpu;

		kernel.vcpus[i] = &vcpus[i];
		ok(report_add_cpu(&report, i, &cpu));
		cpu->properties = VMX;
		cpu->vmcs_complete = true;
		cpu->panic = i == 1;
	}
	collector = (struct collector){
		.kernel = &kernel, .dump = (struct dump *)&kernel, .report = &report};
	return 0;
}

static int done(void **state)
{
	(void)state;
	report_deinit(&report);
	memset(&report, 0, sizeof(report));
	return 0;
}

/** The evidence about @cpu, the only one there is. */
static const struct evidence *evidence_of(unsigned cpu)
{
	const struct evidence *found = NULL;

	for (size_t i = 0; i < report.evidence.count; i++) {
		if (report.evidence.items[i].cpu != cpu)
			continue;
		assert_null(found);
		found = &report.evidence.items[i];
	}
	return found;
}

static void expect_state(enum vcpu_place place, bool enabled, enum evidence_state state)
{
	vcpus[0].place = place;
	vcpus[0].cr4 = enabled ? 0x3526f0 : 0x3506f0;
	evidence_list_deinit(&report.evidence);
	ok(source_qemu(&collector));
	const struct evidence *evidence = evidence_of(0);

	assert_non_null(evidence);
	assert_string_equal(evidence->source, "qemu-note");
	assert_int_equal(evidence->state, state);
	assert_int_equal(evidence->strength,
			 state == STATE_UNKNOWN ? STRENGTH_INFERRED : STRENGTH_DIRECT);
}

static void test_places(void **state)
{
	(void)state;
	expect_state(VCPU_KERNEL, false, STATE_OFF);
	expect_state(VCPU_KERNEL, true, STATE_ON);
	expect_state(VCPU_CRASH_KERNEL, false, STATE_OFF);
	expect_state(VCPU_CRASH_KERNEL, true, STATE_UNKNOWN);
	/* CR4 is 0 after INIT and reset: that is no answer. */
	expect_state(VCPU_RESET, false, STATE_UNKNOWN);
	expect_state(VCPU_ELSEWHERE, false, STATE_UNKNOWN);
	expect_state(VCPU_ELSEWHERE, true, STATE_UNKNOWN);
	expect_state(VCPU_UNKNOWN, false, STATE_UNKNOWN);
}

static void test_verdict(void **state)
{
	(void)state;
	ok(collect_vcpus(&collector));
	ok(source_qemu(&collector));
	ok(verdict_judge(&report, false));
	assert_int_equal(report.verdict, VERDICT_PASS);
	evidence_list_deinit(&report.evidence);
	vcpus[0].cr4 |= VMXE;
	ok(source_qemu(&collector));
	ok(verdict_judge(&report, false));
	assert_int_equal(report.verdict, VERDICT_FAIL);
	assert_int_equal(report.cpus[0].finding.state, STATE_ON);
	assert_int_equal(report.cpus[1].finding.state, STATE_OFF);
}

static void test_no_vcpu_no_evidence(void **state)
{
	(void)state;
	kernel.vcpus[0] = NULL;
	ok(collect_vcpus(&collector));
	ok(source_qemu(&collector));
	assert_null(evidence_of(0));
	assert_non_null(evidence_of(1));
	kernel.vcpus[1] = NULL;
	ok(collect_vcpus(&collector));
}

/* The notes hold no EFER. */
static void test_amd(void **state)
{
	(void)state;
	report.cpus[0].properties = report.cpus[1].properties = 1u << PROPERTY_SVM;
	ok(source_qemu(&collector));
	assert_int_equal(report.evidence.count, 0);
}

static void expect_restarted(bool restarted)
{
	_cleanup_error_ struct error *err = collect_vcpus(&collector);

	assert_int_equal(restarted, err != NULL);
	if (err)
		assert_int_equal(err->code, ERROR_FORMAT);
}

/* The memory of a kernel whose machine was started anew is not to be believed. */
static void test_restarted(void **state)
{
	(void)state;
	vcpus[0].place = VCPU_RESET; /* the crash kernel may have reset it */
	expect_restarted(false);
	vcpus[1].place = VCPU_KERNEL; /* not yet there */
	expect_restarted(false);
	vcpus[1].place = VCPU_UNKNOWN;
	expect_restarted(false);
	vcpus[1].place = VCPU_ELSEWHERE;
	expect_restarted(true);
	vcpus[1].place = VCPU_RESET;
	expect_restarted(true);
	vcpus[0].place = VCPU_KERNEL; /* an old stack or page table proves nothing */
	expect_restarted(true);
	kernel.crashed = false; /* one CPU in a guest, the other at work */
	expect_restarted(false);
	vcpus[0].place = VCPU_ELSEWHERE;
	expect_restarted(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_places, healthy, done),
		cmocka_unit_test_setup_teardown(test_verdict, healthy, done),
		cmocka_unit_test_setup_teardown(test_no_vcpu_no_evidence, healthy, done),
		cmocka_unit_test_setup_teardown(test_amd, healthy, done),
		cmocka_unit_test_setup_teardown(test_restarted, healthy, done),
	};

	return cmocka_run_group_tests_name("qemu", tests, NULL, NULL);
}
