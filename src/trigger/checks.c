// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "trigger/checks.h"
#include "util/cleanup.h"
#include "util/cpulist.h"
#include "util/number.h"

#define REBOOT_CPU "/sys/kernel/reboot/cpu"

static char *path_join(const char *root, const char *path)
{
	char *joined;

	if (asprintf(&joined, "%s%s", root, path) < 0)
		abort();
	return joined;
}

/* The first line of a file, NULL when there is none. */
static char *read_line(const char *root, const char *path)
{
	_cleanup_free_ char *joined = path_join(root, path);
	_cleanup_fclose_ FILE *file = fopen(joined, "re");
	_cleanup_free_ char *line = NULL;
	size_t size = 0;

	if (!file || getline(&line, &size, file) < 0)
		return NULL;
	line[strcspn(line, "\n")] = '\0';
	return take(line);
}

bool check_appliance(const char *root)
{
	_cleanup_free_ char *line = read_line(root, "/proc/cmdline");
	char *save = NULL;

	for (char *word = line ? strtok_r(line, " ", &save) : NULL; word;
	     word = strtok_r(NULL, " ", &save))
		if (!strcmp(word, "crashlab.appliance"))
			return true;
	return false;
}

static struct error *check_cpu(const char *root, const char *option, unsigned cpu)
{
	_cleanup_free_ char *possible_path = path_join(root, "/sys/devices/system/cpu/possible");
	_cleanup_free_ char *online_path = path_join(root, "/sys/devices/system/cpu/online");
	cpu_set_t possible, online;

	try(cpulist_read(possible_path, &possible));
	try(cpulist_read(online_path, &online));
	if (!CPU_ISSET(cpu, &possible))
		return error_new(ERROR_USAGE, "%s: there is no CPU %u here; see %s", option, cpu,
				 online_path);
	if (!CPU_ISSET(cpu, &online))
		return error_new(ERROR_UNSUPPORTED,
				 "%s: CPU %u is offline; "
				 "echo 1 > /sys/devices/system/cpu/cpu%u/online",
				 option, cpu, cpu);
	return NULL;
}

struct error *check_cpus(const char *root, unsigned panic_cpu, unsigned reboot_cpu, bool one)
{
	if (panic_cpu == reboot_cpu && !one)
		return error_new(ERROR_USAGE,
				 "--panic-cpu and --reboot-cpu are both %u; "
				 "choose two CPUs",
				 panic_cpu);
	try(check_cpu(root, "--panic-cpu", panic_cpu));
	return check_cpu(root, "--reboot-cpu", reboot_cpu);
}

struct error *check_kdump(const char *root)
{
	_cleanup_free_ char *line = read_line(root, "/sys/kernel/kexec_crash_loaded");

	if (!line)
		return error_new(ERROR_UNSUPPORTED, "this kernel has no kdump (CONFIG_KEXEC)");
	if (strcmp(line, "1"))
		return error_new(ERROR_UNSUPPORTED,
				 "kdump is not armed: load a crash kernel with kexec -p "
				 "(and boot with crashkernel=)");
	return NULL;
}

struct error *check_kvm(const char *root)
{
	static const char *const modules[] = {"/sys/module/kvm_intel", "/sys/module/kvm_amd"};
	_cleanup_free_ char *device = path_join(root, "/dev/kvm");
	bool vendor = false;

	for (size_t i = 0; i < sizeof(modules) / sizeof(*modules); i++) {
		_cleanup_free_ char *path = path_join(root, modules[i]);

		vendor |= !access(path, F_OK);
	}
	if (!vendor || access(device, F_OK))
		return error_new(ERROR_UNSUPPORTED,
				 "KVM is not there: modprobe kvm_intel or kvm_amd");
	return NULL;
}

/* "none [integrity] confidentiality" */
static enum lockdown read_lockdown(const char *root, const char *const *names)
{
	_cleanup_free_ char *line = read_line(root, "/sys/kernel/security/lockdown");

	for (enum lockdown level = LOCKDOWN_COUNT - 1; line && level; level--) {
		char *found = strstr(line, names[level]);

		if (found && found > line && found[-1] == '[')
			return level;
	}
	return LOCKDOWN_NONE;
}

struct error *check_lockdown(const char *root, enum lockdown level, const char *refused)
{
	static const char *const names[LOCKDOWN_COUNT] = {
		[LOCKDOWN_NONE] = "none",
		[LOCKDOWN_INTEGRITY] = "integrity",
		[LOCKDOWN_CONFIDENTIALITY] = "confidentiality",
	};
	enum lockdown now = read_lockdown(root, names);

	return now < level ? NULL
			   : error_new(ERROR_UNSUPPORTED,
				       "this kernel is locked down (%s): it refuses %s", names[now],
				       refused);
}

struct error *read_reboot_cpu(const char *root, unsigned *ret, bool *settable)
{
	_cleanup_free_ char *line = read_line(root, REBOOT_CPU);
	uint64_t cpu = 0;

	*settable = line;
	if (line)
		try(number_parse(REBOOT_CPU, line, 0, CPU_SETSIZE - 1, &cpu));
	*ret = cpu;
	return NULL;
}

struct error *write_reboot_cpu(const char *root, unsigned cpu)
{
	_cleanup_free_ char *path = path_join(root, REBOOT_CPU);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || dprintf(fd, "%u\n", cpu) < 0)
		return error_errno(errno, "cannot set %s", path);
	return NULL;
}
