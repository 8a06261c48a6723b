// SPDX-License-Identifier: GPL-2.0-only
/*
 * linux: on each CPU a small Linux under QEMU with KVM. Its init says so, and never sleeps. Only
 * images of the flavours linux and full have what it takes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "guest/crew.h"
#include "util/cleanup.h"

#define QEMU "qemu-system-x86_64-microvm"
#define DIRECTORY "/crashlab/linux/"
#define CMDLINE_MAX 2048 /* COMMAND_LINE_SIZE, arch/x86/include/asm/setup.h */
/* On QEMU's TCG about one guest in a hundred resets itself while it boots (docs/loads.md). */
#define STARTS 3
#define SAYS "crashlab-guest-runs" /* the guest's init, on its console */

static struct error *read_cmdline(char *text, size_t size)
{
	_cleanup_fclose_ FILE *file = fopen(DIRECTORY "cmdline", "re");

	if (!file || !fgets(text, size, file))
		return error_errno(errno, DIRECTORY "cmdline (scripts/build-images.sh RELEASE "
						    "--flavour linux makes images that have it)");
	text[strcspn(text, "\n")] = '\0';
	return NULL;
}

/* What QEMU says, the guest's console among it, goes to @output. */
static void run_qemu(char *cmdline, int output)
{
	/* clang-format off */
	char *const argv[] = {
		QEMU, "-nodefaults", "-display", "none", "-no-reboot",
		"-M", "microvm,x-option-roms=on,rtc=on", "-accel", "kvm", "-cpu", "host", "-m", "128",
		"-kernel", DIRECTORY "kernel", "-initrd", DIRECTORY "initramfs", "-append", cmdline,
		"-serial", "stdio", NULL,
	};
	/* clang-format on */
	int input = open("/dev/null", O_RDONLY | O_CLOEXEC);

	/* Of the thread that forked, which stays until the process is gone. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (input >= 0 && dup2(input, 0) == 0 && dup2(output, 1) == 1 && dup2(output, 2) == 2)
		execvp(argv[0], argv);
	dprintf(output, QEMU ": %s\n", strerror(errno));
	_exit(127);
}

static struct error *start_qemu(FILE **ret, pid_t *ret_pid)
{
	char cmdline[CMDLINE_MAX];
	int ends[2];

	try(read_cmdline(cmdline, sizeof(cmdline)));
	if (pipe2(ends, O_CLOEXEC))
		return error_errno(errno, "pipe");
	pid_t pid = fork();
	if (!pid)
		run_qemu(cmdline, ends[1]);
	close(ends[1]);
	*ret_pid = pid;
	*ret = pid < 0 ? NULL : fdopen(ends[0], "r");
	if (*ret)
		return NULL;
	close(ends[0]);
	return error_errno(errno, "cannot start " QEMU);
}

/* Status 0 is a guest that reset itself: -no-reboot ends QEMU then. */
static struct error *how_ended(pid_t pid, const char *last, bool *ret_reset)
{
	int status = 0;

	if (waitpid(pid, &status, 0) != pid)
		return error_errno(errno, QEMU);
	if (WIFSIGNALED(status))
		return error_new(ERROR_SYSTEM, QEMU " was ended by signal %d: %s", WTERMSIG(status),
				 last);
	*ret_reset = !status;
	return error_new(ERROR_SYSTEM, QEMU " ended with status %d: %s", WEXITSTATUS(status), last);
}

/* Comes back when QEMU has ended, with the reason. */
static struct error *follow_qemu(struct worker *worker, bool *ret_reset)
{
	char line[256], last[256] = "it said nothing";
	_cleanup_fclose_ FILE *lines = NULL;
	pid_t pid = -1;

	*ret_reset = false;
	try(start_qemu(&lines, &pid));
	worker->ready = true;
	while (fgets(line, sizeof(line), lines)) {
		line[strcspn(line, "\r\n")] = '\0';
		if (strstr(line, SAYS))
			worker->done++;
		if (*line)
			memcpy(last, line, sizeof(last));
	}
	return how_ended(pid, last, ret_reset);
}

static struct error *linux_work(struct worker *worker)
{
	struct error *err = NULL;
	bool reset = true;

	for (unsigned starts = 0; reset && !worker->done && starts < STARTS; starts++) {
		if (err)
			fprintf(stderr, "guestload: guest on CPU %d: %s; started again\n",
				worker->cpu, err->message);
		error_free(err);
		err = follow_qemu(worker, &reset);
	}
	return err;
}

static struct error *linux_tick(struct worker *worker, bool *proved)
{
	*proved = worker->done;
	return NULL;
}

const struct load load_linux = {
	.name = "linux",
	.about = "a small Linux under QEMU on each CPU",
	.spread = SPREAD_THREADS,
	.per_cpu = 1,
	.work = linux_work,
	.tick = linux_tick,
};
