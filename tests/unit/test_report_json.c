// SPDX-License-Identifier: GPL-2.0-only
/* A verdict.json read back is judged and printed exactly as before; a damaged one is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "virt/report_json.h"
#include "virt/report_text.h"
#include "virt/verdict.h"

static void ok(struct error *err)
{
	if (err)
		print_message("%s\n", err->message);
	assert_null(err);
}

static void add(struct report *report, const char *source, enum evidence_property property,
		unsigned cpu, uint64_t vmcs, enum evidence_state state,
		enum evidence_strength strength)
{
	struct evidence evidence = {property, cpu, vmcs, state, strength, source, NULL};

	ok(evidence_add(&report->evidence, evidence, "\"reason\" with 0x%x\\", cpu));
}

static void add_cpu(struct report *report, unsigned number, bool panic)
{
	struct cpu_finding *cpu;
	struct stack_entry *entry;
	struct vmcs_finding *vmcs;

	ok(report_add_cpu(report, number, &cpu));
	cpu->online = panic;
	cpu->panic = panic;
	cpu->reboot = !panic;
	cpu->note = true;
	cpu->rip = 0xffffffff81000000 + number;
	cpu->properties = 1u << PROPERTY_VMX;
	cpu->vmcs_complete = panic;
	ok(text_set(&cpu->where, "machine_kexec+0x%x/0x200", number));
	ok(text_set(&cpu->stack_end, "user mode"));
	ok(report_add_stack(cpu, &entry));
	entry->address = cpu->rip;
	entry->reliable = true;
	ok(text_set(&entry->symbol, "%s", cpu->where));
	ok(report_add_vmcs(cpu, &vmcs));
	vmcs->physical = 0x1000 * (number + 1);
	vmcs->listed = vmcs->launched = panic;
	vmcs->current = !panic;
	ok(text_set(&vmcs->format, "bochs"));
}

static void fill(struct report *report)
{
	*report = (struct report){.has_case = true};
	ok(text_set(&report->dump_path, "/proc/vmcore"));
	ok(text_set(&report->dump_format, "elf"));
	ok(text_set(&report->release, "6.12.117+deb12-amd64"));
	ok(text_set(&report->vendor, "GenuineIntel"));
	strcpy(report->marker.case_id, "case-1");
	strcpy(report->marker.window, "virt-off");
	strcpy(report->marker.probe, "kvm_disable_virtualization_cpu+0x0 [kvm]");
	strcpy(report->marker.reboot, "restart");
	strcpy(report->marker.trigger, "sysrq-c");
	report->marker.panic_cpu = 1;
	report->marker.version = MARKER_VERSION;
	report->marker.seed = UINT64_MAX;
	report->marker.frequency = 250000;
	report->marker.t_hit = UINT64_MAX;
	report->marker.probe_address = 0xffffffffc0000000;
	report->hit.state = HIT_HIT;
	ok(text_set(&report->hit.window, "virt-off"));
	ok(text_set(&report->hit.frame, "kvm_disable_virtualization_cpu+0x5/0x40 [kvm]"));
	ok(text_set(&report->hit.reason, "because"));
	add_cpu(report, 0, false);
	add_cpu(report, 1, true);
	ok(report_add_chain(report, "callback", true, 0, "vmx_emergency_disable+0x0/0x80"));
	ok(report_add_chain(report, "crashing_cpu", true, -1, NULL));
	ok(report_add_chain(report, "stopping_cpu", false, 0, NULL));
	add(report, "cr4-shadow", PROPERTY_VMX, 0, 0, STATE_OFF, STRENGTH_DIRECT);
	add(report, "cr4-shadow", PROPERTY_VMX, 1, 0, STATE_ON, STRENGTH_DIRECT);
	add(report, "capture-kernel-booted", PROPERTY_VMX, 1, 0, STATE_OFF, STRENGTH_DIRECT);
	add(report, "vmcs-bochs", PROPERTY_VMCS, 0, 0x1000, STATE_OFF, STRENGTH_INFERRED);
	add(report, "vmcs-bochs", PROPERTY_VMCS, 1, 0x2000, STATE_UNKNOWN, STRENGTH_INFERRED);
	add(report, "vmcs-list", PROPERTY_VMCS, 0, 0, STATE_UNKNOWN, STRENGTH_INFERRED);
}

typedef void printer(const struct report *report, FILE *file);

static void print_text(const struct report *report, FILE *file)
{
	report_print_text(report, file, true);
}

static void print_json(const struct report *report, FILE *file)
{
	ok(report_write_json(report, file));
}

static char *printed(const struct report *report, printer *print)
{
	size_t size;
	char *text;
	FILE *file = open_memstream(&text, &size);

	assert_non_null(file);
	print(report, file);
	fclose(file);
	return text;
}

static void assert_same(const struct report *one, const struct report *two, printer *print)
{
	char *texts[] = {printed(one, print), printed(two, print)};

	assert_string_equal(texts[0], texts[1]);
	free(texts[0]);
	free(texts[1]);
}

static void test_round_trip(void **state)
{
	(void)state;

	for (int accept = 0; accept < 2; accept++) {
		struct report report, again;

		fill(&report);
		ok(verdict_judge(&report, accept));
		assert_int_equal(report.verdict, VERDICT_FAIL);
		assert_int_equal(report.conflicts.count, 1);
		char *json = printed(&report, print_json);

		ok(report_parse_json(json, &again));
		ok(verdict_judge(&again, accept));
		assert_same(&report, &again, print_json);
		assert_same(&report, &again, print_text);
		free(json);
		report_deinit(&report);
		report_deinit(&again);
	}
}

static void test_without_case(void **state)
{
	(void)state;
	struct report report, again;

	fill(&report);
	report.has_case = false;
	ok(verdict_judge(&report, false));
	char *json = printed(&report, print_json);

	ok(report_parse_json(json, &again));
	ok(verdict_judge(&again, false));
	assert_same(&report, &again, print_json);
	free(json);
	report_deinit(&report);
	report_deinit(&again);
}

/* What a file says of itself is not believed: the judgement is made anew. */
static void test_stored_verdict_is_not_believed(void **state)
{
	(void)state;
	struct report report, again;

	fill(&report);
	ok(verdict_judge(&report, false));
	report.verdict = VERDICT_PASS;
	report.cpus[1].finding.state = STATE_OFF;
	char *json = printed(&report, print_json);

	ok(report_parse_json(json, &again));
	ok(verdict_judge(&again, false));
	assert_int_equal(again.verdict, VERDICT_FAIL);
	assert_int_equal(again.cpus[1].finding.state, STATE_ON);
	free(json);
	report_deinit(&report);
	report_deinit(&again);
}

static void refuse(const char *json, const char *why)
{
	struct report report = {};
	struct error *err = report_parse_json(json, &report);

	if (!error_is(err, ERROR_FORMAT))
		fail_msg("accepted: %s", why);
	error_free(err);
}

static void test_cut_anywhere_is_refused(void **state)
{
	(void)state;
	struct report report;

	fill(&report);
	ok(verdict_judge(&report, false));
	char *json = printed(&report, print_json);

	for (size_t length = strlen(json) - 2; length--;) {
		json[length] = '\0';
		refuse(json, "a cut file");
	}
	free(json);
	report_deinit(&report);
}

/* One word of a good file at a time is replaced by one that it cannot be. */
static void test_wrong_words_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *word, *by;
		bool last; /* the last one of the file: in the evidence */
	} wrong[] = {
		{"crashlab-verdict/1", "crashlab-verdict/9", false},
		{"\"cpus\":[", "\"spuc\":[", false},
		{"\"evidence\"", "\"evidents\"", false},
		{"\"cr4-shadow\"", "\"cr4-shad0w\"", true},
		{"\"reboot\"", "\"reb00t\"", false},
		{"\"vmx\"", "\"amx\"", false},
		{"\"direct\"", "\"dir3ct\"", true},
		{"\"off\"", "\"0ff\"", true},
		{"\"0x1000\"", "\"1x1000\"", false},
		{"\"0x1000\"", "\"0xzzzz\"", false},
		{"\"cpu\":1", "\"cpu\":0", false},
		{"\"cpu\":1", "\"cpu\":x", false},
		{"\"hit\"", "\"hat\"", false},
		{"\"note\":true", "\"note\":null", false},
		{"\"vmcs_complete\"", "\"vmcs_complexe\"", false},
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct report report;

		fill(&report);
		ok(verdict_judge(&report, false));
		char *json = printed(&report, print_json);
		char *place = strstr(json, wrong[i].word);

		assert_non_null(place);
		for (char *next = place; next && wrong[i].last;
		     next = strstr(next + 1, wrong[i].word))
			place = next;
		assert_int_equal(strlen(wrong[i].word), strlen(wrong[i].by));
		memcpy(place, wrong[i].by, strlen(wrong[i].by));
		refuse(json, wrong[i].by);
		free(json);
		report_deinit(&report);
	}
	refuse("", "");
	refuse("[]", "[]");
	refuse("{}", "{}");
	refuse("null", "null");
	refuse("{\"schema\": 1}", "{\"schema\": 1}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_without_case),
		cmocka_unit_test(test_stored_verdict_is_not_believed),
		cmocka_unit_test(test_cut_anywhere_is_refused),
		cmocka_unit_test(test_wrong_words_are_refused),
	};

	return cmocka_run_group_tests_name("report-json", tests, NULL, NULL);
}
