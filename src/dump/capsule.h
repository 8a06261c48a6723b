/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_DUMP_CAPSULE_H
#define CRASHLAB_DUMP_CAPSULE_H

#include <stdint.h>
#include <stdio.h>

#include "dump/dump.h"

/** Where physical memory is mapped, for the p_vaddr of a capsule's segments. */
struct capsule_layout {
	uint64_t direct_map; /* virtual address of physical 0 */
	uint64_t image_start, image_end; /* physical, the kernel image */
	uint64_t image_map; /* virtual minus physical address of the image */
};

/**
 * Write to @file, at its start, a dump with the pages that were read since dump_record(), and no
 * others. It is an ELF vmcore: PT_NOTE with the notes of @dump, with VMCOREINFO among them, and
 * @kept in a note of its own (dump_kept() gives it back), then one PT_LOAD for each run of pages.
 */
struct error *capsule_write(struct dump *dump, const struct capsule_layout *layout,
			    const char *kept, FILE *file);

#endif
