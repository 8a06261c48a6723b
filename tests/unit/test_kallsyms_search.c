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

#define SYMBOLS 1000
#define IMAGE_SIZE (256 * 1024)
#include "kallsyms_image.h"

#define SIZE IMAGE_SIZE
#define START IMAGE_START
#define PAGE 4096

static void is_found(struct image *image)
{
	_cleanup_(cleanup_symbol_source) struct symbol_source *source = NULL;
	struct kallsyms_tables tables = {0};
	uint64_t address;

	assert_null(kallsyms_search(read_image, image, START, SIZE, &tables));
	assert_int_equal(tables.count, SYMBOLS);
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
