/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_KERNEL_ORC_H
#define CRASHLAB_KERNEL_ORC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

/* Registers an entry can refer to; what number a kernel has given each, see enum orc_numbering. */
enum orc_register {
	ORC_UNDEFINED,
	ORC_PREV_SP,
	ORC_AX,
	ORC_DX,
	ORC_DI,
	ORC_BP,
	ORC_SP,
	ORC_R10,
	ORC_R13,
	ORC_BP_INDIRECT,
	ORC_SP_INDIRECT,
	ORC_UNKNOWN, /* a number that stands for nothing */
};

/** ORC_REG_*, arch/x86/include/asm/orc_types.h: as they were from 4.14 on, and as 7.2 and 7.3 have
 * them. */
enum orc_numbering {
	ORC_NUMBERING_4_14,
	ORC_NUMBERING_7_2,
	ORC_NUMBERINGS,
};

enum orc_type {
	ORC_TYPE_UNDEFINED, /* there is code here that cannot be unwound */
	ORC_TYPE_END, /* outermost frame */
	ORC_TYPE_CALL,
	ORC_TYPE_REGS, /* a whole struct pt_regs at the previous sp */
	ORC_TYPE_REGS_PARTIAL, /* only what the CPU pushes: ip, cs, flags, sp, ss */
};

struct orc_entry {
	int16_t sp_offset, bp_offset;
	enum orc_register sp_register, bp_register;
	enum orc_type type;
	bool signal; /* the ip found with this entry is exact, not a return address */
};

/** A bit-field of struct orc_entry; bits is 0 when this kernel's has none of the name. */
struct orc_field {
	unsigned bit, bits;
};

/**
 * How struct orc_entry looks in the kernel at hand. What there is decides how it reads:
 *  - "end" is there (to 6.3): types 0 call, 1 regs, 2 partial; an undefined sp is the end of the
 *    stack if "end" is set. Without it (6.4, commit fb799447ae29): types 0 undefined, 1 end of
 *    stack, 2 call, 3 regs, 4 partial.
 *  - "signal" is not there (to 6.2, commit ffb1b4a41016): the two types of regs imply it.
 */
struct orc_layout {
	size_t size;
	struct orc_field sp_offset, bp_offset, sp_register, bp_register, type, signal, end;
	enum orc_numbering numbering;
};

/** The largest struct orc_entry that is understood; it has had 6 bytes so far. */
#define ORC_ENTRY_MAX 16

/** Decode one entry, layout->size bytes at @bytes. ERROR_FORMAT for a type that is not known. */
struct error *orc_decode(const struct orc_layout *layout, const void *bytes, struct orc_entry *ret);

/** A pair of ORC tables in the kernel: for code address ips[i] + &ips[i], entries[i] holds. */
struct orc_table {
	uint64_t ips; /* address of int32_t[count], in order of the code addresses */
	uint64_t entries; /* address of struct orc_entry[count] */
	uint64_t count;
};

typedef struct error *(*orc_read)(void *data, uint64_t address, void *buffer, size_t size);

/** Find the entry for code address @ip: the last that starts at or below it (__orc_find()). */
struct error *orc_lookup(const struct orc_layout *layout, const struct orc_table *table,
			 uint64_t ip, orc_read read, void *data, struct orc_entry *ret);

/**
 * Set layout->numbering: that in which the previous sp is sp + 8 where a C function begins, at
 * @function. ERROR_UNSUPPORTED when it is so in none.
 */
struct error *orc_find_numbering(struct orc_layout *layout, const struct orc_table *table,
				 uint64_t function, orc_read read, void *data);

#endif
