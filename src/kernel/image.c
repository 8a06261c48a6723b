// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads kallsyms out of the dump, by the addresses that VMCOREINFO gives since 6.0
 * (commit 5fd8fea935a1, "vmcoreinfo: include kallsyms symbols"); before, they have to be found.
 */
#include "kernel/internal.h"

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
			 "were not found",
			 kernel->release);
}

struct error *image_symbols_create(struct kernel *kernel, struct symbol_source **ret)
{
	_cleanup_(cleanup_tables) struct kallsyms_tables tables = {0};
	uint64_t count_at, stext;
	struct error *err;

	try(symbol_address(kernel, "SYMBOL(_stext)", &stext));
	err = symbol_address(kernel, "SYMBOL(kallsyms_num_syms)", &count_at);
	if (error_is(err, ERROR_NOT_FOUND)) {
		error_free(err);
		try(search_tables(kernel, stext, &tables));
	} else {
		try(err);
		try(read_tables(kernel, count_at, &tables));
	}
	return kallsyms_create(&tables, stext, ret);
}
