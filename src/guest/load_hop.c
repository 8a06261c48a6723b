// SPDX-License-Identifier: GPL-2.0-only
/*
 * hop: vCPUs that go from CPU to CPU all the time. On VMX each move takes the VMCS off one CPU's
 * list, by an IPI, and puts it on another's (vmx_vcpu_load_vmcs(), arch/x86/kvm/vmx/vmx.c).
 *
 * The threads are moved from outside, from every CPU. One that moved itself would stay for ever
 * where a CPU is kept busy by something that does not yield to it, which is what crashtrigger does
 * to two.
 */
#define _GNU_SOURCE
#include "guest/code.h"
#include "guest/crew.h"
#include "util/cleanup.h"

#define STUCK_TICKS 20 /* after which a guest that does not get to run is moved on */

GUEST_ASM(hop_code, ".code16", "1: incl (%bx)\n jmp 1b");

static struct error *hop_work(struct worker *worker)
{
	try(worker_create_guests(worker, hop_code, GUEST_ASM_SIZE(hop_code)));
	worker->ready = true;
	return vcpu_run(worker->vcpus);
}

static int next_cpu(const cpu_set_t *cpus, int cpu)
{
	do
		cpu = (cpu + 1) % CPU_SETSIZE;
	while (!CPU_ISSET(cpu, cpus));
	return cpu;
}

/* The thread is pinned when this is asked again, so what the guest has counted, it counted there.
 */
static struct error *hop_tick(struct worker *worker, bool *proved)
{
	const struct crew *crew = worker->crew;
	bool ran = worker->cpu != NOT_PINNED && *worker->vcpus->counter != worker->seen;

	if (ran)
		CPU_SET(worker->cpu, &worker->visited);
	if (worker->cpu == NOT_PINNED || ran || ++worker->ticks >= STUCK_TICKS) {
		int from = worker->cpu == NOT_PINNED ? (int)(worker - crew->workers) % CPU_SETSIZE
						     : worker->cpu;

		worker->cpu = next_cpu(&crew->cpus, from);
		try(worker_move(worker, worker->cpu));
		worker->seen = *worker->vcpus->counter;
		worker->ticks = 0;
	}
	*proved = CPU_EQUAL(&worker->visited, &crew->cpus);
	return NULL;
}

/* A CPU that has gone offline is passed over. */
static void hop_stir(struct worker *worker, unsigned round)
{
	const struct crew *crew = worker->crew;
	unsigned steps = (worker - crew->workers + round) % CPU_COUNT(&crew->cpus);
	int cpu = next_cpu(&crew->cpus, CPU_SETSIZE - 1);

	while (steps--)
		cpu = next_cpu(&crew->cpus, cpu);
	error_free(worker_move(worker, cpu));
}

const struct load load_hop = {
	.name = "hop",
	.about = "vCPUs going from CPU to CPU all the time",
	.spread = SPREAD_FREE,
	.work = hop_work,
	.tick = hop_tick,
	.stir = hop_stir,
};
