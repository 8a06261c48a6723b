// SPDX-License-Identifier: GPL-2.0-only
/*
 * many: a long list of loaded VMCSs on each CPU. Every vCPU runs once, on its CPU; its VMCS then
 * stays on that CPU's loaded_vmcss_on_cpu until it runs elsewhere or is freed
 * (vmx_vcpu_load_vmcs(), arch/x86/kvm/vmx/vmx.c). The last one goes on running.
 */
#include "guest/code.h"
#include "guest/crew.h"
#include "util/cleanup.h"

#define MANY_PER_CPU 64

/* The port access comes out to user space: proof that the guest ran. */
GUEST_ASM(many_code, ".code16", "out %al, $0x80\n 1: incl (%bx)\n jmp 1b");

static struct error *many_work(struct worker *worker)
{
	unsigned count = worker->crew->vcpus_each;

	try(worker_create_guests(worker, many_code, GUEST_ASM_SIZE(many_code)));
	worker->ready = true;
	for (unsigned i = 0; i < count; i++) {
		struct error *err = vcpu_run_to(&worker->vcpus[i], KVM_EXIT_IO);

		if (err)
			return error_wrap(err, "vCPU %u", i);
		worker->done = i + 1;
	}
	return vcpu_run(&worker->vcpus[count - 1]);
}

static struct error *many_tick(struct worker *worker, bool *proved)
{
	*proved = worker->done == worker->crew->vcpus_each && worker_counts(worker);
	return NULL;
}

const struct load load_many = {
	.name = "many",
	.about = "many vCPUs that ran there, one of them still in guest mode",
	.spread = SPREAD_VCPUS,
	.per_cpu = MANY_PER_CPU,
	.work = many_work,
	.tick = many_tick,
};
