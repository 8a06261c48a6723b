// SPDX-License-Identifier: GPL-2.0-only
#include "virt/report_explain.h"

#include <inttypes.h>
#include <string.h>

/** The evidence about one subject, counted; as verdict_judge() sees it. */
struct weights {
	unsigned direct[3], inferred[3]; /* by enum evidence_state */
};

static bool is_conflict(const struct weights *weights)
{
	return weights->direct[STATE_ON] && weights->direct[STATE_OFF];
}

static bool is_direct(const struct weights *weights)
{
	return weights->direct[STATE_ON] || weights->direct[STATE_OFF];
}

static bool is_unknown(const struct weights *weights)
{
	return weights->direct[STATE_UNKNOWN] || weights->inferred[STATE_UNKNOWN];
}

static bool is_contradiction(const struct weights *weights)
{
	return weights->inferred[STATE_ON] && weights->inferred[STATE_OFF];
}

static bool is_inferred(const struct weights *weights)
{
	return weights->inferred[STATE_ON] || weights->inferred[STATE_OFF];
}

static bool is_nothing(const struct weights *weights)
{
	(void)weights;
	return true;
}

/** The rules of docs/evidence.md in words; the first that holds is the one that decided. */
static const struct rule {
	bool (*holds)(const struct weights *weights);
	const char *text;
} rules[] = {
	{is_conflict, "Direct evidence says both, so a source or the dump is wrong. That is a "
		      "conflict, and the dump fails."},
	{is_direct, "The state itself was read; direct evidence beats all other, and decides."},
	{is_unknown, "Somebody looked and could not tell; that outweighs what is only inferred."},
	{is_contradiction,
	 "There is no direct evidence, and the inferences contradict each other."},
	{is_inferred, "There is no direct evidence. All inferences agree, but they only say which "
		      "code ran: not enough for PASS, unless --accept-inferred takes it."},
	{is_nothing, "There is no evidence, and without it nothing is believed."},
};

struct subject {
	enum evidence_property property;
	unsigned cpu;
	uint64_t vmcs;
};

static bool is_about(const struct evidence *evidence, const struct subject *subject)
{
	return evidence->property == subject->property && evidence->vmcs == subject->vmcs &&
	       (subject->vmcs || evidence->cpu == subject->cpu);
}

static void explain_evidence(const struct evidence *evidence, FILE *file)
{
	const struct evidence_source *source = evidence_source_find(evidence->source);

	fprintf(file, "  - %s (%s, %s): %s.\n", evidence->source,
		state_name(evidence->property, evidence->state), strength_name(evidence->strength),
		evidence->reason);
	if (source)
		fprintf(file, "      The source: %s.\n      It rests on: %s.\n", source->proves,
			source->basis);
}

static void explain_subject(const struct report *report, const struct subject *subject, FILE *file)
{
	struct weights weights = {};
	const struct rule *rule = rules;

	for (size_t i = 0; i < report->evidence.count; i++) {
		const struct evidence *evidence = &report->evidence.items[i];

		if (!is_about(evidence, subject))
			continue;
		explain_evidence(evidence, file);
		if (evidence->strength == STRENGTH_DIRECT)
			weights.direct[evidence->state]++;
		else
			weights.inferred[evidence->state]++;
	}
	while (!rule->holds(&weights))
		rule++;
	fprintf(file, "  %s\n", rule->text);
}

static void explain_place(const struct cpu_finding *cpu, FILE *file)
{
	static const char *const roles[2][2] = {
		{"a bystander", "the CPU in the reboot path"},
		{"the CPU that panicked", "the CPU that panicked, in the reboot path"},
	};

	fprintf(file, "CPU %u was %s", cpu->cpu, roles[cpu->panic][cpu->reboot]);
	if (cpu->where)
		fprintf(file, ", and saved its registers in %s.\n", cpu->where);
	else
		fprintf(file, "; it was %s and saved no registers.\n",
			cpu->online ? "online" : "offline");
}

static void explain_property(const struct report *report, const struct cpu_finding *cpu,
			     enum evidence_property property, FILE *file)
{
	static const char *const what[] = {
		[PROPERTY_VMX] = "VMX operation",
		[PROPERTY_SVM] = "SVM (EFER.SVME)",
	};
	struct subject subject = {property, cpu->cpu, 0};

	fprintf(file, "\n%s has to be off on it (%s)%s%s:\n", what[property], report->vendor,
		cpu->properties & (cpu->properties - 1) ? "" : ", and is believed ",
		cpu->properties & (cpu->properties - 1) ? ""
							: state_name(property, cpu->finding.state));
	explain_subject(report, &subject, file);
}

static void explain_vmcs(const struct report *report, const struct cpu_finding *cpu,
			 const struct vmcs_finding *vmcs, FILE *file)
{
	struct subject subject = {PROPERTY_VMCS, cpu->cpu, vmcs->physical};

	fprintf(file, "\nThe VMCS at 0x%" PRIx64 " (%s%s%s) is believed %s:\n", vmcs->physical,
		vmcs->format, vmcs->listed ? ", on the CPU's list" : "",
		vmcs->current ? ", its current one" : "",
		state_name(PROPERTY_VMCS, vmcs->finding.state));
	explain_subject(report, &subject, file);
}

/** Those that only the scan found, and only where they decide. */
static void explain_lost(const struct report *report, const struct cpu_finding *cpu, FILE *file)
{
	for (size_t i = 0; i < report->scan.count; i++) {
		const struct scan_hit *hit = &report->scan.hits[i];
		struct subject subject = {PROPERTY_VMCS, cpu->cpu, hit->physical};

		if (hit->owner || !hit->ours || hit->state != STATE_ON || hit->cpu != (int)cpu->cpu)
			continue;
		fprintf(file,
			"\nThe kernel has lost a VMCS at 0x%" PRIx64 " (%s), which is active:\n",
			hit->physical, hit->format);
		explain_subject(report, &subject, file);
	}
}

static void explain_vmxon(const struct vmxon_finding *vmxon, FILE *file)
{
	if (!vmxon->known)
		return;
	fprintf(file, "\nIts VMXON region is at 0x%" PRIx64 ", ", vmxon->physical);
	if (vmxon->readable)
		fprintf(file, "of %srevision 0x%x", vmxon->wrong ? "the wrong " : "",
			vmxon->revision);
	else
		fprintf(file, "which is not in the dump");
	fprintf(file, "; it is the same before VMXON and after VMXOFF, and decides nothing.\n");
}

struct error *report_explain(const struct report *report, unsigned number, FILE *file)
{
	const struct cpu_finding *cpu = report_cpu(report, number);

	if (!cpu)
		return error_new(ERROR_USAGE, "the dump has no CPU %u that was ever online",
				 number);
	fprintf(file, "%s  %s: Linux %s\n\n", verdict_name(report->verdict), report->dump_path,
		report->release);
	explain_place(cpu, file);
	for (enum evidence_property property = PROPERTY_VMX; property <= PROPERTY_SVM; property++) {
		if (cpu->properties & 1u << property)
			explain_property(report, cpu, property, file);
	}
	for (size_t i = 0; i < cpu->vmcs_count; i++)
		explain_vmcs(report, cpu, &cpu->vmcs[i], file);
	explain_lost(report, cpu, file);
	explain_vmxon(&cpu->vmxon, file);
	if (!(cpu->properties & 1u << PROPERTY_VMX))
		return NULL;
	if (!cpu->vmcs_complete) {
		fprintf(file, "\nThere may be further VMCSs of this CPU:\n");
		explain_subject(report, &(struct subject){PROPERTY_VMCS, cpu->cpu, 0}, file);
	} else if (!cpu->vmcs_count) {
		fprintf(file, "\nThe kernel knows of no VMCS of this CPU.\n");
	}
	return NULL;
}
