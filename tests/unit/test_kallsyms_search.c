// SPDX-License-Identifier: GPL-2.0-only
/*
 * The search for symbol tables, in an image made here as scripts/kallsyms.c of 5.10 lays it out:
 * wherever it lies, with pages missing before it, and with one thing at a time that does not fit.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/symbols.h"
#include "util/cleanup.h"

#define START 0xffffffff81000000ULL
#define SIZE (256 * 1024)
#define COUNT 1000
#define PAGE 4096

struct image {
	uint8_t bytes[SIZE];
	uint64_t missing; /* a page that cannot be read */
	size_t base, count, markers, tokens, index, names; /* where they are */
};

static struct error *read_image(void *data, uint64_t address, void *buffer, size_t size)
{
	struct image *image = data;

	if (address < START || address - START > SIZE || size > SIZE - (address - START))
		return error_new(ERROR_FORMAT, "not mapped");
	if (image->missing && address <= image->missing && address + size > image->missing)
		return error_new(ERROR_NO_DATA, "missing");
	memcpy(buffer, image->bytes + (address - START), size);
	return NULL;
}

static size_t put(struct image *image, size_t at, const void *data, size_t size)
{
	memcpy(image->bytes + at, data, size);
	return at + size;
}

static size_t align(size_t at)
{
	return (at + 7) & ~(size_t)7;
}

static size_t put_names(struct image *image, size_t at, uint32_t *markers)
{
	image->names = at;
	for (unsigned i = 0; i < COUNT; i++) {
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

static size_t put_tokens(struct image *image, size_t at, uint16_t *index)
{
	image->tokens = at;
	for (int i = 0; i < 256; i++) {
		char token[4] = {i >= 0x20 && i < 0x7f ? i : 'q', i >= 0x80 ? 'u' : '\0'};

		index[i] = at - image->tokens;
		at = put(image, at, token, strlen(token) + 1);
	}
	return align(at);
}

static struct image *make_image(size_t at)
{
	struct image *image = calloc(1, sizeof(*image));
	uint32_t markers[(COUNT + 255) / 256], count = COUNT;
	uint64_t base = START;
	uint16_t index[256];

	for (int32_t i = 0; i < COUNT; i++)
		put(image, at + i * 4, &(int32_t){-1 - i * 16}, 4);
	image->base = align(at + COUNT * 4);
	image->count = put(image, image->base, &base, sizeof(base));
	put(image, image->count, &count, sizeof(count));
	image->markers = put_names(image, image->count + 8, markers);
	at = align(put(image, image->markers, markers, sizeof(markers)));
	image->index = put_tokens(image, at, index);
	put(image, image->index, index, sizeof(index));
	return image;
}

static void is_found(struct image *image)
{
	_cleanup_(cleanup_symbol_source) struct symbol_source *source = NULL;
	struct kallsyms_tables tables = {0};
	uint64_t address;

	assert_null(kallsyms_search(read_image, image, START, SIZE, &tables));
	assert_int_equal(tables.count, COUNT);
	assert_null(kallsyms_create(&tables, START, &source));
	assert_int_equal(kallsyms_encoding(source), KALLSYMS_ABSOLUTE_PERCPU);
	assert_true(source->find(source, "function_999", &address));
	assert_int_equal(address, START + 999 * 16);
	free(image);
}

static void is_not_found(struct image *image)
{
	struct kallsyms_tables tables = {0};
	struct error *err = kallsyms_search(read_image, image, START, SIZE, &tables);

	assert_true(error_is(err, ERROR_NOT_FOUND));
	assert_null(tables.names);
	error_free(err);
	free(image);
}

/* Everywhere in a page, so that the digits lie across a border too. */
static void test_anywhere(void **state)
{
	(void)state;
	for (size_t at = 0; at < PAGE; at += 8)
		is_found(make_image(5 * PAGE + at));
}

static void test_missing_pages(void **state)
{
	struct image *image = make_image(20 * PAGE);

	(void)state;
	image->missing = START + 3 * PAGE;
	is_found(image);
	image = make_image(20 * PAGE);
	image->missing = START + image->names + 100;
	is_not_found(image);
	image = make_image(20 * PAGE);
	image->missing = START + image->base - 100;
	is_not_found(image);
}

/* What looks like the tokens but has not all the rest, and then the real ones. */
static void test_decoy(void **state)
{
	struct image *image = make_image(40 * PAGE);
	uint16_t index[256];

	(void)state;
	put_tokens(image, 3 * PAGE, index);
	is_found(image);
}

static void test_damage(void **state)
{
	struct image *image;

	(void)state;
	image = calloc(1, sizeof(*image));
	is_not_found(image);
	image = make_image(20 * PAGE);
	image->bytes[image->index + 2 * 200]++;
	is_not_found(image);
	image = make_image(20 * PAGE);
	image->bytes[image->markers + 4]++;
	is_not_found(image);
	image = make_image(20 * PAGE);
	image->bytes[image->names]++;
	is_not_found(image);
	image = make_image(20 * PAGE);
	image->bytes[image->count]--;
	is_not_found(image);
}

/* No byte of the tables changed by one makes the search read what is not there. */
static void test_any_byte(void **state)
{
	struct image *image = make_image(PAGE);

	(void)state;
	for (size_t i = image->base; i < image->index + 512; i++) {
		struct kallsyms_tables tables = {0};

		image->bytes[i] ^= 0xff;
		error_free(kallsyms_search(read_image, image, START, 16 * PAGE, &tables));
		kallsyms_tables_deinit(&tables);
		image->bytes[i] ^= 0xff;
	}
	free(image);
}

/* Digits everywhere: given up, and soon. */
static void test_too_many(void **state)
{
	struct image *image = make_image(0);

	(void)state;
	memmove(image->bytes + SIZE / 2, image->bytes, SIZE / 2);
	for (size_t at = 0; at + 20 <= SIZE / 2; at += 20)
		put(image, at, "0\0001\0002\0003\0004\0005\0006\0007\0008\0009", 20);
	is_not_found(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_anywhere), cmocka_unit_test(test_missing_pages),
		cmocka_unit_test(test_decoy),    cmocka_unit_test(test_damage),
		cmocka_unit_test(test_any_byte), cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests_name("kallsyms_search", tests, NULL, NULL);
}
