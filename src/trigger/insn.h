/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_TRIGGER_INSN_H
#define CRASHLAB_TRIGGER_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

/** The instructions that decide what this project is about. */
enum insn_meaning {
	INSN_OTHER,
	INSN_VMCLEAR,
	INSN_VMPTRLD,
	INSN_VMXON,
	INSN_VMXOFF,
	INSN_CR4_WRITE, /* MOV to CR4, or the call that does it */
	INSN_STGI,
	INSN_CLGI,
	INSN_EFER_READ, /* RDMSR of EFER, or the call that does it */
	INSN_EFER_WRITE,
	INSN_MEANINGS,
};

struct insn {
	uint64_t offset; /* bytes from the function's start */
	unsigned length; /* bytes */
	enum insn_meaning meaning;
	char text[96]; /* AT&T syntax */
};

struct insn_list {
	struct insn *items;
	size_t count;
};

/** Whether @address is the function called @name: the caller knows the kernel's symbols. */
typedef bool (*insn_is_function)(void *data, uint64_t address, const char *name);

/**
 * Take the @size bytes of a function at kernel address @address apart. Calls are followed by name
 * only: KVM writes EFER by native_write_msr() with the MSR in EDI (arch/x86/include/asm/msr.h, a
 * patched paravirt call), and CR4 by cr4_update_irqsoff() (arch/x86/kernel/cpu/common.c).
 * ERROR_FORMAT when there is something that is no instruction, with the place.
 */
struct error *insn_decode(const uint8_t *code, size_t size, uint64_t address,
			  insn_is_function is_function, void *data, struct insn_list *ret);
void insn_list_deinit(struct insn_list *list);

/** "vmclear", "vmxoff", "cr4-write", "efer-write", …; "" for INSN_OTHER. */
const char *insn_meaning_name(enum insn_meaning meaning);

/**
 * The boundary that @place names: "vmxoff", "vmclear.2" (the second), "after-stgi" (behind it), as
 * an offset from the function's start. ERROR_USAGE when that is no place, ERROR_NOT_FOUND when the
 * function has none.
 */
struct error *insn_find(const struct insn_list *list, const char *place, uint64_t *ret);

/** True when @place has the form that insn_find() takes. */
bool insn_is_place(const char *place);

#endif
