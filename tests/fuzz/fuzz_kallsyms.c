// SPDX-License-Identifier: GPL-2.0-only
/*
 * The search for symbol tables in a changed image, and the tables of such an image when it is known
 * where they are, as of a kernel that tells; then symbols by name and by address.
 */
#include <stdbool.h>
#include <stdint.h>

#include "changes.h"
#include "util/cleanup.h"

#define SYMBOLS 300
#define IMAGE_SIZE 16384
#include "../unit/kallsyms_image.h"

static struct image *whole;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	whole = make_image(64);
	return 0;
}

static void ask(struct kallsyms_tables *tables)
{
	_cleanup_(cleanup_symbol_source) struct symbol_source *source = NULL;
	struct error *err = kallsyms_create(tables, IMAGE_START, &source);
	struct symbol symbol;
	uint64_t address;

	kallsyms_tables_deinit(tables);
	if (err) {
		error_free(err);
		return;
	}
	source->find(source, "function_299", &address);
	source->find(source, "", &address);
	for (uint64_t at = IMAGE_START - 64; at < IMAGE_START + 128 * 64; at += 60)
		source->at(source, at, &symbol);
	source->at(source, 0, &symbol);
	source->at(source, UINT64_MAX, &symbol);
}

static void *copy(const void *bytes, size_t size)
{
	void *ret = malloc(size);

	return memcpy(ret, bytes, size);
}

/** The tables from where the unchanged image has them, @shorter bytes of names missing. */
static void take_tables(const struct image *image, uint8_t shorter, struct kallsyms_tables *ret)
{
	*ret = (struct kallsyms_tables){.names_size = image->markers - image->names - shorter,
					.tokens_size = image->index - image->tokens,
					.offsets_address = IMAGE_START + 64,
					.has_base = shorter % 2};
	ret->names = copy(image->bytes + image->names, ret->names_size);
	ret->tokens = copy(image->bytes + image->tokens, ret->tokens_size);
	memcpy(ret->token_index, image->bytes + image->index, sizeof(ret->token_index));
	memcpy(&ret->base, image->bytes + image->base, sizeof(ret->base));
	memcpy(&ret->count, image->bytes + image->count, sizeof(ret->count));
	ret->count %= 512; /* which the reader of the dump has memory for */
	ret->offsets = calloc(512, sizeof(*ret->offsets));
	memcpy(ret->offsets, image->bytes + 64, SYMBOLS * sizeof(*ret->offsets));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ struct image *image = copy(whole, sizeof(*whole));
	struct kallsyms_tables tables = {};

	if (!size)
		return 0;
	apply_changes(data + 1, size - 1, image->bytes, sizeof(image->bytes));
	struct error *err =
		kallsyms_search(read_image, image, IMAGE_START, sizeof(image->bytes), &tables);

	if (!err)
		ask(&tables);
	error_free(err);
	take_tables(image, data[0], &tables);
	ask(&tables);
	return 0;
}
