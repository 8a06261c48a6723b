// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "crash.skel.h"
#include "trigger/panic.h"
#include "util/cleanup.h"

#define SYSRQ_TRIGGER "/proc/sysrq-trigger"

static struct error *open_sysrq(int *ret)
{
	*ret = open(SYSRQ_TRIGGER, O_WRONLY | O_CLOEXEC);
	return *ret < 0 ? error_errno(errno, "cannot open " SYSRQ_TRIGGER) : NULL;
}

/* drivers/tty/sysrq.c, sysrq_handle_crash(): panic() on the CPU that writes. */
static int go_sysrq_c(int fd)
{
	return write(fd, "c", 1) == 1 ? 0 : -1;
}

/* An error is one line of ours, not a page of libbpf's. */
static int print_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level, (void)format, (void)args;
	return 0;
}

/* The program outlives its object by the descriptor. */
static struct error *open_crash_kexec(int *ret)
{
	struct crash *skeleton;
	struct error *err = NULL;

	libbpf_set_print(print_nothing);
	skeleton = crash__open_and_load();
	if (!skeleton)
		return error_new(ERROR_UNSUPPORTED,
				 "this kernel lets no BPF program of type syscall call "
				 "crash_kexec() (6.12 does; %s)",
				 strerror(errno));
	*ret = fcntl(bpf_program__fd(skeleton->progs.crash), F_DUPFD_CLOEXEC, 0);
	if (*ret < 0)
		err = error_errno(errno, "cannot keep the BPF program");
	crash__destroy(skeleton);
	return err;
}

/* kernel/crash_core.c, crash_kexec(): returns only when no crash kernel is loaded. */
static int go_crash_kexec(int fd)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);
	int ret = bpf_prog_test_run_opts(fd, &options);

	errno = ret < 0 ? -ret : ENXIO;
	return -1;
}

const struct panic_way panic_ways[] = {
	{"sysrq-c", "panic through sysrq", open_sysrq, go_sysrq_c},
	{"crash-kexec", "crash_kexec() out of BPF, without panic()", open_crash_kexec,
	 go_crash_kexec},
	{},
};

const struct panic_way *panic_way_find(const char *name)
{
	for (const struct panic_way *way = panic_ways; way->name; way++)
		if (!strcmp(way->name, name))
			return way;
	return NULL;
}
