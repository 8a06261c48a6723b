// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "verify/child.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/cleanup.h"

#define REPORT_IT "no dump should be able to do that, please report it"

static const int ends[] = {SIGINT, SIGTERM, SIGHUP};

/* A signal that is ignored (nohup, a shell's &) stays so. */
static void wait_for(sigset_t *set, int signal)
{
	struct sigaction action;

	if (!sigaction(signal, NULL, &action) && action.sa_handler == SIG_DFL)
		sigaddset(set, signal);
}

static struct error *become_child(const struct child *child, pid_t parent)
{
	sigprocmask(SIG_SETMASK, &child->before, NULL);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
		return error_errno(errno, "prctl");
	/* It may be gone already. */
	return getppid() == parent ? NULL : error_new(ERROR_SYSTEM, "the parent is gone");
}

struct error *child_start(struct child *ret)
{
	pid_t parent = getpid();

	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&ret->waited);
	sigaddset(&ret->waited, SIGCHLD);
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		wait_for(&ret->waited, ends[i]);
	sigprocmask(SIG_BLOCK, &ret->waited, &ret->before);
	fflush(NULL);
	ret->pid = fork();
	if (ret->pid < 0)
		return error_errno(errno, "fork");
	return ret->pid ? NULL : become_child(ret, parent);
}

struct error *child_wait(struct child *child, int *ret_status, int *ret_signal)
{
	int status, sent = 0, signal;
	pid_t ended;

	while (!(ended = waitpid(child->pid, &status, WNOHANG))) {
		if (sigwait(&child->waited, &signal) || signal == SIGCHLD)
			continue;
		sent = signal;
		kill(child->pid, SIGKILL);
	}
	if (ended < 0)
		return error_errno(errno, "waitpid");
	*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	*ret_signal = sent ? sent : WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	return NULL;
}

struct error *child_death(int signal)
{
	static const struct {
		int signal;
		const char *text; /* NULL: nothing is to be told */
	} deaths[] = {
		{SIGINT, NULL},
		{SIGTERM, NULL},
		{SIGHUP, NULL},
		{SIGPIPE, NULL},
		{SIGKILL, "it was killed, as the kernel does when memory runs out"},
		{SIGSYS, "it tried what reading a dump does not need, and was stopped: " REPORT_IT},
		{SIGBUS, "the file got shorter or could not be read while it was analysed"},
		{SIGXCPU, "its CPU time was over (ulimit -t)"},
		{SIGXFSZ, "a file grew larger than is allowed (ulimit -f)"},
	};

	for (size_t i = 0; i < sizeof(deaths) / sizeof(*deaths); i++) {
		if (deaths[i].signal == signal)
			return deaths[i].text
				       ? error_new(ERROR_SYSTEM, "no verdict: %s", deaths[i].text)
				       : NULL;
	}
	return error_new(ERROR_SYSTEM, "no verdict: the analysis crashed (%s): " REPORT_IT,
			 strsignal(signal));
}

void child_die_of(const struct child *child, int sent)
{
	signal(sent, SIG_DFL);
	raise(sent);
	sigprocmask(SIG_SETMASK, &child->before, NULL);
}
