// SPDX-License-Identifier: GPL-2.0-only
/*
 * The scan of all memory. A capsule of a run in which an active VMCS was taken off its CPU's list
 * is made worse: nothing in the kernel leads to that VMCS any more. Then only the scan finds it.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "capsule_file.h"
#include "dump/scan.h"
#include "kernel/kernel.h"
#include "util/cleanup.h"
#include "virt/collect.h"
#include "virt/report_json.h"
#include "virt/scan.h"
#include "virt/verdict.h"

struct file {
	int fd;
	char path[32];
	char *bytes;
	struct dump *dump;
	struct kernel *kernel;
};

static void ok(struct error *err)
{
	if (err)
		fail_msg("%s", err->message);
}

static void file_open(struct file *file, const char *name)
{
	size_t size;

	file->bytes = capsule_unpack(name, &size);
	file->fd = memfd_create(name, MFD_CLOEXEC);
	assert_int_equal(write(file->fd, file->bytes, size), size);
	snprintf(file->path, sizeof(file->path), "/proc/self/fd/%d", file->fd);
	ok(dump_open(file->path, &file->dump));
	ok(kernel_open(file->dump, NULL, &file->kernel));
}

static void file_reopen(struct file *file)
{
	kernel_close(file->kernel);
	dump_close(file->dump);
	ok(dump_open(file->path, &file->dump));
	ok(kernel_open(file->dump, NULL, &file->kernel));
}

static void file_close(struct file *file)
{
	kernel_close(file->kernel);
	dump_close(file->dump);
	close(file->fd);
	free(file->bytes);
}

static void poke(struct file *file, uint64_t address, uint64_t value)
{
	uint64_t physical;

	ok(dump_virtual_to_physical(file->dump, address, &physical));
	capsule_poke(file->fd, file->bytes, physical, &value, sizeof(value));
}

/** Make the kernel forget all its VMs, and each CPU its current VMCS. */
static void lose_vmcss(struct file *file)
{
	uint64_t list, current;

	ok(kernel_symbol(file->kernel, "*", "vm_list", &list));
	poke(file, list, list);
	ok(kernel_symbol(file->kernel, "kvm_intel", "current_vmcs", &current));
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		uint64_t address;

		ok(kernel_percpu_address(file->kernel, current, cpu, &address));
		poke(file, address, 0);
	}
	file_reopen(file);
}

static void analyse(struct file *file, struct report *report, bool scan)
{
	ok(report_collect(file->kernel, NULL, report));
	if (scan)
		ok(report_scan(file->kernel, NULL, report, NULL));
	ok(verdict_judge(report, false));
}

static const struct scan_hit *find_active(const struct report *report)
{
	const struct scan_hit *found = NULL;

	for (size_t i = 0; i < report->scan.count; i++) {
		if (report->scan.hits[i].state != STATE_ON)
			continue;
		assert_null(found);
		found = &report->scan.hits[i];
	}
	assert_non_null(found);
	return found;
}

static void test_what_is_known_has_its_owner(void **state)
{
	struct report report = {};
	struct file file;

	(void)state;
	file_open(&file, "vmcs-left-active");
	analyse(&file, &report, true);
	assert_int_equal(report.verdict, VERDICT_FAIL);
	const struct scan_hit *hit = find_active(&report);

	assert_int_equal(hit->owner, OWNER_CURRENT);
	assert_int_equal(hit->cpu, 0);
	assert_true(hit->ours);
	assert_int_equal(report.scan.strangers, 0);
	report_deinit(&report);
	file_close(&file);
}

static void test_only_the_scan_finds_a_lost_one(void **state)
{
	struct report without = {}, with = {};
	struct file file;

	(void)state;
	file_open(&file, "vmcs-left-active");
	lose_vmcss(&file);
	analyse(&file, &without, false);
	assert_int_equal(without.verdict, VERDICT_PASS);
	assert_false(without.scan.done);
	report_deinit(&without);

	analyse(&file, &with, true);
	assert_int_equal(with.verdict, VERDICT_FAIL);
	const struct scan_hit *hit = find_active(&with);

	assert_int_equal(hit->owner, OWNER_NONE);
	assert_int_equal(hit->cpu, 0); /* by the HOST_GS_BASE in it */
	assert_true(hit->ours);
	assert_string_equal(hit->format, "bochs");
	assert_int_equal(with.reasons.count, 1);
	assert_non_null(strstr(with.reasons.items[0], "of CPU 0 is active (direct, vmcs-bochs)"));
	report_deinit(&with);
	file_close(&file);
}

/** Bochs' layout, under another revision. */
static void calibrate(struct calibrations *list)
{
	char text[4096] = "", *revision;
	FILE *file = fopen("tests/dumps/bochs.calibration.json", "re");

	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	revision = strstr(text, "0x2b");
	assert_non_null(revision);
	memcpy(revision, "0x12", 4);
	ok(calibrations_add(list, "calibration", text));
}

/* A real CPU's lost VMCS: with a calibration the scan knows it. */
static void test_a_calibrated_one(void **state)
{
	struct report report = {};
	struct calibrations list = {};
	const uint32_t revision = 0x12;
	uint64_t physical;
	struct file file;

	(void)state;
	file_open(&file, "vmcs-left-active");
	lose_vmcss(&file);
	analyse(&file, &report, true);
	physical = find_active(&report)->physical;
	report_deinit(&report);
	capsule_poke(file.fd, file.bytes, physical, &revision, sizeof(revision));
	file_reopen(&file);

	analyse(&file, &report, true);
	assert_int_equal(report.verdict, VERDICT_PASS);
	report_deinit(&report);

	calibrate(&list);
	ok(report_collect(file.kernel, &list, &report));
	ok(report_scan(file.kernel, &list, &report, NULL));
	ok(verdict_judge(&report, false));
	assert_int_equal(report.verdict, VERDICT_FAIL);
	assert_int_equal(find_active(&report)->physical, physical);
	assert_string_equal(find_active(&report)->format, "calibrated");
	assert_non_null(
		strstr(report.reasons.items[0], "CPU 0 is active (direct, vmcs-calibrated)"));
	report_deinit(&report);
	calibrations_deinit(&list);
	file_close(&file);
}

/* A guest's VMCS, or chance: it does not lead back into this kernel, so it decides nothing. */
static void test_a_stranger_decides_nothing(void **state)
{
	struct report report = {};
	uint64_t physical, exit;
	uint8_t page[4096];
	struct file file;

	(void)state;
	file_open(&file, "vmcs-left-active");
	lose_vmcss(&file);
	analyse(&file, &report, true);
	physical = find_active(&report)->physical;
	report_deinit(&report);

	ok(kernel_symbol(file.kernel, "kvm_intel", "vmx_vmexit", &exit));
	ok(dump_read_physical(file.dump, physical, page, sizeof(page)));
	for (size_t i = 0; i < sizeof(page); i += 8) {
		if (!memcmp(page + i, &exit, sizeof(exit)))
			memset(page + i, 0, sizeof(exit));
	}
	capsule_poke(file.fd, file.bytes, physical, page, sizeof(page));
	file_reopen(&file);
	analyse(&file, &report, true);
	assert_int_equal(report.verdict, VERDICT_PASS);
	assert_int_equal(report.scan.strangers, 1);
	assert_false(find_active(&report)->ours);
	report_deinit(&report);
	file_close(&file);
}

/* The report can be written and read back, and is judged the same then. */
static void test_a_scan_survives_json(void **state)
{
	_cleanup_free_ char *text = NULL;
	struct report report = {}, back = {};
	struct file file;
	size_t size;

	(void)state;
	file_open(&file, "vmcs-left-active");
	lose_vmcss(&file);
	analyse(&file, &report, true);
	ok(text_set(&report.dump_path, "x"));
	FILE *out = open_memstream(&text, &size);

	ok(report_write_json(&report, out));
	fclose(out);
	ok(report_parse_json(text, &back));
	ok(verdict_judge(&back, false));
	assert_int_equal(back.verdict, VERDICT_FAIL);
	assert_true(back.scan.done);
	assert_int_equal(back.scan.count, report.scan.count);
	assert_int_equal(back.scan.pages, report.scan.pages);
	assert_int_equal(find_active(&back)->physical, find_active(&report)->physical);
	report_deinit(&report);
	report_deinit(&back);
	file_close(&file);
}

static bool is_zero(const void *data, uint32_t word)
{
	(void)data;
	return !word;
}

/* However many threads: every page once, and the same hits in the same order. */
static void test_threads_agree(void **state)
{
	struct dump_scan one = {.wanted = is_zero, .threads = 1};
	struct dump_scan many = {.wanted = is_zero, .threads = 5};
	struct file file;

	(void)state;
	file_open(&file, "vmx-left-on");
	ok(dump_scan(file.dump, &one));
	ok(dump_scan(file.dump, &many));
	assert_in_range(one.pages, 2000, 3000);
	assert_int_equal(many.pages, one.pages);
	assert_true(one.count > 0);
	assert_int_equal(many.count, one.count);
	assert_memory_equal(many.hits, one.hits, one.count * sizeof(*one.hits));
	dump_scan_deinit(&one);
	dump_scan_deinit(&many);
	file_close(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_known_has_its_owner),
		cmocka_unit_test(test_only_the_scan_finds_a_lost_one),
		cmocka_unit_test(test_a_calibrated_one),
		cmocka_unit_test(test_a_stranger_decides_nothing),
		cmocka_unit_test(test_a_scan_survives_json),
		cmocka_unit_test(test_threads_agree),
	};

	return cmocka_run_group_tests_name("scan", tests, NULL, NULL);
}
