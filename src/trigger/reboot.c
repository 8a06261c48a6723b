// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/reboot.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/syscall.h>

#include "trigger/reboot.h"
#include "util/cleanup.h"

#define SYSRQ_TRIGGER "/proc/sysrq-trigger"
#define KEXEC_LOADED "/sys/kernel/kexec_loaded"

static struct error *open_nothing(unsigned cpu, int *fd)
{
	(void)cpu;
	*fd = -1;
	return NULL;
}

static struct error *open_file(const char *path, int *fd)
{
	*fd = open(path, O_WRONLY | O_CLOEXEC);
	return *fd < 0 ? error_errno(errno, "cannot open %s", path) : NULL;
}

/*
 * busybox `reboot -f` and systemd's `reboot -ff` sync and make this one call (glibc: reboot(2) with
 * LINUX_REBOOT_CMD_RESTART). The sync is done before the strike begins.
 */
static int go_restart(int fd)
{
	(void)fd;
	return reboot(RB_AUTOBOOT);
}

static struct error *open_sysrq_b(unsigned cpu, int *fd)
{
	(void)cpu;
	return open_file(SYSRQ_TRIGGER, fd);
}

/* drivers/tty/sysrq.c, sysrq_handle_reboot(): emergency_restart() on the CPU that writes. */
static int go_sysrq_b(int fd)
{
	return write(fd, "b", 1) == 1 ? 0 : -1;
}

static int go_halt(int fd)
{
	(void)fd;
	return reboot(RB_HALT_SYSTEM);
}

static int go_power_off(int fd)
{
	(void)fd;
	return reboot(RB_POWER_OFF);
}

static struct error *open_kexec(unsigned cpu, int *fd)
{
	_cleanup_fclose_ FILE *file = fopen(KEXEC_LOADED, "re");

	(void)cpu;
	*fd = -1;
	if (!file || fgetc(file) != '1')
		return error_new(ERROR_UNSUPPORTED, "no kernel to boot is loaded: kexec -l");
	return NULL;
}

/* What kexec -e does: kernel/kexec_core.c, kernel_kexec(). */
static int go_kexec(int fd)
{
	(void)fd;
	return reboot(LINUX_REBOOT_CMD_KEXEC);
}

static struct error *open_hotplug(unsigned cpu, int *fd)
{
	char path[64];

	*fd = -1;
	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/online", cpu);
	if (access(path, F_OK))
		return error_new(ERROR_UNSUPPORTED,
				 "CPU %u cannot be taken offline here; choose another", cpu);
	return open_file(path, fd);
}

/* kernel/cpu.c, cpu_down(): KVM's callback runs on the CPU itself (kvm_offline_cpu()). */
static int go_hotplug(int fd)
{
	if (write(fd, "0", 1) == 1)
		errno = ENXIO;
	return -1;
}

/*
 * panic() restarts the machine when panic= is over (kernel/panic.c) only where it did not start a
 * crash kernel before, and a second panic on another CPU stops itself meanwhile
 * (panic_smp_self_stop()).
 */
static struct error *open_panic_timeout(unsigned cpu, int *fd)
{
	(void)cpu;
	*fd = -1;
	return error_new(ERROR_UNSUPPORTED,
			 "panic() restarts only where no crash kernel is loaded, and then "
			 "another CPU's panic stops itself: there is no dump to be had");
}

const struct reboot_way reboot_ways[] = {
	{"restart", "reboot(2) as reboot -f does", true, false, open_nothing, go_restart},
	{"sysrq-b", "emergency restart through sysrq", false, false, open_sysrq_b, go_sysrq_b},
	{"halt", "reboot(2) as halt -f does", true, false, open_nothing, go_halt},
	{"power-off", "reboot(2) as poweroff -f does", true, false, open_nothing, go_power_off},
	{"kexec", "reboot(2) as kexec -e does", true, false, open_kexec, go_kexec},
	{"cpu-hotplug", "the CPU is taken offline", false, true, open_hotplug, go_hotplug},
	{"panic-timeout", "the restart after a panic", false, false, open_panic_timeout, NULL},
	{},
};

const struct reboot_way *reboot_way_find(const char *name)
{
	for (const struct reboot_way *way = reboot_ways; way->name; way++)
		if (!strcmp(way->name, name))
			return way;
	return NULL;
}
