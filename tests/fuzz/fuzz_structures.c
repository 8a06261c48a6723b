// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything between reading a dump and the verdict, over a kernel's memory made of the input:
 * lists, modules, per-cpu areas, page tables, stacks and ORC tables, notes, BPF maps, VMCSs. An
 * input is the vendor, and a row of writes: where (u16, in units of 8 bytes), what (u8), a value.
 */
#include <stdbool.h>
#include <stdint.h>

#include "fake_memory.h"
#include "virt/collect.h"
#include "virt/verdict.h"

#define WRITES_MAX 256

struct write {
	uint16_t where;
	uint8_t what;
	uint8_t value[8];
} __attribute__((packed));

/* A page-table entry of a page that is there; a pointer; any value. */
static uint64_t value_of(const struct write *write)
{
	uint64_t value;

	memcpy(&value, write->value, sizeof(value));
	switch (write->what % 4) {
	case 0:
		return FAKE_BASE + value % FAKE_SIZE;
	case 1:
		return value % FAKE_PAGES * DUMP_PAGE_SIZE + (value >> 56 & 0x80) + 0x63;
	case 2:
		return value % 256;
	default:
		return value;
	}
}

static void apply(const struct fake *fake, const uint8_t *data, size_t size)
{
	struct write write;

	for (unsigned i = 0; i < WRITES_MAX && size >= sizeof(write); i++) {
		memcpy(&write, data, sizeof(write));
		/* Symbols and CPUs' areas are in the first pages. */
		fake_put(fake, FAKE_BASE + write.where % (5 * DUMP_PAGE_SIZE / 8) * 8,
			 value_of(&write), 8);
		data += sizeof(write);
		size -= sizeof(write);
	}
}

/* A module called kvm_intel, alone on the list. */
static void add_module(const struct fake *fake)
{
	uint64_t module = FAKE_BASE + 4 * DUMP_PAGE_SIZE, head = fake_symbol("modules");

	fake_put(fake, head, module + fake_offset("list"), 8);
	fake_put(fake, module + fake_offset("list"), head, 8);
	memcpy(fake_at(fake, module + fake_offset("name")), "kvm_intel", 10);
}

/** A PASS says that all is off, on direct evidence. */
static void check_pass(const struct report *report)
{
	for (size_t i = 0; i < report->cpu_count; i++) {
		const struct cpu_finding *cpu = &report->cpus[i];

		if (cpu->finding.state != STATE_OFF || cpu->finding.strength != STRENGTH_DIRECT ||
		    !cpu->vmcs_complete)
			__builtin_trap();
		for (size_t v = 0; v < cpu->vmcs_count; v++) {
			if (cpu->vmcs[v].finding.state != STATE_OFF ||
			    cpu->vmcs[v].finding.strength != STRENGTH_DIRECT)
				__builtin_trap();
		}
	}
	if (!report->cpu_count)
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const vendors[] = {"GenuineIntel", "AuthenticAMD", "CentaurHauls"};
	struct report report = {};
	struct fake fake;

	if (size < 2)
		return 0;
	fake_init(&fake);
	add_module(&fake);
	memcpy(fake_at(&fake, fake_symbol("boot_cpu_data") + fake_offset("x86_vendor_id")),
	       vendors[data[0] % 3], 13);
	fake.dump->live = data[1] & 1;
	fake.dump->pagetable.levels = data[1] & 2 ? 5 : 4;
	fake.dump->pagetable.root = data[1] / 4 % FAKE_PAGES * DUMP_PAGE_SIZE;
	apply(&fake, data + 2, size - 2);
	struct error *err = fake_open(&fake);

	if (!err)
		err = report_collect(fake.kernel, NULL, &report);
	if (!err)
		err = verdict_judge(&report, false);
	if (!err && report.verdict == VERDICT_PASS)
		check_pass(&report);
	error_free(err);
	report_deinit(&report);
	fake_deinit(&fake);
	return 0;
}
