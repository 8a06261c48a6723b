// SPDX-License-Identifier: GPL-2.0-only
/* churn: on each CPU a VM is created, runs and is destroyed, over and over. */
#include "guest/code.h"
#include "guest/crew.h"
#include "util/cleanup.h"

#define CHURN_CYCLES 3 /* done on each CPU before the load is proved */

GUEST_ASM(churn_code, ".code16", "out %al, $0x80\n 1: jmp 1b");

static struct error *churn_once(const struct crew *crew)
{
	struct vcpu vcpu;
	struct vm vm;

	try(vm_create(crew->kvm, churn_code, GUEST_ASM_SIZE(churn_code), &vm));
	struct error *err = vcpu_create(crew->kvm, &vm, 0, &vcpu);
	if (!err) {
		err = vcpu_run_to(&vcpu, KVM_EXIT_IO);
		vcpu_destroy(&vcpu);
	}
	vm_destroy(&vm);
	return err;
}

static struct error *churn_work(struct worker *worker)
{
	worker->ready = true;
	for (;;) {
		try(churn_once(worker->crew));
		worker->done++;
	}
}

static struct error *churn_tick(struct worker *worker, bool *proved)
{
	*proved = worker->done >= CHURN_CYCLES;
	return NULL;
}

const struct load load_churn = {
	.name = "churn",
	.about = "VMs created, run and destroyed all the time",
	.spread = SPREAD_THREADS,
	.per_cpu = 1,
	.work = churn_work,
	.tick = churn_tick,
};
