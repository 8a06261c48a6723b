// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/internal.h"

#include "kernel/notes.h"
#include "util/cleanup.h"

/* SDM 3A 2.5 "Control Registers" */
#define CR0_PE (1ULL << 0)
#define CR0_PG (1ULL << 31)
#define CR4_LA57 (1ULL << 12)
#define CR3_ADDRESS (~0xfffULL)

/* A process has its kernel page table at the even page and the user's behind it
 * (PTI_USER_PGTABLE_BIT, arch/x86/include/asm/pgtable.h), when the kernel isolates them. */
#define CR3_USER 0x1000ULL

/** True when the page tables at @root lead to this kernel's image. */
static struct error *leads_here(struct kernel *kernel, const struct dump_vcpu *vcpu, uint64_t root,
				bool *ret)
{
	uint64_t here, there;

	*ret = false;
	try(dump_virtual_to_physical(kernel->dump, kernel->text.start, &here));
	struct error *err = dump_translate(kernel->dump, root, vcpu->cr4 & CR4_LA57,
					   kernel->text.start, &there);

	if (error_is(err, ERROR_FORMAT)) {
		error_free(err);
		return NULL;
	}
	try(err);
	*ret = here == there;
	return NULL;
}

/** struct resource @name of kernel/kexec_core.c, kernel/crash_reserve.c since 6.9. */
static bool is_in_resource(struct kernel *kernel, const char *name, uint64_t physical)
{
	uint64_t resource, start = 0, end = 0;
	struct error *err = kernel_symbol(kernel, NULL, name, &resource);

	if (!err)
		err = kernel_read_member(kernel, NULL, "resource", "start", resource, &start);
	if (!err)
		err = kernel_read_member(kernel, NULL, "resource", "end", resource, &end);
	bool known = !err;

	error_free(err);
	return known && start && start <= physical && physical <= end;
}

static enum vcpu_place find_place(struct kernel *kernel, const struct dump_vcpu *vcpu)
{
	uint64_t root = vcpu->cr3 & CR3_ADDRESS;
	bool here = false;

	if (!(vcpu->cr0 & CR0_PE) || !(vcpu->cr0 & CR0_PG))
		return VCPU_RESET;
	if (is_in_resource(kernel, "crashk_res", root) ||
	    is_in_resource(kernel, "crashk_low_res", root))
		return VCPU_CRASH_KERNEL;
	struct error *err = leads_here(kernel, vcpu, root, &here);

	if (!err && !here)
		err = leads_here(kernel, vcpu, root & ~CR3_USER, &here);
	bool unknown = err;

	error_free(err);
	if (here)
		return VCPU_KERNEL;
	return unknown ? VCPU_UNKNOWN : VCPU_ELSEWHERE;
}

/** The CPU whose per-cpu area is at @base, or -1. */
static int cpu_of_base(struct kernel *kernel, uint64_t base)
{
	for (unsigned cpu = 0; base && cpu < kernel->cpu_limit; cpu++) {
		if (kernel_cpu_possible(kernel, cpu) && kernel->percpu_offset[cpu] == base)
			return cpu;
	}
	return -1;
}

/** In user mode SWAPGS has put the kernel's base aside. */
static int cpu_of_vcpu(struct kernel *kernel, const struct dump_vcpu *vcpu)
{
	int cpu = cpu_of_base(kernel, vcpu->gs_base);

	return cpu >= 0 ? cpu : cpu_of_base(kernel, vcpu->kernel_gs_base);
}

static struct error *find_vcpu(struct kernel *kernel, unsigned cpu, const struct dump_vcpu **ret)
{
	const struct dump_vcpu *by_order = NULL;
	bool in_order = true;

	for (size_t i = 0; i < dump_vcpu_count(kernel->dump); i++) {
		const struct dump_vcpu *vcpu = dump_vcpu(kernel->dump, i);
		int told = cpu_of_vcpu(kernel, vcpu);

		if (told == (int)cpu) {
			*ret = vcpu;
			return NULL;
		}
		if (told >= 0 && told != (int)i)
			in_order = false;
		else if (told < 0 && i == cpu)
			by_order = vcpu;
	}
	if (!by_order || !in_order)
		return error_new(ERROR_NOT_FOUND, "no virtual CPU is known to be CPU %u", cpu);
	*ret = by_order;
	return NULL;
}

struct error *kernel_vcpu(struct kernel *kernel, unsigned cpu, struct kernel_vcpu *ret)
{
	const struct dump_vcpu *vcpu = NULL;

	try(find_vcpu(kernel, cpu, &vcpu));
	*ret = (struct kernel_vcpu){.place = find_place(kernel, vcpu), .cr4 = vcpu->cr4};
	if (!vcpu->prstatus)
		return NULL;
	struct error *err =
		notes_parse_registers(vcpu->prstatus, vcpu->prstatus_size, &ret->registers);

	ret->has_registers = !err;
	error_free(err);
	return NULL;
}
