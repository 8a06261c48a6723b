// SPDX-License-Identifier: GPL-2.0-only
/* A module's ELF symbol table: lookups both ways, and names that lie outside the strings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/symbols.h"
#include "util/cleanup.h"

static const char names[] = "\0first\0object\0second\0undefined";

static struct error *create(const Elf64_Sym *symbols, size_t count, size_t size,
			    struct symbol_source **ret)
{
	char *strings = malloc(sizeof(names));
	struct error *err;

	memcpy(strings, names, sizeof(names));
	err = modsyms_create(symbols, count, strings, size, ret);
	if (err)
		free(strings);
	return err;
}

static const Elf64_Sym symbols[] = {
	{.st_name = 0},
	{.st_name = 14, .st_value = 0x2000, .st_shndx = 1, .st_info = STT_FUNC},
	{.st_name = 7, .st_value = 0x1000, .st_shndx = 1, .st_info = STT_OBJECT},
	{.st_name = 1, .st_value = 0x1000, .st_shndx = 1, .st_info = STT_FUNC},
	{.st_name = 21, .st_value = 0x3000, .st_shndx = SHN_UNDEF},
	{.st_name = 9999, .st_value = 0x4000, .st_shndx = 1, .st_info = STT_FUNC},
};

static void test_lookup(void **state)
{
	_cleanup_(cleanup_symbol_source) struct symbol_source *source = NULL;
	struct symbol symbol;
	uint64_t address;

	(void)state;
	assert_null(create(symbols, sizeof(symbols) / sizeof(*symbols), sizeof(names), &source));
	assert_true(source->find(source, "object", &address));
	assert_int_equal(address, 0x1000);
	assert_false(source->find(source, "undefined", &address));
	assert_false(source->at(source, 0xfff, &symbol));
	assert_true(source->at(source, 0x1fff, &symbol));
	assert_string_equal(symbol.name, "first"); /* a function before an object */
	assert_int_equal(symbol.end, 0x2000);
	assert_true(source->at(source, 0x9999, &symbol));
	assert_string_equal(symbol.name, "second");
	assert_int_equal(symbol.end, 0);
}

static void test_damaged(void **state)
{
	struct symbol_source *source = NULL;
	struct error *err;

	(void)state;
	err = create(symbols, 2, 4, &source); /* strings that do not end */
	assert_true(error_is(err, ERROR_FORMAT));
	error_free(err);
	err = create(symbols, 2, 0, &source);
	assert_true(error_is(err, ERROR_FORMAT));
	error_free(err);
}

static void test_empty(void **state)
{
	_cleanup_(cleanup_symbol_source) struct symbol_source *source = NULL;
	struct symbol symbol;

	(void)state;
	assert_null(create(NULL, 0, sizeof(names), &source));
	assert_false(source->at(source, 0x1000, &symbol));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests_name("modsyms", tests, NULL, NULL);
}
