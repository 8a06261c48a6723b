// SPDX-License-Identifier: GPL-2.0-only
#include "virt/vmcs.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/cleanup.h"

static const struct vmcs_format *const vmcs_formats[] = {&vmcs_bochs, &vmcs_vmcs12, &vmcs_evmcs,
							 &vmcs_calibrated};

/** vmx_vmexit since 4.20, vmx_return before (arch/x86/kvm/vmx/vmenter.S). */
static const char *const exit_symbols[] = {"vmx_vmexit", "vmx_return"};

void vmcs_judged(struct vmcs_judgement *ret, enum evidence_state state,
		 enum evidence_strength strength, const char *format, ...)
{
	va_list args;

	ret->state = state;
	ret->strength = strength;
	va_start(args, format);
	vsnprintf(ret->reason, sizeof(ret->reason), format, args);
	va_end(args);
}

const struct vmcs_format *vmcs_find_format(const struct collector *collector, uint32_t revision,
					   const struct vmcs_format *after)
{
	bool behind = !after;

	for (size_t i = 0; i < sizeof(vmcs_formats) / sizeof(*vmcs_formats); i++) {
		if (behind && vmcs_formats[i]->probe(collector, revision))
			return vmcs_formats[i];
		behind |= vmcs_formats[i] == after;
	}
	return NULL;
}

uint64_t vmcs_host_rip(struct collector *collector)
{
	for (size_t i = 0; !collector->host_rip && i < 2; i++)
		error_free(kernel_symbol(collector->kernel, collector->kvm_intel, exit_symbols[i],
					 &collector->host_rip));
	return collector->host_rip;
}

/** What the kernel's records and its emergency path say of a VMCS, whatever its format. */
static struct error *infer(struct collector *collector, const struct vmcs_ref *ref)
{
	struct evidence evidence = {.property = PROPERTY_VMCS,
				    .cpu = ref->cpu,
				    .vmcs = ref->physical,
				    .state = STATE_OFF};
	const struct cpu_finding *cpu = report_cpu(collector->report, ref->cpu);
	char why[256];

	if (!vmcs_is_loaded(ref)) {
		evidence.source = "kvm-bookkeeping";
		return evidence_add(&collector->report->evidence, evidence,
				    "KVM has it loaded on no CPU (loaded_vmcs.cpu is -1)");
	}
	/* The emergency path clears what it finds on the list; 6.8 passes over shadow VMCSs. */
	if (!cpu || !ref->listed || !collector->chain.callback ||
	    (!cpu->note && !collector->chain.stop_clears) ||
	    !chain_done(collector, cpu, why, sizeof(why)))
		return NULL;
	evidence.source = "emergency-chain";
	return evidence_add(&collector->report->evidence, evidence,
			    "it is on the list that the emergency path clears; %s", why);
}

static struct error *unreadable(struct collector *collector, const struct vmcs_ref *ref,
				const char *why)
{
	struct evidence evidence = {.property = PROPERTY_VMCS,
				    .cpu = ref->cpu,
				    .vmcs = ref->physical,
				    .source = "vmcs-page"};

	return evidence_add(&collector->report->evidence, evidence, "%s", why);
}

/** Let the region speak for itself; the name of its format into @ret. */
static struct error *judge_page(struct collector *collector, const struct vmcs_ref *ref,
				const char **ret)
{
	struct vmcs_judgement judgement;
	uint8_t page[VMCS_SIZE];

	*ret = "unreadable";
	struct error *err = dump_read_physical(collector->dump, ref->physical, page, sizeof(page));
	if (err) {
		struct error *failed = unreadable(collector, ref, err->message);

		error_clear(&err);
		return failed;
	}
	uint32_t revision = vmcs_u32(page, 0) & INT32_MAX;
	const struct vmcs_format *format = vmcs_find_format(collector, revision, NULL);

	*ret = format ? format->name : "silicon";
	if (!revision)
		return unreadable(collector, ref, "the region's revision is 0: this is no VMCS");
	for (; format; format = vmcs_find_format(collector, revision, format)) {
		format->judge(collector, ref, page, &judgement);
		struct evidence evidence = {
			PROPERTY_VMCS,      ref->cpu,       ref->physical, judgement.state,
			judgement.strength, format->source, NULL};

		try(evidence_add(&collector->report->evidence, evidence, "%s", judgement.reason));
	}
	return NULL;
}

static struct error *report_ref(struct collector *collector, struct vmcs_ref *ref)
{
	struct cpu_finding *cpu = report_cpu(collector->report, ref->cpu);
	struct vmcs_finding *finding;
	const char *format;

	if (!cpu)
		cpu = &collector->report->cpus[0];
	ref->cpu = cpu->cpu;
	ref->left_before = kvm_record(collector, ref->cpu) == KVM_OFF;
	try(report_add_vmcs(cpu, &finding));
	finding->physical = ref->physical;
	finding->current = ref->current;
	finding->listed = ref->listed;
	finding->launched = ref->launched;
	try(judge_page(collector, ref, &format));
	try(text_set(&finding->format, "%s", format));
	return infer(collector, ref);
}

/** Note that there may be more VMCSs on @cpu than were found, and why. Frees @err. */
static struct error *incomplete(struct collector *collector, const struct cpu_finding *cpu,
				struct error *err)
{
	struct evidence evidence = {
		.property = PROPERTY_VMCS, .cpu = cpu->cpu, .source = "vmcs-list"};
	struct error *failed =
		evidence_add(&collector->report->evidence, evidence, "%s", err->message);

	error_free(err);
	return failed;
}

static struct error *find_layout(struct collector *collector, struct vmcs_layout *ret)
{
	const char *module = collector->kvm_intel;
	const struct {
		const char *path;
		struct kernel_field *ret;
	} members[] = {
		{"vmcs", &ret->vmcs},
		{"shadow_vmcs", &ret->shadow_vmcs},
		{"cpu", &ret->cpu},
		{"launched", &ret->launched},
		{"loaded_vmcss_on_cpu_link", &ret->link},
	};

	try(kernel_symbol(collector->kernel, module, "loaded_vmcss_on_cpu", &ret->list));
	try(kernel_symbol(collector->kernel, module, "current_vmcs", &ret->current));
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
		try(kernel_member(collector->kernel, module, "loaded_vmcs", members[i].path,
				  members[i].ret));
	return NULL;
}

static struct error *find_all(struct collector *collector, struct vmcs_refs *refs)
{
	struct report *report = collector->report;
	struct vmcs_layout layout = {};
	struct error *err = find_layout(collector, &layout);
	struct error *vms = err ? NULL : vmcs_find_in_vms(collector, &layout, refs);

	for (size_t i = 0; i < report->cpu_count; i++) {
		struct cpu_finding *cpu = &report->cpus[i];
		struct error *found = err ? error_new(err->code, "%s", err->message)
					  : vmcs_find_on_cpu(collector, &layout, cpu->cpu, refs);

		/* A VM list that cannot be followed may hide a VMCS of any CPU. */
		if (!found && vms)
			found = error_new(vms->code, "%s", vms->message);
		cpu->vmcs_complete = !found;
		struct error *failed = found ? incomplete(collector, cpu, found) : NULL;
		if (failed) {
			error_free(err);
			error_free(vms);
			return failed;
		}
	}
	error_free(err);
	error_free(vms);
	return NULL;
}

/** No VMX support of KVM is loaded: no VMCSs, if nothing else says that there is one. */
static struct error *none_loaded(struct collector *collector)
{
	const struct chain *chain = &collector->chain;
	struct report *report = collector->report;
	bool none = chain->callback_known && !chain->callback;

	for (size_t i = 0; i < report->cpu_count; i++) {
		report->cpus[i].vmcs_complete = none;
		if (!none)
			try(incomplete(collector, &report->cpus[i],
				       error_new(ERROR_NOT_FOUND,
						 "KVM's loaded_vmcss_on_cpu was not found")));
	}
	return NULL;
}

static int by_cpu(const void *one, const void *two)
{
	const struct vmcs_ref *a = one, *b = two;

	if (a->cpu != b->cpu)
		return a->cpu < b->cpu ? -1 : 1;
	return a->physical < b->physical ? -1 : a->physical > b->physical;
}

struct error *source_vmcs(struct collector *collector)
{
	struct report *report = collector->report;
	struct vmcs_refs refs = {};
	uint64_t symbol;

	if (!report->cpu_count || !(report->cpus[0].properties & 1u << PROPERTY_VMX))
		return NULL;
	struct error *err =
		kernel_symbol(collector->kernel, collector->kvm_intel, "vmcs_config", &symbol);

	if (error_is(err, ERROR_NOT_FOUND) && !collector->kvm_intel) {
		error_clear(&err);
		return none_loaded(collector);
	}
	error_clear(&err);
	err = find_all(collector, &refs);
	if (refs.count)
		qsort(refs.items, refs.count, sizeof(*refs.items), by_cpu);
	for (size_t i = 0; !err && i < refs.count; i++)
		err = report_ref(collector, &refs.items[i]);
	free(refs.items);
	return err;
}
