// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/kvm_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>

#include "lab/files.h"
#include "util/cleanup.h"

#define CPUID_ENTRIES 256

const struct kvm_sources kvm_host = {"/proc/cpuinfo", "/sys/module", "/dev/kvm"};

/* Where each vendor shows: flag in cpuinfo, module, bit of CPUID (SDM vol. 2A CPUID.1:ECX.5; APM
 * vol. 3 CPUID Fn8000_0001_ECX bit 2). */
static const struct {
	const char *flag, *module;
	uint32_t function, bit;
} marks[VENDOR_COUNT] = {
	[VENDOR_VMX] = {"vmx", "kvm_intel", 0x1, 1U << 5},
	[VENDOR_SVM] = {"svm", "kvm_amd", 0x80000001, 1U << 2},
};

static bool has_flag(const char *cpuinfo, const char *flag)
{
	const char *flags = strstr(cpuinfo, "\nflags");
	size_t length = strlen(flag);

	if (!flags)
		return false;
	const char *end = strchrnul(flags + 1, '\n');
	for (const char *p = flags; (p = strstr(p, flag)) && p < end; p += length) {
		if (p[-1] == ' ' && (p[length] == ' ' || p[length] == '\n' || !p[length]))
			return true;
	}
	return false;
}

static struct error *probe_flag(const struct kvm_sources *sources, enum vendor vendor)
{
	_cleanup_free_ char *text = NULL;

	try(read_text(sources->cpuinfo, 1 << 16, &text));
	if (!has_flag(text, marks[vendor].flag))
		return error_new(ERROR_UNSUPPORTED,
				 "this host's CPU shows no %s (if it is a virtual machine: its "
				 "host does not nest)",
				 marks[vendor].flag);
	return NULL;
}

static struct error *probe_nested(const struct kvm_sources *sources, enum vendor vendor)
{
	const char *module = marks[vendor].module;
	_cleanup_free_ char *path =
		format_string("%s/%s/parameters/nested", sources->modules, module);
	_cleanup_free_ char *value = NULL;
	_cleanup_error_ struct error *err = read_text(path, 8, &value);

	if (err)
		return error_new(ERROR_UNSUPPORTED, "%s is not loaded (modprobe %s nested=1)",
				 module, module);
	if (value[0] != 'Y' && value[0] != '1')
		return error_new(ERROR_UNSUPPORTED,
				 "%s does not nest (reload it: modprobe -r %s; modprobe %s "
				 "nested=1)",
				 module, module, module);
	return NULL;
}

static struct error *probe_cpuid(const struct kvm_sources *sources, enum vendor vendor)
{
	_cleanup_close_ int fd = open(sources->device, O_RDWR | O_CLOEXEC);
	_cleanup_free_ struct kvm_cpuid2 *list =
		calloc(1, sizeof(*list) + CPUID_ENTRIES * sizeof(list->entries[0]));

	if (fd < 0)
		return error_errno(errno, "%s", sources->device);
	if (!list)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	list->nent = CPUID_ENTRIES;
	if (ioctl(fd, KVM_GET_SUPPORTED_CPUID, list))
		return error_errno(errno, "%s: KVM_GET_SUPPORTED_CPUID", sources->device);
	for (uint32_t i = 0; i < list->nent; i++) {
		if (list->entries[i].function == marks[vendor].function)
			return list->entries[i].ecx & marks[vendor].bit
				       ? NULL
				       : error_new(ERROR_UNSUPPORTED, "%s gives guests no %s",
						   sources->device, marks[vendor].flag);
	}
	return error_new(ERROR_UNSUPPORTED, "%s does not tell what guests get", sources->device);
}

struct error *kvm_probe(const struct kvm_sources *sources, enum vendor vendor)
{
	try(probe_flag(sources, vendor));
	try(probe_nested(sources, vendor));
	return sources->device ? probe_cpuid(sources, vendor) : NULL;
}
