// SPDX-License-Identifier: GPL-2.0-only
/*
 * What QEMU's notes tell of its virtual CPUs. They show the moment of the dump, not that of the
 * crash: what they prove depends on where the CPU was.
 */
#include <inttypes.h>
#include <string.h>

#include "util/cleanup.h"
#include "virt/collect.h"
#include "kernel/cpu_bits.h"

#define SOURCE "qemu-note"

/** CR4.VMXE set or clear, by @place: what it says of the kernel that the dump is about. */
static const struct meaning {
	enum evidence_state with, without;
	const char *reason;
} meanings[] = {
	[VCPU_KERNEL] = {STATE_ON, STATE_OFF, "in this kernel"},
	/* The jump to it, or the INIT that started the CPU, had failed in VMX operation. A crash
	 * kernel that uses VMX itself proves nothing by the bit. */
	[VCPU_CRASH_KERNEL] = {STATE_UNKNOWN, STATE_OFF,
			       "in the crash kernel, where it cannot come in VMX operation"},
	[VCPU_RESET] = {STATE_UNKNOWN, STATE_UNKNOWN,
			"not in protected mode, reset since or in a guest of its own"},
	[VCPU_ELSEWHERE] = {STATE_UNKNOWN, STATE_UNKNOWN,
			    "neither in this kernel nor in its crash kernel (in a guest?)"},
	[VCPU_UNKNOWN] = {STATE_UNKNOWN, STATE_UNKNOWN,
			  "in page tables that are not in the dump, so that it is not known whose "
			  "CR4 this is"},
};

static struct error *find_vcpu(struct collector *collector, unsigned cpu, bool *found,
			       struct kernel_vcpu *ret)
{
	struct error *err = kernel_vcpu(collector->kernel, cpu, ret);

	*found = !err;
	if (!error_is(err, ERROR_NOT_FOUND))
		return err;
	error_free(err);
	return NULL;
}

/** The CPU is where memory is not the dead kernel's alone any more. */
static bool has_left(const struct kernel_vcpu *vcpu)
{
	return vcpu->place == VCPU_RESET || vcpu->place == VCPU_ELSEWHERE;
}

struct error *collect_vcpus(struct collector *collector)
{
	bool crashed = dump_vmcoreinfo(collector->dump, "CRASHTIME");
	const struct report *report = collector->report;
	unsigned known = 0, left = 0;

	for (size_t i = 0; i < report->cpu_count; i++) {
		const struct cpu_finding *cpu = &report->cpus[i];
		struct kernel_vcpu vcpu;
		bool found;

		try(find_vcpu(collector, cpu->cpu, &found, &vcpu));
		if (!found || (crashed && !cpu->panic))
			continue;
		known++;
		left += has_left(&vcpu);
	}
	if (!known || left < known)
		return NULL;
	if (crashed)
		return error_new(ERROR_FORMAT,
				 "the CPU that panicked is neither in this kernel any more nor in "
				 "its crash kernel: the machine was started anew since, and its "
				 "memory is not that kernel's alone");
	return error_new(ERROR_FORMAT,
			 "no CPU was in this kernel when QEMU wrote the dump: all were in guests "
			 "(then dump it again), or the machine was started anew since, and its "
			 "memory is not that kernel's alone");
}

static struct error *add_note(struct collector *collector, unsigned cpu,
			      const struct kernel_vcpu *vcpu)
{
	const struct meaning *meaning = &meanings[vcpu->place];
	bool enabled = vcpu->cr4 & X86_CR4_VMXE;
	struct evidence evidence = {.property = PROPERTY_VMX,
				    .cpu = cpu,
				    .state = enabled ? meaning->with : meaning->without,
				    .source = SOURCE};

	if (evidence.state != STATE_UNKNOWN)
		evidence.strength = STRENGTH_DIRECT;
	return evidence_add(&collector->report->evidence, evidence,
			    "when QEMU wrote the dump, CR4 was 0x%" PRIx64
			    ", VMXE %s; the CPU was %s",
			    vcpu->cr4, enabled ? "set" : "clear", meaning->reason);
}

struct error *source_qemu(struct collector *collector)
{
	const struct report *report = collector->report;

	for (size_t i = 0; i < report->cpu_count; i++) {
		const struct cpu_finding *cpu = &report->cpus[i];
		struct kernel_vcpu vcpu;
		bool found;

		if (!(cpu->properties & 1u << PROPERTY_VMX))
			continue;
		try(find_vcpu(collector, cpu->cpu, &found, &vcpu));
		if (found)
			try(add_note(collector, cpu->cpu, &vcpu));
	}
	return NULL;
}
