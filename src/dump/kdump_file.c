// SPDX-License-Identifier: GPL-2.0-only
#include "dump/kdump_file.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

#include "dump/elf_file.h"
#include "util/cleanup.h"

/* struct disk_dump_header */
#define SIGNATURE "KDUMP   "
#define VERSION 8 /* i32 */
#define MACHINE (12 + 4 * 65) /* struct new_utsname's fifth text of 65 bytes */
#define MACHINE_SIZE 65
#define STATUS 424 /* u32 */
#define BLOCK_SIZE 428 /* i32 */
#define SUB_BLOCKS 432 /* i32 */
#define BITMAP_BLOCKS 436 /* u32; two bitmaps of half of them: present, dumped */
#define MAX_MAPNR 440 /* u32 */

/* struct kdump_sub_header, and the version of the header since which a field is there */
#define SUB_SPLIT 12 /* i32 */
#define SUB_START_PFN 16 /* u64, and the end behind it */
#define SUB_VMCOREINFO 32 /* u64, and the size behind it */
#define SUB_NOTE 48 /* the same */
#define SUB_START_PFN_64 80 /* u64; then the end, and max_mapnr */
#define SUB_SIZE 104
#define VERSION_SUB 1
#define VERSION_SPLIT 2
#define VERSION_VMCOREINFO 3
#define VERSION_NOTE 4
#define VERSION_PFN_64 6

#define BLOCK_SIZE_MAX (1U << 20)
#define BLOCKS_MAX (1U << 24)

static uint32_t get_u32(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static uint64_t get_u64(const uint8_t *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

bool kdump_file_probe(int fd)
{
	char start[sizeof(SIGNATURE) - 1];

	return pread(fd, start, sizeof(start), 0) == sizeof(start) &&
	       !memcmp(start, SIGNATURE, sizeof(start));
}

/* Other architectures have another header, but the machine's name lies where it does here. */
static struct error *check_machine(const uint8_t *header)
{
	char machine[MACHINE_SIZE + 1] = "";

	memcpy(machine, header + MACHINE, MACHINE_SIZE);
	for (const char *c = machine; *c; c++) {
		if (!isgraph((unsigned char)*c))
			return NULL;
	}
	if (!*machine || !strcmp(machine, "x86_64"))
		return NULL;
	return error_new(ERROR_FORMAT, "a dump of architecture %s; only x86_64 is known", machine);
}

static struct error *read_sub(int fd, uint32_t version, struct kdump_file *file)
{
	uint8_t sub[SUB_SIZE];

	try(file_read_at(fd, file->block, sub, sizeof(sub)));
	if (version >= VERSION_SPLIT && get_u32(sub + SUB_SPLIT)) {
		/* The same two as libkdumpfile takes, or its page table would be another. */
		const uint8_t *pfns =
			sub + (version >= VERSION_PFN_64 ? SUB_START_PFN_64 : SUB_START_PFN);

		file->split = true;
		file->start_pfn = get_u64(pfns);
		file->end_pfn = get_u64(pfns + 8);
	}
	if (version >= VERSION_PFN_64)
		file->max_pfn = get_u64(sub + SUB_START_PFN_64 + 16);
	if (version >= VERSION_VMCOREINFO) {
		file->vmcoreinfo = get_u64(sub + SUB_VMCOREINFO);
		file->vmcoreinfo_size = get_u64(sub + SUB_VMCOREINFO + 8);
	}
	if (version >= VERSION_NOTE) {
		file->note = get_u64(sub + SUB_NOTE);
		file->note_size = get_u64(sub + SUB_NOTE + 8);
	}
	return NULL;
}

struct error *kdump_file_read(int fd, struct kdump_file *ret)
{
	struct kdump_file file = {.end_pfn = UINT64_MAX};
	uint8_t header[KDUMP_HEADER_SIZE];

	try(file_read_at(fd, 0, header, sizeof(header)));
	try(check_machine(header));
	uint32_t version = get_u32(header + VERSION);
	uint32_t sub_blocks = get_u32(header + SUB_BLOCKS);
	uint32_t bitmap_blocks = get_u32(header + BITMAP_BLOCKS);

	file.status = get_u32(header + STATUS);
	file.block = get_u32(header + BLOCK_SIZE);
	file.max_pfn = get_u32(header + MAX_MAPNR);
	if (!file.block || file.block > BLOCK_SIZE_MAX || sub_blocks > BLOCKS_MAX ||
	    bitmap_blocks > BLOCKS_MAX)
		return error_new(ERROR_FORMAT, "damaged kdump header");
	file.bitmap_size = (uint64_t)bitmap_blocks / 2 * file.block;
	file.descriptors = (1 + (uint64_t)sub_blocks + bitmap_blocks) * file.block;
	file.bitmap = file.descriptors - file.bitmap_size;
	if (version >= VERSION_SUB)
		try(read_sub(fd, version, &file));
	/* libkdumpfile then takes both bitmaps for one. */
	if (file.max_pfn > file.bitmap_size * 8)
		return error_new(ERROR_FORMAT, "damaged kdump header: its bitmap is too small");
	*ret = file;
	return NULL;
}
