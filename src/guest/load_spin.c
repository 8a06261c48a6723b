// SPDX-License-Identifier: GPL-2.0-only
/* spin: always in guest mode. The guest's own counting proves it. */
#include "guest/code.h"
#include "guest/crew.h"
#include "util/cleanup.h"

GUEST_ASM(spin_code, ".code16", "1: incl (%bx)\n jmp 1b");

static struct error *spin_work(struct worker *worker)
{
	try(worker_create_guests(worker, spin_code, GUEST_ASM_SIZE(spin_code)));
	worker->ready = true;
	return vcpu_run(worker->vcpus);
}

static struct error *spin_tick(struct worker *worker, bool *proved)
{
	*proved = worker_counts(worker);
	return NULL;
}

const struct load load_spin = {
	.name = "spin",
	.about = "vCPUs that never leave guest mode",
	.spread = SPREAD_THREADS,
	.per_cpu = 1,
	.work = spin_work,
	.tick = spin_tick,
};
