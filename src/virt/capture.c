// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <string.h>

#include "util/cleanup.h"
#include "virt/collect.h"
#include "kernel/cpu_bits.h"
#include "virt/report_json.h"

/* What only the capture kernel can tell, of the CPU it runs on: the one that panicked. Its first
 * CPU is that one, however many it starts. */

static struct error *capture_booted(struct collector *collector, const struct cpu_finding *cpu)
{
	struct evidence evidence = {.property = PROPERTY_VMX,
				    .cpu = cpu->cpu,
				    .state = STATE_OFF,
				    .strength = STRENGTH_DIRECT,
				    .source = "capture-kernel-booted"};

	return evidence_add(&collector->report->evidence, evidence,
			    "this program runs in the capture kernel that the CPU jumped to");
}

static struct error *capture_efer(struct collector *collector, const struct cpu_finding *cpu)
{
	uint64_t efer = 0;
	struct error *err = dump_read_live_msr(collector->dump, MSR_EFER, &efer);

	/* No msr driver in the capture kernel: one source less, nothing wrong. */
	if (err) {
		error_free(err);
		return NULL;
	}
	struct evidence evidence = {.property = PROPERTY_SVM,
				    .cpu = cpu->cpu,
				    .state = efer & EFER_SVME ? STATE_ON : STATE_OFF,
				    .strength = STRENGTH_DIRECT,
				    .source = "capture-efer"};

	return evidence_add(&collector->report->evidence, evidence,
			    "EFER is 0x%" PRIx64 " in the capture kernel, SVME is %s", efer,
			    efer & EFER_SVME ? "set" : "clear");
}

static bool is_of_capture(const char *source)
{
	return !strcmp(source, "capture-kernel-booted") || !strcmp(source, "capture-efer");
}

/** Add the evidence that a capsule keeps: the capture kernel's, or all other. */
static struct error *add_kept(struct collector *collector, bool of_capture)
{
	const char *text = dump_kept(collector->dump);
	struct evidence_list kept = {};
	struct error *err = text ? report_parse_outside(text, KEPT_SCHEMA, &kept) : NULL;

	for (size_t i = 0; !err && i < kept.count; i++) {
		const struct evidence *evidence = &kept.items[i];

		if (is_of_capture(evidence->source) == of_capture)
			err = evidence_add(&collector->report->evidence, *evidence, "%s",
					   evidence->reason);
	}
	evidence_list_deinit(&kept);
	return error_wrap(err, "what the capsule keeps");
}

struct error *source_capture(struct collector *collector)
{
	struct report *report = collector->report;

	if (!dump_is_live_vmcore(collector->dump))
		return add_kept(collector, true);
	for (size_t i = 0; i < report->cpu_count; i++) {
		const struct cpu_finding *cpu = &report->cpus[i];

		if (!cpu->panic)
			continue;
		if (cpu->properties & 1u << PROPERTY_VMX)
			try(capture_booted(collector, cpu));
		if (cpu->properties & 1u << PROPERTY_SVM)
			try(capture_efer(collector, cpu));
	}
	return NULL;
}

struct error *source_host(struct collector *collector)
{
	return add_kept(collector, false);
}
