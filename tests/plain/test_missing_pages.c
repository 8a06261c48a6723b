// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any single page taken out of a capsule that passes: it passes no longer, unless what is left
 * still shows every CPU and every VMCS, all of them off or clear on direct evidence; and it never
 * fails. One taken out of a capsule that fails: it never passes.
 * Built without sanitizers, or it would take minutes; the fuzzers have those.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "../unit/capsule_file.h"
#include "kernel/kernel.h"
#include "util/cleanup.h"
#include "virt/collect.h"
#include "virt/inputs.h"
#include "virt/verdict.h"

#define PAGE 4096

/** A capsule in memory, with a segment for every page, so that one is taken out by its type. */
struct capsule {
	int fd;
	char path[32];
	struct host_regs regs; /* what the host saw; none: zeroes */
	Elf64_Phdr *segments;
	size_t count;
};

static void ok(struct error *err)
{
	if (err)
		fail_msg("%s", err->message);
}

/** One segment of @whole for every page of it; the offsets move by @shift. */
static void split(struct capsule *capsule, const Elf64_Phdr *whole, size_t shift)
{
	Elf64_Phdr segment = *whole;

	segment.p_offset += shift;
	if (whole->p_type != PT_LOAD) {
		capsule->segments[capsule->count++] = segment;
		return;
	}
	segment.p_filesz = segment.p_memsz = PAGE;
	for (size_t at = 0; at < whole->p_filesz; at += PAGE) {
		capsule->segments[capsule->count++] = segment;
		segment.p_offset += PAGE;
		segment.p_vaddr += PAGE;
		segment.p_paddr += PAGE;
	}
}

static void capsule_open(struct capsule *capsule, const char *name)
{
	size_t size, pages, table;
	_cleanup_free_ char *bytes = capsule_unpack(name, &size);
	Elf64_Ehdr *header = (Elf64_Ehdr *)bytes;
	const Elf64_Phdr *segments = (Elf64_Phdr *)(bytes + sizeof(*header));

	pages = size / PAGE;
	capsule->segments = calloc(pages + header->e_phnum, sizeof(Elf64_Phdr));
	capsule->count = 0;
	/* The file as it was comes behind a new header and table, a whole number of pages. */
	table = (sizeof(*header) + (pages + header->e_phnum) * sizeof(Elf64_Phdr) + PAGE - 1) /
		PAGE * PAGE;
	for (size_t i = 0; i < header->e_phnum; i++)
		split(capsule, &segments[i], table);
	capsule->fd = memfd_create(name, MFD_CLOEXEC);
	assert_int_equal(pwrite(capsule->fd, bytes, size, table), size);
	header->e_phnum = capsule->count;
	assert_int_equal(pwrite(capsule->fd, header, sizeof(*header), 0), sizeof(*header));
	assert_int_equal(pwrite(capsule->fd, capsule->segments, capsule->count * sizeof(Elf64_Phdr),
				sizeof(*header)),
			 capsule->count * sizeof(Elf64_Phdr));
	snprintf(capsule->path, sizeof(capsule->path), "/proc/self/fd/%d", capsule->fd);
}

static void capsule_close(struct capsule *capsule)
{
	close(capsule->fd);
	free(capsule->segments);
}

static void set_type(const struct capsule *capsule, size_t index, uint32_t type)
{
	off_t offset = sizeof(Elf64_Ehdr) + index * sizeof(Elf64_Phdr);

	assert_int_equal(pwrite(capsule->fd, &type, sizeof(type), offset), sizeof(type));
}

static struct error *analyse(const struct capsule *capsule, struct report *report)
{
	struct kernel *kernel = NULL;
	struct dump *dump = NULL;

	struct error *err = dump_open(capsule->path, &dump);
	if (!err)
		err = kernel_open(dump, NULL, &kernel);
	if (!err)
		err = report_collect(kernel, NULL, report);
	if (!err && capsule->regs.count)
		err = host_regs_apply(&capsule->regs, report);
	if (!err)
		err = verdict_judge(report, false);
	kernel_close(kernel);
	dump_close(dump);
	return err;
}

/** @report shows all that @whole shows, each of it off or clear on direct evidence. */
static bool is_justified(const struct report *report, const struct report *whole)
{
	if (report->cpu_count != whole->cpu_count)
		return false;
	for (size_t i = 0; i < whole->cpu_count; i++) {
		const struct cpu_finding *cpu = &report->cpus[i], *was = &whole->cpus[i];

		if (cpu->cpu != was->cpu || cpu->vmcs_count != was->vmcs_count ||
		    cpu->properties != was->properties || cpu->finding.state != STATE_OFF ||
		    cpu->finding.strength != STRENGTH_DIRECT)
			return false;
		for (size_t v = 0; v < was->vmcs_count; v++) {
			const struct vmcs_finding *vmcs = &cpu->vmcs[v];

			if (vmcs->physical != was->vmcs[v].physical ||
			    vmcs->finding.state != STATE_OFF ||
			    vmcs->finding.strength != STRENGTH_DIRECT)
				return false;
		}
	}
	return true;
}

struct tally {
	unsigned tried, refused, by_verdict[3];
};

static void try_without(const struct capsule *capsule, size_t index, const struct report *whole,
			struct tally *tally)
{
	uint64_t physical = capsule->segments[index].p_paddr;
	struct report report = {};

	set_type(capsule, index, PT_NULL);
	struct error *err = analyse(capsule, &report);

	set_type(capsule, index, PT_LOAD);
	tally->tried++;
	if (err) {
		tally->refused++;
		assert_int_not_equal(err->code, ERROR_NO_MEMORY);
		assert_int_not_equal(err->code, ERROR_SYSTEM);
		error_free(err);
		report_deinit(&report);
		return;
	}
	tally->by_verdict[report.verdict]++;
	if (report.verdict == VERDICT_PASS &&
	    (whole->verdict != VERDICT_PASS || !is_justified(&report, whole)))
		fail_msg("without page 0x%jx: an unjustified PASS", (uintmax_t)physical);
	if (report.verdict == VERDICT_FAIL && whole->verdict == VERDICT_PASS)
		fail_msg("without page 0x%jx: FAIL", (uintmax_t)physical);
	report_deinit(&report);
}

static void read_regs(const char *name, struct capsule *capsule)
{
	_cleanup_free_ char *text = NULL;
	char path[64];

	snprintf(path, sizeof(path), "tests/dumps/%s.regs", name);
	ok(input_text(path, &text));
	ok(host_regs_parse(text, &capsule->regs));
}

/** Take out one page after the other, or only every @step-th. */
static void try_all(const char *name, bool with_regs, enum verdict verdict, unsigned step)
{
	struct capsule capsule = {};
	struct report whole = {};
	struct tally tally = {};

	capsule_open(&capsule, name);
	if (with_regs)
		read_regs(name, &capsule);
	ok(analyse(&capsule, &whole));
	assert_int_equal(whole.verdict, verdict);
	for (size_t i = 0; i < capsule.count; i += step) {
		if (capsule.segments[i].p_type == PT_LOAD)
			try_without(&capsule, i, &whole, &tally);
	}
	fprintf(stderr, "%s: %u of %zu pages: %u refused, %u PASS, %u FAIL, %u INCONCLUSIVE\n",
		name, tally.tried, capsule.count - 1, tally.refused, tally.by_verdict[VERDICT_PASS],
		tally.by_verdict[VERDICT_FAIL], tally.by_verdict[VERDICT_INCONCLUSIVE]);
	/* The test itself works: pages that matter were among them. */
	assert_true(tally.refused > 0);
	/* What the host saw of every CPU is in no page. */
	assert_true(with_regs || verdict == VERDICT_FAIL ||
		    tally.by_verdict[VERDICT_INCONCLUSIVE] > 0);
	report_deinit(&whole);
	host_regs_deinit(&capsule.regs);
	capsule_close(&capsule);
}

static void test_a_vmx_pass_needs_every_page(void **state)
{
	(void)state;
	try_all("vmx-virt-off", false, VERDICT_PASS, 1);
}

static void test_an_svm_pass_needs_every_page(void **state)
{
	(void)state;
	try_all("svm-virt-off", true, VERDICT_PASS, 1);
}

static void test_a_failure_never_becomes_a_pass(void **state)
{
	(void)state;
	try_all("vmx-left-on", false, VERDICT_FAIL, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_vmx_pass_needs_every_page),
		cmocka_unit_test(test_an_svm_pass_needs_every_page),
		cmocka_unit_test(test_a_failure_never_becomes_a_pass),
	};

	return cmocka_run_group_tests_name("missing-pages", tests, NULL, NULL);
}
