// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/orphan.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "util/cleanup.h"

#define FINISH_SECONDS 5 /* QEMU takes milliseconds */

struct error *orphans_take(void)
{
	return prctl(PR_SET_CHILD_SUBREAPER, 1) ? error_errno(errno, "PR_SET_CHILD_SUBREAPER")
						: NULL;
}

static double seconds_of(const struct timeval *time)
{
	return time->tv_sec + time->tv_usec / 1e6;
}

static void *wait_for(void *arg)
{
	struct orphan *self = arg;
	struct rusage used;
	pid_t pid;

	do {
		pid = wait4(self->pid, NULL, 0, &used);
	} while (pid < 0 && errno == EINTR);
	if (pid > 0)
		self->cpu_seconds = seconds_of(&used.ru_utime) + seconds_of(&used.ru_stime);
	return NULL;
}

struct error *orphan_adopt(pid_t pid, struct orphan *ret)
{
	*ret = (struct orphan){.pid = pid, .pidfd = pidfd_open(pid, 0)};
	if (ret->pidfd < 0) {
		ret->pid = 0;
		return error_errno(errno, "process %d", pid);
	}
	int status = pthread_create(&ret->waiter, NULL, wait_for, ret);
	if (!status)
		return NULL;
	cleanup_close(&ret->pidfd);
	ret->pid = 0;
	return error_errno(status, "thread for process %d", pid);
}

/* True when it has ended, and has been waited for, in time. */
static bool finish(struct orphan *self)
{
	struct timespec deadline;

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += FINISH_SECONDS;
	pidfd_send_signal(self->pidfd, SIGTERM, NULL, 0);
	return !pthread_clockjoin_np(self->waiter, NULL, CLOCK_MONOTONIC, &deadline);
}

double orphan_end(struct orphan *orphan)
{
	if (!orphan->pid)
		return 0;
	if (!finish(orphan)) {
		pidfd_send_signal(orphan->pidfd, SIGKILL, NULL, 0);
		pthread_join(orphan->waiter, NULL);
	}
	cleanup_close(&orphan->pidfd);
	orphan->pid = 0;
	return orphan->cpu_seconds;
}
