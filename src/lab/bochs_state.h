/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_BOCHS_STATE_H
#define CRASHLAB_LAB_BOCHS_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "util/error.h"

/** What a CPU's file of a Bochs saved state tells of its virtualization. */
struct bochs_cpu {
	uint64_t cr4, efer;
	bool vmx; /* in VMX operation */
	uint64_t current; /* physical address of its current VMCS; all ones: none */
	/* The rest may be missing, and is 0 then. */
	uint64_t rip, eflags, cr3, activity; /* activity: 1 is halted (BX_ACTIVITY_STATE_HLT) */
	bool apic_enabled; /* by software */
	uint64_t icr; /* the low half: its last interrupt command */
	uint32_t irr[8], isr[8]; /* vectors pending and in service */
};

/**
 * Read a file `cpuN` of a saved state: nested lists "NAME = {" … "}" of "NAME = VALUE". The values
 * taken are those of cpuN/CR4, cpuN/MSR/EFER, cpuN/VMX/in_vmx and vmcsptr (Bochs,
 * BX_CPU_C::register_state); the VMCS caches below cpuN/VMX hold others of the same names. One that
 * is missing is an ERROR_FORMAT. Besides, as far as they are there: cpuN/RIP, EFLAGS,
 * CR3, activity_state and cpuN/local_apic (bx_local_apic_c::register_state).
 */
struct error *bochs_state_read(FILE *stream, struct bochs_cpu *ret);

/** Read the @cpus CPU files of the saved state in @folder; write --host-regs text to @out. */
struct error *bochs_state_registers(const char *folder, unsigned cpus, FILE *out);

/** The same of the local APICs, as lab/stopped.h reads it. */
struct error *bochs_state_apics(const char *folder, unsigned cpus, FILE *out);

/** Physical addresses of pages. */
struct bochs_pages {
	uint64_t *items;
	size_t count;
};

/** Whether a VMCS of Bochs' begins with these words, and is launched. */
bool bochs_state_is_launched(uint32_t revision, uint32_t abort, uint32_t state);

/**
 * Find the VMCSs in the file at @path, which has memory by physical address: all of them, or only
 * the @launched ones. The caller frees @ret->items. An empty file is an ERROR_FORMAT.
 */
struct error *bochs_state_vmcss(const char *path, bool launched, struct bochs_pages *ret);

/**
 * Write truth.json (docs/interfaces.md, section 6) to @out: the CPUs of the saved state in @folder,
 * and the VMCSs in its memory (`memory.ram`, by physical address) that are launched.
 */
struct error *bochs_state_truth(const char *folder, unsigned cpus, FILE *out);

#endif
