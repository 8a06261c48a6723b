/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_PROCESS_H
#define CRASHLAB_LAB_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "util/error.h"

/** How a child is started. Descriptors of -1 mean /dev/null. */
struct process_setup {
	char *const *argv; /* argv[0] is looked up in PATH */
	const char *directory; /* to work in; NULL: the same */
	int input, output, errors;
	bool own_network; /* in a network of its own, loopback only, where the host allows it */
	bool ignore_sigpipe; /* Bochs writes to an RFB client that may have gone (gui/rfb.cc) */
};

/** A child. It dies when the thread that started it ends, whatever ends that. */
struct process {
	pid_t pid; /* 0: none */
	int pidfd; /* poll for POLLIN: it has ended */
};

struct error *process_start(const struct process_setup *setup, struct process *ret);

/** Kill it unless it has ended, and reap it. Returns its wait status. */
int process_stop(struct process *process);

/**
 * Run @argv to its end, at most @seconds long; standard output and error go to the files at
 * @output and @errors (NULL: /dev/null). *@ret_status is the exit status (128 + signal when one
 * ended it).
 */
struct error *process_run(char *const *argv, const char *output, const char *errors,
			  unsigned seconds, int *ret_status);

/** As process_run(), but any exit status but 0 is an error, which has what it printed to stderr. */
struct error *process_check(char *const *argv, unsigned seconds);

/** Where in PATH the program @name is; the caller frees it. NULL when it is not there. */
char *process_find(const char *name);

/** The start time of @pid, in clock ticks since boot; 0 when there is no such process. */
unsigned long long process_start_time(pid_t pid);

/** CPU seconds that @pid has used, all its threads together; 0 when there is no such process. */
double process_cpu_seconds(pid_t pid);

#endif
