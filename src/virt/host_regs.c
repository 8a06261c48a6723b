// SPDX-License-Identifier: GPL-2.0-only
#include "virt/host_regs.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "kernel/cpu_bits.h"

#define SOURCE "host-registers"

static struct error *usage(const char *what, const char *token)
{
	return error_new(ERROR_USAGE, "host registers: %s \"%.20s\"", what, token);
}

static struct error *find_cpu(struct host_regs *regs, unsigned number, struct host_cpu **ret)
{
	for (size_t i = 0; i < regs->count; i++) {
		if (regs->cpus[i].cpu == number) {
			*ret = &regs->cpus[i];
			return NULL;
		}
	}
	try(array_grow((void **)&regs->cpus, &regs->count, sizeof(*regs->cpus)));
	*ret = &regs->cpus[regs->count - 1];
	(*ret)->cpu = number;
	return NULL;
}

/** A number that ends where the word ends. */
static struct error *parse_value(const char *token, const char *digits, int base, uint64_t *ret)
{
	char *end;

	errno = 0;
	if (!isxdigit((unsigned char)*digits))
		return usage("no number in", token);
	*ret = strtoull(digits, &end, base);
	if (errno || (*end && !isspace((unsigned char)*end)))
		return usage("no number in", token);
	return NULL;
}

static struct error *store(const char *token, bool *has, uint64_t *slot, uint64_t value)
{
	if (*has && *slot != value)
		return usage("the CPU has a second, different", token);
	*has = true;
	*slot = value;
	return NULL;
}

static struct error *parse_register(struct host_cpu *cpu, const char *token)
{
	uint64_t value, vmx = cpu->vmx;

	if (!strncmp(token, "CR4=", 4)) {
		try(parse_value(token, token + 4, 16, &value));
		return store(token, &cpu->has_cr4, &cpu->cr4, value);
	}
	if (!strncmp(token, "EFER=", 5)) {
		try(parse_value(token, token + 5, 16, &value));
		return store(token, &cpu->has_efer, &cpu->efer, value);
	}
	if (!strncmp(token, "VMX=", 4)) {
		try(parse_value(token, token + 4, 10, &value));
		if (value > 1)
			return usage("neither 0 nor 1 in", token);
		try(store(token, &cpu->has_vmx, &vmx, value));
		cpu->vmx = vmx;
	}
	return NULL;
}

static struct error *parse_words(const char *text, struct host_regs *regs)
{
	struct host_cpu *cpu = NULL;
	uint64_t number;

	while (*text) {
		if (!strncmp(text, "CPU#", 4)) {
			try(parse_value(text, text + 4, 10, &number));
			if (number > UINT16_MAX)
				return usage("no CPU number in", text);
			try(find_cpu(regs, number, &cpu));
		} else if (cpu) {
			try(parse_register(cpu, text));
		}
		text += strcspn(text, " \t\r\n");
		text += strspn(text, " \t\r\n");
	}
	return NULL;
}

struct error *host_regs_parse(const char *text, struct host_regs *ret)
{
	struct host_regs regs = {};
	struct error *err = parse_words(text + strspn(text, " \t\r\n"), &regs);

	if (!err && !regs.count)
		err = error_new(ERROR_USAGE,
				"host registers: no line \"CPU#N\" in the file; it should "
				"be the output of QEMU's `info registers -a`");
	if (err)
		host_regs_deinit(&regs);
	else
		*ret = regs;
	return err;
}

void host_regs_deinit(struct host_regs *regs)
{
	free(regs->cpus);
	*regs = (struct host_regs){};
}

/**
 * CR4.VMXE is set before VMXON and cleared after VMXOFF, so VMXE=0 proves VMX off; VMXE=1 is as
 * good as on, except that a host that knows better (VMX=0|1) has the last word.
 */
static struct error *apply_vmx(const struct host_cpu *host, struct report *report)
{
	bool enabled = host->cr4 & X86_CR4_VMXE;
	struct evidence evidence = {PROPERTY_VMX,    host->cpu, 0,   STATE_UNKNOWN,
				    STRENGTH_DIRECT, SOURCE,    NULL};

	if (host->has_vmx) {
		evidence.state = host->vmx ? STATE_ON : STATE_OFF;
		try(evidence_add(&report->evidence, evidence, "the host says VMX operation: %s",
				 host->vmx ? "yes" : "no"));
	}
	if (!host->has_cr4 || (host->has_vmx && enabled))
		return NULL;
	evidence.state = enabled ? STATE_ON : STATE_OFF;
	return evidence_add(&report->evidence, evidence, "CR4=0x%" PRIx64 ", VMXE is %s", host->cr4,
			    enabled ? "set" : "clear");
}

static struct error *apply_svm(const struct host_cpu *host, struct report *report)
{
	bool enabled = host->efer & EFER_SVME;
	struct evidence evidence = {PROPERTY_SVM,    host->cpu, 0,   enabled ? STATE_ON : STATE_OFF,
				    STRENGTH_DIRECT, SOURCE,    NULL};

	if (!host->has_efer)
		return NULL;
	return evidence_add(&report->evidence, evidence, "EFER=0x%" PRIx64 ", SVME is %s",
			    host->efer, enabled ? "set" : "clear");
}

struct error *host_regs_apply(const struct host_regs *regs, struct report *report)
{
	unsigned applied = 0;

	evidence_remove_source(&report->evidence, SOURCE);
	for (size_t i = 0; i < regs->count; i++) {
		const struct host_cpu *host = &regs->cpus[i];
		const struct cpu_finding *cpu = report_cpu(report, host->cpu);

		if (!cpu)
			continue;
		if (cpu->properties & 1u << PROPERTY_VMX)
			try(apply_vmx(host, report));
		if (cpu->properties & 1u << PROPERTY_SVM)
			try(apply_svm(host, report));
		applied++;
	}
	if (!applied)
		return error_new(ERROR_USAGE,
				 "host registers: they are of no CPU of this dump; are "
				 "they of this machine?");
	return NULL;
}
