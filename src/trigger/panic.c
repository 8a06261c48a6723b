// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "crash.skel.h"
#include "trigger/panic.h"
#include "util/cleanup.h"

#define SYSRQ_TRIGGER "/proc/sysrq-trigger"

struct error *panic_set(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return error_new(ERROR_UNSUPPORTED, "cannot write %s to %s: %s", text, path,
				 strerror(errno));
	return NULL;
}

struct error *open_sysrq(struct panic_means *means)
{
	means->fd = open(SYSRQ_TRIGGER, O_WRONLY | O_CLOEXEC);
	return means->fd < 0 ? error_errno(errno, "cannot open " SYSRQ_TRIGGER) : NULL;
}

/* drivers/tty/sysrq.c, sysrq_handle_crash(): panic() on the CPU that writes. */
int go_sysrq_c(struct panic_means *means)
{
	return write(means->fd, "c", 1) == 1 ? 0 : -1;
}

const struct panic_way panic_ways[] = {
	{"sysrq-c", "panic() through sysrq", "task", false, 0, open_sysrq, NULL, go_sysrq_c},
	{"crash-kexec", "crash_kexec() out of BPF, without panic()", "task", false, 0,
	 open_crash_task, NULL, go_crash_task},
	{"crash-self", "crash_kexec() by the held CPU itself", "any", true, 0, open_crash_self,
	 NULL, NULL},
	{"oops", "a bad pointer in open(2), with panic_on_oops", "task", false, 0, open_oops,
	 arm_oops, go_oops},
	{"panic-irq", "sysrq's panic() in the keyboard's interrupt", "IRQ", false, 0, open_keyboard,
	 arm_keyboard, go_keyboard},
	{"panic-nmi", "an NMI to itself, with unknown_nmi_panic", "NMI", false, 0, open_nmi,
	 arm_nmi, go_nmi},
	{"host-nmi", "an NMI that the host sends, with unknown_nmi_panic", "NMI", false, 2000000,
	 open_host_nmi, arm_nmi, go_host_nmi},
	{"host-nmi-off", "the same without unknown_nmi_panic: nobody panics", "NMI", false, 2000000,
	 open_host_nmi, arm_host_nmi_off, go_host_nmi},
	{"soft-lockup", "the soft lockup detector's panic()", "IRQ", false, 4000000,
	 open_soft_lockup, arm_soft_lockup, go_stuck},
	{"hard-lockup", "the hard lockup detector's panic()", "NMI", false, 4000000,
	 open_hard_lockup, NULL, go_stuck},
	{"hung-task", "the hung task detector's panic()", "task", false, 3000000, open_hung_task,
	 arm_hung_task, go_hung_task},
	{"second-panic", "panic() through sysrq, and one on a third CPU meanwhile", "task", false,
	 4000000, open_second, arm_second, go_first},
	{"panic-overtaken", "panic() through sysrq, and the reboot goes on meanwhile", "task",
	 false, 0, open_overtaken, NULL, go_held_panic},
	{},
};

const struct panic_way *panic_way_find(const char *name)
{
	for (const struct panic_way *way = panic_ways; way->name; way++)
		if (!strcmp(way->name, name))
			return way;
	return NULL;
}

void panic_means_close(struct panic_means *means)
{
	if (means->fd >= 0)
		close(means->fd);
	if (means->second_fd >= 0)
		close(means->second_fd);
	means->fd = means->second_fd = -1;
	crash__destroy(means->crash);
	means->crash = NULL;
}
