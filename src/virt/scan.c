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
	uint64_t vmxon[2]; /* per-cpu pointers to VMXON regions, 0: none */
};

/** Per-cpu pointers to VMXON regions. */
static const struct {
	const char *module, *name;
} vmxon_pointers[] = {
	{"*", "vmxarea"}, /* kvm_intel, to 6.18 */
	{NULL, "root_vmcs"}, /* 7.x, arch/x86/virt/hw.c */
};

/** The member of struct vmcs_config: "basic" is all of IA32_VMX_BASIC, since 6.11. */
static const char *const revision_members[] = {"basic", "revision_id"};

/** Where VM exits lead: vmx_vmexit since 4.20, vmx_return before (arch/x86/kvm/vmx/vmenter.S). */
static const char *const exit_symbols[] = {"vmx_vmexit", "vmx_return"};

static uint32_t find_revision(const struct collector *collector)
{
	uint64_t config, value = 0;
	struct error *err =
		kernel_symbol(collector->kernel, collector->kvm_intel, "vmcs_config", &config);

	for (size_t i = 0; !err && !value && i < 2; i++) {
		struct error *failed =
			kernel_read_member(collector->kernel, collector->kvm_intel, "vmcs_config",
					   revision_members[i], config, &value);

		if (failed)
			value = 0;
		error_free(failed);
	}
	error_free(err);
	return value & REVISION_MASK;
}

static void scanner_init(struct scanner *scanner)
{
	const struct collector *collector = &scanner->collector;

	scanner->revision = find_revision(collector);
	for (size_t i = 0; !scanner->host_rip && i < 2; i++)
		error_free(kernel_symbol(collector->kernel, collector->kvm_intel, exit_symbols[i],
					 &scanner->host_rip));
	for (size_t i = 0; i < 2; i++)
		error_free(kernel_symbol(collector->kernel, vmxon_pointers[i].module,
					 vmxon_pointers[i].name, &scanner->vmxon[i]));
}

/** Without the machine's own revision the known formats' are sought. */
static bool is_wanted(const void *data, uint32_t word)
{
	const struct scanner *scanner = data;
	const struct vmcs_format *format;

	if (scanner->revision)
		return (word & REVISION_MASK) == scanner->revision;
	format = vmcs_find_format(word & REVISION_MASK);
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

static bool is_vmxon(const struct scanner *scanner, unsigned cpu, uint64_t physical)
{
	struct collector collector = scanner->collector;
	bool found = false;

	for (size_t i = 0; !found && i < 2; i++) {
		uint64_t pointer, region, where = 0;
		struct error *err =
			scanner->vmxon[i] ? kernel_percpu_address(collector.kernel,
								  scanner->vmxon[i], cpu, &pointer)
					  : error_new(ERROR_NOT_FOUND, "no such pointer");

		if (!err)
			err = kernel_read_uint(collector.kernel, pointer, 8, &region);
		if (!err)
			err = dump_virtual_to_physical(collector.dump, region, &where);
		found = !err && where == physical;
		error_free(err);
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
		if (is_vmxon(scanner, cpu->cpu, hit->physical))
			return OWNER_VMXON;
	}
	hit->cpu = -1;
	return OWNER_NONE;
}

/** What a region says of itself; the name of its format into @ret_format. */
static struct vmcs_judgement judge(struct scanner *scanner, const uint8_t *page, uint64_t physical,
				   const struct vmcs_format **ret_format)
{
	struct vmcs_ref ref = {.physical = physical, .loaded_cpu = -1};
	struct vmcs_judgement judgement = {};

	*ret_format = vmcs_find_format(vmcs_u32(page, 0) & REVISION_MASK);
	if (*ret_format)
		(*ret_format)->judge(&scanner->collector, &ref, page, &judgement);
	return judgement;
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

static struct error *add_hit(struct scanner *scanner, uint64_t physical, unsigned *strangers)
{
	struct report *report = scanner->collector.report;
	const struct vmcs_format *format;
	uint8_t page[VMCS_SIZE];
	struct scan_hit hit = {.physical = physical}, *added;

	try(dump_read_physical(scanner->collector.dump, physical, page, sizeof(page)));
	struct vmcs_judgement judgement = judge(scanner, page, physical, &format);

	hit.owner = find_owner(scanner, &hit);
	hit.ours = hit.owner || (scanner->host_rip && holds(page, scanner->host_rip));
	if (!hit.ours && ++*strangers > MAX_STRANGERS)
		return NULL;
	if (hit.owner != OWNER_VMXON)
		hit.state = judgement.state;
	if (!hit.owner)
		hit.cpu = find_cpu(scanner, page);
	try(report_add_scan_hit(&report->scan, &added));
	*added = hit;
	try(text_set(&added->format, "%s", format ? format->name : "silicon"));
	if (hit.owner || !hit.ours || judgement.state != STATE_ON ||
	    judgement.strength != STRENGTH_DIRECT)
		return NULL;
	return add_orphan(scanner, &hit, format->source, judgement.reason);
}

struct error *report_scan(struct kernel *kernel, struct report *report,
			  void (*progress)(uint64_t done, uint64_t total))
{
	struct scanner scanner = {.collector = {.kernel = kernel,
						.dump = kernel_dump(kernel),
						.report = report,
						.kvm_intel = kernel_has_module(kernel, "kvm_intel")
								     ? "kvm_intel"
								     : NULL}};
	struct dump_scan scan = {.wanted = is_wanted, .data = &scanner, .progress = progress};
	unsigned strangers = 0;

	/* Without VMX on any CPU there can be no VMCS. */
	if (!report->cpu_count || !(report->cpus[0].properties & 1u << PROPERTY_VMX))
		return NULL;
	scanner_init(&scanner);
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
