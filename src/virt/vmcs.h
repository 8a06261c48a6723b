/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_VIRT_VMCS_H
#define CRASHLAB_VIRT_VMCS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "virt/collect.h"
#include "virt/vmcs_page.h"

/** A VMCS region that the kernel knows of, and what the kernel's records say of it. */
struct vmcs_ref {
	uint64_t address; /* kernel virtual */
	uint64_t physical;
	unsigned cpu; /* whose list or pointer names it, else where it ran last */
	bool listed, current;
	bool shadow; /* some VMCS's shadow_vmcs */
	uint64_t loaded_vmcs; /* its struct loaded_vmcs, 0: not known */
	int loaded_cpu; /* loaded_vmcs.cpu, -1: loaded nowhere */
	bool launched; /* loaded_vmcs.launched */
	bool left_before; /* KVM had left VMX operation on that CPU before the crash */
};

struct vmcs_refs {
	struct vmcs_ref *items;
	size_t count;
};

/** True when the kernel's records have the VMCS loaded on some CPU. */
bool vmcs_is_loaded(const struct vmcs_ref *ref);

/** Where things lie in KVM's structures, found once. */
struct vmcs_layout {
	uint64_t list, current; /* per-cpu symbols */
	struct kernel_field vmcs, shadow_vmcs, cpu, launched, link; /* struct loaded_vmcs */
};

/**
 * Add the VMCSs of CPU @cpu's list and its current one to @refs. An error means that there may be
 * more than were found; those found are in @refs.
 */
struct error *vmcs_find_on_cpu(struct collector *collector, const struct vmcs_layout *layout,
			       unsigned cpu, struct vmcs_refs *refs);

/** Add those of every vCPU of every VM, on a list or not (vm_list). Errors as above. */
struct error *vmcs_find_in_vms(struct collector *collector, const struct vmcs_layout *layout,
			       struct vmcs_refs *refs);

/**
 * Add the VMCS of the struct loaded_vmcs at @loaded, and its shadow; @cpu as in struct vmcs_ref, -1
 * when nothing but loaded_vmcs.cpu tells.
 */
struct error *vmcs_add_loaded(struct collector *collector, const struct vmcs_layout *layout,
			      uint64_t loaded, int cpu, bool listed, struct vmcs_refs *refs);

/** What a VMCS region's own memory tells. */
struct vmcs_judgement {
	enum evidence_state state;
	enum evidence_strength strength;
	char reason[320];
};

/**
 * A format of VMCS regions. A new one is a file that defines one of these and a line in
 * vmcs_formats[] (vmcs.c).
 */
struct vmcs_format {
	const char *name;
	const char *source; /* in the table of evidence sources */
	bool tells; /* a region can tell that it is active, so the scan looks for the format */
	/** True for a region with this revision id (the first 31 bits of the region). */
	bool (*probe)(const struct collector *collector, uint32_t revision);
	/** Judge the region @page, of VMCS_SIZE bytes. */
	void (*judge)(struct collector *collector, const struct vmcs_ref *ref, const uint8_t *page,
		      struct vmcs_judgement *ret);
};

extern const struct vmcs_format vmcs_bochs, vmcs_vmcs12, vmcs_evmcs, vmcs_calibrated;

/**
 * The format of regions with @revision, or NULL. A revision may be known and calibrated as well:
 * the next one behind @after (NULL: the first), for both are to speak.
 */
const struct vmcs_format *vmcs_find_format(const struct collector *collector, uint32_t revision,
					   const struct vmcs_format *after);

/** Where VM exits lead, what KVM writes into HOST_RIP; 0 when that is not known. */
uint64_t vmcs_host_rip(struct collector *collector);

/** Set *@ret, with the reason made as by printf. */
void vmcs_judged(struct vmcs_judgement *ret, enum evidence_state state,
		 enum evidence_strength strength, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif
