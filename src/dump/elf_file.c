// SPDX-License-Identifier: GPL-2.0-only
#include "dump/elf_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"

#define SEGMENTS_MAX (1u << 20)

struct error *file_read_at(int fd, uint64_t offset, void *buffer, size_t size)
{
	if (offset > INT64_MAX - size)
		return error_new(ERROR_FORMAT, "the dump is cut off");
	for (size_t done = 0; done < size;) {
		ssize_t part = pread(fd, (char *)buffer + done, size - done, offset + done);

		if (part < 0 && errno == EINTR)
			continue;
		if (part < 0)
			return error_errno(errno, "read");
		if (!part)
			return error_new(ERROR_FORMAT, "the dump is cut off");
		done += part;
	}
	return NULL;
}

struct error *elf_read_segments(int fd, Elf64_Phdr **ret, size_t *ret_count)
{
	_cleanup_free_ Elf64_Phdr *segments = NULL;
	Elf64_Shdr section = {};
	Elf64_Ehdr header = {};

	*ret = NULL;
	*ret_count = 0;
	try(file_read_at(fd, 0, &header, sizeof(header)));
	if (memcmp(header.e_ident, ELFMAG, SELFMAG) || header.e_ident[EI_CLASS] != ELFCLASS64 ||
	    header.e_ident[EI_DATA] != ELFDATA2LSB)
		return NULL;
	size_t count = header.e_phnum;

	if (count == PN_XNUM) {
		try(file_read_at(fd, header.e_shoff, &section, sizeof(section)));
		count = section.sh_info;
	}
	if (count > SEGMENTS_MAX || header.e_phentsize != sizeof(*segments))
		return error_new(ERROR_FORMAT, "%zu ELF segments cannot be", count);
	segments = calloc(count + 1, sizeof(*segments));
	if (!segments)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	try(file_read_at(fd, header.e_phoff, segments, count * sizeof(*segments)));
	*ret = take(segments);
	*ret_count = count;
	return NULL;
}

static int by_start(const void *one, const void *two)
{
	const struct elf_range *a = one, *b = two;

	return a->start < b->start ? -1 : a->start > b->start;
}

static void merge(struct elf_memory *memory)
{
	size_t kept = 0;

	qsort(memory->ranges, memory->count, sizeof(*memory->ranges), by_start);
	for (size_t i = 0; i < memory->count; i++) {
		struct elf_range range = memory->ranges[i];
		struct elf_range *last = kept ? &memory->ranges[kept - 1] : NULL;

		if (!last || range.start > last->end)
			memory->ranges[kept++] = range;
		else if (range.end > last->end)
			last->end = range.end;
	}
	memory->count = kept;
}

struct error *elf_memory_init(int fd, struct elf_memory *ret)
{
	_cleanup_free_ Elf64_Phdr *segments = NULL;
	struct elf_memory memory = {};
	size_t count;

	try(elf_read_segments(fd, &segments, &count));
	memory.ranges = calloc(count + 1, sizeof(*memory.ranges));
	if (!memory.ranges)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < count; i++) {
		uint64_t start = segments[i].p_paddr, size = segments[i].p_filesz;

		if (segments[i].p_type == PT_LOAD && size && start + size > start)
			memory.ranges[memory.count++] = (struct elf_range){start, start + size};
	}
	merge(&memory);
	*ret = memory;
	return NULL;
}

void elf_memory_deinit(struct elf_memory *memory)
{
	free(memory->ranges);
	*memory = (struct elf_memory){};
}

const struct elf_range *elf_memory_find(const struct elf_memory *memory, uint64_t address)
{
	size_t low = 0, high = memory->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memory->ranges[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < memory->count ? &memory->ranges[low] : NULL;
}

bool elf_memory_has(const struct elf_memory *memory, uint64_t address, uint64_t size)
{
	const struct elf_range *range = elf_memory_find(memory, address);

	return range && range->start <= address && size <= range->end - address;
}
