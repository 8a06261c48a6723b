// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"
#include "virt/collect.h"

/**
 * How kernels switch virtualization off in an emergency, newest first; a kernel is the first one
 * whose symbol it has. Before cpu_emergency_virt_callback VMXOFF and SVM's disable needed no
 * callback, and VMCLEAR was the crash path's alone (kdump_nmi_callback()).
 */
static const struct mechanism {
	const char *symbol;
	const char *callback; /* pointer that KVM registers */
	bool unconditional; /* VMXOFF and SVM's disable happen without the callback */
	bool stop_disables_svm; /* on CPUs that the reboot IPI stops */
	bool stop_clears; /* VMCLEAR on those */
	const char *kernels;
} mechanisms[] = {
	{"x86_virt_emergency_disable_virtualization_cpu", "kvm_emergency_callback", true, true,
	 true, "7.x, arch/x86/virt/hw.c"},
	{"cpu_emergency_virt_callback", "cpu_emergency_virt_callback", false, true, true,
	 "6.6, and 6.1.y from about 6.1.149, arch/x86/kernel/reboot.c"},
	{"cpu_emergency_disable_virtualization", "crash_vmclear_loaded_vmcss", true, true, false,
	 "6.3 (26044aff37a5, a2b07fa7b933) and stable trees since, arch/x86/kernel/reboot.c"},
	{"crash_vmclear_loaded_vmcss", "crash_vmclear_loaded_vmcss", true, false, false,
	 "before, arch/x86/kernel/crash.c; smp_reboot_interrupt() calls cpu_emergency_vmxoff()"},
};

/** Variables shown under "chain", and those of them that are kept. */
static const struct variable {
	const char *name;
	const char *module;
	size_t size;
	size_t slot; /* offset of an int in struct chain, 0: only shown */
} variables[] = {
	{"crash_ipi_issued", NULL, 4, offsetof(struct chain, issued)},
	{"waiting_for_crash_ipi", NULL, 4, offsetof(struct chain, waiting)},
	{"crashing_cpu", NULL, 4, offsetof(struct chain, crashing_cpu)},
	{"panic_cpu", NULL, 4, offsetof(struct chain, panic_cpu)},
	{"system_state", NULL, 4, 0},
	{"reboot_emergency", NULL, 4, 0},
	{"stopping_cpu", NULL, 4, 0},
	{"kvm_rebooting", "*", 1, 0}, /* to 6.18 */
	{"virt_rebooting", NULL, 1, 0}, /* 7.x */
};

/**
 * 6.6 has kvm_amd register svm_emergency_disable(), 6.12
 * svm_emergency_disable_virtualization_cpu(). A kvm_amd without either, in a 6.1.y with the
 * callback, leaves SVM to the kernel itself, which clears it unasked
 * (cpu_emergency_disable_virtualization(), 6.1.192).
 */
static bool svm_needs_no_callback(struct collector *collector)
{
	static const char *const callbacks[] = {"svm_emergency_disable",
						"svm_emergency_disable_virtualization_cpu"};
	bool absent = kernel_has_module(collector->kernel, "kvm_amd");
	uint64_t symbol;

	for (size_t i = 0; absent && i < sizeof(callbacks) / sizeof(*callbacks); i++) {
		struct error *err =
			kernel_symbol(collector->kernel, "kvm_amd", callbacks[i], &symbol);

		absent = error_is(err, ERROR_NOT_FOUND);
		error_free(err);
	}
	return absent;
}

/** The path does its work on @cpu without anybody having registered. */
static bool is_unconditional(const struct chain *chain, const struct cpu_finding *cpu)
{
	return chain->unconditional ||
	       (chain->svm_unconditional && cpu->properties == 1u << PROPERTY_SVM);
}

static struct error *collect_callback(struct collector *collector)
{
	struct chain *chain = &collector->chain;
	const struct mechanism *found = NULL;
	uint64_t symbol;

	for (size_t i = 0; !found && i < sizeof(mechanisms) / sizeof(*mechanisms); i++) {
		struct error *err =
			kernel_symbol(collector->kernel, NULL, mechanisms[i].symbol, &symbol);

		if (!err)
			found = &mechanisms[i];
		error_clear(&err);
	}
	if (!found)
		return report_add_chain(collector->report, "callback", false, 0, NULL);
	chain->unconditional = found->unconditional;
	chain->svm_unconditional = found->unconditional || svm_needs_no_callback(collector);
	chain->stop_disables_svm = found->stop_disables_svm;
	chain->stop_clears = found->stop_clears;
	struct error *err =
		kernel_read_variable(collector->kernel, NULL, found->callback, 8, &chain->callback);

	chain->callback_known = !err;
	error_clear(&err);
	if (!chain->callback_known)
		return report_add_chain(collector->report, "callback", false, 0, NULL);
	strcpy(chain->callback_name, "none");
	if (chain->callback)
		kernel_symbolize(collector->kernel, chain->callback, chain->callback_name,
				 sizeof(chain->callback_name));
	return report_add_chain(collector->report, "callback", true, 0, chain->callback_name);
}

struct error *collect_chain(struct collector *collector)
{
	struct chain *chain = &collector->chain;

	*chain = (struct chain){.known = true, .crashing_cpu = -1, .panic_cpu = -1};
	try(collect_callback(collector));
	for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
		const struct variable *variable = &variables[i];
		uint64_t value = 0;
		struct error *err = kernel_read_variable(collector->kernel, variable->module,
							 variable->name, variable->size, &value);
		int number = variable->size == 4 ? (int)(uint32_t)value : (int)value;

		if (variable->slot && err)
			chain->known = false;
		else if (variable->slot)
			*(int *)((char *)chain + variable->slot) = number;
		bool known = !err;

		error_clear(&err);
		try(report_add_chain(collector->report, variable->name, known, number, NULL));
	}
	return NULL;
}

/**
 * nmi_shootdown_cpus() starts the count at num_online_cpus() - 1, and every CPU that takes the NMI
 * saves its note first and counts down last (crash_nmi_callback()). A CPU that the reboot IPI had
 * stopped may take it too, and so take a count that is not its own: only when as many counted down
 * as left a note have all of them finished.
 */
static bool shootdown_done(const struct collector *collector, char *why, size_t size)
{
	const struct chain *chain = &collector->chain;
	const struct report *report = collector->report;
	int online = 0, noted = 0;

	for (size_t i = 0; i < report->cpu_count; i++) {
		const struct cpu_finding *cpu = &report->cpus[i];

		if ((int)cpu->cpu == chain->crashing_cpu)
			continue;
		online += cpu->online;
		noted += cpu->note;
	}
	if (chain->waiting == online - noted)
		return true;
	snprintf(why, size, "waiting_for_crash_ipi is %d where %d CPUs online and %d notes make %d",
		 chain->waiting, online, noted, online - noted);
	return false;
}

/** The parts of the chain that hold for every CPU. */
static bool chain_ran(const struct collector *collector, const struct cpu_finding *cpu, char *why,
		      size_t size)
{
	const struct chain *chain = &collector->chain;
	bool unconditional = is_unconditional(chain, cpu);

	if (!chain->known || (!chain->callback_known && !unconditional))
		snprintf(why, size, "the emergency path's variables cannot be read");
	else if (!chain->callback && !unconditional)
		snprintf(why, size, "no callback is registered, the emergency path does nothing");
	else if (!chain->issued)
		snprintf(why, size, "the shootdown was not issued (crash_ipi_issued is 0)");
	else if (chain->crashing_cpu < 0)
		snprintf(why, size, "crashing_cpu is not set");
	else if (chain->panic_cpu < 0)
		snprintf(why, size, "the shootdown was a restart's, by CPU %d: none panicked",
			 chain->crashing_cpu);
	else if (chain->crashing_cpu != chain->panic_cpu)
		snprintf(why, size, "the shootdown was CPU %d's, but CPU %d panicked",
			 chain->crashing_cpu, chain->panic_cpu);
	else
		return true;
	return false;
}

bool chain_done(const struct collector *collector, const struct cpu_finding *cpu, char *why,
		size_t size)
{
	const struct chain *chain = &collector->chain;
	const char *callback = chain->callback ? chain->callback_name : "the kernel's own path";

	if (!chain_ran(collector, cpu, why, size))
		return false;
	if ((int)cpu->cpu == chain->crashing_cpu) {
		/* native_machine_crash_shutdown() disables before its last act, crash_save_cpu().
		 */
		if (cpu->note)
			snprintf(why, size, "the panic CPU saved its registers, after %s",
				 callback);
		else
			snprintf(why, size, "the panic CPU did not come to save its registers");
		return cpu->note;
	}
	if (!cpu->note && !cpu->online) {
		/* sysvec_reboot() and stop_this_cpu(): disabled first, then marked offline. */
		snprintf(why, size, "stopped by the reboot IPI, after %s", callback);
		return chain->stop_disables_svm || !(cpu->properties & 1u << PROPERTY_SVM);
	}
	if (!cpu->note) {
		snprintf(why, size, "it did not answer the shootdown's NMI: no note");
		return false;
	}
	if (!shootdown_done(collector, why, size))
		return false;
	snprintf(why, size, "it took the shootdown's NMI, and all that did came through %s",
		 callback);
	return true;
}

/** irq_cpustat_t.__nmi_count: exc_nmi() counts each that it takes (arch/x86/kernel/nmi.c). */
static struct error *count_nmis(const struct collector *collector, unsigned cpu, uint64_t *sum)
{
	uint64_t symbol, address, count;
	struct kernel_field field;

	try(kernel_symbol(collector->kernel, NULL, "irq_stat", &symbol));
	try(kernel_member(collector->kernel, NULL, "irq_cpustat_t", "__nmi_count", &field));
	try(kernel_percpu_address(collector->kernel, symbol, cpu, &address));
	try(kernel_read_uint(collector->kernel, address + field.offset, field.size, &count));
	*sum += count;
	return NULL;
}

bool chain_sent_all_nmis(const struct collector *collector)
{
	const struct chain *chain = &collector->chain;
	const struct report *report = collector->report;
	uint64_t online = 0, taken = 0;

	if (!chain->known || !chain->issued || chain->waiting)
		return false;
	for (size_t i = 0; i < report->cpu_count; i++) {
		struct error *err = count_nmis(collector, report->cpus[i].cpu, &taken);

		online += report->cpus[i].online;
		if (err) {
			error_free(err);
			return false;
		}
	}
	return online && taken == online - 1;
}

/** Per-cpu records of virtualization being on, by the kernels that have them. */
static const struct {
	const char *name;
	size_t size;
} enabled_variables[] = {
	{"virtualization_enabled", 1}, /* 6.12, virt/kvm/kvm_main.c */
	{"hardware_enabled", 1}, /* 6.3 to 6.11 */
	{"virtualization_nr_users", 4}, /* 7.x, arch/x86/virt/hw.c: KVM's and others' */
};

enum kvm_record kvm_record(const struct collector *collector, unsigned cpu)
{
	enum kvm_record record = KVM_UNRECORDED;

	for (size_t i = 0; i < sizeof(enabled_variables) / sizeof(*enabled_variables); i++) {
		uint64_t enabled = 1;
		struct error *err =
			kernel_read_percpu(collector->kernel, "*", enabled_variables[i].name, cpu,
					   enabled_variables[i].size, &enabled);
		bool absent = error_is(err, ERROR_NOT_FOUND), failed = err;

		error_clear(&err);
		if (absent)
			continue;
		if (failed || enabled)
			return failed ? KVM_UNRECORDED : KVM_ON;
		record = KVM_OFF;
	}
	return record;
}

/** Add the inference that KVM's own records allow on this CPU. */
static struct error *bookkeeping(struct collector *collector, const struct cpu_finding *cpu,
				 struct evidence evidence, bool *ret)
{
	const struct chain *chain = &collector->chain;
	const char *reason;

	evidence.source = "kvm-bookkeeping";
	evidence.state = STATE_OFF;
	if (kvm_record(collector, cpu->cpu) == KVM_OFF)
		reason = "KVM had switched it off on this CPU before the crash";
	else if (chain->callback_known && !chain->callback && !is_unconditional(chain, cpu))
		reason = "no KVM had registered for emergencies: none had it switched on";
	else
		return NULL;
	*ret = true;
	return evidence_add(&collector->report->evidence, evidence, "%s", reason);
}

struct error *source_chain(struct collector *collector)
{
	struct report *report = collector->report;

	for (size_t i = 0; i < report->cpu_count; i++) {
		const struct cpu_finding *cpu = &report->cpus[i];
		char why[256];
		bool done = chain_done(collector, cpu, why, sizeof(why));

		for (enum evidence_property property = PROPERTY_VMX; property <= PROPERTY_SVM;
		     property++) {
			struct evidence evidence = {.property = property, .cpu = cpu->cpu};
			bool was_off = false;

			if (!(cpu->properties & 1u << property))
				continue;
			try(bookkeeping(collector, cpu, evidence, &was_off));
			evidence.source = "emergency-chain";
			evidence.state = done ? STATE_OFF : STATE_UNKNOWN;
			if (done || !was_off)
				try(evidence_add(&report->evidence, evidence, "%s", why));
		}
	}
	return NULL;
}
