// SPDX-License-Identifier: GPL-2.0-only
#include "virt/vmcs.h"

/*
 * Hyper-V's enlightened VMCS: plain memory that the hypervisor reads at VM entry; it has no launch
 * state and no trace of VMCLEAR (KVM_EVMCS_VERSION, arch/x86/kvm/vmx/vmx_onhyperv.c; struct
 * hv_enlightened_vmcs: host_es_selector follows the header).
 */
#define EVMCS_REVISION 1

static bool evmcs_probe(const struct collector *collector, uint32_t revision)
{
	(void)collector;
	return revision == EVMCS_REVISION;
}

static void evmcs_judge(struct collector *collector, const struct vmcs_ref *ref,
			const uint8_t *page, struct vmcs_judgement *ret)
{
	(void)collector;
	(void)ref;
	(void)page;
	vmcs_judged(ret, STATE_UNKNOWN, STRENGTH_INFERRED,
		    "an enlightened VMCS does not show in memory whether it is active");
}

const struct vmcs_format vmcs_evmcs = {"evmcs", "vmcs-evmcs", false, evmcs_probe, evmcs_judge};
