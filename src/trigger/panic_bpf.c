// SPDX-License-Identifier: GPL-2.0-only
/* Ways of dying that BPF programs make: crash.bpf.c. */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>

#include "crash.skel.h"
#include "trigger/crash.h"
#include "trigger/panic.h"
#include "util/cleanup.h"
#include "util/cpulist.h"

#define ONLINE "/sys/devices/system/cpu/online"

/* The programs that are called @names (ends with NULL), loaded; nothing is attached yet. */
static struct error *load(struct panic_means *means, const char *const names[])
{
	struct bpf_program *program;
	int ret;

	means->crash = crash__open();
	if (!means->crash)
		return error_errno(errno, "cannot open the BPF object");
	bpf_object__for_each_program(program, means->crash->obj)
		bpf_program__set_autoload(program, false);
	for (; *names; names++)
		bpf_program__set_autoload(
			bpf_object__find_program_by_name(means->crash->obj, *names), true);
	means->crash->rodata->crash_cpu = means->panic_cpu;
	ret = bpf_map__reuse_fd(means->crash->maps.crashlab_regs, plant_regs(means->plant));
	if (!ret)
		ret = bpf_map__reuse_fd(means->crash->maps.crashlab_mark, plant_mark(means->plant));
	if (!ret)
		ret = crash__load(means->crash);
	if (!ret)
		return NULL;
	return error_new(ERROR_UNSUPPORTED, "this kernel does not take the BPF program %s: %s",
			 names[-1], strerror(-ret));
}

static struct error *attach(struct panic_means *means)
{
	int ret = crash__attach(means->crash);

	return ret ? error_new(ERROR_UNSUPPORTED, "cannot attach the BPF program: %s",
			       strerror(-ret))
		   : NULL;
}

static struct error *load_and_attach(struct panic_means *means, const char *const names[])
{
	try(load(means, names));
	return attach(means);
}

/* Has bpf_fentry_test1() called on this CPU (net/bpf/test_run.c, bpf_prog_test_run_tracing()). */
static int run(const struct bpf_program *program)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);
	int ret = bpf_prog_test_run_opts(bpf_program__fd(program), &options);

	errno = ret < 0 ? -ret : ENXIO;
	return -1;
}

struct error *open_crash_task(struct panic_means *means)
{
	return load_and_attach(means, (const char *const[]){"crash_task", NULL});
}

/* kernel/crash_core.c, crash_kexec(): returns only when no crash kernel can be started. */
int go_crash_task(struct panic_means *means)
{
	return run(means->crash->progs.crash_task);
}

struct error *open_crash_self(struct panic_means *means)
{
	return load_and_attach(means, (const char *const[]){"crash_saved", NULL});
}

struct error *open_oops(struct panic_means *means)
{
	return load_and_attach(means, (const char *const[]){"break_open", NULL});
}

struct error *arm_oops(struct panic_means *means)
{
	(void)means;
	return panic_set("/proc/sys/kernel/panic_on_oops", "1");
}

int go_oops(struct panic_means *means)
{
	means->crash->bss->crash_thread = gettid();
	means->crash->bss->crash_now = 1;
	return open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
}

struct error *open_stuck(struct panic_means *means)
{
	return load_and_attach(means, (const char *const[]){"stick", NULL});
}

int go_stuck(struct panic_means *means)
{
	return run(means->crash->progs.stick);
}

/* The first online CPU that is neither the panic CPU nor the reboot CPU. */
static struct error *third_cpu(const struct panic_means *means, unsigned *ret)
{
	cpu_set_t online;

	try(cpulist_read(ONLINE, &online));
	CPU_CLR(means->panic_cpu, &online);
	CPU_CLR(means->reboot_cpu, &online);
	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &online)) {
			*ret = cpu;
			return NULL;
		}
	}
	return error_new(ERROR_UNSUPPORTED, "a third CPU is needed for the second panic");
}

struct error *open_second(struct panic_means *means)
{
	unsigned cpu;

	try(third_cpu(means, &cpu));
	try(open_sysrq(means));
	means->second_fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);
	if (means->second_fd < 0)
		return error_errno(errno, "cannot open /proc/sysrq-trigger");
	return load_and_attach(means, (const char *const[]){"see_second", "hold_panic", NULL});
}

/* Nothing may turn on the third CPU before the strike: whoever prepares it may be there. */
static void *second_thread(void *data)
{
	struct panic_means *means = data;
	const volatile __u32 *panicking = &means->crash->bss->panicking;

	while (sem_wait(&means->first_begins))
		;
	while (!*panicking)
		;
	if (write(means->second_fd, "c", 1) != 1)
		means->error = errno;
	return NULL;
}

struct error *arm_second(struct panic_means *means)
{
	struct sched_param param = {.sched_priority = 50};
	pthread_attr_t attr;
	pthread_t thread;
	cpu_set_t set;
	unsigned cpu;
	int ret;

	try(third_cpu(means, &cpu));
	sem_init(&means->first_begins, 0, 0);
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_attr_init(&attr);
	/* Where virtualization is off already, a guest's thread does not let go of the CPU. */
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
	pthread_attr_setschedparam(&attr, &param);
	ret = pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	if (!ret)
		ret = pthread_create(&thread, &attr, second_thread, means);
	pthread_attr_destroy(&attr);
	return ret ? error_errno(ret, "cannot start a thread on CPU %u", cpu) : NULL;
}

int go_first(struct panic_means *means)
{
	sem_post(&means->first_begins);
	return go_held_panic(means);
}

struct error *open_overtaken(struct panic_means *means)
{
	try(open_sysrq(means));
	return load_and_attach(means, (const char *const[]){"let_go", NULL});
}

int go_held_panic(struct panic_means *means)
{
	means->crash->bss->crash_now = 1;
	return go_sysrq_c(means);
}
