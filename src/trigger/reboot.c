// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/reboot.h>

#include "trigger/reboot.h"
#include "util/cleanup.h"

/*
 * busybox `reboot -f` and systemd's `reboot -ff` sync and make this one call (glibc: reboot(2) with
 * LINUX_REBOOT_CMD_RESTART). The sync is done before the strike begins.
 */
static int go_restart(int fd)
{
	(void)fd;
	return reboot(RB_AUTOBOOT);
}

/* drivers/tty/sysrq.c, sysrq_handle_reboot(): emergency_restart() on the CPU that writes. */
static int go_sysrq_b(int fd)
{
	return write(fd, "b", 1) == 1 ? 0 : -1;
}

const struct reboot_way reboot_ways[] = {
	{"restart", "reboot(2) as reboot -f does", true, NULL, go_restart},
	{"sysrq-b", "emergency restart through sysrq", false, "/proc/sysrq-trigger", go_sysrq_b},
	{},
};

const struct reboot_way *reboot_way_find(const char *name)
{
	for (const struct reboot_way *way = reboot_ways; way->name; way++)
		if (!strcmp(way->name, name))
			return way;
	return NULL;
}

struct error *reboot_way_open(const struct reboot_way *way, int *fd)
{
	*fd = -1;
	if (!way->file)
		return NULL;
	*fd = open(way->file, O_WRONLY | O_CLOEXEC);
	return *fd < 0 ? error_errno(errno, "cannot open %s", way->file) : NULL;
}
