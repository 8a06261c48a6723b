// SPDX-License-Identifier: GPL-2.0-only
/* What --explain says is the rule that the verdict went by. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "util/cleanup.h"
#include "virt/report_explain.h"
#include "virt/verdict.h"

static void ok(struct error *err)
{
	if (err)
		fail_msg("%s", err->message);
}

struct fact {
	enum evidence_state state;
	enum evidence_strength strength;
};

#define DIRECT STRENGTH_DIRECT
#define INFERRED STRENGTH_INFERRED

static const struct explanation {
	const char *text;
	enum evidence_state believed;
	struct fact facts[3];
	size_t count;
} explanations[] = {
	{"without it nothing is believed", STATE_UNKNOWN, {}, 0},
	{"direct evidence beats all", STATE_OFF, {{STATE_OFF, DIRECT}, {STATE_ON, INFERRED}}, 2},
	{"direct evidence beats all", STATE_ON, {{STATE_UNKNOWN, INFERRED}, {STATE_ON, DIRECT}}, 2},
	{"That is a conflict", STATE_ON, {{STATE_OFF, DIRECT}, {STATE_ON, DIRECT}}, 2},
	{"outweighs what is only inferred",
	 STATE_UNKNOWN,
	 {{STATE_OFF, INFERRED}, {STATE_UNKNOWN, INFERRED}},
	 2},
	{"outweighs what is only inferred", STATE_UNKNOWN, {{STATE_UNKNOWN, DIRECT}}, 1},
	{"contradict each other", STATE_UNKNOWN, {{STATE_OFF, INFERRED}, {STATE_ON, INFERRED}}, 2},
	{"All inferences agree", STATE_OFF, {{STATE_OFF, INFERRED}, {STATE_OFF, INFERRED}}, 2},
};

static void make_report(struct report *report)
{
	struct cpu_finding *cpu;

	ok(text_set(&report->dump_path, "vmcore"));
	ok(text_set(&report->release, "6.12"));
	ok(text_set(&report->vendor, "GenuineIntel"));
	ok(report_add_cpu(report, 3, &cpu));
	cpu->properties = 1u << PROPERTY_VMX;
	cpu->vmcs_complete = true;
}

static char *explain(const struct report *report, unsigned cpu)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	ok(report_explain(report, cpu, file));
	fclose(file);
	return text;
}

static void says(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in:\n%s", part, text);
}

static void test_each_rule_in_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(explanations) / sizeof(*explanations); i++) {
		const struct explanation *explanation = &explanations[i];
		struct report report = {};

		make_report(&report);
		for (size_t f = 0; f < explanation->count; f++) {
			struct evidence evidence = {.property = PROPERTY_VMX,
						    .cpu = 3,
						    .state = explanation->facts[f].state,
						    .strength = explanation->facts[f].strength,
						    .source = "cr4-shadow"};

			ok(evidence_add(&report.evidence, evidence, "fact %zu", f));
		}
		ok(verdict_judge(&report, false));
		assert_int_equal(report.cpus[0].finding.state, explanation->believed);
		_cleanup_free_ char *text = explain(&report, 3);

		says(text, explanation->text);
		says(text, "CPU 3 was a bystander");
		says(text, "The kernel knows of no VMCS of this CPU.");
		if (explanation->count)
			says(text, "fact 0.");
		report_deinit(&report);
	}
}

static void test_vmcss_listed_and_lost(void **state)
{
	struct report report = {};
	struct vmcs_finding *vmcs;
	struct scan_hit *hit;
	struct evidence evidence = {.property = PROPERTY_VMCS,
				    .cpu = 3,
				    .vmcs = 0x5000,
				    .state = STATE_ON,
				    .strength = DIRECT,
				    .source = "vmcs-bochs"};

	(void)state;
	make_report(&report);
	ok(report_add_vmcs(&report.cpus[0], &vmcs));
	vmcs->physical = 0x4000;
	vmcs->listed = true;
	ok(text_set(&vmcs->format, "bochs"));
	ok(report_add_scan_hit(&report.scan, &hit));
	*hit = (struct scan_hit){.physical = 0x5000, .cpu = 3, .state = STATE_ON, .ours = true};
	ok(text_set(&hit->format, "bochs"));
	ok(evidence_add(&report.evidence, evidence, "launch state 1"));
	report.cpus[0].vmcs_complete = false;
	ok(verdict_judge(&report, false));
	_cleanup_free_ char *text = explain(&report, 3);

	says(text, "The VMCS at 0x4000 (bochs, on the CPU's list) is believed unknown");
	says(text, "The kernel has lost a VMCS at 0x5000 (bochs), which is active:");
	says(text, "launch state 1.");
	says(text, "There may be further VMCSs");
	report_deinit(&report);
}

static void test_no_such_cpu(void **state)
{
	struct report report = {};

	(void)state;
	make_report(&report);
	struct error *err = report_explain(&report, 0, stderr);

	assert_true(error_is(err, ERROR_USAGE));
	error_free(err);
	report_deinit(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_rule_in_words),
		cmocka_unit_test(test_vmcss_listed_and_lost),
		cmocka_unit_test(test_no_such_cpu),
	};

	return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
