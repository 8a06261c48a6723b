// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "calibrate/cpu.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>

#include "kernel/cpu_bits.h"
#include "util/cleanup.h"

/* The lines of /proc/cpuinfo that make the model. */
static const struct line {
	const char *format;
	size_t offset;
	bool optional;
} lines[] = {
	{"vendor_id : %15s", offsetof(struct cpu_model, vendor), false},
	{"cpu family : %u", offsetof(struct cpu_model, family), false},
	{"model : %u", offsetof(struct cpu_model, model), false},
	{"stepping : %u", offsetof(struct cpu_model, stepping), false},
	{"microcode : %x", offsetof(struct cpu_model, microcode), true},
};
#define LINES (sizeof(lines) / sizeof(*lines))

/* One CPU's lines, up to the empty one; false when there is no more CPU. */
static bool read_cpu(FILE *cpuinfo, struct cpu_model *ret, unsigned *ret_found)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	bool any = false;

	*ret = (struct cpu_model){};
	*ret_found = 0;
	while (getline(&text, &size, cpuinfo) > 0 && *text != '\n') {
		any = true;
		for (size_t i = 0; i < LINES; i++) {
			if (sscanf(text, lines[i].format, (char *)ret + lines[i].offset) == 1)
				*ret_found |= 1u << i;
		}
	}
	return any;
}

struct error *cpu_model_read(FILE *cpuinfo, struct cpu_model *ret)
{
	struct cpu_model model;
	unsigned found, count = 0;

	for (; read_cpu(cpuinfo, &model, &found); count++) {
		for (size_t i = 0; i < LINES; i++) {
			if (!(found & 1u << i) && !lines[i].optional)
				return error_new(ERROR_FORMAT, "/proc/cpuinfo has no line \"%.*s\"",
						 (int)strcspn(lines[i].format, ":"),
						 lines[i].format);
		}
		if (count && !cpu_model_same(ret, &model))
			return error_new(ERROR_FORMAT,
					 "not all CPUs are of the same model and microcode");
		*ret = model;
	}
	return count ? NULL : error_new(ERROR_FORMAT, "/proc/cpuinfo has no CPU");
}

static struct error *read_basic(int cpu, uint64_t *ret)
{
	char path[40];

	snprintf(path, sizeof(path), "/dev/cpu/%d/msr", cpu);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return error_new(ERROR_UNSUPPORTED, "cannot open %s (%s): modprobe msr", path,
				 strerror(errno));
	if (pread(fd, ret, sizeof(*ret), MSR_IA32_VMX_BASIC) != sizeof(*ret))
		return error_new(ERROR_UNSUPPORTED, "CPU %d has no IA32_VMX_BASIC: %s", cpu,
				 strerror(errno));
	return NULL;
}

struct error *cpu_vmcs_revision(const cpu_set_t *cpus, uint32_t *ret)
{
	uint64_t basic;

	*ret = 0;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, cpus))
			continue;
		try(read_basic(cpu, &basic));
		uint32_t revision = basic & INT32_MAX;

		if (*ret && *ret != revision)
			return error_new(ERROR_UNSUPPORTED,
					 "the CPUs' VMCSs differ: revisions "
					 "0x%x and 0x%x",
					 *ret, revision);
		*ret = revision;
	}
	return NULL;
}
