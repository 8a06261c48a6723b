// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <string.h>

#include "util/cleanup.h"
#include "virt/vmcs.h"

/*
 * struct vmcs12 of a KVM that runs this machine (arch/x86/kvm/vmx/vmcs12.h; its offsets are ABI,
 * vmx_check_vmcs12_offsets()). Launched is set in the cached copy at the first VM exit
 * (prepare_vmcs12()). While the VMCS is current, KVM works on a cached copy; VMCLEAR of
 * the current one and VMPTRLD of another write it back (nested_release_vmcs12()), VMCLEAR then
 * stores launch_state 0 (handle_vmclear()), and VMXOFF discards the copy unwritten (free_nested()).
 * So launch state 1 in memory is a VMCS never cleared since; 0 may be older than the cached copy,
 * and is believed only when the fields agree with what the kernel says it last wrote into them.
 */
#define VMCS12_REVISION 0x11e57ed0
#define VMCS12_LAUNCH_STATE 8

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

static void vmcs12_judge(struct collector *collector, const struct vmcs_ref *ref,
			 const uint8_t *page, struct vmcs_judgement *ret)
{
	uint32_t state = vmcs_u32(page, VMCS12_LAUNCH_STATE);

	if (state == 1)
		vmcs_judged(ret, STATE_ON, STRENGTH_DIRECT,
			    "launch_state 1: launched, and not cleared since");
	else if (state)
		vmcs_judged(ret, STATE_UNKNOWN, STRENGTH_INFERRED,
			    "launch_state %u is neither 0 nor 1", state);
	else if (!vmcs_is_loaded(ref))
		vmcs_judged(ret, STATE_OFF, STRENGTH_INFERRED,
			    "launch_state 0, and KVM has it loaded on no CPU");
	else if (ref->left_before && !ref->launched)
		vmcs_judged(ret, STATE_OFF, STRENGTH_INFERRED,
			    "launch_state 0; KVM loaded it after this CPU had left VMX operation, "
			    "where VMPTRLD and VMWRITE do nothing (a phantom entry)");
	else if (is_blank(page))
		vmcs_judged(
			ret, STATE_ON, STRENGTH_INFERRED,
			"its fields were never written back, so it was never cleared after use");
	else
		judge_fields(collector, ref, page, ret);
}

const struct vmcs_format vmcs_vmcs12 = {"vmcs12", "vmcs-vmcs12", true, vmcs12_probe, vmcs12_judge};
