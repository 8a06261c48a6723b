// SPDX-License-Identifier: GPL-2.0-only
/* L1 on VMX. Encodings of VMCS fields: SDM 3D, appendix B. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>

#include "guest/code.h"
#include "guest/nested.h"
#include "util/cleanup.h"

#define CR0_NE 0x20u
#define CR4_VMXE 0x2000u

#define VM_INSTRUCTION_ERROR 0x4400
#define VM_EXIT_REASON 0x4402

#define MSR_FEATURE_CONTROL 0x3a
#define FEATURE_CONTROL_VMXON 0x5 /* locked, VMXON outside of SMX */
#define MSR_VMX_BASIC 0x480

/*
 * EBX is the address of the counter; VMLAUNCH leaves it to L2 as it is. The fields to be written
 * and their values are pairs in a table, which ends with field 0.
 */
GUEST_ASM(nested_vmx_l1, ".code32",
	  "vmxon " GUEST_LABEL(
		  nested_vmx_l1,
		  nested_vmx_host) "\n"
				   "jbe nested_vmx_failed\n"
				   "vmclear " GUEST_LABEL(
					   nested_vmx_l1,
					   nested_vmx_control) "\n"
							       "jbe nested_vmx_failed\n"
							       "vmptrld " GUEST_LABEL(nested_vmx_l1,
										      nested_vmx_control) "\n"
													  "jbe "
													  "nested_"
													  "vmx_"
													  "failed\n"
													  "mov "
													  "$" GUEST_VALUE(NESTED_TABLE) ", %esi\n"
																	"1: mov (%esi), %eax\n"
																	"test %eax, %eax\n"
																	"jz 2f\n"
																	"vmwrite 4(%esi), %eax\n"
																	"jbe nested_vmx_failed\n"
																	"add $8, %esi\n"
																	"jmp 1b\n"
																	"2: vmlaunch\n"
																	"nested_vmx_failed: mov $" GUEST_VALUE(VM_INSTRUCTION_ERROR) ", %edi\n"
																								     "vmread %edi, %ebx\n"
																								     "out %al, $" GUEST_VALUE(NESTED_PORT_FAILED) "\n"
																														  "nested_vmx_exit: mov $" GUEST_VALUE(VM_EXIT_REASON) ", %edi\n"
																																				       "vmread %edi, %ebx\n"
																																				       "out %al, $" GUEST_VALUE(NESTED_PORT_EXIT) "\n"
																																										  "nested_vmx_l2: incl (%ebx)\n"
																																										  "jmp nested_vmx_l2\n"
																																										  "nested_vmx_host: .quad " GUEST_VALUE(NESTED_HOST) "\n"
																																																     "nested_vmx_control: .quad " GUEST_VALUE(NESTED_CONTROL));
extern const char nested_vmx_exit[], nested_vmx_l2[];

/* The table while it is filled in. */
struct table {
	struct {
		uint32_t field, value;
	} * next;
};

static void put(struct table *table, uint32_t field, uint32_t value)
{
	table->next->field = field;
	table->next->value = value;
	table->next++;
}

static struct error *read_msr(const struct vcpu *vcpu, uint32_t index, uint64_t *ret)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msr = {.head = {.nmsrs = 1}, .entry = {.index = index}};

	if (ioctl(vcpu->fd, KVM_GET_MSRS, &msr) != 1)
		return error_errno(errno, "cannot read the vCPU's MSR 0x%x", index);
	*ret = msr.entry.data;
	return NULL;
}

static struct error *allow_vmxon(const struct vcpu *vcpu)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msr = {.head = {.nmsrs = 1},
		 .entry = {.index = MSR_FEATURE_CONTROL, .data = FEATURE_CONTROL_VMXON}};

	if (ioctl(vcpu->fd, KVM_SET_MSRS, &msr) != 1)
		return error_errno(errno, "cannot set the vCPU's IA32_FEATURE_CONTROL");
	return NULL;
}

/* IA32_VMX_*_CTLS: the low half has the bits that must be 1 (SDM 3D, appendix A.3). */
static struct error *put_controls(struct table *table, const struct vcpu *vcpu)
{
	static const struct {
		uint32_t field, msr;
	} controls[] = {
		{0x4000, 0x481}, /* pin-based */
		{0x4002, 0x482}, /* processor-based */
		{0x400c, 0x483}, /* VM exit */
		{0x4012, 0x484}, /* VM entry */
	};

	for (size_t i = 0; i < sizeof(controls) / sizeof(controls[0]); i++) {
		uint64_t allowed;

		try(read_msr(vcpu, controls[i].msr, &allowed));
		put(table, controls[i].field, (uint32_t)allowed);
	}
	return NULL;
}

static void put_segment(struct table *table, unsigned index, const struct kvm_segment *segment)
{
	uint32_t access = segment->type | segment->s << 4 | segment->dpl << 5 |
			  segment->present << 7 | segment->avl << 12 | segment->l << 13 |
			  segment->db << 14 | segment->g << 15 | segment->unusable << 16;

	put(table, 0x0800 + 2 * index, segment->selector);
	put(table, 0x4800 + 2 * index, segment->limit);
	put(table, 0x4814 + 2 * index, access);
	put(table, 0x6806 + 2 * index, segment->base);
}

static void put_guest_state(struct table *table, const struct kvm_sregs *sregs)
{
	const struct kvm_segment *const segments[] = {&sregs->es,  &sregs->cs, &sregs->ss,
						      &sregs->ds,  &sregs->fs, &sregs->gs,
						      &sregs->ldt, &sregs->tr};

	for (unsigned i = 0; i < sizeof(segments) / sizeof(segments[0]); i++)
		put_segment(table, i, segments[i]);
	put(table, 0x2800, UINT32_MAX); /* link pointer: none */
	put(table, 0x2801, UINT32_MAX);
	put(table, 0x6800, sregs->cr0);
	put(table, 0x6802, sregs->cr3);
	put(table, 0x6804, sregs->cr4);
	put(table, 0x681a, 0x400); /* DR7 */
	put(table, 0x681e, GUEST_CODE + (nested_vmx_l2 - nested_vmx_l1)); /* RIP */
	put(table, 0x6820, GUEST_FLAGS);
}

static void put_host_state(struct table *table, const struct kvm_sregs *sregs)
{
	for (uint32_t field = 0x0c00; field <= 0x0c0a; field += 2) /* ES, CS, SS, DS, FS, GS */
		put(table, field, field == 0x0c02 ? NESTED_CS : NESTED_DS);
	put(table, 0x0c0c, NESTED_TR);
	put(table, 0x6c00, sregs->cr0);
	put(table, 0x6c02, sregs->cr3);
	put(table, 0x6c04, sregs->cr4);
	put(table, 0x6c16, GUEST_CODE + (nested_vmx_exit - nested_vmx_l1)); /* RIP */
}

static struct error *vmx_prepare(const struct vm *vm, const struct vcpu *vcpu,
				 struct kvm_sregs *sregs)
{
	struct table table = {.next = vm_memory(vm, NESTED_TABLE)};
	uint64_t basic;

	sregs->cr0 |= CR0_NE;
	sregs->cr4 |= CR4_VMXE;
	try(allow_vmxon(vcpu));
	try(read_msr(vcpu, MSR_VMX_BASIC, &basic));
	/* Each region starts with the revision. The rest of a new VMCS is zero, which KVM takes. */
	*(uint32_t *)vm_memory(vm, NESTED_HOST) = basic & INT32_MAX;
	*(uint32_t *)vm_memory(vm, NESTED_CONTROL) = basic & INT32_MAX;
	try(put_controls(&table, vcpu));
	put_guest_state(&table, sregs);
	put_host_state(&table, sregs);
	return NULL;
}

/* KVM clears the parameter when the CPU has no shadowing (nested_vmx_hardware_setup()). */
static const char *vmx_describe(void)
{
	_cleanup_close_ int fd =
		open("/sys/module/kvm_intel/parameters/enable_shadow_vmcs", O_RDONLY | O_CLOEXEC);
	char value = 'N';

	if (fd >= 0 && read(fd, &value, 1) == 1 && value == 'Y')
		return "a nested VMCS, and a shadow VMCS for it";
	return "a nested VMCS, without shadow VMCS";
}

const struct nested_vendor nested_vmx = {
	.leaf = 1,
	.flag = 1 << 5,
	.l1 = nested_vmx_l1,
	.l1_end = nested_vmx_l1_end,
	.prepare = vmx_prepare,
	.describe = vmx_describe,
};
