/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_VIRT_HOST_REGS_H
#define CRASHLAB_VIRT_HOST_REGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"
#include "virt/report.h"

/** What the host saw of one virtual CPU. */
struct host_cpu {
	unsigned cpu;
	bool has_cr4, has_efer, has_vmx;
	uint64_t cr4, efer;
	bool vmx; /* in VMX operation, from a host that knows (Bochs) */
};

struct host_regs {
	struct host_cpu *cpus;
	size_t count;
};

/**
 * Read the text of QEMU's `info registers -a`, or any text of that shape: "CPU#N" starts a CPU,
 * then "CR4=HEX", "EFER=HEX", "VMX=0|1" anywhere on a line; all else is passed over. ERROR_USAGE
 * for a text without any CPU, a value that is no number, or two values for one register.
 */
struct error *host_regs_parse(const char *text, struct host_regs *ret);
void host_regs_deinit(struct host_regs *regs);

/**
 * Add what the host saw to the evidence of @report, in place of what an earlier --host-regs added.
 * CPUs that @report does not have are passed over. ERROR_USAGE when no CPU of the report is in it.
 */
struct error *host_regs_apply(const struct host_regs *regs, struct report *report);

#endif
