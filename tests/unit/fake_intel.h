/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_TESTS_FAKE_INTEL_H
#define CRASHLAB_TESTS_FAKE_INTEL_H

/* A crashed Intel machine in a made-up kernel, for tests to break. After cmocka.h. */
#include "fake_kernel.h"
#include "virt/collect.h"
#include "virt/verdict.h"

/* Where things lie in the made-up kernel: per-cpu symbols have 4 KiB per CPU. */
enum {
	BOOT_CPU_DATA = 0x1000,
	VARIABLES = 0x2000,
	BOOTED = 0x3000,
	VM_LIST = 0x4000,
	TLBSTATE = 0x10000,
	LIST = 0x14000,
	CURRENT = 0x18000,
	ENABLED = 0x1c000,
	VMXAREA = 0x50000,
	IRQ_STAT = 0x54000,
	LOADED = 0x20000, /* struct loaded_vmcs, 256 bytes each, a page per CPU */
	REGIONS = 0x40000, /* VMCS regions */
	KVM = 0x60000,
	VCPU = 0x61000,
};

static const struct fake_member members[] = {
	{"cpuinfo_x86", "x86_vendor_id", 16, 16},
	{"cpuinfo_x86", "x86", 0, 1},
	{"cpuinfo_x86", "x86_model", 1, 1},
	{"cpuinfo_x86", "x86_stepping", 2, 1},
	{"cpuinfo_x86", "microcode", 4, 4},
	{"vmcs_config", "basic", 0, 8},
	{"tlb_state", "cr4", 24, 8},
	{"irq_cpustat_t", "__nmi_count", 4, 4},
	{"loaded_vmcs", "vmcs", 0, 8},
	{"loaded_vmcs", "shadow_vmcs", 8, 8},
	{"loaded_vmcs", "cpu", 16, 4},
	{"loaded_vmcs", "launched", 20, 1},
	{"loaded_vmcs", "loaded_vmcss_on_cpu_link", 32, 16},
	{"loaded_vmcs", "host_state.cr3", 64, 8},
	{"loaded_vmcs", "host_state.cr4", 72, 8},
	{"loaded_vmcs", "host_state.gs_base", 80, 8},
	{"loaded_vmcs", "host_state.fs_base", 88, 8},
	{"loaded_vmcs", "host_state.rsp", 96, 8},
	{"loaded_vmcs", "controls_shadow.vm_entry", 128, 4},
	{"loaded_vmcs", "controls_shadow.vm_exit", 132, 4},
	{"loaded_vmcs", "controls_shadow.pin", 136, 4},
	{"loaded_vmcs", "controls_shadow.exec", 140, 4},
	{"loaded_vmcs", "controls_shadow.secondary_exec", 144, 4},
	{"kvm", "vm_list", 0, 16},
	{"kvm", "online_vcpus", 16, 4},
	{"kvm", "vcpu_array", 32, 16},
	{"xarray", "xa_head", 8, 8},
	{"xa_node", "shift", 0, 1},
	{"xa_node", "slots", 40, 512},
	{"kvm_vcpu", "cpu", 8, 4},
	{"vcpu_vmx", "vcpu", 0, 64},
	{"vcpu_vmx", "vmcs01", 64, 256},
	{"vcpu_vmx", "nested.vmcs02", 512, 256},
	{},
};

static struct kernel kernel;
static struct report report;
static struct calibrations calibrations;

static void ok(struct error *err)
{
	if (err)
		print_message("%s\n", err->message);
	assert_null(err);
}

static void put(uint64_t place, uint64_t value, size_t size)
{
	fake_write(&kernel, FAKE_BASE + place, value, size);
}

static void variable(const char *name, int index, uint64_t value)
{
	fake_symbol(&kernel, name, FAKE_BASE + VARIABLES + index * 8);
	put(VARIABLES + index * 8, value, 8);
}

static uint64_t loaded_place(unsigned cpu, unsigned index)
{
	return LOADED + cpu * 0x1000 + index * 256;
}

static uint64_t region_place(unsigned cpu, unsigned index)
{
	return REGIONS + cpu * 0x4000 + index * 0x1000;
}

static void list_set(unsigned cpu, uint64_t first)
{
	put(LIST + cpu * FAKE_PERCPU, FAKE_BASE + first, 8);
}

/** A loaded_vmcs of @cpu with a Bochs region in the given state; not on any list yet. */
static void make_vmcs(unsigned cpu, unsigned index, bool launched, uint32_t state)
{
	uint64_t place = loaded_place(cpu, index);

	put(place, FAKE_BASE + region_place(cpu, index), 8);
	put(place + 16, cpu, 4);
	put(place + 20, launched, 1);
	put(region_place(cpu, index), 0x2b, 4);
	put(region_place(cpu, index) + 8, state, 4);
}

static void list_vmcs(unsigned cpu, unsigned index)
{
	list_set(cpu, loaded_place(cpu, index) + 32);
	put(loaded_place(cpu, index) + 32, FAKE_BASE + LIST + cpu * FAKE_PERCPU, 8);
}

static void set_shadow(unsigned cpu, uint64_t cr4)
{
	put(TLBSTATE + cpu * FAKE_PERCPU + 24, cr4, 8);
}

/*
 * The healthy crash that every test starts from: two Intel CPUs with a cleared VMCS each, CPU 1
 * panicked and CPU 0 was in a guest, the emergency path done, its bookkeeping as it leaves it.
 */
static int healthy(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	kernel.cpus = 2;
	kernel.members = members;
	kernel.module = "kvm_intel";
	kernel.stack_end = "user mode";
	fake_symbol(&kernel, "boot_cpu_data", FAKE_BASE + BOOT_CPU_DATA);
	memcpy(kernel.memory + BOOT_CPU_DATA + 16, "GenuineIntel", 13);
	variable("cpu_emergency_virt_callback", 0, 0xffffffffc0001000);
	variable("crash_ipi_issued", 1, 1);
	variable("waiting_for_crash_ipi", 2, 0);
	variable("crashing_cpu", 3, 1);
	variable("panic_cpu", 4, 1);
	variable("vmcs_config", 5, 0);
	fake_symbol(&kernel, "cpus_booted_once_mask", FAKE_BASE + BOOTED);
	put(BOOTED, 3, 8);
	fake_symbol(&kernel, "cpu_tlbstate", FAKE_BASE + TLBSTATE);
	fake_symbol(&kernel, "loaded_vmcss_on_cpu", FAKE_BASE + LIST);
	fake_symbol(&kernel, "current_vmcs", FAKE_BASE + CURRENT);
	fake_symbol(&kernel, "virtualization_enabled", FAKE_BASE + ENABLED);
	fake_symbol(&kernel, "vm_list", FAKE_BASE + VM_LIST);
	put(VM_LIST, FAKE_BASE + VM_LIST, 8);
	for (unsigned cpu = 0; cpu < FAKE_CPUS; cpu++) {
		kernel.online[cpu] = kernel.note[cpu] = cpu < 2;
		kernel.registers[cpu].cs = 0x10;
		kernel.stacks[cpu][0] = cpu == 1 ? "__crash_kexec+0x1/0x9" : "vmx_vcpu_run+0x1/0x9";
		put(ENABLED + cpu * FAKE_PERCPU, 1, 1);
		list_set(cpu, LIST + cpu * FAKE_PERCPU);
		set_shadow(cpu, cpu < 2 ? 0x1706f0 : UINT64_MAX);
		if (cpu >= 2)
			continue;
		make_vmcs(cpu, 0, true, 0);
		list_vmcs(cpu, 0);
		put(CURRENT + cpu * FAKE_PERCPU, FAKE_BASE + region_place(cpu, 0), 8);
	}
	return 0;
}

static int done(void **state)
{
	(void)state;
	report_deinit(&report);
	calibrations_deinit(&calibrations);
	return 0;
}

/** Of a case that CPU 0 was held in virt-off for, from 1000 ns on. */
static inline struct marker make_marker(void)
{
	return (struct marker){
		.magic = MARKER_MAGIC,
		.version = MARKER_VERSION,
		.size = sizeof(struct marker),
		.case_id = "case-1",
		.window = "virt-off",
		.probe = "kvm_disable_virtualization_cpu+0x0 [kvm]",
		.reboot = "restart",
		.panic_cpu = 1,
		.t_hit = 1000,
	};
}

/** What the report has one @source say, and how strongly. */
static inline void expect_fact(const char *source, enum evidence_state state,
			       enum evidence_strength strength, const char *reason)
{
	for (size_t i = 0; i < report.evidence.count; i++) {
		const struct evidence *fact = &report.evidence.items[i];

		if (!strcmp(fact->source, source) && fact->state == state &&
		    fact->strength == strength && strstr(fact->reason, reason))
			return;
	}
	for (size_t i = 0; i < report.evidence.count; i++)
		print_message("%s (%d, %d): %s\n", report.evidence.items[i].source,
			      report.evidence.items[i].state, report.evidence.items[i].strength,
			      report.evidence.items[i].reason);
	fail_msg("%s does not say \"%s\"", source, reason);
}

static bool says(const struct text_list *list, const char *words)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strstr(list->items[i], words))
			return true;
	}
	return false;
}

static void expect(bool accept, enum verdict verdict, const char *reason)
{
	report_deinit(&report);
	ok(report_collect(&kernel, &calibrations, &report));
	ok(verdict_judge(&report, accept));
	bool fine = report.verdict == verdict && says(&report.reasons, reason);

	for (size_t i = 0; i < report.reasons.count && !fine; i++)
		print_message("%s: %s\n", verdict_name(report.verdict), report.reasons.items[i]);
	assert_true(fine);
}

#endif
