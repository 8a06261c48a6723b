// SPDX-License-Identifier: GPL-2.0-only
#include "dump/capsule.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "dump/internal.h"
#include "util/cleanup.h"
#include "util/text.h"

/** A run of pages, contiguous in physical and in virtual memory. */
struct run {
	uint64_t start, end; /* physical; an ELF dump may have only a part of a page */
	uint64_t file; /* offset of its first byte behind the headers */
	bool image; /* of the kernel image */
};

struct runs {
	struct run *items;
	size_t count;
};

/** The part of a page that the dump has. */
static void clip(const struct dump *dump, uint64_t pfn, uint64_t *start, uint64_t *end)
{
	const struct elf_range *range;

	*start = pfn << DUMP_PAGE_SHIFT;
	*end = *start + DUMP_PAGE_SIZE;
	range = elf_memory_find(&dump->memory, *start);
	if (range && range->start > *start && range->start < *end)
		*start = range->start;
	if (range && range->end < *end)
		*end = range->end;
}

static struct error *find_runs(const struct dump *dump, const struct capsule_layout *layout,
			       const uint64_t *pfns, size_t count, struct runs *ret)
{
	for (size_t i = 0; i < count; i++) {
		struct run *last = ret->count ? &ret->items[ret->count - 1] : NULL;
		struct run run = {.file = i * DUMP_PAGE_SIZE};

		clip(dump, pfns[i], &run.start, &run.end);
		run.file += run.start & DUMP_PAGE_MASK;
		run.image = run.start >= layout->image_start && run.start < layout->image_end;
		if (last && last->end == run.start && last->image == run.image) {
			last->end = run.end;
			continue;
		}
		try(array_grow((void **)&ret->items, &ret->count, sizeof(*ret->items)));
		ret->items[ret->count - 1] = run;
	}
	/* The program header counts in 16 bits; no analysis comes near that. */
	if (ret->count >= PN_XNUM - 1)
		return error_new(ERROR_UNSUPPORTED, "%zu runs of pages are too many for a capsule",
				 ret->count);
	return NULL;
}

/** The dump's own notes but for an earlier capsule's, then VMCOREINFO if it was elsewhere. */
static struct error *make_notes(struct dump *dump, const char *kept, struct notes *ret)
{
	bool vmcoreinfo = false;
	size_t offset = 0;
	struct note note;

	while (notes_next(&dump->notes, &offset, &note)) {
		if (note_is_called(&note, DUMP_KEPT_NOTE))
			continue;
		vmcoreinfo |= note_is_called(&note, "VMCOREINFO");
		_cleanup_free_ char *name = strndup(note.name, note.header.n_namesz);

		if (!name)
			return error_new(ERROR_NO_MEMORY, "out of memory");
		try(notes_add(ret, name, note.header.n_type, note.desc, note.header.n_descsz));
	}
	if (!vmcoreinfo)
		try(notes_add(ret, "VMCOREINFO", 0, dump->vmcoreinfo_text,
			      strlen(dump->vmcoreinfo_text)));
	return kept ? notes_add(ret, DUMP_KEPT_NOTE, DUMP_KEPT_TYPE, kept, strlen(kept)) : NULL;
}

static struct error *put(FILE *file, const void *bytes, size_t size)
{
	return fwrite(bytes, 1, size, file) == size ? NULL : error_errno(errno, "write");
}

static struct error *put_headers(FILE *file, const struct capsule_layout *layout,
				 const struct runs *runs, const struct notes *notes)
{
	Elf64_Ehdr header = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			    EV_CURRENT},
		.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(header),
		.e_ehsize = sizeof(header),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = runs->count + 1,
	};
	Elf64_Phdr segment = {.p_type = PT_NOTE,
			      .p_offset = sizeof(header) + header.e_phnum * sizeof(segment),
			      .p_filesz = notes->size,
			      .p_memsz = notes->size,
			      .p_align = 4};
	uint64_t end = segment.p_offset + segment.p_filesz;

	try(put(file, &header, sizeof(header)));
	try(put(file, &segment, sizeof(segment)));
	end = (end + DUMP_PAGE_MASK) & ~DUMP_PAGE_MASK;
	for (size_t i = 0; i < runs->count; i++) {
		const struct run *run = &runs->items[i];
		uint64_t map = run->image ? layout->image_map : layout->direct_map;

		segment = (Elf64_Phdr){.p_type = PT_LOAD,
				       .p_flags = PF_R | PF_W | PF_X,
				       .p_offset = end + run->file,
				       .p_vaddr = run->start + map,
				       .p_paddr = run->start,
				       .p_filesz = run->end - run->start,
				       .p_memsz = run->end - run->start};
		try(put(file, &segment, sizeof(segment)));
	}
	return put(file, notes->bytes, notes->size);
}

static struct error *put_pages(FILE *file, struct dump *dump, const uint64_t *pfns, size_t count)
{
	static const char zeros[DUMP_PAGE_SIZE];
	long start = ftell(file);
	uint8_t page[DUMP_PAGE_SIZE];

	if (start < 0)
		return error_errno(errno, "write");
	try(put(file, zeros, -(size_t)start & DUMP_PAGE_MASK));
	for (size_t i = 0; i < count; i++) {
		uint64_t start, end;

		clip(dump, pfns[i], &start, &end);
		memset(page, 0, sizeof(page));
		try(dump_read_physical(dump, start, page + (start & DUMP_PAGE_MASK), end - start));
		try(put(file, page, sizeof(page)));
	}
	return NULL;
}

struct error *capsule_write(struct dump *dump, const struct capsule_layout *layout,
			    const char *kept, FILE *file)
{
	_cleanup_free_ uint64_t *pfns = NULL;
	struct notes notes = {};
	struct runs runs = {};
	size_t count = dump->read.count;

	try(page_set_sorted(&dump->read, &pfns));
	struct error *err = find_runs(dump, layout, pfns, count, &runs);

	if (!err)
		err = make_notes(dump, kept, &notes);
	if (!err)
		err = put_headers(file, layout, &runs, &notes);
	if (!err)
		err = put_pages(file, dump, pfns, count);
	notes_deinit(&notes);
	free(runs.items);
	return err;
}
