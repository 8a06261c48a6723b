// SPDX-License-Identifier: GPL-2.0-only
#include "virt/verdict.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

/** What a verdict is about: a property of a CPU, or a VMCS (0: those that were not found). */
struct subject {
	enum evidence_property property;
	unsigned cpu;
	uint64_t vmcs;
};

/** The subjects counted by what was found of them. */
struct tally {
	unsigned cpus, vmcs;
	unsigned direct_on, inferred_on, unknown, inferred_off;
};

enum { SEEN_UNKNOWN = 1 << 0, SEEN_OFF = 1 << 1, SEEN_ON = 1 << 2 }; /* 1 << enum evidence_state */

static bool is_about(const struct evidence *evidence, const struct subject *subject)
{
	if (evidence->property != subject->property || evidence->vmcs != subject->vmcs)
		return false;
	/* A VMCS is one thing, whichever CPU names it. */
	return subject->vmcs || evidence->cpu == subject->cpu;
}

static void subject_name(const struct subject *subject, char *buffer, size_t size)
{
	static const char *const what[] = {
		[PROPERTY_VMX] = "VMX operation",
		[PROPERTY_SVM] = "SVM (EFER.SVME)",
		[PROPERTY_VMCS] = "VMCSs",
	};

	if (subject->vmcs)
		snprintf(buffer, size, "VMCS 0x%" PRIx64 " of CPU %u", subject->vmcs, subject->cpu);
	else
		snprintf(buffer, size, "%s on CPU %u", what[subject->property], subject->cpu);
}

/** Which states the evidence of one strength gives (unknown counts as neither). */
static unsigned states_seen(const struct report *report, const struct subject *subject,
			    enum evidence_strength strength)
{
	unsigned seen = 0;

	for (size_t i = 0; i < report->evidence.count; i++) {
		const struct evidence *evidence = &report->evidence.items[i];

		if (!is_about(evidence, subject))
			continue;
		if (evidence->state == STATE_UNKNOWN || evidence->strength == strength)
			seen |= 1u << evidence->state;
	}
	return seen;
}

/** Name the sources whose evidence is of @state and @strength. */
static struct error *name_sources(const struct report *report, const struct subject *subject,
				  const struct finding *finding, char **ret)
{
	for (size_t i = 0; i < report->evidence.count; i++) {
		const struct evidence *evidence = &report->evidence.items[i];

		if (!is_about(evidence, subject) || evidence->state != finding->state)
			continue;
		if (finding->state != STATE_UNKNOWN && evidence->strength != finding->strength)
			continue;
		if (!*ret || !strstr(*ret, evidence->source))
			try(text_join(ret, ", ", evidence->source));
	}
	return NULL;
}

static struct error *add_conflict(struct report *report, const struct subject *subject)
{
	_cleanup_free_ char *text = NULL;
	char name[64];

	subject_name(subject, name, sizeof(name));
	for (size_t i = 0; i < report->evidence.count; i++) {
		const struct evidence *evidence = &report->evidence.items[i];

		if (!is_about(evidence, subject) || evidence->strength != STRENGTH_DIRECT ||
		    evidence->state == STATE_UNKNOWN)
			continue;
		_cleanup_free_ char *side = NULL;

		try(text_set(&side, "%s says %s (%s)", evidence->source,
			     state_name(evidence->property, evidence->state), evidence->reason));
		try(text_join(&text, "; ", side));
	}
	return text_list_add(&report->conflicts, "%s: %s", name, text ? text : "");
}

/** Weigh all evidence about one subject. */
static struct error *weigh(struct report *report, const struct subject *subject,
			   struct finding *ret)
{
	unsigned direct = states_seen(report, subject, STRENGTH_DIRECT);
	unsigned inferred = states_seen(report, subject, STRENGTH_INFERRED);
	struct finding finding = {STATE_UNKNOWN, STRENGTH_INFERRED, NULL};

	if (direct & (SEEN_ON | SEEN_OFF)) {
		finding.state = direct & SEEN_ON ? STATE_ON : STATE_OFF;
		finding.strength = STRENGTH_DIRECT;
	} else if (!(inferred & SEEN_UNKNOWN)) {
		if (inferred == SEEN_ON)
			finding.state = STATE_ON;
		else if (inferred == SEEN_OFF)
			finding.state = STATE_OFF;
	}
	if ((direct & SEEN_ON) && (direct & SEEN_OFF))
		try(add_conflict(report, subject));
	*ret = finding;
	return name_sources(report, subject, &finding, &ret->by);
}

/** Why a subject is unknown: the reasons of its evidence, or that there is none. */
static struct error *explain_unknown(const struct report *report, const struct subject *subject,
				     char **ret)
{
	for (size_t i = 0; i < report->evidence.count; i++) {
		const struct evidence *evidence = &report->evidence.items[i];

		if (is_about(evidence, subject) && evidence->state == STATE_UNKNOWN)
			try(text_join(ret, "; ", evidence->reason));
	}
	if (*ret)
		return NULL;
	if (states_seen(report, subject, STRENGTH_INFERRED))
		return text_set(ret, "inferences contradict each other");
	return text_set(ret, "%s",
			subject->property == PROPERTY_SVM
				? "no evidence (memory holds no copy of EFER; "
				  "--host-regs adds the host's)"
				: "no evidence");
}

/** Count a finding and give its reason, unless it is the good and proven case. */
static struct error *account(struct report *report, const struct subject *subject,
			     const struct finding *finding, struct tally *tally)
{
	bool direct = finding->strength == STRENGTH_DIRECT;
	_cleanup_free_ char *why = NULL;
	char name[64];

	subject_name(subject, name, sizeof(name));
	switch (finding->state) {
	case STATE_ON:
		*(direct ? &tally->direct_on : &tally->inferred_on) += 1;
		return text_list_add(&report->reasons, "%s is %s (%s, %s)", name,
				     subject->property == PROPERTY_VMCS ? "active" : "ON",
				     strength_name(finding->strength), finding->by);
	case STATE_OFF:
		if (direct)
			return NULL;
		tally->inferred_off++;
		return text_list_add(&report->reasons, "%s: %s is only inferred (%s)", name,
				     state_name(subject->property, finding->state), finding->by);
	case STATE_UNKNOWN:
		break;
	}
	tally->unknown++;
	try(explain_unknown(report, subject, &why));
	return text_list_add(&report->reasons, "%s: unknown: %s", name, why);
}

/** The worse of two findings of one CPU; takes over @other. */
static void combine(struct finding *finding, struct finding *other)
{
	static const int badness[3][2] = {
		[STATE_OFF] = {[STRENGTH_DIRECT] = 0, [STRENGTH_INFERRED] = 1},
		[STATE_UNKNOWN] = {[STRENGTH_DIRECT] = 2, [STRENGTH_INFERRED] = 2},
		[STATE_ON] = {[STRENGTH_INFERRED] = 3, [STRENGTH_DIRECT] = 4},
	};

	if (badness[other->state][other->strength] > badness[finding->state][finding->strength]) {
		free(finding->by);
		*finding = *other;
		other->by = NULL;
	}
	free(take(other->by));
}

static struct error *judge_cpu(struct report *report, struct cpu_finding *cpu, struct tally *tally)
{
	bool first = true;

	tally->cpus++;
	for (enum evidence_property property = PROPERTY_VMX; property <= PROPERTY_SVM; property++) {
		struct subject subject = {property, cpu->cpu, 0};
		struct finding finding;

		if (!(cpu->properties & 1u << property))
			continue;
		try(weigh(report, &subject, &finding));
		struct error *err = account(report, &subject, &finding, tally);
		if (first)
			cpu->finding = finding;
		else
			combine(&cpu->finding, &finding);
		if (err)
			return err;
		first = false;
	}
	if (!first)
		return NULL;
	tally->unknown++;
	return text_list_add(&report->reasons,
			     "CPU %u: unknown: it is not known what it could have switched on",
			     cpu->cpu);
}

static struct error *judge_vmcs(struct report *report, struct cpu_finding *cpu, struct tally *tally)
{
	for (size_t i = 0; i < cpu->vmcs_count; i++) {
		struct vmcs_finding *vmcs = &cpu->vmcs[i];
		struct subject subject = {PROPERTY_VMCS, cpu->cpu, vmcs->physical};

		tally->vmcs++;
		try(weigh(report, &subject, &vmcs->finding));
		try(account(report, &subject, &vmcs->finding, tally));
	}
	/* Only a CPU with VMX can have a VMCS loaded. */
	if (cpu->vmcs_complete || !(cpu->properties & 1u << PROPERTY_VMX))
		return NULL;
	struct subject rest = {PROPERTY_VMCS, cpu->cpu, 0};
	_cleanup_free_ char *why = NULL;

	tally->unknown++;
	try(explain_unknown(report, &rest, &why));
	return text_list_add(&report->reasons, "CPU %u may have further VMCSs: %s", cpu->cpu, why);
}

/** Evidence that something is on, of a CPU or a VMCS that is no subject, must not be lost. */
static struct error *judge_strays(struct report *report, struct tally *tally)
{
	for (size_t i = 0; i < report->evidence.count; i++) {
		const struct evidence *evidence = &report->evidence.items[i];
		const struct cpu_finding *cpu = report_cpu(report, evidence->cpu);
		bool known = false;

		if (evidence->state != STATE_ON)
			continue;
		if (evidence->property != PROPERTY_VMCS) {
			known = cpu && (cpu->properties & 1u << evidence->property);
		} else {
			for (size_t c = 0; c < report->cpu_count && !known; c++) {
				for (size_t v = 0; v < report->cpus[c].vmcs_count; v++)
					known |= report->cpus[c].vmcs[v].physical == evidence->vmcs;
			}
		}
		if (known)
			continue;
		struct subject subject = {evidence->property, evidence->cpu, evidence->vmcs};
		struct finding finding;

		try(weigh(report, &subject, &finding));
		struct error *err = account(report, &subject, &finding, tally);
		free(finding.by);
		if (err)
			return err;
	}
	return NULL;
}

static void forget(struct report *report)
{
	text_list_deinit(&report->conflicts);
	text_list_deinit(&report->reasons);
	for (size_t i = 0; i < report->cpu_count; i++) {
		struct cpu_finding *cpu = &report->cpus[i];

		free(cpu->finding.by);
		cpu->finding = (struct finding){};
		for (size_t v = 0; v < cpu->vmcs_count; v++) {
			free(cpu->vmcs[v].finding.by);
			cpu->vmcs[v].finding = (struct finding){};
		}
	}
}

static struct error *conclude(struct report *report, const struct tally *tally, bool accept)
{
	if (report->conflicts.count)
		try(text_list_add(&report->reasons, "direct evidence contradicts itself: "
						    "one of the sources or the dump is wrong"));
	if (tally->direct_on || report->conflicts.count || (accept && tally->inferred_on)) {
		report->verdict = VERDICT_FAIL;
		return NULL;
	}
	report->verdict = VERDICT_INCONCLUSIVE;
	if (!tally->cpus)
		return text_list_add(&report->reasons, "no CPU was found in the dump");
	if (tally->unknown || tally->inferred_on)
		return NULL;
	if (tally->inferred_off && !accept)
		return text_list_add(&report->reasons,
				     "what is only inferred proves nothing: --host-regs may add "
				     "direct evidence, --accept-inferred takes it for granted");
	report->verdict = VERDICT_PASS;
	if (tally->inferred_off)
		return text_list_add(&report->reasons,
				     "PASS rests on inference for %u of %u (--accept-inferred)",
				     tally->inferred_off, tally->cpus + tally->vmcs);
	if (!tally->vmcs)
		return text_list_add(&report->reasons,
				     "by direct evidence, virtualization is off on all of %u CPUs",
				     tally->cpus);
	return text_list_add(
		&report->reasons,
		"by direct evidence, virtualization is off on all of %u CPUs, and none "
		"of %u VMCSs is active",
		tally->cpus, tally->vmcs);
}

struct error *verdict_judge(struct report *report, bool accept_inferred)
{
	struct tally tally = {};

	forget(report);
	for (size_t i = 0; i < report->cpu_count; i++) {
		try(judge_cpu(report, &report->cpus[i], &tally));
		try(judge_vmcs(report, &report->cpus[i], &tally));
	}
	try(judge_strays(report, &tally));
	return conclude(report, &tally, accept_inferred);
}
