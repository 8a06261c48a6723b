// SPDX-License-Identifier: GPL-2.0-only
/*
 * halt: vCPUs in HLT, their threads blocked inside KVM. On VMX such a vCPU's VMCS stays loaded on
 * its CPU: vmx_vcpu_put() clears none (arch/x86/kvm/vmx/vmx.c).
 */
#include <errno.h>
#include <sys/ioctl.h>

#include "guest/code.h"
#include "guest/crew.h"
#include "util/cleanup.h"

GUEST_ASM(halt_code, ".code16", "1: hlt\n jmp 1b");

/* With a local APIC in the kernel, HLT does not come out of KVM_RUN (__kvm_emulate_halt()). */
static struct error *halt_work(struct worker *worker)
{
	const struct crew *crew = worker->crew;

	worker->vcpus = calloc(1, sizeof(*worker->vcpus));
	if (!worker->vcpus)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	try(vm_create(crew->kvm, halt_code, GUEST_ASM_SIZE(halt_code), &worker->vm));
	if (ioctl(worker->vm.fd, KVM_CREATE_IRQCHIP, 0) < 0)
		return error_errno(errno, "cannot create the guest's interrupt controllers");
	try(vcpu_create(crew->kvm, &worker->vm, 0, worker->vcpus));
	try(vcpu_statistics(worker->vcpus, &worker->statistics));
	worker->ready = true;
	return vcpu_run(worker->vcpus);
}

/* kvm_vcpu_block() sets "blocking" while the thread sleeps (virt/kvm/kvm_main.c, since 5.15). */
static struct error *halt_tick(struct worker *worker, bool *proved)
{
	uint64_t blocking, halts;

	try(vcpu_statistic(worker->statistics, "blocking", &blocking));
	try(vcpu_statistic(worker->statistics, "halt_exits", &halts));
	*proved = blocking && halts;
	return NULL;
}

const struct load load_halt = {
	.name = "halt",
	.about = "vCPUs halted, blocked in KVM",
	.spread = SPREAD_THREADS,
	.per_cpu = 1,
	.work = halt_work,
	.tick = halt_tick,
};
