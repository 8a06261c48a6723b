// SPDX-License-Identifier: GPL-2.0-only
#include "virt/collect.h"

#include <stddef.h>

#include "util/cleanup.h"

/* In this order: roles need the chain and the stacks, sources need the roles. */
static struct error *(*const steps[])(struct collector *) = {
	collect_vendor, collect_marker, collect_cpus,         collect_chain,
	collect_roles,  collect_vcpus,  source_recorder,      collect_hit,
	source_cr4,     source_qemu,    source_capture,       source_chain,
	source_vmcs,    collect_vmxon,  collect_calibrations, source_host,
};

struct error *report_collect(struct kernel *kernel, const struct calibrations *calibrations,
			     struct report *ret)
{
	struct report report = {};
	struct collector collector = {
		.kernel = kernel,
		.dump = kernel_dump(kernel),
		.report = &report,
		.calibrations = calibrations,
		.kvm_intel = kernel_has_module(kernel, "kvm_intel") ? "kvm_intel" : NULL,
	};
	struct error *err = text_set(&report.release, "%s", kernel_release(kernel));

	if (!err)
		err = text_set(&report.dump_format, "%s", dump_format(collector.dump));
	for (size_t i = 0; !err && i < sizeof(steps) / sizeof(*steps); i++)
		err = steps[i](&collector);
	for (size_t i = 0; !err && i < kernel_notes(kernel)->count; i++)
		err = text_list_add(&report.notes, "%s", kernel_notes(kernel)->items[i]);
	if (err)
		report_deinit(&report);
	else
		*ret = report;
	return err;
}
