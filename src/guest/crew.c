// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "guest/crew.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "util/cleanup.h"

#define PROOF_SECONDS 120 /* an emulated machine is slow */
#define TICK_NS 1000000l

struct error *worker_create_guests(struct worker *worker, const void *code, size_t size)
{
	const struct crew *crew = worker->crew;

	worker->vcpus = calloc(crew->vcpus_each, sizeof(*worker->vcpus));
	if (!worker->vcpus)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	try(vm_create(crew->kvm, code, size, &worker->vm));
	for (unsigned i = 0; i < crew->vcpus_each; i++)
		try(vcpu_create(crew->kvm, &worker->vm, i, &worker->vcpus[i]));
	return NULL;
}

struct error *worker_move(struct worker *worker, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	int ret = pthread_setaffinity_np(worker->thread, sizeof(set), &set);
	return ret ? error_errno(ret, "cannot move the thread there") : NULL;
}

bool worker_counts(struct worker *worker)
{
	uint32_t now = *worker->vcpus[worker->crew->vcpus_each - 1].counter;
	bool grown = worker->seen && now != worker->seen;

	worker->seen = now;
	return grown;
}

static void *worker_thread(void *data)
{
	struct worker *worker = data;

	worker->err = worker->crew->load->work(worker);
	sem_post(&worker->crew->failed);
	return NULL;
}

/* Starts a thread on @cpu, or NOT_PINNED on any of the crew's. */
static struct error *start_thread(const struct crew *crew, int cpu, void *(*function)(void *),
				  void *data, pthread_t *ret)
{
	pthread_attr_t attr;
	cpu_set_t set = crew->cpus;

	if (cpu != NOT_PINNED) {
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
	}
	pthread_attr_init(&attr);
	int failed = pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	if (!failed)
		failed = pthread_create(ret, &attr, function, data);
	pthread_attr_destroy(&attr);
	return failed ? error_errno(failed, "cannot start a thread there") : NULL;
}

static struct error *name_worker(const struct worker *worker, struct error *err)
{
	if (worker->cpu == NOT_PINNED)
		return error_wrap(err, "guest %zu", worker - worker->crew->workers);
	return error_wrap(err, "guest on CPU %d", worker->cpu);
}

/* The error of the first worker that has failed, or NULL. */
static struct error *crew_error(struct crew *crew)
{
	for (size_t i = 0; i < crew->count; i++) {
		struct error *err = atomic_exchange(&crew->workers[i].err, NULL);

		if (err)
			return name_worker(&crew->workers[i], err);
	}
	return NULL;
}

/* Ask every worker; *@proved becomes how many have shown their state. */
static struct error *tick_all(struct crew *crew, size_t *proved)
{
	*proved = 0;
	for (size_t i = 0; i < crew->count; i++) {
		struct worker *worker = &crew->workers[i];
		bool shown = false;

		if (!worker->ready)
			continue;
		struct error *err = crew->load->tick(worker, &shown);
		if (err)
			return name_worker(worker, err);
		*proved += shown;
	}
	return NULL;
}

/* Wait for a tick, or for ever when @tick is false; true when a worker has failed. */
static bool wait_for_failure(struct crew *crew, bool tick)
{
	struct timespec until;

	if (!tick) {
		while (sem_wait(&crew->failed))
			;
		return true;
	}
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += TICK_NS;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	return !sem_timedwait(&crew->failed, &until);
}

static void announce(const struct crew *crew)
{
	size_t guests = crew->count * crew->vcpus_each;

	printf("guestload: %zu guest%s running", guests, guests == 1 ? "" : "s");
	if (crew->load->describe) {
		printf(": ");
		crew->load->describe(crew, stdout);
	}
	putchar('\n');
	fflush(stdout);
}

/* Of the whole crew; each thread waits as many ticks as there are such threads. */
static void *stir_thread(void *data)
{
	struct crew *crew = data;
	long ticks = CPU_COUNT(&crew->cpus);
	const struct timespec wait = {ticks / 1000, ticks % 1000 * TICK_NS};

	for (unsigned round = 0;; round++) {
		for (size_t i = 0; i < crew->count; i++)
			crew->load->stir(&crew->workers[i], round);
		nanosleep(&wait, NULL);
	}
	return NULL;
}

static struct error *start_stirring(struct crew *crew)
{
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		pthread_t thread;

		if (CPU_ISSET(cpu, &crew->cpus))
			try(start_thread(crew, cpu, stir_thread, crew, &thread));
	}
	return NULL;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

/* Comes back only with an error. */
static struct error *crew_stay(struct crew *crew)
{
	double limit = now() + PROOF_SECONDS;
	size_t proved = 0;

	while (proved < crew->count) {
		if (wait_for_failure(crew, true))
			return crew_error(crew);
		try(tick_all(crew, &proved));
		if (proved < crew->count && now() > limit)
			return error_new(ERROR_SYSTEM,
					 "only %zu of %zu threads came into the state of load "
					 "'%s' within %d s",
					 proved, crew->count, crew->load->name, PROOF_SECONDS);
	}
	if (crew->load->stir)
		try(start_stirring(crew));
	announce(crew);
	wait_for_failure(crew, false);
	return crew_error(crew);
}

/* Fills in which workers there are. */
static struct error *crew_plan(struct crew *crew, const struct load_request *request)
{
	const struct load *load = request->load;
	unsigned cpus = CPU_COUNT(&request->cpus);
	unsigned per_cpu = request->per_cpu ? request->per_cpu : load->per_cpu;
	unsigned threads = load->spread == SPREAD_THREADS ? per_cpu : 1;

	crew->load = load;
	crew->cpus = request->cpus;
	crew->vcpus_each = load->spread == SPREAD_VCPUS ? per_cpu : 1;
	if (load->spread == SPREAD_FREE)
		crew->count = request->vcpus ? request->vcpus : cpus;
	else
		crew->count = cpus * threads;
	crew->workers = calloc(crew->count, sizeof(*crew->workers));
	if (!crew->workers)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < crew->count; i++)
		crew->workers[i] = (struct worker){
			.crew = crew, .cpu = NOT_PINNED, .vm = {.fd = -1}, .statistics = -1};
	if (load->spread == SPREAD_FREE)
		return NULL;
	size_t used = 0;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		for (unsigned i = 0; CPU_ISSET(cpu, &crew->cpus) && i < threads; i++)
			crew->workers[used++].cpu = cpu;
	return NULL;
}

/* A vCPU has up to two files, and a shell's limit is 1024. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

struct error *crew_run(const struct load_request *request)
{
	static struct crew crew; /* outlives this function, as the threads do */

	raise_file_limit();
	try(kvm_open(&crew.kvm));
	try(crew_plan(&crew, request));
	sem_init(&crew.failed, 0, 0);
	for (size_t i = 0; i < crew.count; i++) {
		struct error *err = start_thread(&crew, crew.workers[i].cpu, worker_thread,
						 &crew.workers[i], &crew.workers[i].thread);

		if (err)
			return name_worker(&crew.workers[i], err);
	}
	return crew_stay(&crew);
}
