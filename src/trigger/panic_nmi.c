// SPDX-License-Identifier: GPL-2.0-only
/*
 * panic() in an NMI: the CPU sends itself one through its local APIC, nobody knows what it is for,
 * and with kernel.unknown_nmi_panic that is the end (arch/x86/kernel/nmi.c, unknown_nmi_error()).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "trigger/checks.h"
#include "trigger/panic.h"
#include "util/cleanup.h"

/* The local APIC: SDM 3A, 11.4, 11.6.1 and 11.12. */
#define MSR_APIC_BASE 0x1b
#define APIC_X2 (1 << 10)
#define APIC_ADDRESS 0xfffffffff000ULL
#define MSR_X2APIC_ID 0x802
#define MSR_X2APIC_ICR 0x830
#define APIC_ID (0x20 / 4)
#define APIC_ICR_LOW (0x300 / 4)
#define APIC_ICR_HIGH (0x310 / 4)
#define ICR_NMI 0x4400 /* delivery mode NMI, level assert, physical destination */

static struct error *map_apic(struct panic_means *means, uint64_t address)
{
	_cleanup_close_ int fd = open("/dev/mem", O_RDWR | O_SYNC | O_CLOEXEC);
	void *memory;

	if (fd < 0)
		return error_errno(errno, "cannot open /dev/mem");
	memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, address);
	if (memory == MAP_FAILED)
		return error_new(ERROR_UNSUPPORTED,
				 "/dev/mem does not give the local APIC (%s); "
				 "boot with iomem=relaxed",
				 strerror(errno));
	means->memory = memory;
	return NULL;
}

struct error *open_nmi(struct panic_means *means)
{
	char path[40];
	uint64_t base;

	try(check_lockdown("", LOCKDOWN_INTEGRITY,
			   "/dev/mem and writing MSRs, so there is no way to the local APIC"));
	if (access("/proc/sys/kernel/unknown_nmi_panic", W_OK))
		return error_new(ERROR_UNSUPPORTED, "this kernel has no kernel.unknown_nmi_panic");
	snprintf(path, sizeof(path), "/dev/cpu/%u/msr", means->panic_cpu);
	means->fd = open(path, O_RDWR | O_CLOEXEC);
	if (means->fd < 0)
		return error_new(ERROR_UNSUPPORTED, "cannot open %s: %s; modprobe msr", path,
				 strerror(errno));
	if (pread(means->fd, &base, sizeof(base), MSR_APIC_BASE) != sizeof(base))
		return error_errno(errno, "cannot read the APIC's base");
	return base & APIC_X2 ? NULL : map_apic(means, base & APIC_ADDRESS);
}

struct error *arm_nmi(struct panic_means *means)
{
	(void)means;
	return panic_set("/proc/sys/kernel/unknown_nmi_panic", "1");
}

int go_nmi(struct panic_means *means)
{
	volatile uint32_t *apic = means->memory;
	uint64_t command;

	if (apic) {
		apic[APIC_ICR_HIGH] = apic[APIC_ID] & 0xff000000;
		apic[APIC_ICR_LOW] = ICR_NMI;
		errno = ENXIO;
		return -1;
	}
	if (pread(means->fd, &command, sizeof(command), MSR_X2APIC_ID) != sizeof(command))
		return -1;
	command = command << 32 | ICR_NMI;
	if (pwrite(means->fd, &command, sizeof(command), MSR_X2APIC_ICR) == sizeof(command))
		errno = ENXIO;
	return -1;
}
