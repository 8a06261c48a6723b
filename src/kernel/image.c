// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads kallsyms out of the dump, by the addresses that VMCOREINFO gives since 6.0
 * (commit 5fd8fea935a1, "vmcoreinfo: include kallsyms symbols"); before, they have to be found.
 */
#include "kernel/internal.h"

#include <inttypes.h>
#include <string.h>

#include "util/cleanup.h"

#define PAGE_BYTES 4096
#define NAMES_CHUNK PAGE_BYTES
#define NAMES_MAX (256U << 20)
#define SYMBOLS_MAX (1U << 24)
#define TOKEN_MAX 1024

/* From _stext to the end of the read-only data; 5.10 has 25 MB of them. */
#define IMAGE_MAX (128ULL << 20)

static void cleanup_tables(struct kallsyms_tables *tables)
{
	kallsyms_tables_deinit(tables);
}

static struct error *symbol_address(struct kernel *kernel, const char *key, uint64_t *ret)
{
	return dump_vmcoreinfo_number(kernel->dump, key, 16, ret);
}

/* Read from @address to the end of its page into names, which may have to grow. */
static struct error *append_names(struct kernel *kernel, uint64_t address,
				  struct kallsyms_tables *tables, size_t *capacity)
{
	size_t part = NAMES_CHUNK - (address & (NAMES_CHUNK - 1));

	if (tables->names_size + part > *capacity) {
		size_t wanted = *capacity ? *capacity * 2 : 1 << 20;
		uint8_t *grown;

		if (wanted > NAMES_MAX)
			return error_new(ERROR_FORMAT, "kallsyms: the names do not end");
		grown = realloc(tables->names, wanted);
		if (!grown)
			return error_new(ERROR_NO_MEMORY, "out of memory for symbol names");
		tables->names = grown;
		*capacity = wanted;
	}
	try(dump_read(kernel->dump, address, tables->names + tables->names_size, part));
	tables->names_size += part;
	return NULL;
}

/* How long the names are is written nowhere: read on until all of them were seen. */
static struct error *read_names(struct kernel *kernel, struct kallsyms_tables *tables)
{
	size_t capacity = 0, offset = 0;
	uint64_t address;

	try(symbol_address(kernel, "SYMBOL(kallsyms_names)", &address));
	for (uint32_t i = 0; i < tables->count;) {
		size_t length = kallsyms_name_length(tables->names, tables->names_size, offset);

		if (!length) {
			try(append_names(kernel, address + tables->names_size, tables, &capacity));
			continue;
		}
		offset += length;
		i++;
	}
	return NULL;
}

static struct error *read_tokens(struct kernel *kernel, struct kallsyms_tables *tables)
{
	char last_token[TOKEN_MAX];
	uint64_t table, index;
	uint16_t last = 0;
	void *block;

	try(symbol_address(kernel, "SYMBOL(kallsyms_token_table)", &table));
	try(symbol_address(kernel, "SYMBOL(kallsyms_token_index)", &index));
	try(dump_read(kernel->dump, index, tables->token_index, sizeof(tables->token_index)));
	for (size_t i = 0; i < 256; i++) {
		if (tables->token_index[i] > last)
			last = tables->token_index[i];
	}
	try(dump_read_string(kernel->dump, table + last, last_token, sizeof(last_token)));
	tables->tokens_size = last + strlen(last_token) + 1;
	try(read_block(kernel, table, tables->tokens_size, tables->tokens_size, "kallsyms tokens",
		       &block));
	tables->tokens = block;
	return NULL;
}

static struct error *read_offsets(struct kernel *kernel, struct kallsyms_tables *tables)
{
	struct error *err;
	uint64_t address;
	void *block;

	try(symbol_address(kernel, "SYMBOL(kallsyms_offsets)", &tables->offsets_address));
	try(read_block(kernel, tables->offsets_address, tables->count * sizeof(*tables->offsets),
		       SYMBOLS_MAX * sizeof(*tables->offsets), "kallsyms offsets", &block));
	tables->offsets = block;
	/* Gone in 7.0: offsets are relative to their own place there. */
	err = dump_vmcoreinfo_number(kernel->dump, "SYMBOL(kallsyms_relative_base)", 16, &address);
	if (error_is(err, ERROR_NOT_FOUND)) {
		error_free(err);
		return NULL;
	}
	if (err)
		return err;
	tables->has_base = true;
	return read_u64(kernel, address, &tables->base);
}

static struct error *read_tables(struct kernel *kernel, uint64_t count_at,
				 struct kallsyms_tables *tables)
{
	try(dump_read(kernel->dump, count_at, &tables->count, sizeof(tables->count)));
	if (tables->count > SYMBOLS_MAX)
		return error_new(ERROR_FORMAT, "kallsyms: %u symbols cannot be", tables->count);
	try(read_names(kernel, tables));
	try(read_tokens(kernel, tables));
	return read_offsets(kernel, tables);
}

static struct error *read_memory(void *data, uint64_t address, void *buffer, size_t size)
{
	return dump_read(data, address, buffer, size);
}

static struct error *search_tables(struct kernel *kernel, uint64_t stext,
				   struct kallsyms_tables *tables)
{
	struct error *err = kallsyms_search(read_memory, kernel->dump, stext & ~(PAGE_BYTES - 1ULL),
					    IMAGE_MAX, tables);

	if (!error_is(err, ERROR_NOT_FOUND))
		return err;
	error_free(err);
	return error_new(ERROR_UNSUPPORTED,
			 "kernel %s does not tell where its symbols are (VMCOREINFO has no "
			 "SYMBOL(kallsyms_num_syms); kernels do since 6.0), and in its memory they "
			 "were not found; --symbols FILE with its System.map adds them",
			 kernel->release);
}

/** A kernel that does not tell where its symbols are is searched for them, if it is to be. */
static struct error *own_symbols(struct kernel *kernel, uint64_t stext, bool search,
				 struct symbol_source **ret)
{
	_cleanup_(cleanup_tables) struct kallsyms_tables tables = {0};
	uint64_t count_at;
	struct error *err;

	err = symbol_address(kernel, "SYMBOL(kallsyms_num_syms)", &count_at);
	if (error_is(err, ERROR_NOT_FOUND) && search) {
		error_free(err);
		try(search_tables(kernel, stext, &tables));
	} else {
		try(err);
		try(read_tables(kernel, count_at, &tables));
	}
	return kallsyms_create(&tables, stext, ret);
}

/* ---- symbols that were given ---- */

static struct error *disagree(const char *name, uint64_t given, uint64_t wanted)
{
	return error_new(
		ERROR_USAGE,
		"it is of another kernel: moved so that _stext is right, %s is at 0x%" PRIx64
		", but in the dump at 0x%" PRIx64,
		name, given, wanted);
}

/**
 * VMCOREINFO names some ten symbols of the image; swapper_pg_dir is called otherwise there, and
 * what it has as mem_section's address may be what that points to (VMCOREINFO_SYMBOL_ARRAY()).
 */
static struct error *check_vmcoreinfo(struct kernel *kernel, const struct symbol_source *given)
{
	const char *key, *value;
	unsigned agree = 0;

	for (size_t i = 0; dump_vmcoreinfo_line(kernel->dump, i, &key, &value); i++) {
		uint64_t wanted = strtoull(value, NULL, 16), address;
		char name[64];

		if (sscanf(key, "SYMBOL(%63[^)])", name) != 1 || wanted < SYMBOL_IMAGE_MAP ||
		    !given->find(given, name, &address))
			continue;
		if (address != wanted)
			return disagree(name, address, wanted);
		agree++;
	}
	/* _stext agrees always, having been made to. */
	return agree > 2 ? NULL
			 : error_new(ERROR_USAGE, "it has too few of the symbols in VMCOREINFO to "
						  "tell whether it is of this kernel");
}

static struct error *check_own(const struct symbol_source *own, const struct symbol_source *given)
{
	static const char *const names[] = {"_etext",    "_einittext", "linux_banner",
					    "init_task", "modules",    "__per_cpu_offset",
					    "panic",     "_end"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		uint64_t address, wanted;

		if (own->find(own, names[i], &wanted) && given->find(given, names[i], &address) &&
		    address != wanted)
			return disagree(names[i], address, wanted);
	}
	return NULL;
}

/** Take the symbols that were given when @missing says that the dump's own were not found. */
static struct error *use_given(struct kernel *kernel, uint64_t stext, const struct error *missing,
			       struct symbol_source **ret)
{
	_cleanup_(cleanup_symbol_source) struct symbol_source *given = NULL;
	const char *path = kernel->files->symbols_path;

	try(sysmap_create(kernel->files->symbols, stext, &given));
	try(check_vmcoreinfo(kernel, given));
	if (!missing) {
		try(check_own(*ret, given));
		return text_list_add(&kernel->notes,
				     "%s: not used, the dump has the symbols itself", path);
	}
	*ret = take(given);
	return text_list_add(&kernel->notes, "%s: used for the kernel's symbols: %s", path,
			     missing->message);
}

struct error *image_symbols_create(struct kernel *kernel, struct symbol_source **ret)
{
	bool given = kernel->files && kernel->files->symbols;
	uint64_t stext;

	try(symbol_address(kernel, "SYMBOL(_stext)", &stext));
	struct error *missing = own_symbols(kernel, stext, !given, ret);

	if (!given || error_is(missing, ERROR_NO_MEMORY))
		return missing;
	struct error *err = use_given(kernel, stext, missing, ret);

	error_free(missing);
	return error_wrap(err, "%s", kernel->files->symbols_path);
}
