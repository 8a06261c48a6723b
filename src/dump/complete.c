// SPDX-License-Identifier: GPL-2.0-only
#include "dump/complete.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"

#define SEGMENTS_MAX (1U << 20)
#define SEGMENTS_AT_ONCE 64

/*
 * makedumpfile's diskdump_mod.h: struct disk_dump_header, and behind it, a block further, struct
 * kdump_sub_header; only what is needed here, at the offsets of x86-64.
 */
#define HEADER_BLOCK_SIZE 428 /* i32 */
#define HEADER_SUB_BLOCKS 432 /* i32 */
#define HEADER_BITMAP_BLOCKS 436 /* u32; two bitmaps of half of them: present, dumped */
#define HEADER_SIZE 464
#define SUB_SPLIT 12 /* i32 */
#define SUB_START_PFN 16 /* u64, and the end behind it */
#define SUB_SIZE 32
#define BLOCK_SIZE_MAX (1U << 20)
#define BITMAP_BLOCKS_MAX (1U << 24)

struct page_descriptor {
	uint64_t offset; /* 0: the page was not written */
	uint32_t size;
	uint32_t flags;
	uint64_t page_flags;
};

#define DESCRIPTORS_MAX (1U << 20)
#define DESCRIPTORS_AT_ONCE 1024

struct file {
	int fd;
	uint64_t size;
};

static struct error *cut_off(const struct file *file)
{
	return error_new(ERROR_FORMAT, "the dump is cut off at %ju bytes", (uintmax_t)file->size);
}

static struct error *read_at(const struct file *file, uint64_t offset, void *buffer, size_t size)
{
	if (offset > file->size || size > file->size - offset)
		return cut_off(file);
	for (size_t done = 0; done < size;) {
		ssize_t part = pread(file->fd, (char *)buffer + done, size - done, offset + done);

		if (part < 0 && errno == EINTR)
			continue;
		if (part < 0)
			return error_errno(errno, "read");
		if (!part)
			return cut_off(file);
		done += part;
	}
	return NULL;
}

static struct error *check_extent(const struct file *file, uint64_t offset, uint64_t size)
{
	if (offset > file->size || size > file->size - offset)
		return cut_off(file);
	return NULL;
}

/* ---- ELF ---- */

static struct error *segment_count(const struct file *file, const Elf64_Ehdr *header, uint32_t *ret)
{
	Elf64_Shdr section = {0};

	*ret = header->e_phnum;
	if (header->e_phnum == PN_XNUM) {
		try(read_at(file, header->e_shoff, &section, sizeof(section)));
		*ret = section.sh_info;
	}
	if (*ret > SEGMENTS_MAX || header->e_phentsize != sizeof(Elf64_Phdr))
		return error_new(ERROR_FORMAT, "%u ELF segments cannot be", *ret);
	return NULL;
}

static struct error *check_elf(const struct file *file)
{
	Elf64_Phdr segments[SEGMENTS_AT_ONCE];
	Elf64_Ehdr header = {0};
	uint32_t count = 0;

	try(read_at(file, 0, &header, sizeof(header)));
	if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB)
		return NULL;
	try(segment_count(file, &header, &count));
	for (uint32_t i = 0; i < count; i++) {
		const Elf64_Phdr *segment = &segments[i % SEGMENTS_AT_ONCE];

		if (i % SEGMENTS_AT_ONCE == 0) {
			uint32_t part = count - i < SEGMENTS_AT_ONCE ? count - i : SEGMENTS_AT_ONCE;

			try(read_at(file, header.e_phoff + (uint64_t)i * sizeof(*segment), segments,
				    part * sizeof(*segment)));
		}
		if (segment->p_type == PT_LOAD || segment->p_type == PT_NOTE)
			try(check_extent(file, segment->p_offset, segment->p_filesz));
	}
	return NULL;
}

/* ---- kdump ---- */

struct kdump_layout {
	uint64_t bitmap; /* offset of the bitmap of dumped pages */
	uint64_t bitmap_size;
	uint64_t descriptors; /* offset of the table */
	uint64_t start_pfn, end_pfn; /* pages that this file of a split set is about */
};

static int32_t get_i32(const uint8_t *bytes)
{
	int32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static struct error *read_layout(const struct file *file, struct kdump_layout *layout)
{
	uint8_t header[HEADER_SIZE], sub[SUB_SIZE];

	try(read_at(file, 0, header, sizeof(header)));
	uint32_t block = get_i32(header + HEADER_BLOCK_SIZE);
	uint32_t sub_blocks = get_i32(header + HEADER_SUB_BLOCKS);
	uint32_t bitmap_blocks = get_i32(header + HEADER_BITMAP_BLOCKS);

	if (!block || block > BLOCK_SIZE_MAX || sub_blocks > BITMAP_BLOCKS_MAX ||
	    bitmap_blocks > BITMAP_BLOCKS_MAX)
		return error_new(ERROR_FORMAT, "damaged kdump header");
	layout->bitmap_size = (uint64_t)bitmap_blocks / 2 * block;
	layout->descriptors = (1 + (uint64_t)sub_blocks + bitmap_blocks) * block;
	layout->bitmap = layout->descriptors - layout->bitmap_size;
	layout->start_pfn = 0;
	layout->end_pfn = UINT64_MAX;
	if (!sub_blocks)
		return NULL;
	try(read_at(file, block, sub, sizeof(sub)));
	if (get_i32(sub + SUB_SPLIT)) {
		memcpy(&layout->start_pfn, sub + SUB_START_PFN, sizeof(uint64_t));
		memcpy(&layout->end_pfn, sub + SUB_START_PFN + 8, sizeof(uint64_t));
	}
	return NULL;
}

static uint64_t count_bits(const struct kdump_layout *layout, const uint8_t *bytes, size_t size,
			   uint64_t first)
{
	uint64_t count = 0;

	for (size_t i = 0; i < size; i++) {
		if (first + i * 8 >= layout->start_pfn && first + i * 8 + 8 <= layout->end_pfn) {
			count += __builtin_popcount(bytes[i]);
			continue;
		}
		for (unsigned bit = 0; bit < 8; bit++) {
			uint64_t pfn = first + i * 8 + bit;

			if (pfn >= layout->start_pfn && pfn < layout->end_pfn)
				count += bytes[i] >> bit & 1;
		}
	}
	return count;
}

static struct error *count_pages(const struct file *file, const struct kdump_layout *layout,
				 uint64_t *ret)
{
	uint8_t bytes[4096];

	*ret = 0;
	for (uint64_t done = 0; done < layout->bitmap_size;) {
		size_t part = layout->bitmap_size - done < sizeof(bytes)
				      ? layout->bitmap_size - done
				      : sizeof(bytes);

		try(read_at(file, layout->bitmap + done, bytes, part));
		*ret += count_bits(layout, bytes, part, done * 8);
		done += part;
	}
	return NULL;
}

static struct error *check_kdump(const struct file *file)
{
	struct page_descriptor descriptors[DESCRIPTORS_AT_ONCE];
	struct kdump_layout layout = {0};
	uint64_t count = 0;

	try(read_layout(file, &layout));
	try(count_pages(file, &layout, &count));
	try(check_extent(file, layout.descriptors, count * sizeof(*descriptors)));
	for (uint64_t i = count > DESCRIPTORS_MAX ? count - DESCRIPTORS_MAX : 0; i < count;) {
		size_t part = count - i < DESCRIPTORS_AT_ONCE ? count - i : DESCRIPTORS_AT_ONCE;

		try(read_at(file, layout.descriptors + i * sizeof(*descriptors), descriptors,
			    part * sizeof(*descriptors)));
		for (size_t j = 0; j < part; j++)
			try(check_extent(file, descriptors[j].offset, descriptors[j].size));
		i += part;
	}
	return NULL;
}

struct error *check_complete(int fd)
{
	struct file file = {.fd = fd};
	char magic[8] = "";
	off_t end = lseek(fd, 0, SEEK_END);

	if (end < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return error_errno(errno, "seek");
	file.size = end;
	if (file.size < sizeof(magic))
		return NULL;
	try(read_at(&file, 0, magic, sizeof(magic)));
	if (!memcmp(magic, ELFMAG, SELFMAG))
		return check_elf(&file);
	if (!memcmp(magic, "KDUMP   ", sizeof(magic)))
		return check_kdump(&file);
	return NULL;
}
