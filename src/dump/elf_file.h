/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_DUMP_ELF_FILE_H
#define CRASHLAB_DUMP_ELF_FILE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

/** The program headers of the ELF file @fd, that the caller frees; none when it is no such file. */
struct error *elf_read_segments(int fd, Elf64_Phdr **ret, size_t *ret_count);

/** Read @size bytes at @offset; a file that ends before is ERROR_FORMAT. */
struct error *file_read_at(int fd, uint64_t offset, void *buffer, size_t size);

/**
 * The physical memory that an ELF dump has bytes of. libkdumpfile 0.5.1 gives zeros for others: for
 * the page in front of every segment, for what p_memsz has over p_filesz, and for the rest of a
 * page that a segment only has a part of. Zeros look like an answer, so this is asked first.
 */
struct elf_memory {
	struct elf_range {
		uint64_t start, end;
	} * ranges; /* ascending, apart */
	size_t count;
};

struct error *elf_memory_init(int fd, struct elf_memory *ret);
void elf_memory_deinit(struct elf_memory *memory);

/** True when all @size bytes at physical @address are there. */
bool elf_memory_has(const struct elf_memory *memory, uint64_t address, uint64_t size);

/** The first range that ends behind @address, or NULL. */
const struct elf_range *elf_memory_find(const struct elf_memory *memory, uint64_t address);

#endif
