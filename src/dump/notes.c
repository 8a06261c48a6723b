// SPDX-License-Identifier: GPL-2.0-only
#include "dump/notes.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dump/elf_file.h"
#include "dump/kdump_file.h"
#include "util/cleanup.h"

/* A note of 360 bytes for each of 65536 CPUs, and a page of VMCOREINFO. */
#define NOTES_MAX (32u << 20)

void notes_deinit(struct notes *notes)
{
	free(notes->bytes);
	*notes = (struct notes){};
}

static struct error *make_room(struct notes *notes, size_t size)
{
	if (size > NOTES_MAX - notes->size)
		return error_new(ERROR_FORMAT, "%zu bytes of notes cannot be", size);
	char *grown = realloc(notes->bytes, notes->size + size + 1);

	if (!grown)
		return error_new(ERROR_NO_MEMORY, "out of memory for notes");
	notes->bytes = grown;
	return NULL;
}

static struct error *append_from(int fd, uint64_t offset, uint64_t size, struct notes *notes)
{
	try(make_room(notes, size));
	try(file_read_at(fd, offset, notes->bytes + notes->size, size));
	notes->size += size;
	return NULL;
}

static struct error *read_elf(int fd, struct notes *notes)
{
	_cleanup_free_ Elf64_Phdr *segments = NULL;
	size_t count;

	try(elf_read_segments(fd, &segments, &count));
	for (size_t i = 0; i < count; i++) {
		if (segments[i].p_type == PT_NOTE)
			try(append_from(fd, segments[i].p_offset, segments[i].p_filesz, notes));
	}
	return NULL;
}

static struct error *read_kdump(int fd, struct notes *notes)
{
	struct kdump_file file;

	try(kdump_file_read(fd, &file));
	return file.note ? append_from(fd, file.note, file.note_size, notes) : NULL;
}

struct error *notes_read(int fd, struct notes *ret)
{
	struct notes notes = {};
	struct error *err = NULL;
	char magic[8];

	try(file_read_at(fd, 0, magic, sizeof(magic)));
	if (!memcmp(magic, ELFMAG, SELFMAG))
		err = read_elf(fd, &notes);
	else if (kdump_file_probe(fd))
		err = read_kdump(fd, &notes);
	if (err)
		notes_deinit(&notes);
	else
		*ret = notes;
	return error_wrap(err, "the notes of the dump");
}

static size_t align4(size_t size)
{
	return (size + 3) & ~(size_t)3;
}

bool notes_next(const struct notes *notes, size_t *offset, struct note *ret)
{
	size_t left = notes->size - *offset;

	if (left < sizeof(ret->header))
		return false;
	ret->start = notes->bytes + *offset;
	memcpy(&ret->header, ret->start, sizeof(ret->header));
	left -= sizeof(ret->header);
	size_t name = align4(ret->header.n_namesz), desc = align4(ret->header.n_descsz);

	if (name > left)
		return false;
	/* The last one's padding may be missing. */
	if (desc > left - name)
		desc = left - name;
	if (ret->header.n_descsz > desc)
		return false;
	ret->name = ret->start + sizeof(ret->header);
	ret->desc = ret->name + name;
	ret->size = sizeof(ret->header) + name + desc;
	*offset += ret->size;
	return true;
}

bool note_is_called(const struct note *note, const char *name)
{
	size_t length = strlen(name);

	return note->header.n_namesz >= length && note->header.n_namesz <= length + 1 &&
	       !memcmp(note->name, name, length);
}

struct error *notes_add(struct notes *notes, const char *name, unsigned type, const void *desc,
			size_t size)
{
	size_t name_size = strlen(name) + 1;
	Elf64_Nhdr header = {.n_namesz = name_size, .n_descsz = size, .n_type = type};
	size_t whole = sizeof(header) + align4(name_size) + align4(size);

	if (size > NOTES_MAX)
		return error_new(ERROR_FORMAT, "a note of %zu bytes cannot be", size);
	try(make_room(notes, whole));
	char *end = notes->bytes + notes->size;

	memset(end, 0, whole);
	memcpy(end, &header, sizeof(header));
	memcpy(end + sizeof(header), name, name_size);
	memcpy(end + sizeof(header) + align4(name_size), desc, size);
	notes->size += whole;
	return NULL;
}
