// SPDX-License-Identifier: GPL-2.0-only
/* L1 on SVM. The VMCB's layout: APM 2, appendix B. */
#include <string.h>

#include "guest/code.h"
#include "guest/nested.h"

#define EFER_SVME 0x1000u
#define VMCB_EXITCODE 0x070

enum {
	VMCB_INTERCEPT_SVM = 0x010, /* bit 0: VMRUN, without which VMRUN fails (APM 2 15.5.1) */
	VMCB_ASID = 0x058, /* 0 is the host's */
	VMCB_ES = 0x400,
	VMCB_CS = 0x410,
	VMCB_SS = 0x420,
	VMCB_DS = 0x430,
	VMCB_FS = 0x440,
	VMCB_GS = 0x450,
	VMCB_EFER = 0x4d0,
	VMCB_CR4 = 0x548,
	VMCB_CR3 = 0x550,
	VMCB_CR0 = 0x558,
	VMCB_DR7 = 0x560,
	VMCB_DR6 = 0x568,
	VMCB_RFLAGS = 0x570,
	VMCB_RIP = 0x578,
	VMCB_PAT = 0x668,
};

#define VM_HSAVE_PA 0xc0010117

/* EBX is the address of the counter; VMRUN leaves it to L2 as it is. */
GUEST_ASM(
	nested_svm_l1, ".code32",
	"mov $" GUEST_VALUE(
		VM_HSAVE_PA) ", %ecx\n"
			     "mov $" GUEST_VALUE(
				     NESTED_HOST) ", %eax\n"
						  "xor %edx, %edx\n"
						  "wrmsr\n"
						  "mov $" GUEST_VALUE(
							  NESTED_CONTROL) ", %eax\n"
									  "vmrun\n"
									  "mov " GUEST_VALUE(NESTED_CONTROL) " + " GUEST_VALUE(
										  VMCB_EXITCODE) ","
												 " "
												 "%"
												 "e"
												 "b"
												 "x"
												 "\n"
												 "o"
												 "u"
												 "t"
												 " "
												 "%"
												 "a"
												 "l"
												 ","
												 " "
												 "$" GUEST_VALUE(
													 NESTED_PORT_EXIT) "\n"
															   "nested_svm_l2: incl (%ebx)\n"
															   "jmp nested_svm_l2");
extern const char nested_svm_l2[];

static void put(uint8_t *vmcb, unsigned offset, uint64_t value)
{
	memcpy(vmcb + offset, &value, sizeof(value));
}

/* APM 2 15.5.1: selector, attributes (bits 55:52 and 47:40 of the descriptor), limit, base. */
static void put_segment(uint8_t *vmcb, unsigned offset, const struct kvm_segment *segment)
{
	uint64_t attributes = segment->type | segment->s << 4 | segment->dpl << 5 |
			      segment->present << 7 | segment->avl << 8 | segment->l << 9 |
			      segment->db << 10 | segment->g << 11;

	put(vmcb, offset, segment->selector | attributes << 16 | (uint64_t)segment->limit << 32);
	put(vmcb, offset + 8, segment->base);
}

static struct error *svm_prepare(const struct vm *vm, const struct vcpu *vcpu,
				 struct kvm_sregs *sregs)
{
	uint8_t *vmcb = vm_memory(vm, NESTED_CONTROL);

	(void)vcpu;
	sregs->efer |= EFER_SVME;
	put(vmcb, VMCB_INTERCEPT_SVM, 1);
	put(vmcb, VMCB_ASID, 1);
	put_segment(vmcb, VMCB_ES, &sregs->es);
	put_segment(vmcb, VMCB_CS, &sregs->cs);
	put_segment(vmcb, VMCB_SS, &sregs->ss);
	put_segment(vmcb, VMCB_DS, &sregs->ds);
	put_segment(vmcb, VMCB_FS, &sregs->fs);
	put_segment(vmcb, VMCB_GS, &sregs->gs);
	put(vmcb, VMCB_EFER, sregs->efer);
	put(vmcb, VMCB_CR4, sregs->cr4);
	put(vmcb, VMCB_CR3, sregs->cr3);
	put(vmcb, VMCB_CR0, sregs->cr0);
	put(vmcb, VMCB_DR7, 0x400);
	put(vmcb, VMCB_DR6, 0xffff0ff0);
	put(vmcb, VMCB_RFLAGS, GUEST_FLAGS);
	put(vmcb, VMCB_RIP, GUEST_CODE + (nested_svm_l2 - nested_svm_l1));
	put(vmcb, VMCB_PAT, 0x0007040600070406);
	return NULL;
}

static const char *svm_describe(void)
{
	return "a nested VMCB";
}

const struct nested_vendor nested_svm = {
	.leaf = 0x80000001,
	.flag = 1 << 2,
	.l1 = nested_svm_l1,
	.l1_end = nested_svm_l1_end,
	.prepare = svm_prepare,
	.describe = svm_describe,
};
