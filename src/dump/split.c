// SPDX-License-Identifier: GPL-2.0-only
#include "dump/split.h"

#include <inttypes.h>
#include <string.h>

#include "dump/elf_file.h"
#include "dump/kdump_file.h"
#include "util/cleanup.h"

struct part {
	const char *path;
	int fd;
	struct kdump_file file;
};

static struct error *same_bytes(const struct part *one, const struct part *two, uint64_t start,
				uint64_t end, bool *same)
{
	char a[4096], b[4096];

	while (*same && start < end) {
		size_t size = end - start < sizeof(a) ? end - start : sizeof(a);

		try(file_read_at(one->fd, start, a, size));
		try(file_read_at(two->fd, start, b, size));
		*same = !memcmp(a, b, size);
		start += size;
	}
	return NULL;
}

/* All that stands before the pages is in each part alike: notes, VMCOREINFO, the maps of pages. */
static struct error *check_same_dump(const struct part *one, const struct part *two)
{
	uint64_t sub = one->file.block;
	bool same = sub == two->file.block && one->file.descriptors == two->file.descriptors;

	try(same_bytes(one, two, 0, KDUMP_HEADER_SIZE, &same));
	try(same_bytes(one, two, sub, sub + KDUMP_SUB_OWN, &same));
	try(same_bytes(one, two, sub + KDUMP_SUB_COMMON, one->file.descriptors, &same));
	if (same)
		return NULL;
	return error_new(ERROR_FORMAT, "%s and %s are not parts of one dump", one->path, two->path);
}

static int by_pages(const void *one, const void *two)
{
	const struct kdump_file *a = &((const struct part *)one)->file;
	const struct kdump_file *b = &((const struct part *)two)->file;

	if (a->start_pfn != b->start_pfn)
		return a->start_pfn < b->start_pfn ? -1 : 1;
	return a->end_pfn < b->end_pfn ? -1 : a->end_pfn > b->end_pfn;
}

static struct error *missing(uint64_t start, uint64_t end)
{
	return error_new(ERROR_FORMAT,
			 "a part of the split dump is missing, that with the pages from number "
			 "0x%" PRIx64 " to below 0x%" PRIx64 ": name all parts of the set",
			 start, end);
}

/** The parts, in order, have every page once. One may be empty. */
static struct error *check_pages(const struct part *parts, size_t count)
{
	uint64_t end = 0;

	for (size_t i = 0; i < count; i++) {
		const struct kdump_file *file = &parts[i].file;

		if (file->start_pfn > end)
			return missing(end, file->start_pfn);
		if (file->end_pfn < file->start_pfn)
			return error_new(ERROR_FORMAT, "%s: its range of pages cannot be",
					 parts[i].path);
		if (file->start_pfn < end && i)
			return error_new(ERROR_FORMAT,
					 "%s and %s have the same pages: is a part named twice?",
					 parts[i - 1].path, parts[i].path);
		end = file->end_pfn;
	}
	return end < parts->file.max_pfn ? missing(end, parts->file.max_pfn) : NULL;
}

struct error *split_check(const char *const *paths, const int *fds, size_t count)
{
	_cleanup_free_ struct part *parts = calloc(count, sizeof(*parts));

	if (!parts)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < count; i++) {
		struct part *part = &parts[i];

		*part = (struct part){.path = paths[i], .fd = fds[i]};
		if (kdump_file_probe(part->fd))
			try(error_wrap(kdump_file_read(part->fd, &part->file), "%s", part->path));
		if (count > 1 && !part->file.split)
			return error_new(ERROR_FORMAT, "%s is no part of a split dump", part->path);
		if (i)
			try(check_same_dump(&parts[0], part));
	}
	if (!parts->file.split)
		return NULL;
	qsort(parts, count, sizeof(*parts), by_pages);
	return check_pages(parts, count);
}
