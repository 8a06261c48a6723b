/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_VERIFY_CHILD_H
#define CRASHLAB_VERIFY_CHILD_H

#include <signal.h>
#include <sys/types.h>

#include "util/error.h"

/** A child process that does the dangerous part; it dies with its parent. */
struct child {
	pid_t pid; /* 0 in the child itself */
	sigset_t waited, before; /* signals the parent waits for; its mask as it was */
};

/** Fork: returns twice, in the child with pid 0. */
struct error *child_start(struct child *ret);

/**
 * Wait for the end of the child. Gives its exit status, or, in @ret_signal, the signal that it died
 * of, or that came for the parent: SIGINT, SIGTERM and SIGHUP end the child first.
 */
struct error *child_wait(struct child *child, int *ret_status, int *ret_signal);

/**
 * What is to be told of a child that died of @signal; NULL for a signal that its user sent, or that
 * says that nobody reads the output: then the parent is to die of the same.
 */
struct error *child_death(int signal);

/** Die of @signal, as if it had never been waited for. */
void child_die_of(const struct child *child, int signal);

#endif
