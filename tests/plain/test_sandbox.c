// SPDX-License-Identifier: GPL-2.0-only
/*
 * The sandbox that dumps are read in: what is forbidden kills, what an analysis needs works. Built
 * without sanitizers, which the sandbox does not allow for.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "util/cleanup.h"
#include "verify/sandbox.h"

#define FAILED 77 /* what a child exits with when a call did not do what it should */

static char path[64];

/* ---- calls that kill ---- */

static bool do_execve(void)
{
	char *const args[] = {"/bin/true", NULL};

	return execve(args[0], args, NULL) == 0;
}

static bool do_fork(void)
{
	return fork() > 0;
}

static bool do_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static bool do_kill(void)
{
	return kill(getppid(), 0) == 0;
}

static bool do_ptrace(void)
{
	return ptrace(PTRACE_ATTACH, 1, NULL, NULL) == 0;
}

static bool do_unlink(void)
{
	return unlink("/nonexistent") == 0;
}

static bool do_chmod(void)
{
	return chmod("/nonexistent", 0) == 0;
}

static bool do_write_open(void)
{
	return open(path, O_RDWR) >= 0;
}

static bool do_exec_map(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
	       MAP_FAILED;
}

static bool do_exec_protect(void)
{
	void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0;
}

static bool do_i386_call(void)
{
	long result;

	/* getpid() as a 32-bit program calls it */
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory");
	return result > 0;
}

static bool do_abort(void)
{
	abort();
}

/* ---- calls that work, or fail with an error ---- */

static bool opening_is_refused(void)
{
	return open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES;
}

static bool the_one_path_opens(void)
{
	return open(path, O_RDONLY) >= 0;
}

static bool the_same_text_elsewhere_does_not(void)
{
	char copy[sizeof(path)];

	memcpy(copy, path, sizeof(path));
	return open(copy, O_RDONLY) < 0 && errno == EACCES;
}

static void *set_flag(void *flag)
{
	*(int *)flag = 1;
	return NULL;
}

static bool threads_run(void)
{
	pthread_t thread;
	int flag = 0;

	return !pthread_create(&thread, NULL, set_flag, &flag) && !pthread_join(thread, NULL) &&
	       flag;
}

static bool memory_is_had(void)
{
	char *memory = malloc(64 << 20);

	if (!memory)
		return false;
	memset(memory, 1, 64 << 20);
	memory = realloc(memory, 128 << 20);
	return memory && memory[0] == 1;
}

static bool streams_work(void)
{
	return printf("# from within\n") > 0 && !fflush(stdout);
}

/* ---- */

static const struct {
	const char *name;
	bool (*call)(void);
	int signal; /* that it dies of; 0: it succeeds */
} calls[] = {
	{"execve", do_execve, SIGSYS},
	{"fork", do_fork, SIGSYS},
	{"socket", do_socket, SIGSYS},
	{"kill", do_kill, SIGSYS},
	{"ptrace", do_ptrace, SIGSYS},
	{"unlink", do_unlink, SIGSYS},
	{"chmod", do_chmod, SIGSYS},
	{"open for writing", do_write_open, SIGSYS},
	{"mmap executable", do_exec_map, SIGSYS},
	{"mprotect executable", do_exec_protect, SIGSYS},
	{"a 32-bit call", do_i386_call, SIGSYS},
	{"abort", do_abort, SIGABRT},
	{"open another file", opening_is_refused, 0},
	{"open the one path", the_one_path_opens, 0},
	{"open it by another string", the_same_text_elsewhere_does_not, 0},
	{"threads", threads_run, 0},
	{"memory", memory_is_had, 0},
	{"streams", streams_work, 0},
};

/** The wait status of @call in a process in the sandbox. */
static int run(bool (*call)(void))
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid)
		_exit(sandbox_enter(path) || !call() ? FAILED : 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void test_calls(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		int status = run(calls[i].call);

		if (calls[i].signal ? !WIFSIGNALED(status) || WTERMSIG(status) != calls[i].signal
				    : !WIFEXITED(status) || WEXITSTATUS(status))
			fail_msg("%s: wait status 0x%x", calls[i].name, status);
	}
}

/* Should the filter ever let an open through: Landlock has no file to give, but one in memory. */
static void test_landlock(void **state)
{
	char was[sizeof(path)];

	(void)state;
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 1)
		skip();
	memcpy(was, path, sizeof(path));
	strcpy(path, "/etc/passwd");
	int status = run(the_one_path_opens);

	memcpy(path, was, sizeof(path));
	assert_int_equal(status, FAILED << 8);
}

static int setup(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", memfd_create("test", 0));
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_landlock),
	};

	return cmocka_run_group_tests_name("sandbox", tests, setup, NULL);
}
