// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"
#include "virt/collect.h"

#define VMX (1u << PROPERTY_VMX)
#define SVM (1u << PROPERTY_SVM)

/** CPUID's vendor words and what their CPUs have (arch/x86/kernel/cpu/{intel,amd,…}.c). */
static const struct {
	const char *vendor;
	unsigned properties;
} vendors[] = {
	{"GenuineIntel", VMX}, {"AuthenticAMD", SVM}, {"HygonGenuine", SVM},
	{"CentaurHauls", VMX}, {"  Shanghai  ", VMX},
};

/** boot_cpu_data.x86_vendor_id (struct cpuinfo_x86, arch/x86/include/asm/processor.h). */
static struct error *read_vendor(struct collector *collector, char *buffer, size_t size)
{
	struct kernel_field field;
	uint64_t address;

	try(kernel_symbol(collector->kernel, NULL, "boot_cpu_data", &address));
	try(kernel_member(collector->kernel, NULL, "cpuinfo_x86", "x86_vendor_id", &field));
	try(dump_read_string(collector->dump, address + field.offset, buffer, size));
	for (const char *c = buffer; *c; c++) {
		if (!isprint((unsigned char)*c))
			return error_new(ERROR_FORMAT, "x86_vendor_id is no text");
	}
	return NULL;
}

struct error *collect_vendor(struct collector *collector)
{
	char vendor[16] = "";
	struct error *err = read_vendor(collector, vendor, sizeof(vendor));

	if (err)
		strcpy(vendor, "unknown");
	error_clear(&err);
	return text_set(&collector->report->vendor, "%s", vendor);
}

/** What has to be off on every CPU: by the vendor, else by KVM's module, else both. */
static unsigned required_properties(const struct collector *collector)
{
	for (size_t i = 0; i < sizeof(vendors) / sizeof(*vendors); i++) {
		if (!strcmp(collector->report->vendor, vendors[i].vendor))
			return vendors[i].properties;
	}
	bool intel = collector->kvm_intel, amd = kernel_has_module(collector->kernel, "kvm_amd");

	return intel == amd ? VMX | SVM : intel ? VMX : SVM;
}

/** cpu_tlbstate starts with cr4 = ~0 and is set when a CPU comes up (arch/x86/mm/init.c). */
static bool shadow_untouched(struct collector *collector, unsigned cpu)
{
	uint64_t symbol, address, cr4 = 0;
	struct kernel_field field;
	struct error *err = kernel_symbol(collector->kernel, NULL, "cpu_tlbstate", &symbol);

	if (!err)
		err = kernel_member(collector->kernel, NULL, "tlb_state", "cr4", &field);
	if (!err)
		err = kernel_percpu_address(collector->kernel, symbol, cpu, &address);
	if (!err)
		err = kernel_read_uint(collector->kernel, address + field.offset, 8, &cr4);
	bool untouched = !err && cr4 == UINT64_MAX;

	error_clear(&err);
	return untouched;
}

/**
 * Only a CPU that was never started can be left out. cpus_booted_once_mask (kernel/cpu.c, since
 * 5.2) says which were; when it cannot be read, the CPU is kept.
 */
static bool never_started(struct collector *collector, unsigned cpu)
{
	uint64_t mask, word;
	struct error *err = kernel_symbol(collector->kernel, NULL, "cpus_booted_once_mask", &mask);

	if (error_is(err, ERROR_NOT_FOUND)) {
		error_clear(&err);
		return shadow_untouched(collector, cpu);
	}
	if (!err)
		err = kernel_read_uint(collector->kernel, mask + cpu / 64 * 8, 8, &word);
	bool never = !err && !(word >> cpu % 64 & 1);

	error_clear(&err);
	return never;
}

/** A return address may already be the next function's first: its call is what counts. */
static void name_frame(struct collector *collector, const struct frame *frame, char *buffer,
		       size_t size)
{
	char call[256];

	kernel_symbolize(collector->kernel, frame->address, buffer, size);
	if (frame->is_pc)
		return;
	kernel_symbolize(collector->kernel, frame->address - 1, call, sizeof(call));
	if (strncmp(buffer, call, strcspn(call, "+") + 1))
		snprintf(buffer, size, "%s", call);
}

static struct error *add_stack(struct collector *collector, struct cpu_finding *cpu,
			       const struct cpu_registers *registers)
{
	struct backtrace backtrace = {};
	struct error *err = kernel_unwind(collector->kernel, registers, &backtrace);

	if (err) {
		struct error *failed = text_set(&cpu->stack_end, "%s", err->message);

		error_clear(&err);
		return failed;
	}
	for (size_t i = 0; !err && i < backtrace.count; i++) {
		const struct frame *frame = &backtrace.frames[i];
		struct stack_entry *entry;
		char symbol[256];

		err = report_add_stack(cpu, &entry);
		if (err)
			break;
		entry->address = frame->address;
		entry->reliable = frame->reliable;
		name_frame(collector, frame, symbol, sizeof(symbol));
		err = text_set(&entry->symbol, "%s", symbol);
	}
	if (!err)
		err = text_set(&cpu->stack_end, "%s", backtrace.stop ? backtrace.stop : "");
	backtrace_deinit(&backtrace);
	return err;
}

/** Functions that are only entered when an NMI ended guest mode (arch/x86/kvm/vmx/vmenter.S). */
static bool was_in_guest(const char *symbol)
{
	return !strncmp(symbol, "vmx_do_nmi_irqoff+", 18) ||
	       !strncmp(symbol, "vmx_do_interrupt_nmi_irqoff+", 28);
}

static struct error *add_registers(struct collector *collector, struct cpu_finding *cpu,
				   const struct cpu_registers *registers)
{
	const char *when = cpu->note ? "" : "at the dump: ";
	char symbol[256];

	cpu->rip = registers->rip;
	if (registers->cs & 3)
		return text_set(&cpu->where, "%suser mode", when);
	kernel_symbolize(collector->kernel, registers->rip, symbol, sizeof(symbol));
	try(text_set(&cpu->where, "%s%s%s", when, was_in_guest(symbol) ? "guest mode, " : "",
		     symbol));
	return add_stack(collector, cpu, registers);
}

/** Of a CPU that saved no registers QEMU may know where it was when the dump was written. */
static struct error *add_vcpu(struct collector *collector, struct cpu_finding *cpu)
{
	struct kernel_vcpu vcpu;
	struct error *err = kernel_vcpu(collector->kernel, cpu->cpu, &vcpu);
	bool useful = !err && vcpu.place == VCPU_KERNEL && vcpu.has_registers;

	error_free(err);
	return useful ? add_registers(collector, cpu, &vcpu.registers) : NULL;
}

struct error *collect_cpus(struct collector *collector)
{
	unsigned limit = kernel_cpu_limit(collector->kernel);
	unsigned properties = required_properties(collector);

	for (unsigned number = 0; number < limit; number++) {
		bool online = kernel_cpu_online(collector->kernel, number);
		struct cpu_registers registers;
		struct cpu_finding *cpu;

		if (!online && !kernel_cpu_possible(collector->kernel, number))
			continue;
		struct error *err = kernel_cpu_registers(collector->kernel, number, &registers);
		bool note = !err;

		error_clear(&err);
		if (!online && !note && never_started(collector, number))
			continue;
		try(report_add_cpu(collector->report, number, &cpu));
		cpu->online = online;
		cpu->properties = properties;
		cpu->note = note;
		try(note ? add_registers(collector, cpu, &registers) : add_vcpu(collector, cpu));
	}
	return NULL;
}

/** Functions that only a rebooting task has on its stack (kernel/reboot.c, arch/x86/kernel). */
static const char *const reboot_functions[] = {
	"__x64_sys_reboot",        "__do_sys_reboot",
	"kernel_restart",          "kernel_restart_prepare",
	"machine_restart",         "native_machine_restart",
	"emergency_restart",       "native_machine_emergency_restart",
	"sysrq_handle_reboot",     "migrate_to_reboot_cpu",
	"native_machine_shutdown", "native_stop_other_cpus",
};

bool symbol_is_one_of(const char *symbol, const char *const *names, size_t count)
{
	size_t length = strcspn(symbol, "+. ");

	for (size_t i = 0; i < count; i++) {
		if (strlen(names[i]) == length && !strncmp(symbol, names[i], length))
			return true;
	}
	return false;
}

bool stack_is_complete(const struct cpu_finding *cpu)
{
	for (size_t i = 0; i < cpu->stack_count; i++) {
		if (!cpu->stack[i].reliable)
			return false;
	}
	return cpu->stack_end &&
	       (!strcmp(cpu->stack_end, "user mode") || !strcmp(cpu->stack_end, "end of stack"));
}

static bool stack_reboots(const struct cpu_finding *cpu)
{
	for (size_t i = 0; i < cpu->stack_count; i++) {
		if (cpu->stack[i].reliable &&
		    symbol_is_one_of(cpu->stack[i].symbol, reboot_functions,
				     sizeof(reboot_functions) / sizeof(*reboot_functions)))
			return true;
	}
	return false;
}

struct error *collect_roles(struct collector *collector)
{
	struct report *report = collector->report;
	const struct chain *chain = &collector->chain;
	/*
	 * crashing_cpu is whose shootdown it was: with a panic_cpu the panic's, without one an
	 * emergency restart's (nmi_shootdown_cpus_on_restart()).
	 */
	bool restarted = chain->known && chain->panic_cpu < 0;
	int panic = chain->panic_cpu >= 0 || restarted ? chain->panic_cpu : chain->crashing_cpu;

	for (size_t i = 0; i < report->cpu_count; i++) {
		struct cpu_finding *cpu = &report->cpus[i];

		cpu->panic = panic >= 0 && cpu->cpu == (unsigned)panic;
		if (report->has_case && strcmp(report->marker.reboot, "none"))
			cpu->reboot = cpu->cpu == report->marker.reboot_cpu;
		else
			cpu->reboot = stack_reboots(cpu) ||
				      (restarted && (int)cpu->cpu == chain->crashing_cpu);
	}
	return NULL;
}
