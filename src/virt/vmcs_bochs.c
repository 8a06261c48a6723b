// SPDX-License-Identifier: GPL-2.0-only
#include "virt/vmcs.h"

/*
 * Bochs keeps every field of a VMCS in memory and the launch state behind the header: VMLAUNCH
 * stores 1 there, VMCLEAR 0, and nothing else writes it (Bochs cpu/vmx.cc, cpu/vmcs.cc: revision
 * 0x2b, VMCS_LAUNCH_STATE_FIELD_ADDR).
 */
#define BOCHS_REVISION 0x2b
#define BOCHS_LAUNCH_STATE 8

static bool bochs_probe(const struct collector *collector, uint32_t revision)
{
	(void)collector;
	return revision == BOCHS_REVISION;
}

static void bochs_judge(struct collector *collector, const struct vmcs_ref *ref,
			const uint8_t *page, struct vmcs_judgement *ret)
{
	uint32_t state = vmcs_u32(page, BOCHS_LAUNCH_STATE);

	(void)collector;
	if (state == 1)
		vmcs_judged(ret, STATE_ON, STRENGTH_DIRECT,
			    "launch state 1: launched, and not cleared since");
	else if (state)
		vmcs_judged(ret, STATE_UNKNOWN, STRENGTH_INFERRED,
			    "launch state %u is neither 0 nor 1", state);
	else if (ref->launched)
		vmcs_judged(
			ret, STATE_OFF, STRENGTH_DIRECT,
			"launch state 0 where KVM's record says launched: only VMCLEAR can have "
			"written that");
	else if (!vmcs_is_loaded(ref))
		vmcs_judged(ret, STATE_OFF, STRENGTH_DIRECT,
			    "launch state 0, and KVM has it loaded on no CPU");
	else if (ref->left_before)
		vmcs_judged(ret, STATE_OFF, STRENGTH_DIRECT,
			    "launch state 0; KVM loaded it after this CPU had left VMX operation, "
			    "where VMPTRLD does nothing (a phantom entry)");
	else
		vmcs_judged(ret, STATE_OFF, STRENGTH_INFERRED,
			    "launch state 0, but KVM had not launched it: loaded and not launched "
			    "looks the same as clear");
}

const struct vmcs_format vmcs_bochs = {"bochs", "vmcs-bochs", true, bochs_probe, bochs_judge};
