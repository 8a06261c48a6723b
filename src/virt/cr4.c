// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE /* memmem() */
#include <inttypes.h>
#include <string.h>

#include "util/cleanup.h"
#include "virt/collect.h"
#include "dump/dump.h"
#include "kernel/cpu_bits.h"

/* Bytes of a function that are looked through; those with VMXOFF are shorter. */
#define CODE_MAX 4096

/** Functions that execute VMXON after setting CR4.VMXE, whichever of them is not inlined. */
static const char *const vmxon_functions[] = {
	"kvm_cpu_vmxon", /* 5.8 to 6.18, arch/x86/kvm/vmx/vmx.c */
	"vmx_enable_virtualization_cpu", /* 6.12 */
	"vmx_hardware_enable", /* 6.1 to 6.11 */
	"hardware_enable", /* to 6.0 */
	"x86_virt_cpu_vmxon", /* 7.x, arch/x86/virt/hw.c */
	"x86_vmx_enable_virtualization_cpu",
	"x86_virt_get_ref",
};

/** Functions that may be called between, to set the bit. */
static const char *const cr4_functions[] = {
	"cr4_update_irqsoff",   "native_write_cr4", "cr4_set_bits",
	"cr4_set_bits_irqsoff", "__write_cr4",
};

/**
 * The CPU was stopped inside VMXON's setting of CR4: cr4_update_irqsoff() writes the shadow first,
 * and the emergency path, which looks at the register itself, then finds VMXE clear and returns.
 */
static bool in_vmxon(const struct cpu_finding *cpu)
{
	for (size_t i = 0; i < cpu->stack_count; i++) {
		const char *symbol = cpu->stack[i].symbol;

		if (!cpu->stack[i].reliable)
			return false;
		if (symbol_is_one_of(symbol, vmxon_functions,
				     sizeof(vmxon_functions) / sizeof(*vmxon_functions)))
			return true;
		if (!symbol_is_one_of(symbol, cr4_functions,
				      sizeof(cr4_functions) / sizeof(*cr4_functions)))
			return false;
	}
	return false;
}

/**
 * The function that @address lies in has VMXOFF somewhere before. Code that is not in the dump has
 * none.
 */
static bool behind_vmxoff(struct collector *collector, uint64_t address)
{
	static const uint8_t vmxoff[] = {0x0f, 0x01, 0xc4}; /* SDM 3C, chapter 31 */
	uint8_t code[CODE_MAX];
	uint64_t start, end;
	char name[128];
	struct error *err =
		kernel_symbol_at(collector->kernel, address - 1, name, sizeof(name), &start, &end);
	bool found = false;

	if (!err && address - start <= sizeof(code)) {
		err = dump_read(collector->dump, start, code, address - start);
		found = !err && memmem(code, address - start, vmxoff, sizeof(vmxoff));
	}
	error_free(err);
	return found;
}

/**
 * The CPU was stopped between VMXOFF and the clearing of CR4.VMXE, and did not get further: its
 * NMI's own emergency disable may die there, as VMCLEAR faults outside of VMX operation, and to 6.5
 * KVM takes that for a bug unless kvm_rebooting is set.
 */
static bool in_vmxoff(struct collector *collector, const struct cpu_finding *cpu)
{
	for (size_t i = 0; i < cpu->stack_count && cpu->stack[i].reliable; i++) {
		if (behind_vmxoff(collector, cpu->stack[i].address))
			return true;
	}
	return false;
}

/** In the shadow's place: VMXE is set, and says nothing, for a reason that is @source's. */
static struct error *add_race(struct evidence_list *list, struct evidence evidence,
			      const char *source, uint64_t cr4, const char *reason)
{
	evidence.source = source;
	evidence.state = STATE_UNKNOWN;
	evidence.strength = STRENGTH_INFERRED;
	return evidence_add(list, evidence, "CR4 shadow 0x%" PRIx64 " has VMXE set, but %s", cr4,
			    reason);
}

static struct error *add_shadow(struct collector *collector, const struct cpu_finding *cpu,
				uint64_t cr4)
{
	struct evidence_list *list = &collector->report->evidence;
	struct evidence evidence = {.property = PROPERTY_VMX,
				    .cpu = cpu->cpu,
				    .strength = STRENGTH_DIRECT,
				    .source = "cr4-shadow"};

	/* cpu_tlbstate.cr4 starts as ~0, arch/x86/mm/init.c. */
	if (cr4 == UINT64_MAX)
		return evidence_add(list, evidence, "the CR4 shadow was never set on this CPU");
	evidence.state = cr4 & X86_CR4_VMXE ? STATE_ON : STATE_OFF;
	if (evidence.state == STATE_ON && !cpu->panic && in_vmxon(cpu)) {
		return add_race(list, evidence, "vmxon-race", cr4,
				"the NMI came in VMXON between the shadow's write and the "
				"register's: in all likelihood VMX was never on");
	}
	if (evidence.state == STATE_ON && in_vmxoff(collector, cpu)) {
		return add_race(list, evidence, "vmxoff-race", cr4,
				"the CPU was stopped behind VMXOFF, before that is cleared: VMX "
				"may well be off");
	}
	return evidence_add(list, evidence, "CR4 shadow 0x%" PRIx64 ", VMXE is %s", cr4,
			    evidence.state == STATE_ON ? "set" : "clear");
}

static struct error *read_shadow(struct collector *collector, unsigned cpu, uint64_t *ret)
{
	struct kernel_field field;
	uint64_t symbol, address;

	try(kernel_symbol(collector->kernel, NULL, "cpu_tlbstate", &symbol));
	try(kernel_member(collector->kernel, NULL, "tlb_state", "cr4", &field));
	try(kernel_percpu_address(collector->kernel, symbol, cpu, &address));
	return kernel_read_uint(collector->kernel, address + field.offset, 8, ret);
}

struct error *source_cr4(struct collector *collector)
{
	struct report *report = collector->report;

	for (size_t i = 0; i < report->cpu_count; i++) {
		const struct cpu_finding *cpu = &report->cpus[i];
		uint64_t cr4;

		if (!(cpu->properties & 1u << PROPERTY_VMX))
			continue;
		struct error *err = read_shadow(collector, cpu->cpu, &cr4);

		if (!err) {
			try(add_shadow(collector, cpu, cr4));
			continue;
		}
		struct evidence evidence = {
			.property = PROPERTY_VMX, .cpu = cpu->cpu, .source = "cr4-shadow"};
		struct error *failed =
			evidence_add(&report->evidence, evidence,
				     "the CR4 shadow cannot be read: %s", err->message);

		error_clear(&err);
		try(failed);
	}
	return NULL;
}
