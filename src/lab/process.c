// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/process.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "lab/files.h"
#include "util/cleanup.h"

/* Best effort: without the right to it the child stays in the host's network. */
static void leave_network(void)
{
	struct ifreq loopback = {.ifr_name = "lo"};

	if (unshare(CLONE_NEWNET))
		return;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ioctl(fd, SIOCGIFFLAGS, &loopback);
	loopback.ifr_flags |= IFF_UP;
	ioctl(fd, SIOCSIFFLAGS, &loopback);
	close(fd);
}

/* Between fork and exec in a program with threads: async-signal-safe calls only. */
static void child_exec(const struct process_setup *setup, pid_t parent)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid(); /* the terminal's ^C is the lab's to handle */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	int null = open("/dev/null", O_RDWR);
	dup2(setup->input >= 0 ? setup->input : null, STDIN_FILENO);
	dup2(setup->output >= 0 ? setup->output : null, STDOUT_FILENO);
	dup2(setup->errors >= 0 ? setup->errors : null, STDERR_FILENO);
	if (setup->own_network)
		leave_network();
	if (setup->ignore_sigpipe)
		signal(SIGPIPE, SIG_IGN); /* stays so through exec */
	if (setup->directory && chdir(setup->directory))
		_exit(127);
	execvp(setup->argv[0], setup->argv);
	_exit(127);
}

struct error *process_start(const struct process_setup *setup, struct process *ret)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	*ret = (struct process){.pidfd = -1};
	if (pid < 0)
		return error_errno(errno, "starting %s", setup->argv[0]);
	if (!pid)
		child_exec(setup, parent);
	ret->pid = pid;
	ret->pidfd = pidfd_open(pid, 0);
	if (ret->pidfd < 0) {
		struct error *err = error_errno(errno, "pidfd_open");
		process_stop(ret);
		return err;
	}
	return NULL;
}

int process_stop(struct process *process)
{
	int status = 0;

	if (!process->pid)
		return 0;
	kill(process->pid, SIGKILL);
	while (waitpid(process->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (process->pidfd >= 0)
		close(process->pidfd);
	*process = (struct process){.pidfd = -1};
	return status;
}

static int open_output(const char *path)
{
	return path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1;
}

static struct error *run(const struct process_setup *setup, unsigned seconds, int *ret_status)
{
	struct process process;

	try(process_start(setup, &process));
	struct pollfd end = {.fd = process.pidfd, .events = POLLIN};
	int ready;
	do {
		ready = poll(&end, 1, seconds * 1000);
	} while (ready < 0 && errno == EINTR);
	int status = process_stop(&process);
	if (!ready)
		return error_new(ERROR_SYSTEM, "%s took longer than %u s", setup->argv[0], seconds);
	*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	if (*ret_status == 127)
		return error_new(ERROR_SYSTEM, "%s cannot be started", setup->argv[0]);
	return NULL;
}

struct error *process_run(char *const *argv, const char *output, const char *errors,
			  unsigned seconds, int *ret_status)
{
	_cleanup_close_ int out = open_output(output);
	_cleanup_close_ int err = open_output(errors);
	struct process_setup setup = {.argv = argv, .input = -1, .output = out, .errors = err};

	return run(&setup, seconds, ret_status);
}

struct error *process_check(char *const *argv, unsigned seconds)
{
	_cleanup_close_ int said = memfd_create("stderr", MFD_CLOEXEC);
	struct process_setup setup = {.argv = argv, .input = -1, .output = -1, .errors = said};
	char text[400] = "";
	int status;

	try(run(&setup, seconds, &status));
	if (!status)
		return NULL;
	ssize_t length = pread(said, text, sizeof(text) - 1, 0);
	text[length > 0 ? length : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return error_new(ERROR_SYSTEM, "%s: exit status %d%s%s", argv[0], status,
			 text[0] ? ": " : "", text);
}

char *process_find(const char *name)
{
	const char *path = getenv("PATH");
	_cleanup_free_ char *list =
		format_string("%s", path ? path : "/usr/sbin:/usr/bin:/sbin:/bin");
	char *rest = list;

	for (char *folder; (folder = strsep(&rest, ":"));) {
		_cleanup_free_ char *file = format_string("%s/%s", folder, name);
		if (!access(file, X_OK))
			return take(file);
	}
	return NULL;
}

unsigned long long process_start_time(pid_t pid)
{
	_cleanup_free_ char *path = format_string("/proc/%d/stat", pid);
	_cleanup_free_ char *text = NULL;
	unsigned long long start = 0;

	struct error *err = read_text(path, 4096, &text);
	if (err) {
		error_free(err);
		return 0;
	}
	/* proc(5): the name may hold spaces and brackets; field 22 is the 20th after its end. */
	const char *field = strrchr(text, ')');
	for (unsigned i = 2; field && i < 22; i++)
		field = strchr(field + 1, ' ');
	if (field)
		sscanf(field, "%llu", &start);
	return start;
}

double process_cpu_seconds(pid_t pid)
{
	struct timespec used;
	clockid_t clock;

	/* 0 would be this process */
	if (pid <= 0 || clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &used))
		return 0;
	return used.tv_sec + used.tv_nsec / 1e9;
}
