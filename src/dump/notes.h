/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_DUMP_NOTES_H
#define CRASHLAB_DUMP_NOTES_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

/** ELF notes, one behind the other, as in a dump's PT_NOTE segment. All zeroes: none. */
struct notes {
	char *bytes;
	size_t size;
};

void notes_deinit(struct notes *notes);

/**
 * Read the notes of the dump file @fd: an ELF file's PT_NOTE segments, or the copy of them that
 * makedumpfile puts into its own format. None for any other file.
 */
struct error *notes_read(int fd, struct notes *ret);

/** One note of several; the pointers are into the buffer. */
struct note {
	const char *start; /* its header */
	size_t size; /* of the whole */
	Elf64_Nhdr header;
	const char *name; /* header.n_namesz bytes, with a NUL as a rule */
	const char *desc; /* header.n_descsz bytes */
};

/** The note at *@offset, which moves behind it; false at the end, or at one that is damaged. */
bool notes_next(const struct notes *notes, size_t *offset, struct note *ret);

bool note_is_called(const struct note *note, const char *name);

/** Append a note. */
struct error *notes_add(struct notes *notes, const char *name, unsigned type, const void *desc,
			size_t size);

#endif
