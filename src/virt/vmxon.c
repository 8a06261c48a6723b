// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>

#include "util/cleanup.h"
#include "virt/vmcs.h"

/** Per-cpu pointers to VMXON regions. */
static const struct {
	const char *module, *name;
} pointers[] = {
	{"*", "vmxarea"}, /* kvm_intel, to 6.18 */
	{NULL, "root_vmcs"}, /* 7.x, arch/x86/virt/hw.c */
};

/** The member of struct vmcs_config: "basic" is all of IA32_VMX_BASIC, since 6.11. */
static const char *const revision_members[] = {"basic", "revision_id"};

uint32_t vmx_revision(const struct collector *collector)
{
	uint64_t config, value = 0;
	struct error *err =
		kernel_symbol(collector->kernel, collector->kvm_intel, "vmcs_config", &config);

	for (size_t i = 0; !err && !value && i < 2; i++) {
		struct error *failed =
			kernel_read_member(collector->kernel, collector->kvm_intel, "vmcs_config",
					   revision_members[i], config, &value);

		if (failed)
			value = 0;
		error_free(failed);
	}
	error_free(err);
	return value & INT32_MAX; /* bit 31 is always 0, SDM 3D A.1 */
}

static struct error *find_region(struct collector *collector, unsigned cpu, uint64_t *ret)
{
	uint64_t region = 0;

	*ret = 0;
	for (size_t i = 0; !region && i < sizeof(pointers) / sizeof(*pointers); i++) {
		struct error *err = kernel_read_percpu(collector->kernel, pointers[i].module,
						       pointers[i].name, cpu, 8, &region);

		if (err && !error_is(err, ERROR_NOT_FOUND))
			return err;
		error_free(err);
	}
	return region ? dump_virtual_to_physical(collector->dump, region, ret) : NULL;
}

static struct error *look(struct collector *collector, struct cpu_finding *cpu, uint32_t wanted)
{
	struct vmxon_finding *vmxon = &cpu->vmxon;
	uint8_t word[4];
	struct error *err = find_region(collector, cpu->cpu, &vmxon->physical);

	vmxon->known = !err && vmxon->physical;
	error_clear(&err);
	if (!vmxon->known)
		return NULL;
	err = dump_read_physical(collector->dump, vmxon->physical, word, sizeof(word));
	vmxon->readable = !err;
	error_clear(&err);
	if (!vmxon->readable)
		return NULL;
	vmxon->revision = vmcs_u32(word, 0);
	vmxon->wrong = wanted && vmxon->revision != wanted;
	if (!vmxon->wrong)
		return NULL;
	return text_list_add(&collector->report->notes,
			     "the VMXON region 0x%" PRIx64 " of CPU %u has revision 0x%x where the "
			     "CPU wants 0x%x: VMXON fails with it, or something overwrote it since",
			     vmxon->physical, cpu->cpu, vmxon->revision, wanted);
}

struct error *collect_vmxon(struct collector *collector)
{
	struct report *report = collector->report;
	uint32_t wanted = vmx_revision(collector);

	for (size_t i = 0; i < report->cpu_count; i++) {
		if (report->cpus[i].properties & 1u << PROPERTY_VMX)
			try(look(collector, &report->cpus[i], wanted));
	}
	return NULL;
}
