/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_KERNEL_SYMBOLS_H
#define CRASHLAB_KERNEL_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

/* KSYM_NAME_LEN, include/linux/kallsyms.h: 512 since 6.1, 128 before. */
#define SYMBOL_NAME_MAX 512

/* __START_KERNEL_map: the image's symbols lie above, of others only modules' do. */
#define SYMBOL_IMAGE_MAP 0xffffffff80000000ull

/** A symbol that was found; @end is where the next one starts, or 0 when that is not known. */
struct symbol {
	char name[SYMBOL_NAME_MAX];
	uint64_t start;
	uint64_t end;
};

/**
 * Where symbols come from: kallsyms out of the dump (kallsyms.c), a module's symbol table
 * (modsyms.c), a System.map (sysmap.c). Each source embeds this structure as its first member.
 */
struct symbol_source {
	/** True, and the address, when a symbol is called @name. */
	bool (*find)(const struct symbol_source *source, const char *name, uint64_t *ret);
	/** True, and the symbol, when one contains code address @address. */
	bool (*at)(const struct symbol_source *source, uint64_t address, struct symbol *ret);
	void (*destroy)(struct symbol_source *source);
};

static inline void symbol_source_destroy(struct symbol_source *source)
{
	if (source)
		source->destroy(source);
}

static inline void cleanup_symbol_source(struct symbol_source **source)
{
	symbol_source_destroy(*source);
}

/** True for a name that code has besides its own: "_stext", "__pi_memcpy". */
bool symbol_is_second_name(const char *name);

/* ---- kallsyms ---- */

/**
 * How kallsyms_offsets are encoded (kallsyms_sym_address(), kernel/kallsyms.c; scripts/kallsyms.c).
 * No version is asked: that encoding is taken which puts _stext where VMCOREINFO has it.
 */
enum kallsyms_encoding {
	KALLSYMS_BASE_RELATIVE, /* base + (u32)offset; 4.6 to 7.0 */
	KALLSYMS_ABSOLUTE_PERCPU, /* offset if >= 0, else base - 1 - offset; to 6.15 */
	KALLSYMS_PLACE_RELATIVE, /* &offsets[i] + offset; 7.0 on, no base */
	KALLSYMS_ENCODINGS,
};

/** The tables as they lie in the kernel image. */
struct kallsyms_tables {
	uint8_t *names; /* compressed: length, then that many token numbers */
	size_t names_size;
	char *tokens; /* NUL-terminated strings, one after the other */
	size_t tokens_size;
	uint16_t token_index[256];
	int32_t *offsets; /* count of them */
	uint32_t count;
	uint64_t offsets_address; /* where offsets lie in the kernel */
	uint64_t base;
	bool has_base;
};

/** Free what @tables points to. */
void kallsyms_tables_deinit(struct kallsyms_tables *tables);

/**
 * Length of the compressed name at @offset in @names, with its length bytes: one, or two when the
 * first has bit 7 set (6.1, "kallsyms: support "big" kernel symbols"). 0 when it runs over @size.
 */
static inline size_t kallsyms_name_length(const uint8_t *names, size_t size, size_t offset)
{
	size_t length, header = 1;

	if (offset >= size)
		return 0;
	length = names[offset];
	if (length & 0x80) {
		if (size - offset < 2)
			return 0;
		length = (length & 0x7f) | (size_t)names[offset + 1] << 7;
		header = 2;
	}
	return length <= size - offset - header ? header + length : 0;
}

/**
 * Make a symbol source of @tables, whose contents it takes over if it succeeds. @stext is the known
 * address of _stext. ERROR_FORMAT when the tables are damaged or agree with no encoding.
 */
struct error *kallsyms_create(struct kallsyms_tables *tables, uint64_t stext,
			      struct symbol_source **ret);

/** The encoding that was found; for tests. */
enum kallsyms_encoding kallsyms_encoding(const struct symbol_source *source);

typedef struct error *(*kallsyms_read)(void *data, uint64_t address, void *buffer, size_t size);

/**
 * Find the tables of a kernel of 4.20 to 5.19, which does not tell where they are, in the @size
 * bytes from @start on, a page's first. ERROR_NOT_FOUND.
 */
struct error *kallsyms_search(kallsyms_read read, void *data, uint64_t start, uint64_t size,
			      struct kallsyms_tables *ret);

/* ---- a System.map, or a /proc/kallsyms that was saved ---- */

/**
 * Make a symbol source of @text, moved so that _stext lies at @stext. Modules' symbols in it are
 * passed over. ERROR_USAGE when it is no such text, or has no addresses.
 */
struct error *sysmap_create(const char *text, uint64_t stext, struct symbol_source **ret);

/* ---- ELF symbol table of a module ---- */

struct modsyms_entry {
	uint64_t address;
	uint32_t name; /* offset into the strings */
	bool is_function;
};

/**
 * Make a symbol source of a module's @count ELF64 symbols and of @strings (terminated by a NUL at
 * its end). Copies the symbols, takes over @strings if it succeeds.
 */
struct error *modsyms_create(const void *elf_symbols, size_t count, char *strings,
			     size_t strings_size, struct symbol_source **ret);

#endif
