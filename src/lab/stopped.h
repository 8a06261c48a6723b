/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_STOPPED_H
#define CRASHLAB_LAB_STOPPED_H

#include <stdbool.h>
#include <stdint.h>

/** Memory of the crash kernel, as the event `armed` tells it. */
struct crash_memory {
	uint64_t from, to; /* physical, @to is the last byte; both 0: not known */
};

/** Take "0x10000000-0x18ffffff" apart; false, and nothing known, when it is none. */
bool crash_memory_parse(const char *text, struct crash_memory *ret);

/**
 * True when the machine that hung is proved to hang because its crash kernel stopped itself, by
 * what its CPUs do (@registers, the text of hang-regs.txt) and its local APICs (@apics,
 * hang-apics.txt). That is, when one CPU
 * - runs the crash kernel: CR3 lies in its memory;
 * - is halted with interrupts off, so nothing but an NMI ever wakes it;
 * - has its local APIC disabled by software. The crash path hands it over enabled
 *   (disconnect_bsp_APIC(), arch/x86/kernel/apic/apic.c, 6.12), and in a kernel that starts up
 *   only stop_this_cpu() (arch/x86/kernel/process.c) disables it for good, called for
 * REBOOT_VECTOR: sysvec_reboot(), arch/x86/kernel/smp.c; and another's last interrupt command (ICR)
 * had that vector, 0xf8 (arch/x86/include/asm/irq_vectors.h). It is gone from the stopped CPU by
 * then: sysvec_reboot() acknowledges it first.
 * *@ret_cpu is that CPU's number in this machine.
 */
bool stopped_is_proved(const char *registers, const char *apics, const struct crash_memory *memory,
		       unsigned *ret_cpu);

#endif
