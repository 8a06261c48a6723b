/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_VIRT_SCAN_H
#define CRASHLAB_VIRT_SCAN_H

#include "kernel/kernel.h"
#include "virt/calibration.h"
#include "virt/report.h"

/**
 * Search all of the dump's memory for VMCS regions, into report->scan: those that report_collect()
 * found, VMXON regions, and others. One of the others is this kernel's when it holds the address
 * that this kernel's KVM wants to come back to (HOST_RIP); active by its own launch state it is an
 * orphan, and becomes direct evidence. All else is for people only: a guest's, a freed one, chance.
 * @progress is called now and then, NULL: not at all.
 */
struct error *report_scan(struct kernel *kernel, const struct calibrations *calibrations,
			  struct report *report, void (*progress)(uint64_t done, uint64_t total));

#endif
