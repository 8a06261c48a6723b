/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_VIRT_CAPSULE_H
#define CRASHLAB_VIRT_CAPSULE_H

#include <stdio.h>

#include "kernel/kernel.h"
#include "virt/report.h"

/**
 * Write the pages that @report was collected from, and the evidence in it that came from elsewhere
 * (evidence_source::outside), as a small dump to @file. Needs dump_record() before kernel_open().
 */
struct error *report_write_capsule(struct kernel *kernel, const struct report *report, FILE *file);

#endif
