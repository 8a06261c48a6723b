// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's own detectors of lockups and of hung tasks, made to find one. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "trigger/panic.h"
#include "util/cleanup.h"

#define KERNEL "/proc/sys/kernel/"

struct error *open_soft_lockup(struct panic_means *means)
{
	if (access(KERNEL "softlockup_panic", W_OK))
		return error_new(ERROR_UNSUPPORTED, "this kernel has no soft lockup detector");
	return open_stuck(means);
}

/*
 * It looks every 0.4 s for a CPU that has not scheduled for 2 s (kernel/watchdog.c,
 * get_softlockup_thresh()); on the panic CPU only, as the held one may look the same.
 */
struct error *arm_soft_lockup(struct panic_means *means)
{
	char cpu[16];

	snprintf(cpu, sizeof(cpu), "%u", means->panic_cpu);
	try(panic_set(KERNEL "watchdog_cpumask", cpu));
	try(panic_set(KERNEL "watchdog_thresh", "1"));
	try(panic_set(KERNEL "softlockup_panic", "1"));
	try(panic_set(KERNEL "soft_watchdog", "1"));
	return panic_set(KERNEL "watchdog", "1");
}

/* kernel/watchdog_perf.c counts cycles; the buddy detector (6.5 and later) is not Debian's. */
struct error *open_hard_lockup(struct panic_means *means)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_CPU_CYCLES,
	};
	_cleanup_close_ int fd = -1;

	fd = syscall(SYS_perf_event_open, &attr, -1, means->panic_cpu, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return error_new(ERROR_UNSUPPORTED,
				 "the hard lockup detector needs a PMU that counts cycles");
	return error_new(ERROR_UNSUPPORTED, "nothing here keeps a CPU in an interrupt for seconds");
}

static void cleanup_closedir(DIR **folder)
{
	if (*folder)
		closedir(*folder);
}

/* The thread that looks for hung tasks. */
static struct error *find_watcher(pid_t *ret)
{
	_cleanup_(cleanup_closedir) DIR *proc = opendir("/proc");
	struct dirent *entry;

	while (proc && (entry = readdir(proc))) {
		char path[300], name[32] = "";
		pid_t pid = atoi(entry->d_name);
		_cleanup_fclose_ FILE *file = NULL;

		snprintf(path, sizeof(path), "/proc/%d/comm", pid);
		file = pid ? fopen(path, "re") : NULL;
		if (file && fscanf(file, "%31s", name) == 1 && !strcmp(name, "khungtaskd")) {
			*ret = pid;
			return NULL;
		}
	}
	return error_new(ERROR_UNSUPPORTED, "this kernel has no hung task detector");
}

struct error *open_hung_task(struct panic_means *means)
{
	pid_t pid;

	(void)means;
	return find_watcher(&pid);
}

static int pipe_ends[2];

/* Its target page never comes, so the pipe's lock stays taken (fs/pipe.c, pipe_read()). */
static void *keep_lock(void *page)
{
	return (void *)read(pipe_ends[0], page, 1);
}

/* Waits for the lock, which no signal ends: the task that hangs. */
static void *hang(void *data)
{
	char byte;

	(void)data;
	return (void *)read(pipe_ends[0], &byte, 1);
}

/* A page whose first use waits for a word that nobody says. */
static struct error *make_page(void **ret)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register area = {.mode = UFFDIO_REGISTER_MODE_MISSING};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0)
		return error_new(ERROR_UNSUPPORTED, "no userfaultfd: %s", strerror(errno));
	*ret = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (*ret == MAP_FAILED)
		return error_errno(errno, "cannot map a page");
	/* All memory is locked, and so was filled. */
	if (munlock(*ret, 4096) || madvise(*ret, 4096, MADV_DONTNEED))
		return error_errno(errno, "cannot empty a page");
	area.range.start = (uintptr_t)*ret;
	area.range.len = 4096;
	if (ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &area))
		return error_errno(errno, "cannot watch a page");
	return NULL;
}

static struct error *make_hung_task(void)
{
	pthread_t thread;
	void *page = NULL;
	int ret;

	try(make_page(&page));
	if (pipe2(pipe_ends, O_CLOEXEC) || write(pipe_ends[1], "xx", 2) != 2)
		return error_errno(errno, "cannot make a pipe");
	ret = pthread_create(&thread, NULL, keep_lock, page);
	if (!ret)
		ret = pthread_create(&thread, NULL, hang, NULL);
	return ret ? error_errno(ret, "cannot start a thread") : NULL;
}

struct error *arm_hung_task(struct panic_means *means)
{
	cpu_set_t set;
	pid_t pid;

	CPU_ZERO(&set);
	CPU_SET(means->panic_cpu, &set);
	try(find_watcher(&pid));
	if (sched_setaffinity(pid, sizeof(set), &set))
		return error_errno(errno, "cannot move khungtaskd to CPU %u", means->panic_cpu);
	try(panic_set(KERNEL "hung_task_check_interval_secs", "1"));
	try(panic_set(KERNEL "hung_task_timeout_secs", "1"));
	try(panic_set(KERNEL "hung_task_warnings", "0"));
	return make_hung_task();
}

/* khungtaskd panics at its next look; it needs the CPU for that. */
int go_hung_task(struct panic_means *means)
{
	_cleanup_error_ struct error *err = panic_set(KERNEL "hung_task_panic", "1");

	(void)means;
	if (err)
		return -1;
	sleep(5);
	errno = ENXIO;
	return -1;
}
