// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/orphan.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "lab/files.h"
#include "lab/process.h"
#include "util/cleanup.h"

#define FINISH_SECONDS 5 /* QEMU takes milliseconds */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int once_errno;
static int child_ended = -1; /* an eventfd */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t reaped;

static void on_child(int signal)
{
	int kept = errno;

	(void)signal;
	eventfd_write(child_ended, 1);
	errno = kept;
}

/* A child of this process that has ended, and that neither this process nor libvirt waits for:
 * their own children lead a session or are in this process' one (process.c, virExec()). */
static bool is_orphan(pid_t pid)
{
	_cleanup_free_ char *path = format_string("/proc/%d/stat", pid);
	_cleanup_free_ char *text = NULL;
	_cleanup_error_ struct error *err = read_text(path, 4096, &text);
	const char *fields = err ? NULL : strrchr(text, ')');
	char state;
	int parent, session;

	return fields && sscanf(fields, ") %c %d %*d %d", &state, &parent, &session) == 3 &&
	       state == 'Z' && parent == getpid() && session != pid && session != getsid(0);
}

static void reap_all(void)
{
	DIR *dir = opendir("/proc");

	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		pid_t pid = atoi(entry->d_name);
		if (pid > 0 && is_orphan(pid))
			waitpid(pid, NULL, 0);
	}
	if (dir)
		closedir(dir);
}

static void *reap(void *arg)
{
	eventfd_t count;

	for (;;) {
		if (eventfd_read(child_ended, &count) < 0 && errno != EINTR)
			return arg;
		pthread_mutex_lock(&lock);
		reap_all();
		pthread_cond_broadcast(&reaped);
		pthread_mutex_unlock(&lock);
	}
}

static void begin(void)
{
	struct sigaction action = {.sa_handler = on_child, .sa_flags = SA_RESTART | SA_NOCLDSTOP};
	pthread_condattr_t monotonic;
	pthread_t thread;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&reaped, &monotonic);
	child_ended = eventfd(0, EFD_CLOEXEC);
	if (child_ended < 0 || sigaction(SIGCHLD, &action, NULL) ||
	    prctl(PR_SET_CHILD_SUBREAPER, 1)) {
		once_errno = errno;
		return;
	}
	once_errno = pthread_create(&thread, NULL, reap, NULL);
	if (!once_errno)
		pthread_detach(thread);
}

struct error *orphans_take(void)
{
	pthread_once(&once, begin);
	return once_errno ? error_errno(once_errno, "waiting for daemons") : NULL;
}

struct error *orphan_adopt(pid_t pid, struct orphan *ret)
{
	*ret = (struct orphan){.pid = pid, .pidfd = pidfd_open(pid, 0)};
	if (ret->pidfd >= 0)
		return NULL;
	ret->pid = 0;
	return error_errno(errno, "process %d", pid);
}

/* Send @signal, and wait until the process is gone, zombie and all; false: it took too long. */
static bool finish(const struct orphan *self, int signal)
{
	struct timespec deadline;
	int status = 0;

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += FINISH_SECONDS;
	pthread_mutex_lock(&lock);
	bool gone = pidfd_send_signal(self->pidfd, signal, NULL, 0);
	while (!gone && !status) {
		status = pthread_cond_timedwait(&reaped, &lock, &deadline);
		gone = pidfd_send_signal(self->pidfd, 0, NULL, 0);
	}
	pthread_mutex_unlock(&lock);
	return gone;
}

double orphan_end(struct orphan *orphan)
{
	if (!orphan->pid)
		return 0;
	double used = process_cpu_seconds(orphan->pid);
	if (!finish(orphan, SIGTERM))
		finish(orphan, SIGKILL);
	cleanup_close(&orphan->pidfd);
	orphan->pid = 0;
	return used;
}
