// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/symbols.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

struct modsyms {
	struct symbol_source source;
	char *strings;
	struct modsyms_entry *entries; /* by address; functions first among equals */
	size_t count;
};

static bool modsyms_find(const struct symbol_source *source, const char *name, uint64_t *ret)
{
	const struct modsyms *syms = (const struct modsyms *)source;

	for (size_t i = 0; i < syms->count; i++) {
		if (!strcmp(syms->strings + syms->entries[i].name, name)) {
			*ret = syms->entries[i].address;
			return true;
		}
	}
	return false;
}

static bool modsyms_at(const struct symbol_source *source, uint64_t address, struct symbol *ret)
{
	const struct modsyms *syms = (const struct modsyms *)source;
	size_t low = 0, high = syms->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (syms->entries[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return false;
	ret->end = low < syms->count ? syms->entries[low].address : 0;
	ret->start = syms->entries[--low].address;
	while (low && syms->entries[low - 1].address == ret->start)
		low--;
	strncpy(ret->name, syms->strings + syms->entries[low].name, sizeof(ret->name) - 1);
	ret->name[sizeof(ret->name) - 1] = '\0';
	return true;
}

static void modsyms_destroy(struct symbol_source *source)
{
	struct modsyms *syms = (struct modsyms *)source;

	free(syms->strings);
	free(syms->entries);
	free(syms);
}

static int compare_entries(const void *a, const void *b)
{
	const struct modsyms_entry *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	if (x->is_function != y->is_function)
		return x->is_function ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

struct error *modsyms_create(const void *elf_symbols, size_t count, char *strings,
			     size_t strings_size, struct symbol_source **ret)
{
	const Elf64_Sym *symbols = elf_symbols;
	struct modsyms *syms;

	if (!strings_size || strings[strings_size - 1])
		return error_new(ERROR_FORMAT, "a module's symbol names do not end");
	syms = calloc(1, sizeof(*syms));
	if (!syms)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	syms->source = (struct symbol_source){modsyms_find, modsyms_at, modsyms_destroy};
	syms->entries = calloc(count + 1, sizeof(*syms->entries));
	if (!syms->entries) {
		modsyms_destroy(&syms->source);
		return error_new(ERROR_NO_MEMORY, "out of memory for %zu symbols", count);
	}
	for (size_t i = 0; i < count; i++) {
		const Elf64_Sym *sym = &symbols[i];

		if (sym->st_shndx == SHN_UNDEF || sym->st_name >= strings_size ||
		    !strings[sym->st_name])
			continue;
		syms->entries[syms->count++] = (struct modsyms_entry){
			.address = sym->st_value,
			.name = sym->st_name,
			.is_function = ELF64_ST_TYPE(sym->st_info) == STT_FUNC,
		};
	}
	qsort(syms->entries, syms->count, sizeof(*syms->entries), compare_entries);
	syms->strings = strings;
	*ret = &syms->source;
	return NULL;
}
