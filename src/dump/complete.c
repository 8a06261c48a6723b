// SPDX-License-Identifier: GPL-2.0-only
#include "dump/complete.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "dump/elf_file.h"
#include "dump/kdump_file.h"
#include "util/cleanup.h"

/* What makedumpfile leaves in e_flags when it could not write everything (makedumpfile.c). */
#define DUMP_ELF_INCOMPLETE 0x1

#define SECTIONS_MAX 256

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
	return file_read_at(file->fd, offset, buffer, size);
}

static struct error *incomplete(void)
{
	return error_new(ERROR_FORMAT, "the dump is incomplete, says makedumpfile's mark in it: "
				       "there was no room for all of it, save it again");
}

static struct error *check_extent(const struct file *file, uint64_t offset, uint64_t size)
{
	if (offset > file->size || size > file->size - offset)
		return cut_off(file);
	return NULL;
}

/* Other ELF files the library may not survive (0.5.1, one of 32 bits). */
static struct error *check_elf_kind(const Elf64_Ehdr *header)
{
	if (header->e_ident[EI_DATA] != ELFDATA2LSB)
		return error_new(ERROR_FORMAT,
				 "a big-endian ELF file; only dumps of x86_64 are known");
	if (header->e_type != ET_CORE)
		return error_new(ERROR_FORMAT, "an ELF file, but no dump: a program or library");
	if (header->e_machine == EM_386)
		return error_new(ERROR_FORMAT,
				 "a dump of architecture i386; only x86_64 is known (QEMU writes "
				 "i386, too, when its first CPU is not in 64-bit mode)");
	if (header->e_machine != EM_X86_64 || header->e_ident[EI_CLASS] != ELFCLASS64)
		return error_new(ERROR_FORMAT,
				 "a dump of another architecture (ELF machine %u); only x86_64 is "
				 "known",
				 header->e_machine);
	return NULL;
}

/* The library reads as many sections as the file says there are: 65535 take it half a minute, and
 * of more than memory it dies. QEMU writes two; the first one has the counts that are too large. */
static struct error *check_sections(const struct file *file, const Elf64_Ehdr *header)
{
	Elf64_Shdr first;
	uint64_t count = header->e_shnum;

	if (!header->e_shoff && !count && header->e_phnum != PN_XNUM)
		return NULL;
	try(read_at(file, header->e_shoff, &first, sizeof(first)));
	if (!count)
		count = first.sh_size;
	if (count > SECTIONS_MAX || header->e_shentsize != sizeof(first) ||
	    (!count && header->e_phnum == PN_XNUM))
		return error_new(ERROR_FORMAT, "%" PRIu64 " ELF sections cannot be", count);
	return check_extent(file, header->e_shoff, count * sizeof(first));
}

/* A kernel's dump says where its memory lies in the machine, a process's has no such places. */
static struct error *check_physical(const Elf64_Phdr *segments, size_t count)
{
	size_t loads = 0;

	for (size_t i = 0; i < count; i++) {
		if (segments[i].p_type != PT_LOAD)
			continue;
		if (segments[i].p_paddr)
			return NULL;
		loads++;
	}
	if (loads < 2)
		return NULL;
	return error_new(ERROR_FORMAT, "the core file of a process, not the dump of a kernel: it "
				       "has no physical addresses");
}

static struct error *check_elf(const struct file *file)
{
	_cleanup_free_ Elf64_Phdr *segments = NULL;
	Elf64_Ehdr header;
	size_t count;

	try(read_at(file, 0, &header, sizeof(header)));
	try(check_elf_kind(&header));
	try(check_sections(file, &header));
	try(elf_read_segments(file->fd, &segments, &count));
	try(check_physical(segments, count));
	if (header.e_flags & DUMP_ELF_INCOMPLETE)
		return incomplete();
	for (size_t i = 0; i < count; i++) {
		if (segments[i].p_type == PT_LOAD || segments[i].p_type == PT_NOTE)
			try(check_extent(file, segments[i].p_offset, segments[i].p_filesz));
	}
	return NULL;
}

static uint64_t count_bits(const struct kdump_file *layout, const uint8_t *bytes, size_t size,
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

static struct error *count_pages(const struct file *file, const struct kdump_file *layout,
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

/* What does not get smaller is not compressed; the library (0.5.1) has room for one page. */
static struct error *check_page(const struct file *file, uint32_t page_size,
				const struct page_descriptor *page)
{
	if (page->size > page_size)
		return error_new(ERROR_FORMAT, "damaged kdump file: a page of %u bytes",
				 page->size);
	return check_extent(file, page->offset, page->size);
}

static struct error *check_kdump(const struct file *file)
{
	struct page_descriptor descriptors[DESCRIPTORS_AT_ONCE];
	struct kdump_file layout;
	uint64_t count = 0;

	try(kdump_file_read(file->fd, &layout));
	if (layout.status & KDUMP_INCOMPLETE)
		return incomplete();
	try(check_extent(file, layout.note, layout.note_size));
	try(check_extent(file, layout.vmcoreinfo, layout.vmcoreinfo_size));
	try(count_pages(file, &layout, &count));
	try(check_extent(file, layout.descriptors, count * sizeof(*descriptors)));
	for (uint64_t i = count > DESCRIPTORS_MAX ? count - DESCRIPTORS_MAX : 0; i < count;) {
		size_t part = count - i < DESCRIPTORS_AT_ONCE ? count - i : DESCRIPTORS_AT_ONCE;

		try(read_at(file, layout.descriptors + i * sizeof(*descriptors), descriptors,
			    part * sizeof(*descriptors)));
		for (size_t j = 0; j < part; j++)
			try(check_page(file, layout.block, &descriptors[j]));
		i += part;
	}
	return NULL;
}

struct error *check_complete(int fd)
{
	struct file file = {.fd = fd};
	char magic[SELFMAG] = "";
	off_t end = lseek(fd, 0, SEEK_END);

	if (end < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return error_errno(errno, "seek");
	file.size = end;
	if (kdump_file_probe(fd))
		return check_kdump(&file);
	if (pread(fd, magic, sizeof(magic), 0) == sizeof(magic) && !memcmp(magic, ELFMAG, SELFMAG))
		return check_elf(&file);
	return error_new(ERROR_FORMAT, "not a crash dump: neither an ELF core file nor one of "
				       "makedumpfile");
}
