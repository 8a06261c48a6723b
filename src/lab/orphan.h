/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_ORPHAN_H
#define CRASHLAB_LAB_ORPHAN_H

#include <pthread.h>
#include <sys/types.h>

#include "util/error.h"

/**
 * A process that a library started as a daemon: its parent has ended, and it is for init to wait
 * for. In a container init may do that late, or never, and for so long libvirt takes the process
 * for alive. So this process takes its descendants' orphans (PR_SET_CHILD_SUBREAPER), and a thread
 * waits for this one.
 */
struct orphan {
	pid_t pid; /* 0: none */
	int pidfd;
	pthread_t waiter;
	double cpu_seconds; /* once it has been waited for */
};

/** Have this process get the orphans among what it starts from now on. */
struct error *orphans_take(void);

struct error *orphan_adopt(pid_t pid, struct orphan *ret);

/**
 * End it if it has not ended, by force if it takes long. Returns the CPU seconds that it used; 0
 * when there is no process.
 */
double orphan_end(struct orphan *orphan);

#endif
