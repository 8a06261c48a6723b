// SPDX-License-Identifier: GPL-2.0-only
/* The verdict as a function of evidence: every rule of virt/verdict.h, and its opposite. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "virt/verdict.h"

#define VMX (1u << PROPERTY_VMX)
#define SVM (1u << PROPERTY_SVM)

static void ok(struct error *err)
{
	if (err)
		print_message("%s\n", err->message);
	assert_null(err);
}

static void add_cpus(struct report *report, unsigned count, unsigned properties)
{
	for (unsigned i = 0; i < count; i++) {
		struct cpu_finding *cpu;

		ok(report_add_cpu(report, i, &cpu));
		cpu->properties = properties;
		cpu->vmcs_complete = true;
	}
}

static void add_vmcs(struct report *report, unsigned cpu, uint64_t physical)
{
	struct vmcs_finding *vmcs;

	ok(report_add_vmcs(report_cpu(report, cpu), &vmcs));
	vmcs->physical = physical;
	ok(text_set(&vmcs->format, "bochs"));
}

static void add(struct report *report, const char *source, enum evidence_property property,
		unsigned cpu, uint64_t vmcs, enum evidence_state state,
		enum evidence_strength strength)
{
	struct evidence evidence = {property, cpu, vmcs, state, strength, source, NULL};

	ok(evidence_add(&report->evidence, evidence, "as the test says"));
}

static void shadow(struct report *report, unsigned cpu, enum evidence_state state)
{
	add(report, "cr4-shadow", PROPERTY_VMX, cpu, 0, state, STRENGTH_DIRECT);
}

static void chain(struct report *report, enum evidence_property property, unsigned cpu,
		  enum evidence_state state)
{
	add(report, "emergency-chain", property, cpu, 0, state, STRENGTH_INFERRED);
}

static void bochs(struct report *report, uint64_t physical, enum evidence_state state,
		  enum evidence_strength strength)
{
	add(report, "vmcs-bochs", PROPERTY_VMCS, 0, physical, state, strength);
}

static void expect(struct report *report, bool accept, enum verdict verdict)
{
	ok(verdict_judge(report, accept));
	for (size_t i = 0; i < report->reasons.count && report->verdict != verdict; i++)
		print_message("%s\n", report->reasons.items[i]);
	assert_string_equal(verdict_name(report->verdict), verdict_name(verdict));
	assert_true(report->reasons.count > 0);
}

static bool says(const struct text_list *list, const char *words)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strstr(list->items[i], words))
			return true;
	}
	return false;
}

/* Two Intel CPUs, both off, with a clear VMCS each: what the tests then disturb. */
static void healthy(struct report *report)
{
	*report = (struct report){};
	add_cpus(report, 2, VMX);
	shadow(report, 0, STATE_OFF);
	shadow(report, 1, STATE_OFF);
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		add_vmcs(report, cpu, 0x1000 * (cpu + 1));
		bochs(report, 0x1000 * (cpu + 1), STATE_OFF, STRENGTH_DIRECT);
	}
}

static void test_all_direct_passes(void **state)
{
	(void)state;
	struct report report;

	healthy(&report);
	expect(&report, false, VERDICT_PASS);
	assert_int_equal(report.cpus[0].finding.state, STATE_OFF);
	assert_string_equal(report.cpus[0].finding.by, "cr4-shadow");
	assert_int_equal(report.cpus[1].vmcs[0].finding.state, STATE_OFF);
	expect(&report, true, VERDICT_PASS);
	assert_false(says(&report.reasons, "inference"));
	report_deinit(&report);
}

static void test_no_cpu_proves_nothing(void **state)
{
	(void)state;
	struct report report = {};

	expect(&report, true, VERDICT_INCONCLUSIVE);
	report_deinit(&report);
}

static void test_direct_on_fails_and_names_the_cpu(void **state)
{
	(void)state;
	struct report report = {};

	add_cpus(&report, 2, VMX);
	shadow(&report, 0, STATE_OFF);
	shadow(&report, 1, STATE_ON);
	chain(&report, PROPERTY_VMX, 1, STATE_OFF);
	expect(&report, false, VERDICT_FAIL);
	assert_true(says(&report.reasons, "CPU 1 is ON"));
	assert_false(says(&report.reasons, "CPU 0"));
	assert_int_equal(report.conflicts.count, 0);
	report_deinit(&report);
}

static void test_active_vmcs_fails_and_is_named(void **state)
{
	(void)state;
	struct report report;

	healthy(&report);
	add_vmcs(&report, 0, 0x9000);
	bochs(&report, 0x9000, STATE_ON, STRENGTH_DIRECT);
	expect(&report, true, VERDICT_FAIL);
	assert_true(says(&report.reasons, "VMCS 0x9000 of CPU 0 is active"));
	report_deinit(&report);
}

static void test_direct_conflict_fails_loudly(void **state)
{
	(void)state;
	struct report report;

	healthy(&report);
	add(&report, "host-registers", PROPERTY_VMX, 1, 0, STATE_ON, STRENGTH_DIRECT);
	expect(&report, false, VERDICT_FAIL);
	assert_int_equal(report.conflicts.count, 1);
	assert_true(says(&report.conflicts, "CPU 1"));
	assert_true(says(&report.conflicts, "cr4-shadow says off"));
	assert_true(says(&report.conflicts, "host-registers says on"));
	report_deinit(&report);
}

static void test_agreement_is_no_conflict(void **state)
{
	(void)state;
	struct report report;

	healthy(&report);
	add(&report, "host-registers", PROPERTY_VMX, 1, 0, STATE_OFF, STRENGTH_DIRECT);
	expect(&report, false, VERDICT_PASS);
	assert_int_equal(report.conflicts.count, 0);
	assert_string_equal(report.cpus[1].finding.by, "cr4-shadow, host-registers");
	report_deinit(&report);
}

static void test_inference_needs_leave(void **state)
{
	(void)state;
	struct report report = {};

	add_cpus(&report, 2, SVM);
	chain(&report, PROPERTY_SVM, 0, STATE_OFF);
	chain(&report, PROPERTY_SVM, 1, STATE_OFF);
	expect(&report, false, VERDICT_INCONCLUSIVE);
	assert_true(says(&report.reasons, "only inferred"));
	expect(&report, true, VERDICT_PASS);
	assert_true(says(&report.reasons, "--accept-inferred"));
	report_deinit(&report);
}

static void test_unknown_is_never_accepted(void **state)
{
	(void)state;
	struct report report = {};

	add_cpus(&report, 2, SVM);
	chain(&report, PROPERTY_SVM, 0, STATE_OFF);
	expect(&report, true, VERDICT_INCONCLUSIVE);
	assert_true(says(&report.reasons, "CPU 1: unknown"));
	report_deinit(&report);
}

static void test_unknown_beats_inference_only(void **state)
{
	(void)state;
	struct report report;

	healthy(&report);
	add(&report, "vmcs-page", PROPERTY_VMCS, 0, 0x1000, STATE_UNKNOWN, STRENGTH_INFERRED);
	expect(&report, false, VERDICT_PASS);
	add_vmcs(&report, 0, 0x9000);
	add(&report, "vmcs-page", PROPERTY_VMCS, 0, 0x9000, STATE_UNKNOWN, STRENGTH_INFERRED);
	add(&report, "emergency-chain", PROPERTY_VMCS, 0, 0x9000, STATE_OFF, STRENGTH_INFERRED);
	expect(&report, true, VERDICT_INCONCLUSIVE);
	report_deinit(&report);
}

static void test_contradicting_inferences_are_unknown(void **state)
{
	(void)state;
	struct report report;

	healthy(&report);
	add_vmcs(&report, 0, 0x9000);
	add(&report, "vmcs-vmcs12", PROPERTY_VMCS, 0, 0x9000, STATE_ON, STRENGTH_INFERRED);
	expect(&report, false, VERDICT_INCONCLUSIVE);
	expect(&report, true, VERDICT_FAIL);
	add(&report, "emergency-chain", PROPERTY_VMCS, 0, 0x9000, STATE_OFF, STRENGTH_INFERRED);
	expect(&report, true, VERDICT_INCONCLUSIVE);
	assert_true(says(&report.reasons, "contradict"));
	report_deinit(&report);
}

static void test_vmcs_without_evidence_is_unknown(void **state)
{
	(void)state;
	struct report report;

	healthy(&report);
	add_vmcs(&report, 1, 0x9000);
	expect(&report, true, VERDICT_INCONCLUSIVE);
	assert_true(says(&report.reasons, "VMCS 0x9000"));
	report_deinit(&report);
}

static void test_cut_list_is_unknown(void **state)
{
	(void)state;
	struct report report;

	healthy(&report);
	report.cpus[1].vmcs_complete = false;
	add(&report, "vmcs-list", PROPERTY_VMCS, 1, 0, STATE_UNKNOWN, STRENGTH_INFERRED);
	expect(&report, true, VERDICT_INCONCLUSIVE);
	assert_true(says(&report.reasons, "CPU 1 may have further VMCSs"));
	report_deinit(&report);
}

static void test_svm_has_no_vmcs_to_list(void **state)
{
	(void)state;
	struct report report = {};

	add_cpus(&report, 1, SVM);
	report.cpus[0].vmcs_complete = false;
	add(&report, "host-registers", PROPERTY_SVM, 0, 0, STATE_OFF, STRENGTH_DIRECT);
	expect(&report, false, VERDICT_PASS);
	report_deinit(&report);
}

static void test_unknown_vendor_needs_both(void **state)
{
	(void)state;
	struct report report = {};

	add_cpus(&report, 1, VMX | SVM);
	shadow(&report, 0, STATE_OFF);
	expect(&report, true, VERDICT_INCONCLUSIVE);
	add(&report, "host-registers", PROPERTY_SVM, 0, 0, STATE_OFF, STRENGTH_DIRECT);
	expect(&report, false, VERDICT_PASS);
	report_deinit(&report);
}

static void test_cpu_without_property_is_unknown(void **state)
{
	(void)state;
	struct report report = {};

	add_cpus(&report, 1, 0);
	expect(&report, true, VERDICT_INCONCLUSIVE);
	report_deinit(&report);
}

static void test_stray_on_is_not_lost(void **state)
{
	(void)state;
	struct report report;

	healthy(&report);
	add(&report, "cr4-shadow", PROPERTY_VMX, 7, 0, STATE_ON, STRENGTH_DIRECT);
	expect(&report, false, VERDICT_FAIL);
	report_deinit(&report);
}

static void test_vmxon_race_is_explained(void **state)
{
	(void)state;
	struct report report;

	healthy(&report);
	evidence_remove_source(&report.evidence, "cr4-shadow");
	shadow(&report, 0, STATE_OFF);
	add(&report, "vmxon-race", PROPERTY_VMX, 1, 0, STATE_UNKNOWN, STRENGTH_INFERRED);
	expect(&report, false, VERDICT_INCONCLUSIVE);
	add(&report, "host-registers", PROPERTY_VMX, 1, 0, STATE_OFF, STRENGTH_DIRECT);
	expect(&report, false, VERDICT_PASS);
	report_deinit(&report);
}

static void test_evidence_is_no_stronger_than_its_source(void **state)
{
	(void)state;
	struct evidence_list list = {};
	struct evidence strong = {PROPERTY_SVM,      0,   0, STATE_OFF, STRENGTH_DIRECT,
				  "emergency-chain", NULL};
	struct evidence foreign = {PROPERTY_SVM,      0,        0,   STATE_OFF,
				   STRENGTH_INFERRED, "oracle", NULL};
	struct evidence other = {PROPERTY_SVM, 0,   0, STATE_OFF, STRENGTH_DIRECT,
				 "cr4-shadow", NULL};
	const struct evidence *wrong[] = {&strong, &foreign, &other};

	for (int i = 0; i < 3; i++) {
		struct error *err = evidence_add(&list, *wrong[i], "no");

		assert_true(error_is(err, ERROR_FORMAT));
		error_free(err);
	}
	assert_int_equal(list.count, 0);
	evidence_list_deinit(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_direct_passes),
		cmocka_unit_test(test_no_cpu_proves_nothing),
		cmocka_unit_test(test_direct_on_fails_and_names_the_cpu),
		cmocka_unit_test(test_active_vmcs_fails_and_is_named),
		cmocka_unit_test(test_direct_conflict_fails_loudly),
		cmocka_unit_test(test_agreement_is_no_conflict),
		cmocka_unit_test(test_inference_needs_leave),
		cmocka_unit_test(test_unknown_is_never_accepted),
		cmocka_unit_test(test_unknown_beats_inference_only),
		cmocka_unit_test(test_contradicting_inferences_are_unknown),
		cmocka_unit_test(test_vmcs_without_evidence_is_unknown),
		cmocka_unit_test(test_cut_list_is_unknown),
		cmocka_unit_test(test_svm_has_no_vmcs_to_list),
		cmocka_unit_test(test_unknown_vendor_needs_both),
		cmocka_unit_test(test_cpu_without_property_is_unknown),
		cmocka_unit_test(test_stray_on_is_not_lost),
		cmocka_unit_test(test_vmxon_race_is_explained),
		cmocka_unit_test(test_evidence_is_no_stronger_than_its_source),
	};

	return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
