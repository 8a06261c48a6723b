// SPDX-License-Identifier: GPL-2.0-only
#include "virt/scan.h"

#include <inttypes.h>
#include <string.h>

#include "dump/scan.h"
#include "util/cleanup.h"
#include "virt/vmcs.h"

#define REVISION_MASK 0x7fffffffu /* bit 31 marks a shadow VMCS, SDM 3C 25.2 */

/** More that nobody owns are counted, not listed. */
#define MAX_STRANGERS 1024

struct scanner {
	struct collector collector;
	uint32_t revision; /* of this machine's VMCSs, 0: not known */
	uint64_t host_rip; /* 0: not known */
};

/** Without the machine's own revision the known formats' are sought. */
static bool is_wanted(const void *data, uint32_t word)
{
	const struct scanner *scanner = data;
	const struct vmcs_format *format;

	if (scanner->revision)
		return (word & REVISION_MASK) == scanner->revision;
	format = vmcs_find_format(&scanner->collector, word & REVISION_MASK, NULL);
	return format && format->tells;
}

static bool holds(const uint8_t *page, uint64_t value)
{
	for (size_t i = 0; i + 8 <= VMCS_SIZE; i += 4) {
		if (vmcs_u64(page, i) == value)
			return true;
	}
	return false;
}

/** The CPU whose per-cpu area the region names, as HOST_GS_BASE does; -1 when not just one. */
static int find_cpu(const struct scanner *scanner, const uint8_t *page)
{
	const struct report *report = scanner->collector.report;
	int found = -1;

	for (size_t i = 0; i < report->cpu_count; i++) {
		uint64_t area;
		struct error *err = kernel_percpu_address(scanner->collector.kernel, 0,
							  report->cpus[i].cpu, &area);

		if (err) {
			error_free(err);
			continue;
		}
		if (!holds(page, area))
			continue;
		if (found >= 0)
			return -1;
		found = report->cpus[i].cpu;
	}
	return found;
}

/** Who the region belongs to, as far as the kernel's own records go. */
static enum scan_owner find_owner(const struct scanner *scanner, struct scan_hit *hit)
{
	const struct report *report = scanner->collector.report;

	for (size_t i = 0; i < report->cpu_count; i++) {
		const struct cpu_finding *cpu = &report->cpus[i];

		hit->cpu = cpu->cpu;
		for (size_t v = 0; v < cpu->vmcs_count; v++) {
			if (cpu->vmcs[v].physical == hit->physical)
				return cpu->vmcs[v].listed    ? OWNER_LIST
				       : cpu->vmcs[v].current ? OWNER_CURRENT
							      : OWNER_VCPU;
		}
		if (cpu->vmxon.known && cpu->vmxon.physical == hit->physical)
			return OWNER_VMXON;
	}
	hit->cpu = -1;
	return OWNER_NONE;
}

/** An active VMCS of this kernel that no record of it leads to. */
static struct error *add_orphan(struct scanner *scanner, const struct scan_hit *hit,
				const char *source, const char *reason)
{
	struct report *report = scanner->collector.report;
	struct evidence evidence = {.property = PROPERTY_VMCS,
				    .cpu = hit->cpu < 0 ? report->cpus[0].cpu : (unsigned)hit->cpu,
				    .vmcs = hit->physical,
				    .state = STATE_ON,
				    .strength = STRENGTH_DIRECT,
				    .source = source};

	return evidence_add(&report->evidence, evidence,
			    "found by the scan, on no list of the kernel's%s: %s",
			    hit->cpu < 0 ? ", and which CPU had it does not show" : "", reason);
}

/** Let the region speak for itself, in each format that it may have. */
static struct error *judge(struct scanner *scanner, const uint8_t *page, struct scan_hit *hit)
{
	uint32_t revision = vmcs_u32(page, 0) & REVISION_MASK;
	struct vmcs_ref ref = {.physical = hit->physical, .loaded_cpu = -1};
	const struct vmcs_format *format = NULL;

	while ((format = vmcs_find_format(&scanner->collector, revision, format))) {
		struct vmcs_judgement judgement = {};

		format->judge(&scanner->collector, &ref, page, &judgement);
		if (hit->state != STATE_ON)
			hit->state = judgement.state;
		if (!hit->owner && hit->ours && judgement.state == STATE_ON &&
		    judgement.strength == STRENGTH_DIRECT)
			try(add_orphan(scanner, hit, format->source, judgement.reason));
	}
	return NULL;
}

static struct error *add_hit(struct scanner *scanner, uint64_t physical, unsigned *strangers)
{
	struct report *report = scanner->collector.report;
	const struct vmcs_format *format;
	uint8_t page[VMCS_SIZE];
	struct scan_hit hit = {.physical = physical}, *added;

	try(dump_read_physical(scanner->collector.dump, physical, page, sizeof(page)));
	hit.owner = find_owner(scanner, &hit);
	hit.ours = hit.owner || (scanner->host_rip && holds(page, scanner->host_rip));
	if (!hit.ours && ++*strangers > MAX_STRANGERS)
		return NULL;
	if (!hit.owner)
		hit.cpu = find_cpu(scanner, page);
	if (hit.owner != OWNER_VMXON)
		try(judge(scanner, page, &hit));
	try(report_add_scan_hit(&report->scan, &added));
	*added = hit;
	format = vmcs_find_format(&scanner->collector, vmcs_u32(page, 0) & REVISION_MASK, NULL);
	return text_set(&added->format, "%s", format ? format->name : "silicon");
}

struct error *report_scan(struct kernel *kernel, const struct calibrations *calibrations,
			  struct report *report, void (*progress)(uint64_t done, uint64_t total))
{
	struct scanner scanner = {.collector = {.kernel = kernel,
						.dump = kernel_dump(kernel),
						.report = report,
						.calibrations = calibrations,
						.kvm_intel = kernel_has_module(kernel, "kvm_intel")
								     ? "kvm_intel"
								     : NULL}};
	struct dump_scan scan = {.wanted = is_wanted, .data = &scanner, .progress = progress};
	unsigned strangers = 0;

	/* Without VMX on any CPU there can be no VMCS. */
	if (!report->cpu_count || !(report->cpus[0].properties & 1u << PROPERTY_VMX))
		return NULL;
	scanner.revision = vmx_revision(&scanner.collector);
	scanner.host_rip = vmcs_host_rip(&scanner.collector);
	try(error_wrap(dump_scan(scanner.collector.dump, &scan), "scan"));
	struct error *err = NULL;

	for (size_t i = 0; !err && i < scan.count; i++)
		err = add_hit(&scanner, scan.hits[i], &strangers);
	report->scan.done = true;
	report->scan.pages = scan.pages;
	report->scan.unreadable = scan.unreadable;
	report->scan.revision = scanner.revision;
	report->scan.strangers = strangers;
	dump_scan_deinit(&scan);
	return err;
}
