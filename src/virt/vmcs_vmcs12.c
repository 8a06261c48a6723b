// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <string.h>

#include "util/cleanup.h"
#include "virt/collect.h"
#include "virt/vmcs.h"

/*
 * struct vmcs12 of a KVM that runs this machine (arch/x86/kvm/vmx/vmcs12.h; its offsets are ABI,
 * vmx_check_vmcs12_offsets()). Launched is set in the cached copy at the first VM exit
 * (prepare_vmcs12()). While the VMCS is current, KVM works on a cached copy; VMCLEAR of
 * the current one and VMPTRLD of another write it back (nested_release_vmcs12()), VMCLEAR then
 * stores launch_state 0 (handle_vmclear()), and VMXOFF discards the copy unwritten (free_nested()).
 * So launch state 1 in memory is a VMCS never cleared since; 0 may be older than the cached copy.
 * That it is not older is proven when the memory has in it the exit that ended the guest for good,
 * or when another VMCS took its place as current one; else the fields have to agree with what the
 * kernel says it last wrote into them, which is no proof.
 */
#define VMCS12_REVISION 0x11e57ed0
#define VMCS12_LAUNCH_STATE 8
#define VMCS12_EXIT_REASON 812
#define VMCS12_EXIT_INTR_INFO 816

/* SDM 3C appendix C, basic exit reasons; 25.9.2, VM-exit interruption information */
#define EXIT_EXCEPTION_NMI 0
#define EXIT_EXTERNAL_INTERRUPT 1
#define INTR_VALID 0x80000000u
#define INTR_TYPE_AND_VECTOR 0x7ffu
#define INTR_NMI 0x202u
/* arch/x86/include/asm/irq_vectors.h; its handler, sysvec_reboot(), does not return. */
#define REBOOT_VECTOR 0xf8u

/** Functions that make another VMCS the current one, first in the kernel's record. */
static const char *const load_functions[] = {"vmx_vcpu_load_vmcs", "vmx_vcpu_load"};

static const struct {
	const char *name; /* in struct loaded_vmcs */
	size_t offset; /* in struct vmcs12 */
	size_t size;
} mirrored[] = {
	{"host_state.cr3", 592, 8},           {"host_state.cr4", 600, 8},
	{"host_state.fs_base", 608, 8},       {"host_state.gs_base", 616, 8},
	{"host_state.rsp", 664, 8},           {"controls_shadow.pin", 744, 4},
	{"controls_shadow.exec", 748, 4},     {"controls_shadow.vm_exit", 768, 4},
	{"controls_shadow.vm_entry", 780, 4}, {"controls_shadow.secondary_exec", 804, 4},
};

static bool vmcs12_probe(const struct collector *collector, uint32_t revision)
{
	(void)collector;
	return revision == VMCS12_REVISION;
}

/**
 * The memory tells of the VM exit after which this CPU ran no guest any more, and loaded no VMCS:
 * what wrote it came later, and only VMCLEAR was left to do so. Says which exit, or NULL.
 */
static const char *final_exit(const struct collector *collector, const uint8_t *page)
{
	uint32_t reason = vmcs_u32(page, VMCS12_EXIT_REASON);
	uint32_t info = vmcs_u32(page, VMCS12_EXIT_INTR_INFO);
	uint32_t what = info & INTR_TYPE_AND_VECTOR;

	if (!(info & INTR_VALID))
		return NULL;
	if (reason == EXIT_EXTERNAL_INTERRUPT && what == REBOOT_VECTOR)
		return "the reboot IPI, whose handler does not return";
	if (reason == EXIT_EXCEPTION_NMI && what == INTR_NMI && chain_sent_all_nmis(collector))
		return "an NMI, and the kernel took none but the shootdown's";
	return NULL;
}

/**
 * Another VMCS was made current on the CPU that had this one, in VMX operation, which wrote this
 * one's cached copy back. vmx_vcpu_load_vmcs() sets current_vmcs just before VMPTRLD, so a CPU that
 * was stopped there, or may have been, proves nothing.
 */
static bool was_displaced(struct collector *collector, const struct vmcs_ref *ref)
{
	const struct cpu_finding *cpu =
		ref->loaded_cpu < 0 ? NULL : report_cpu(collector->report, ref->loaded_cpu);
	uint64_t current = 0;

	if (!cpu || ref->current || !stack_is_complete(cpu) ||
	    kvm_record(collector, cpu->cpu) != KVM_ON)
		return false;
	for (size_t i = 0; i < cpu->stack_count; i++) {
		if (symbol_is_one_of(cpu->stack[i].symbol, load_functions,
				     sizeof(load_functions) / sizeof(*load_functions)))
			return false;
	}
	struct error *err = kernel_read_percpu(collector->kernel, collector->kvm_intel,
					       "current_vmcs", cpu->cpu, 8, &current);

	error_free(err);
	return !err && current;
}

static bool is_blank(const uint8_t *page)
{
	for (size_t i = VMCS12_LAUNCH_STATE; i < VMCS_SIZE; i++) {
		if (page[i])
			return false;
	}
	return true;
}

/** How many of the fields differ from the kernel's record of them; the last one into @which. */
static struct error *count_stale(struct collector *collector, const struct vmcs_ref *ref,
				 const uint8_t *page, unsigned *ret, const char **which)
{
	*ret = 0;
	for (size_t i = 0; i < sizeof(mirrored) / sizeof(*mirrored); i++) {
		uint64_t recorded, stored = mirrored[i].size == 8
						    ? vmcs_u64(page, mirrored[i].offset)
						    : vmcs_u32(page, mirrored[i].offset);

		try(kernel_read_member(collector->kernel, collector->kvm_intel, "loaded_vmcs",
				       mirrored[i].name, ref->loaded_vmcs, &recorded));
		if (recorded != stored) {
			*which = mirrored[i].name;
			*ret += 1;
		}
	}
	return NULL;
}

static void judge_fields(struct collector *collector, const struct vmcs_ref *ref,
			 const uint8_t *page, struct vmcs_judgement *ret)
{
	const char *which = "";
	unsigned stale;

	if (!ref->loaded_vmcs || ref->shadow) {
		vmcs_judged(ret, STATE_UNKNOWN, STRENGTH_INFERRED,
			    "launch state 0, with no record to compare its fields with");
		return;
	}
	struct error *err = count_stale(collector, ref, page, &stale, &which);

	if (err)
		vmcs_judged(ret, STATE_UNKNOWN, STRENGTH_INFERRED,
			    "launch state 0, but KVM's record of its fields cannot be read: %s",
			    err->message);
	else if (!stale)
		vmcs_judged(ret, STATE_OFF, STRENGTH_INFERRED,
			    "launch state 0, and its fields are as KVM last wrote them");
	else if (stale == 1)
		vmcs_judged(ret, STATE_UNKNOWN, STRENGTH_INFERRED,
			    "launch state 0, but %s is not as KVM last wrote it", which);
	else
		vmcs_judged(ret, STATE_ON, STRENGTH_INFERRED,
			    "launch state 0, but %u fields, %s among them, are not as KVM last "
			    "wrote them: the memory is older than the cached VMCS",
			    stale, which);
	error_clear(&err);
}

/** Launch state 0 in a VMCS that KVM has loaded somewhere. */
static void judge_loaded(struct collector *collector, const struct vmcs_ref *ref,
			 const uint8_t *page, struct vmcs_judgement *ret)
{
	if (ref->left_before && !ref->launched)
		vmcs_judged(ret, STATE_OFF, STRENGTH_INFERRED,
			    "launch_state 0; KVM loaded it after this CPU had left VMX operation, "
			    "where VMPTRLD and VMWRITE do nothing (a phantom entry)");
	else if (is_blank(page))
		vmcs_judged(
			ret, STATE_ON, ref->launched ? STRENGTH_DIRECT : STRENGTH_INFERRED,
			"its fields were never written back, so it was never cleared after use");
	else if (ref->launched && was_displaced(collector, ref))
		vmcs_judged(ret, STATE_OFF, STRENGTH_DIRECT,
			    "launch state 0 where KVM's record says launched, and another VMCS took "
			    "its place since: only VMCLEAR can have written that");
	else
		judge_fields(collector, ref, page, ret);
}

static void vmcs12_judge(struct collector *collector, const struct vmcs_ref *ref,
			 const uint8_t *page, struct vmcs_judgement *ret)
{
	uint32_t state = vmcs_u32(page, VMCS12_LAUNCH_STATE);
	const char *exit = state ? NULL : final_exit(collector, page);

	if (state == 1)
		vmcs_judged(ret, STATE_ON, STRENGTH_DIRECT,
			    "launch_state 1: launched, and not cleared since");
	else if (state)
		vmcs_judged(ret, STATE_UNKNOWN, STRENGTH_INFERRED,
			    "launch_state %u is neither 0 nor 1", state);
	else if (exit)
		vmcs_judged(ret, STATE_OFF, STRENGTH_DIRECT,
			    "launch state 0 beside the guest's last exit, by %s: only VMCLEAR can "
			    "have written that",
			    exit);
	else if (!vmcs_is_loaded(ref))
		vmcs_judged(ret, STATE_OFF, STRENGTH_INFERRED,
			    "launch_state 0, and KVM has it loaded on no CPU");
	else
		judge_loaded(collector, ref, page, ret);
}

const struct vmcs_format vmcs_vmcs12 = {"vmcs12", "vmcs-vmcs12", true, vmcs12_probe, vmcs12_judge};
