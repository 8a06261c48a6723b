// SPDX-License-Identifier: GPL-2.0-only
/* A process that was started as a daemon ends at once when it is told to, whatever init does. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lab/orphan.h"
#include "lab/process.h"

static double cpu_now(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return used.tv_sec + used.tv_nsec / 1e9;
}

/* Start what libvirt's daemons are: a grandchild whose parent has ended. It works for @seconds
 * first. */
static pid_t start_daemon(double seconds)
{
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid_t parent = fork();
	if (!parent) {
		setsid();
		pid_t child = fork();
		if (child)
			_exit(0);
		while (cpu_now() < seconds)
			;
		child = getpid();
		if (write(ends[1], &child, sizeof(child)) < 0)
			_exit(1);
		pause();
		_exit(0);
	}
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	assert_int_equal(read(ends[0], &pid, sizeof(pid)), sizeof(pid));
	close(ends[0]);
	close(ends[1]);
	return pid;
}

static void test_end(void **state)
{
	struct orphan orphan;

	(void)state;
	assert_null(orphans_take());
	pid_t pid = start_daemon(0.05);
	assert_null(orphan_adopt(pid, &orphan));
	assert_true(process_cpu_seconds(pid) >= 0.05);
	assert_true(orphan_end(&orphan) >= 0.05);
	/* not even a zombie */
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
	assert_true(process_cpu_seconds(pid) == 0);
	assert_true(orphan_end(&orphan) == 0);
}

/* Such as libvirt starts by itself, to ask QEMU what it can. */
static void test_ended_by_itself(void **state)
{
	struct orphan orphan;
	pid_t pid = start_daemon(0);

	(void)state;
	kill(pid, SIGKILL);
	while (!kill(pid, 0))
		; /* the thread takes it away */
	struct error *err = orphan_adopt(pid, &orphan);
	assert_non_null(err);
	error_free(err);
}

/* Whoever started a child gets its status, while daemons end around it. */
static void test_own_children(void **state)
{
	int status;

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		char *const argv[] = {"sh", "-c", "exit 7", NULL};
		kill(start_daemon(0), SIGKILL);
		assert_null(process_run(argv, NULL, NULL, 10, &status));
		assert_int_equal(status, 7);
		pid_t pid = fork(); /* in this session */
		if (!pid)
			_exit(9);
		kill(start_daemon(0), SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(WEXITSTATUS(status), 9);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_ended_by_itself),
		cmocka_unit_test(test_own_children),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
