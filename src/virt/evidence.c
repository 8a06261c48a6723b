// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "virt/evidence.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/text.h"

#define VMX (1u << PROPERTY_VMX)
#define SVM (1u << PROPERTY_SVM)
#define VMCS (1u << PROPERTY_VMCS)

const struct evidence_source evidence_sources[] = {
	{"cr4-shadow", VMX, STRENGTH_DIRECT, false,
	 "CR4.VMXE as the kernel last wrote it on that CPU",
	 "per-cpu cpu_tlbstate.cr4, cr4_update_irqsoff() in arch/x86/kernel/cpu/common.c; SDM 3C "
	 "24.7: VMX operation needs CR4.VMXE=1, and clearing it there faults"},
	{"vmxon-race", VMX, STRENGTH_INFERRED, false,
	 "the CPU was stopped between the two CR4 writes of VMXON: shadow VMXE=1 says nothing",
	 "kvm_cpu_vmxon() in arch/x86/kvm/vmx/vmx.c; cr4_update_irqsoff() writes the shadow first"},
	{"vmxoff-race", VMX, STRENGTH_INFERRED, false,
	 "the CPU was stopped between VMXOFF and the CR4 write after it: shadow VMXE=1 says "
	 "nothing",
	 "the opcode 0F 01 C4 before that place in a function on its stack; cr4_clear_bits() "
	 "comes after VMXOFF"},
	{"host-registers", VMX | SVM, STRENGTH_DIRECT, true,
	 "CR4, EFER or VMX operation of the virtual CPU as the host sees them",
	 "--host-regs: QEMU's `info registers -a`, Bochs' saved state; SDM 3C 24.7, APM 2 15.4"},
	{"qemu-note", VMX, STRENGTH_DIRECT, false,
	 "CR4.VMXE of the virtual CPU when QEMU wrote the dump, if it was in this kernel or its "
	 "crash kernel",
	 "struct QEMUCPUState, QEMU target/i386/arch_dump.c; SDM 3C 24.7, 24.8"},
	{"capture-kernel-booted", VMX, STRENGTH_DIRECT, true,
	 "the panic CPU jumped to the capture kernel, which it cannot do in VMX operation",
	 "relocate_kernel_64.S loads CR4 without VMXE; SDM 3C 24.8: #GP in VMX operation"},
	{"capture-efer", SVM, STRENGTH_DIRECT, true,
	 "EFER.SVME of the panic CPU, read in the capture kernel that runs on it",
	 "MSR 0xc0000080 bit 12, APM 2 15.4; nothing on the way to the capture kernel clears it"},
	{"recorder", SVM, STRENGTH_DIRECT, false,
	 "EFER.SVME as the CPU itself last read or wrote it, seen by the flight recorder",
	 "crashtrigger --record: tracepoints msr:read_msr and msr:write_msr, native_read_msr() and "
	 "native_write_msr() in arch/x86/include/asm/msr.h; APM 2 15.4"},
	{"init-test", VMX, STRENGTH_DIRECT, true,
	 "whether the CPU could be started again by INIT-SIPI, which it cannot in VMX operation",
	 "--evidence; SDM 3C 24.8: INIT is blocked in VMX root operation"},
	{"emergency-chain", VMX | SVM | VMCS, STRENGTH_INFERRED, false,
	 "the kernel's emergency path ran to its end on that CPU",
	 "nmi_shootdown_cpus(), crash_nmi_callback(), sysvec_reboot() in arch/x86/kernel"},
	{"kvm-bookkeeping", VMX | SVM | VMCS, STRENGTH_INFERRED, false,
	 "KVM's own records say that it had switched off, or had unloaded the VMCS, before",
	 "virtualization_enabled in virt/kvm/kvm_main.c (6.12), hardware_enabled (6.3); "
	 "__loaded_vmcs_clear() in arch/x86/kvm/vmx/vmx.c"},
	{"vmcs-bochs", VMCS, STRENGTH_DIRECT, false, "launch state in a VMCS region of Bochs",
	 "Bochs cpu/vmx.cc: VMLAUNCH stores 1 at offset 8, VMCLEAR 0"},
	{"vmcs-vmcs12", VMCS, STRENGTH_DIRECT, false,
	 "launch state in a VMCS region of a KVM that runs this machine (struct vmcs12)",
	 "arch/x86/kvm/vmx/vmcs12.h, nested.c: handle_vmclear(), nested_release_vmcs12()"},
	{"vmcs-calibrated", VMCS, STRENGTH_DIRECT, false,
	 "launch state in a VMCS region of the CPU's own format, as learnt on such a CPU",
	 "--calibration; SDM 3C 25.11.3: VMCLEAR writes the VMCS to its region, launch state "
	 "clear"},
	{"vmcs-evmcs", VMCS, STRENGTH_INFERRED, false,
	 "an enlightened VMCS of Hyper-V: memory does not tell whether it is active",
	 "struct hv_enlightened_vmcs, arch/x86/include/asm/hyperv-tlfs.h"},
	{"vmcs-page", VMCS, STRENGTH_INFERRED, false,
	 "the VMCS region cannot be read or is not one",
	 "struct vmcs_hdr, arch/x86/kvm/vmx/vmcs.h; SDM 3C 25.2"},
	{"vmcs-list", VMCS, STRENGTH_INFERRED, false,
	 "the search for VMCSs did not come to its end: there may be more of them",
	 "loaded_vmcss_on_cpu, current_vmcs in arch/x86/kvm/vmx/vmx.c; vm_list in virt/kvm"},
	{},
};

const struct evidence_source *evidence_source_find(const char *name)
{
	for (const struct evidence_source *source = evidence_sources; source->name; source++) {
		if (!strcmp(source->name, name))
			return source;
	}
	return NULL;
}

void evidence_list_deinit(struct evidence_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i].reason);
	free(list->items);
	*list = (struct evidence_list){};
}

struct error *evidence_add(struct evidence_list *list, struct evidence evidence, const char *format,
			   ...)
{
	const struct evidence_source *source = evidence_source_find(evidence.source);
	_cleanup_free_ char *reason = NULL;
	va_list args;

	if (!source)
		return error_new(ERROR_FORMAT, "\"%s\" is no source of evidence", evidence.source);
	if (!(source->properties & 1u << evidence.property))
		return error_new(ERROR_FORMAT, "%s says nothing about %s", source->name,
				 property_name(evidence.property));
	if (evidence.strength > source->strength)
		return error_new(ERROR_FORMAT, "evidence from %s is never direct", source->name);
	va_start(args, format);
	if (vasprintf(&reason, format, args) < 0)
		reason = NULL;
	va_end(args);
	if (!reason)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	try(array_grow((void **)&list->items, &list->count, sizeof(*list->items)));
	struct evidence *added = &list->items[list->count - 1];
	*added = evidence;
	added->source = source->name;
	added->reason = take(reason);
	return NULL;
}

void evidence_remove_source(struct evidence_list *list, const char *source)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++) {
		if (!strcmp(list->items[i].source, source))
			free(list->items[i].reason);
		else
			list->items[kept++] = list->items[i];
	}
	list->count = kept;
}

static const char *const property_names[] = {
	[PROPERTY_VMX] = "vmx",
	[PROPERTY_SVM] = "svm",
	[PROPERTY_VMCS] = "vmcs",
};

static const char *const strength_names[] = {
	[STRENGTH_INFERRED] = "inferred",
	[STRENGTH_DIRECT] = "direct",
};

static const char *const state_names[2][3] = {
	{[STATE_UNKNOWN] = "unknown", [STATE_OFF] = "off", [STATE_ON] = "on"},
	{[STATE_UNKNOWN] = "unknown", [STATE_OFF] = "clear", [STATE_ON] = "active"},
};

static bool find_name(const char *const *names, size_t count, const char *name, unsigned *ret)
{
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(names[i], name)) {
			*ret = i;
			return true;
		}
	}
	return false;
}

const char *property_name(enum evidence_property property)
{
	return property_names[property];
}

const char *strength_name(enum evidence_strength strength)
{
	return strength_names[strength];
}

const char *state_name(enum evidence_property property, enum evidence_state state)
{
	return state_names[property == PROPERTY_VMCS][state];
}

bool property_parse(const char *name, enum evidence_property *ret)
{
	return find_name(property_names, 3, name, ret);
}

bool strength_parse(const char *name, enum evidence_strength *ret)
{
	return find_name(strength_names, 2, name, ret);
}

bool state_parse(enum evidence_property property, const char *name, enum evidence_state *ret)
{
	return find_name(state_names[property == PROPERTY_VMCS], 3, name, ret);
}
