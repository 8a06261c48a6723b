/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_DUMP_KDUMP_FILE_H
#define CRASHLAB_DUMP_KDUMP_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

/** How large struct disk_dump_header is, up to its list of tasks. */
#define KDUMP_HEADER_SIZE 464

/**
 * Where in struct kdump_sub_header the fields are in which the files of a split set differ: the
 * pages they are about, and where a list of erased symbols lies.
 */
#define KDUMP_SUB_OWN 16
#define KDUMP_SUB_COMMON 96 /* from here they are the same again */

/**
 * The head of a file in makedumpfile's own format: struct disk_dump_header and, a block behind it,
 * struct kdump_sub_header (makedumpfile's diskdump_mod.h), as they are on x86-64.
 */
struct kdump_file {
	uint32_t status; /* KDUMP_* */
	uint32_t block; /* size of one, in bytes */
	uint64_t bitmap, bitmap_size; /* offset and bytes of the bitmap of the pages in the dump */
	uint64_t descriptors; /* offset of the pages' descriptors, ascending, as far as they are
			       * this file's */
	uint64_t max_pfn; /* pages have numbers below it */
	bool split; /* one file of a set, about the pages from start_pfn to below end_pfn */
	uint64_t start_pfn, end_pfn; /* not split: all there can be */
	uint64_t note, note_size; /* offset, 0: there are none */
	uint64_t vmcoreinfo, vmcoreinfo_size; /* offset; a part of the notes where there are any */
};

/* Bits of status: how pages are compressed, and that makedumpfile could not write all of them. */
#define KDUMP_ZLIB 0x01
#define KDUMP_LZO 0x02
#define KDUMP_SNAPPY 0x04
#define KDUMP_INCOMPLETE 0x08
#define KDUMP_ZSTD 0x20

/** True when @fd starts like a file in that format. */
bool kdump_file_probe(int fd);

/** Read the head. ERROR_FORMAT: it is damaged, or of another architecture. */
struct error *kdump_file_read(int fd, struct kdump_file *ret);

#endif
