// SPDX-License-Identifier: GPL-2.0-only
/* nested: the guest runs a guest, whose counting proves it: nothing else leads to that code. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "guest/crew.h"
#include "guest/nested.h"
#include "util/cleanup.h"

#define CPUID_ENTRIES 256
#define CR0_PE 1u
#define CR0_ET 0x10u
#define CR0_PG 0x80000000u
#define CR4_PSE 0x10u
#define PAGE_4M 0x83u /* present, writable, large */

static const struct nested_vendor *const vendors[] = {&nested_vmx, &nested_svm};

struct cpuid {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 entries[CPUID_ENTRIES];
};

static struct error *supported_cpuid(int kvm, struct cpuid *ret)
{
	ret->head = (struct kvm_cpuid2){.nent = CPUID_ENTRIES};
	if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, ret) < 0)
		return error_errno(errno, "cannot ask KVM for its guests' CPUID");
	return NULL;
}

/* The vendor whose virtualization KVM gives to its guests, or NULL. */
static const struct nested_vendor *find_vendor(const struct cpuid *cpuid)
{
	for (size_t v = 0; v < sizeof(vendors) / sizeof(vendors[0]); v++)
		for (size_t i = 0; i < cpuid->head.nent; i++)
			if (cpuid->entries[i].function == vendors[v]->leaf &&
			    cpuid->entries[i].ecx & vendors[v]->flag)
				return vendors[v];
	return NULL;
}

static struct error *get_vendor(int kvm, struct cpuid *cpuid, const struct nested_vendor **ret)
{
	try(supported_cpuid(kvm, cpuid));
	*ret = find_vendor(cpuid);
	if (!*ret)
		return error_new(ERROR_UNSUPPORTED,
				 "KVM gives its guests neither VMX nor SVM (kvm_intel and kvm_amd "
				 "have a parameter, nested)");
	return NULL;
}

/*
 * Flat segments, and paging: VMX operation wants it (SDM 3D, appendix A.7), and so does KVM before
 * it lets L1 do VMRUN (nested_svm_check_permissions(), arch/x86/kvm/svm/nested.c).
 */
static void make_flat(const struct vm *vm, struct kvm_sregs *sregs)
{
	uint32_t *directory = vm_memory(vm, NESTED_DIRECTORY);
	struct kvm_segment code = {.limit = UINT32_MAX,
				   .selector = NESTED_CS,
				   .type = 0xb,
				   .present = 1,
				   .db = 1,
				   .s = 1,
				   .g = 1};
	struct kvm_segment data = code;
	struct kvm_segment task = {.limit = 0x67, .selector = NESTED_TR, .type = 0xb, .present = 1};

	data.type = 3;
	data.selector = NESTED_DS;
	sregs->cs = code;
	sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = data;
	sregs->tr = task;
	sregs->ldt = (struct kvm_segment){.unusable = 1};
	directory[0] = PAGE_4M;
	sregs->cr0 = CR0_PE | CR0_ET | CR0_PG;
	sregs->cr3 = NESTED_DIRECTORY;
	sregs->cr4 = CR4_PSE;
}

static struct error *prepare_l1(const struct worker *worker, const struct nested_vendor *vendor,
				struct cpuid *cpuid)
{
	const struct vcpu *vcpu = worker->vcpus;
	struct kvm_sregs sregs;

	if (ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid) < 0)
		return error_errno(errno, "cannot set the vCPU's CPUID");
	if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs) < 0)
		return error_errno(errno, "cannot read the vCPU's registers");
	make_flat(&worker->vm, &sregs);
	try(vendor->prepare(&worker->vm, vcpu, &sregs));
	if (ioctl(vcpu->fd, KVM_SET_SREGS, &sregs) < 0)
		return error_errno(errno, "cannot set the vCPU's registers");
	return NULL;
}

static struct error *l1_error(const struct vcpu *vcpu)
{
	struct kvm_regs regs;

	if (ioctl(vcpu->fd, KVM_GET_REGS, &regs) < 0)
		return error_errno(errno, "cannot read the vCPU's registers");
	if (vcpu->run->io.port == NESTED_PORT_EXIT)
		return error_new(ERROR_SYSTEM, "its guest came out with exit reason 0x%x",
				 (unsigned)regs.rbx);
	return error_new(ERROR_SYSTEM, "it cannot start its guest: VM-instruction error %u",
			 (unsigned)regs.rbx);
}

static struct error *nested_work(struct worker *worker)
{
	_cleanup_free_ struct cpuid *cpuid = malloc(sizeof(*cpuid));
	const struct nested_vendor *vendor;

	if (!cpuid)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	try(get_vendor(worker->crew->kvm, cpuid, &vendor));
	try(worker_create_guests(worker, vendor->l1, vendor->l1_end - vendor->l1));
	try(prepare_l1(worker, vendor, cpuid));
	worker->ready = true;
	try(vcpu_run_to(worker->vcpus, KVM_EXIT_IO));
	return l1_error(worker->vcpus);
}

static struct error *nested_tick(struct worker *worker, bool *proved)
{
	*proved = worker_counts(worker);
	return NULL;
}

static void nested_describe(const struct crew *crew, FILE *out)
{
	_cleanup_free_ struct cpuid *cpuid = malloc(sizeof(*cpuid));
	const struct nested_vendor *vendor;
	_cleanup_error_ struct error *err = cpuid ? get_vendor(crew->kvm, cpuid, &vendor) : NULL;

	if (cpuid && !err)
		fprintf(out, "each runs a guest, with %s", vendor->describe());
}

const struct load load_nested = {
	.name = "nested",
	.about = "guests that run a guest, which never leaves guest mode",
	.spread = SPREAD_THREADS,
	.per_cpu = 1,
	.work = nested_work,
	.tick = nested_tick,
	.describe = nested_describe,
};
