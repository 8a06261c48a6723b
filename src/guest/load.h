/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_GUEST_LOAD_H
#define CRASHLAB_GUEST_LOAD_H

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>

#include "util/error.h"

struct worker;
struct crew;

/** How a load's threads and vCPUs are spread over the CPUs. */
enum spread {
	SPREAD_THREADS, /* --per-cpu threads pinned to each CPU, one vCPU each */
	SPREAD_VCPUS, /* one thread pinned to each CPU, with --per-cpu vCPUs */
	SPREAD_FREE, /* --vcpus threads that are not pinned, one vCPU each */
};

/** A state that guests bring KVM into. A new one is a file and a line in loads[]. */
struct load {
	const char *name;
	const char *about; /* for --help */
	enum spread spread;
	unsigned per_cpu; /* when --per-cpu does not say; 0: the load takes no --per-cpu */
	/** Create the worker's guests, set `ready` and run them. Comes back only with an error. */
	struct error *(*work)(struct worker *worker);
	/**
	 * Called for every worker that is ready, again and again from one thread: sets *@proved,
	 * which starts false, when the worker has shown that it is in the load's state.
	 */
	struct error *(*tick)(struct worker *worker, bool *proved);
	/**
	 * Called for every worker once all are proved, with a growing @round, by one thread on each
	 * CPU: those on CPUs that are held up do not keep the others from it. NULL: not needed.
	 */
	void (*stir)(struct worker *worker, unsigned round);
	/** Write to @out what is worth saying besides; NULL: nothing. */
	void (*describe)(const struct crew *crew, FILE *out);
};

extern const struct load load_spin, load_halt, load_many, load_hop, load_churn, load_nested,
	load_linux;

/** All loads; ends with NULL. */
extern const struct load *const loads[];

/** The load called @name, or NULL. */
const struct load *load_find(const char *name);

/** What the command line asks for. */
struct load_request {
	const struct load *load;
	cpu_set_t cpus;
	unsigned per_cpu, vcpus; /* 0: as the load has it */
};

/** ERROR_USAGE when the load does not take what is given, or cannot be had with these CPUs. */
struct error *load_check(const struct load_request *request);

#endif
