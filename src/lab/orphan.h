/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_ORPHAN_H
#define CRASHLAB_LAB_ORPHAN_H

#include <sys/types.h>

#include "util/error.h"

/**
 * What libvirt starts as a daemon is for init to wait for, as its parent has ended. In a container
 * init may do that late, or never, and for so long libvirt takes the process for alive. So from now
 * on this process gets the orphans among what it starts (PR_SET_CHILD_SUBREAPER), and a thread
 * waits for those: the ones in a session that somebody else began, as a daemon is. For its own
 * children this process still has to wait itself.
 */
struct error *orphans_take(void);

/** One of them. */
struct orphan {
	pid_t pid; /* 0: none */
	int pidfd;
};

struct error *orphan_adopt(pid_t pid, struct orphan *ret);

/**
 * End it if it has not ended, by force if it takes long, and return when it has been waited for.
 * Gives the CPU seconds that it used until then; 0 when it had ended.
 */
double orphan_end(struct orphan *orphan);

#endif
