/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_TESTS_KALLSYMS_IMAGE_H
#define CRASHLAB_TESTS_KALLSYMS_IMAGE_H

/*
 * Memory with the symbol tables of a kernel in it, as scripts/kallsyms.c of 5.10 lays them out. The
 * one who includes it says how many SYMBOLS, at least 1, and how large it is, IMAGE_SIZE.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/symbols.h"

#define IMAGE_START 0xffffffff81000000ULL

struct image {
	uint8_t bytes[IMAGE_SIZE];
	uint64_t missing; /* a page that cannot be read */
	size_t base, count, markers, tokens, index, names; /* where they are */
};

static inline struct error *read_image(void *data, uint64_t address, void *buffer, size_t size)
{
	struct image *image = data;

	if (address < IMAGE_START || address - IMAGE_START > IMAGE_SIZE ||
	    size > IMAGE_SIZE - (address - IMAGE_START))
		return error_new(ERROR_FORMAT, "not mapped");
	if (image->missing && address <= image->missing && address + size > image->missing)
		return error_new(ERROR_NO_DATA, "missing");
	memcpy(buffer, image->bytes + (address - IMAGE_START), size);
	return NULL;
}

static inline size_t put(struct image *image, size_t at, const void *data, size_t size)
{
	memcpy(image->bytes + at, data, size);
	return at + size;
}

static inline size_t align(size_t at)
{
	return (at + 7) & ~(size_t)7;
}

static inline size_t put_names(struct image *image, size_t at, uint32_t *markers)
{
	image->names = at;
	for (unsigned i = 0; i < SYMBOLS; i++) {
		char name[32];
		uint8_t length = i ? snprintf(name, sizeof(name), "Tfunction_%u", i)
				   : snprintf(name, sizeof(name), "T_stext");

		if (i % 256 == 0)
			markers[i / 256] = at - image->names;
		at = put(image, at, &length, 1);
		at = put(image, at, name, length);
	}
	return align(at);
}

static inline size_t put_tokens(struct image *image, size_t at, uint16_t *index)
{
	image->tokens = at;
	for (int i = 0; i < 256; i++) {
		char token[4] = {i >= 0x20 && i < 0x7f ? i : 'q', i >= 0x80 ? 'u' : '\0'};

		index[i] = at - image->tokens;
		at = put(image, at, token, strlen(token) + 1);
	}
	return align(at);
}

static inline struct image *make_image(size_t at)
{
	struct image *image = calloc(1, sizeof(*image));
	uint32_t markers[(SYMBOLS + 255) / 256], count = SYMBOLS;
	uint64_t base = IMAGE_START;
	uint16_t index[256];

	for (int32_t i = 0; i < SYMBOLS; i++)
		put(image, at + i * 4, &(int32_t){-1 - i * 16}, 4);
	image->base = align(at + SYMBOLS * 4);
	image->count = put(image, image->base, &base, sizeof(base));
	put(image, image->count, &count, sizeof(count));
	image->markers = put_names(image, image->count + 8, markers);
	at = align(put(image, image->markers, markers, sizeof(markers)));
	image->index = put_tokens(image, at, index);
	put(image, image->index, index, sizeof(index));
	return image;
}

#endif
