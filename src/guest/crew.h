/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_GUEST_CREW_H
#define CRASHLAB_GUEST_CREW_H

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "guest/load.h"
#include "guest/vm.h"

#define NOT_PINNED (-1)

/** A thread with guests of its own, and what it has to show. */
struct worker {
	struct crew *crew;
	pthread_t thread;
	int cpu; /* where it is pinned, or NOT_PINNED */
	struct vm vm;
	struct vcpu *vcpus; /* as many as crew.vcpus_each */
	atomic_bool ready; /* tick() may look at the vCPUs */
	atomic_uint done; /* the load's own count */
	int statistics; /* of its vCPU, -1: not asked for */
	/* What tick() remembers */
	uint32_t seen; /* the counter when it was looked at last */
	unsigned ticks;
	cpu_set_t visited;
	_Atomic(struct error *) err;
};

/** All workers of a load. */
struct crew {
	const struct load *load;
	int kvm;
	cpu_set_t cpus;
	struct worker *workers;
	size_t count;
	unsigned vcpus_each; /* of one worker */
	sem_t failed;
};

/**
 * Start the workers that @request asks for, say "guestload: N guests running" when each has proved
 * to be in the load's state, and stay. Comes back only with an error; the threads use the crew
 * until the process is gone.
 */
struct error *crew_run(const struct load_request *request);

/** Make the worker's VM with @code in it, and its vCPUs. */
struct error *worker_create_guests(struct worker *worker, const void *code, size_t size);

/** Let the thread of @worker run on @cpu and nowhere else; unless it sleeps, it is there then. */
struct error *worker_move(struct worker *worker, int cpu);

/** True when the counter of the worker's last vCPU has grown since this was asked before. */
bool worker_counts(struct worker *worker);

#endif
