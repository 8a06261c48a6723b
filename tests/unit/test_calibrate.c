// SPDX-License-Identifier: GPL-2.0-only
/* What calibrate_vmcs infers from CPUs that are made up: each keeps the launch state its own way.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "calibrate/cpu.h"
#include "calibrate/file.h"
#include "calibrate/infer.h"
#include "util/cleanup.h"

#define REVISION 0x12
#define VMCSS 12
#define ROUNDS 8
#define HOST_RIP_AT 0x200
#define GS_BASE_AT 0x330
#define CR4_AT 0x400
#define CR4_TWICE_AT 0x500
#define COUNTER_AT 0x600 /* changes at every VM exit */
#define EXIT_REASON_AT 0x608 /* 0 until the first exit */

/** A CPU: where it keeps what, and when memory has it. */
struct cpu {
	unsigned offset; /* of the launch state; 0: not in memory */
	uint32_t mask, clear; /* its bits, and what VMCLEAR writes there */
	unsigned lag; /* of this many launched VMCSs the last is written to memory; 0: at once */
	unsigned active_at; /* a bit that is set from VMPTRLD to VMCLEAR; 0: none */
	bool flickers; /* what was written launched is at times clear again */
	bool scrambled; /* memory has nothing as it is */
	bool other_revision;
	int silent_cpu; /* which never writes it, -1: none */
};

/** A VMCS as the CPU has it, and as memory has it. */
struct made_up {
	uint8_t inside[VMCS_SIZE], page[VMCS_SIZE];
	unsigned cpu;
};

static unsigned counter;

static void put32(uint8_t *page, unsigned offset, uint32_t value)
{
	memcpy(page + offset, &value, sizeof(value));
}

static void put64(uint8_t *page, unsigned offset, uint64_t value)
{
	memcpy(page + offset, &value, sizeof(value));
}

static uint64_t gs_base(unsigned cpu)
{
	return 0xffff888000000000 + cpu * 0x100000;
}

static void set_launched(const struct cpu *cpu, uint8_t *page, bool launched)
{
	uint32_t bits = launched ? ~cpu->clear & cpu->mask : cpu->clear;

	if (cpu->offset)
		put32(page, cpu->offset, (vmcs_u32(page, cpu->offset) & ~cpu->mask) | bits);
}

static void write_back(const struct cpu *cpu, struct made_up *vmcs)
{
	memcpy(vmcs->page, vmcs->inside, VMCS_SIZE);
	for (unsigned i = 8; cpu->scrambled && i < VMCS_SIZE; i++)
		vmcs->page[i] = random();
}

static void look(const struct cpu *cpu, struct samples *samples, const struct made_up *vmcss,
		 unsigned vmcs, enum sample_kind kind, unsigned round)
{
	struct sample *sample;

	assert_null(samples_add(samples, &sample));
	sample->kind = kind;
	sample->vmcs = vmcs;
	sample->cpu = vmcss[vmcs].cpu;
	sample->ran = round;
	sample->known[FIELD_HOST_RIP] = 0xffffffffc0123456;
	sample->known[FIELD_HOST_GS_BASE] = gs_base(sample->cpu);
	sample->known[FIELD_HOST_CR4] = 0x3626f0;
	sample->known[FIELD_LINK_POINTER] = UINT64_MAX; /* nowhere */
	memcpy(sample->page, vmcss[vmcs].page, VMCS_SIZE);
	if (cpu->flickers && kind == SAMPLE_AWAY && vmcs % 3 == 0)
		set_launched(cpu, sample->page, false);
}

static void load(const struct cpu *cpu, struct samples *samples, struct made_up *vmcss, unsigned i,
		 unsigned round)
{
	struct made_up *vmcs = &vmcss[i];

	if (round) {
		look(cpu, samples, vmcss, i, SAMPLE_AWAY, round);
		set_launched(cpu, vmcs->inside, false);
		if (cpu->active_at)
			put32(vmcs->inside, cpu->active_at, 0);
		write_back(cpu, vmcs);
		look(cpu, samples, vmcss, i, SAMPLE_CLEARED, round);
	}
	vmcs->cpu = round % 2;
	if (cpu->active_at)
		put32(vmcs->inside, cpu->active_at, 1);
	put64(vmcs->inside, GS_BASE_AT, gs_base(vmcs->cpu));
	put64(vmcs->inside, HOST_RIP_AT, 0xffffffffc0123456);
	put64(vmcs->inside, CR4_AT, 0x3626f0);
	put64(vmcs->inside, CR4_TWICE_AT, 0x3626f0);
	write_back(cpu, vmcs);
}

static void launch(const struct cpu *cpu, struct made_up *vmcs)
{
	set_launched(cpu, vmcs->inside, true);
	put64(vmcs->inside, COUNTER_AT, counter * 0x9e3779b97f4a7c15);
	put32(vmcs->inside, EXIT_REASON_AT, 30);
	counter++;
	if ((!cpu->lag || counter % cpu->lag == 0) && (int)vmcs->cpu != cpu->silent_cpu)
		write_back(cpu, vmcs);
}

static void run_rounds(const struct cpu *cpu, struct samples *samples)
{
	struct made_up *vmcss = calloc(VMCSS, sizeof(*vmcss));

	counter = 0;
	srandom(1);
	assert_non_null(vmcss);
	for (unsigned i = 0; i < VMCSS; i++) {
		put32(vmcss[i].inside, 0, cpu->other_revision ? 1 : REVISION);
		set_launched(cpu, vmcss[i].inside, false);
		write_back(cpu, &vmcss[i]);
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < VMCSS; i++)
			load(cpu, samples, vmcss, i, round);
		for (unsigned i = 0; i < VMCSS; i++)
			look(cpu, samples, vmcss, i, SAMPLE_LOADED, round);
		for (unsigned i = 0; i < VMCSS; i++) {
			launch(cpu, &vmcss[i]);
			look(cpu, samples, vmcss, i, SAMPLE_CURRENT, round + 1);
		}
		for (unsigned i = 0; i < VMCSS; i++)
			look(cpu, samples, vmcss, i, SAMPLE_AWAY, round + 1);
	}
	free(vmcss);
}

static struct error *infer(const struct cpu *cpu, struct calibration *ret, struct support *support)
{
	struct samples samples = {};

	*ret = (struct calibration){.revision = REVISION,
				    .cpu = {"GenuineIntel", 6, 85, 4, 0x2006b06}};
	run_rounds(cpu, &samples);
	struct error *err = calibration_infer(&samples, ret, support);

	samples_deinit(&samples);
	return err;
}

static const struct cpu like_bochs = {.offset = 8, .mask = 1, .silent_cpu = -1};

static void expect_state(const struct cpu *cpu, bool at_launch)
{
	struct calibration calibration;
	struct support support;

	assert_null(infer(cpu, &calibration, &support));
	assert_int_equal(calibration.offset, cpu->offset);
	assert_int_equal(calibration.width, 4);
	assert_int_equal(calibration.mask, cpu->mask);
	assert_int_equal(calibration.clear, cpu->clear);
	assert_int_equal(calibration.launched, ~cpu->clear & cpu->mask);
	assert_int_equal(calibration.at_launch, at_launch);
	assert_int_equal(support_share(&support) == 1, at_launch);
	assert_int_equal(support.shown[SAMPLE_CLEARED], support.samples[SAMPLE_CLEARED]);
	assert_int_equal(support.shown[SAMPLE_LOADED], support.samples[SAMPLE_LOADED]);
	assert_int_equal(calibration.fields[FIELD_HOST_RIP], HOST_RIP_AT);
	assert_int_equal(calibration.fields[FIELD_HOST_GS_BASE], GS_BASE_AT);
	assert_int_equal(calibration.fields[FIELD_HOST_CR4], 0); /* in two places */
	assert_int_equal(calibration.fields[FIELD_LINK_POINTER], 0); /* in none */
}

static void test_finds_the_state(void **state)
{
	const struct cpu elsewhere = {.offset = 0xe54, .mask = 0x40, .silent_cpu = -1};
	const struct cpu inverted = {.offset = 0x10, .mask = 1, .clear = 1, .silent_cpu = -1};
	const struct cpu word = {
		.offset = 0xffc, .mask = UINT32_MAX, .clear = 0xa5a5a5a5, .silent_cpu = -1};

	(void)state;
	expect_state(&like_bochs, true);
	expect_state(&elsewhere, true);
	expect_state(&inverted, true);
	expect_state(&word, true);
}

static void test_says_when_it_is_written(void **state)
{
	const struct cpu late = {.offset = 0x20, .mask = 2, .lag = 3, .silent_cpu = -1};

	(void)state;
	expect_state(&late, false);
}

static void test_is_not_misled_by_an_active_bit(void **state)
{
	const struct cpu active = {.offset = 0x20, .mask = 4, .active_at = 0xc, .silent_cpu = -1};

	(void)state;
	expect_state(&active, true);
}

static void expect_refusal(const struct cpu *cpu, const char *reason)
{
	struct calibration calibration;
	struct support support;
	_cleanup_error_ struct error *err = infer(cpu, &calibration, &support);

	assert_true(error_is(err, ERROR_NOT_FOUND));
	if (!strstr(err->message, reason))
		fail_msg("\"%s\" does not say \"%s\"", err->message, reason);
}

static void test_refuses(void **state)
{
	const struct {
		struct cpu cpu;
		const char *reason;
	} cases[] = {
		{{.silent_cpu = -1}, "out of memory"},
		{{.offset = 8, .mask = 1, .scrambled = true, .silent_cpu = -1}, "out of memory"},
		{{.active_at = 8, .silent_cpu = -1}, "out of memory"},
		{{.offset = 8, .mask = 1, .flickers = true, .silent_cpu = -1}, "contradictory"},
		{{.offset = 8, .mask = 1, .silent_cpu = 1}, "CPU 1"},
		{{.offset = 8, .mask = 1, .lag = 30, .silent_cpu = -1}, "chance"},
		{{.offset = 8, .mask = 1, .other_revision = true, .silent_cpu = -1}, "revision"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		expect_refusal(&cases[i].cpu, cases[i].reason);
}

static void test_refuses_too_few(void **state)
{
	struct calibration calibration = {.revision = REVISION};
	struct samples samples = {};
	struct support support;
	size_t kept = 0;

	(void)state;
	run_rounds(&like_bochs, &samples);
	for (size_t i = 0, cleared = 0; i < samples.count; i++) {
		if (samples.items[i].kind != SAMPLE_CLEARED || ++cleared < 32)
			samples.items[kept++] = samples.items[i];
	}
	samples.count = kept;
	struct error *err = calibration_infer(&samples, &calibration, &support);
	assert_true(error_is(err, ERROR_NOT_FOUND));
	assert_non_null(strstr(err->message, "31 samples cleared"));
	error_free(err);
	samples_deinit(&samples);
}

/* verify_vmcs reads what was written. */
static void test_file(void **state)
{
	struct calibration calibration;
	struct calibrations list = {};
	struct support support;
	char *text = NULL;
	size_t size;

	(void)state;
	assert_null(infer(&like_bochs, &calibration, &support));
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	calibration_print(&calibration, &support, out);
	fclose(out);
	assert_null(calibrations_add(&list, "cpu.json", text));
	free(text);
	const struct calibration *read = calibrations_find(&list, REVISION);
	assert_non_null(read);
	assert_true(cpu_model_same(&read->cpu, &calibration.cpu));
	assert_int_equal(read->offset, calibration.offset);
	assert_int_equal(read->mask, calibration.mask);
	assert_int_equal(read->launched, calibration.launched);
	assert_true(read->at_launch);
	assert_memory_equal(read->fields, calibration.fields, sizeof(read->fields));
	calibrations_deinit(&list);
}

#define CPU_LINES(model, more)                                                          \
	"processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: " model \
	"\nmodel name\t: Intel(R) Core(TM) i7\nstepping\t: 3\n" more "cache size\t: 8192 KB\n\n"

static struct error *read_model(const char *text, struct cpu_model *ret)
{
	_cleanup_fclose_ FILE *file = fmemopen((char *)text, strlen(text), "r");

	assert_non_null(file);
	return cpu_model_read(file, ret);
}

static void test_cpu_model(void **state)
{
	const struct cpu_model want = {"GenuineIntel", 6, 60, 3, 0x28};
	const char *const bad[] = {
		"", "vendor_id : GenuineIntel\n", CPU_LINES("60", "") CPU_LINES("61", ""),
		CPU_LINES("60", "microcode\t: 0x28\n") CPU_LINES("60", "microcode\t: 0x29\n")};
	struct cpu_model model;

	(void)state;
	assert_null(read_model(CPU_LINES("60", "microcode\t: 0x28\n"), &model));
	assert_true(cpu_model_same(&model, &want));
	assert_null(read_model(CPU_LINES("60", "") CPU_LINES("60", ""), &model));
	assert_int_equal(model.microcode, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct error *err = read_model(bad[i], &model);

		assert_true(error_is(err, ERROR_FORMAT));
		error_free(err);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds_the_state),
		cmocka_unit_test(test_says_when_it_is_written),
		cmocka_unit_test(test_is_not_misled_by_an_active_bit),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_refuses_too_few),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_cpu_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
