/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_GUEST_NESTED_H
#define CRASHLAB_GUEST_NESTED_H

#include "guest/vm.h"

/*
 * A guest (L1) that runs a guest of its own (L2). Both are in 32-bit protected mode, with paging
 * and flat segments; L1 does nothing but start L2, and L2 counts up its counter for ever. Where
 * things are in L1's memory, from GUEST_PAGES on; the rest is the vendor's:
 */
#define NESTED_CONTROL 0x3000 /* VMCS or VMCB of L2 */
#define NESTED_HOST 0x4000 /* VMXON region, or where SVM saves the host's state */
#define NESTED_DIRECTORY 0x5000 /* page directory that maps the first 4 MiB onto themselves */
#define NESTED_TABLE 0x6000 /* what L1 writes into its VMCS */

#define NESTED_CS 0x08
#define NESTED_DS 0x10
#define NESTED_TR 0x18

/* L1 comes to user space with OUT to one of these, and EBX says more. */
#define NESTED_PORT_FAILED                                                    \
	0x81 /* an instruction of VMX failed: EBX is the VM-instruction error \
	      */
#define NESTED_PORT_EXIT 0x82 /* L2 came out to L1: EBX is the reason */

/** One vendor's way. */
struct nested_vendor {
	/* Where CPUID has its flag, and the flag in ECX. */
	uint32_t leaf, flag;
	const char *l1, *l1_end; /* L1's code; L2's is in it */
	/** Complete @sregs for L1 and prepare L1's memory for L2; the vCPU has its CPUID. */
	struct error *(*prepare)(const struct vm *vm, const struct vcpu *vcpu,
				 struct kvm_sregs *sregs);
	/** What L2 is run with. */
	const char *(*describe)(void);
};

extern const struct nested_vendor nested_vmx, nested_svm;

#endif
