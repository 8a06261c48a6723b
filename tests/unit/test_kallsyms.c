// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kallsyms decoder on tables made here: each encoding of addresses, names with one and two
 * length bytes, aliases, and tables damaged in every way that a length or an index can be.
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

#define BASE 0xffffffff81000000ULL
#define OFFSETS_AT 0xffffffff82345678ULL
#define TOKEN_INIT 0x80 /* stands for "init_" */

struct entry {
	const char *name; /* with its type; '#' stands for the token above */
	uint64_t address;
};

static const struct entry entries[] = {
	{"D__per_cpu_start", 0},
	{"dcpu_tlbstate", 0x1000},
	{"T_stext", BASE},
	{"T_text", BASE},
	{"T#first", BASE},
	{"t#alias", BASE + 0x100},
	{"Tsecond", BASE + 0x100},
	{"b__func__.0", BASE + 0x200},
	{"T__pi_thunk", BASE + 0x300},
	{"Tthunk", BASE + 0x300},
	{"r__func__.0", BASE + 0x400},
	{"Bend", BASE + 0x500},
};
#define COUNT (sizeof(entries) / sizeof(entries[0]))

/* Tables as scripts/kallsyms.c would write them. */
static void make_tables(struct kallsyms_tables *t, enum kallsyms_encoding encoding)
{
	memset(t, 0, sizeof(*t));
	t->tokens = calloc(1, 1024);
	for (int i = 0; i < 256; i++) {
		const char text[2] = {i >= 0x20 && i < 0x7f ? i : '?', '\0'};
		const char *token = i == TOKEN_INIT ? "init_" : text;

		t->token_index[i] = t->tokens_size;
		strcpy(t->tokens + t->tokens_size, token);
		t->tokens_size += strlen(token) + 1;
	}
	t->names = calloc(1, 4096);
	t->offsets = calloc(COUNT, sizeof(*t->offsets));
	t->count = COUNT;
	t->offsets_address = OFFSETS_AT;
	t->base = BASE;
	t->has_base = encoding != KALLSYMS_PLACE_RELATIVE;
	for (size_t i = 0; i < COUNT; i++) {
		uint64_t address = entries[i].address;

		t->names[t->names_size++] = strlen(entries[i].name);
		for (const char *c = entries[i].name; *c; c++)
			t->names[t->names_size++] = *c == '#' ? TOKEN_INIT : *c;
		if (encoding == KALLSYMS_BASE_RELATIVE)
			t->offsets[i] = address - BASE;
		else if (encoding == KALLSYMS_PLACE_RELATIVE)
			t->offsets[i] = address - (OFFSETS_AT + i * 4);
		else
			t->offsets[i] = address < BASE ? address : BASE - 1 - address;
	}
}

static void fails(struct kallsyms_tables *t)
{
	struct symbol_source *source = NULL;
	struct error *err = kallsyms_create(t, BASE, &source);

	assert_non_null(err);
	assert_int_equal(err->code, ERROR_FORMAT);
	assert_null(source);
	error_free(err);
	kallsyms_tables_deinit(t);
}

static void check_encoding(enum kallsyms_encoding encoding)
{
	_cleanup_(cleanup_symbol_source) struct symbol_source *source = NULL;
	struct kallsyms_tables t;
	uint64_t address;

	make_tables(&t, encoding);
	assert_null(kallsyms_create(&t, BASE, &source));
	assert_null(t.names);
	assert_int_equal(kallsyms_encoding(source), encoding);
	assert_true(source->find(source, "second", &address));
	assert_int_equal(address, BASE + 0x100);
	assert_true(source->find(source, "init_first", &address));
	assert_int_equal(address, BASE);
	if (encoding == KALLSYMS_ABSOLUTE_PERCPU) {
		assert_true(source->find(source, "cpu_tlbstate", &address));
		assert_int_equal(address, 0x1000);
	}
	assert_true(source->find(source, "__func__.0", &address));
	assert_int_equal(address, BASE + 0x200);
	assert_false(source->find(source, "", &address));
	assert_false(source->find(source, "secon", &address));
}

static void test_base_relative(void **state)
{
	(void)state;
	check_encoding(KALLSYMS_BASE_RELATIVE);
}

static void test_absolute_percpu(void **state)
{
	(void)state;
	check_encoding(KALLSYMS_ABSOLUTE_PERCPU);
}

static void test_place_relative(void **state)
{
	(void)state;
	check_encoding(KALLSYMS_PLACE_RELATIVE);
}

static void check_at(const struct symbol_source *source, uint64_t address, const char *name,
		     uint64_t start, uint64_t end)
{
	struct symbol symbol;

	assert_true(source->at(source, address, &symbol));
	assert_string_equal(symbol.name, name);
	assert_int_equal(symbol.start, start);
	assert_int_equal(symbol.end, end);
}

static void test_by_address(void **state)
{
	_cleanup_(cleanup_symbol_source) struct symbol_source *source = NULL;
	struct kallsyms_tables t;

	(void)state;
	make_tables(&t, KALLSYMS_ABSOLUTE_PERCPU);
	assert_null(kallsyms_create(&t, BASE, &source));
	/* not _stext nor _text, which lie there too */
	check_at(source, BASE, "init_first", BASE, BASE + 0x100);
	check_at(source, BASE + 0xff, "init_first", BASE, BASE + 0x100);
	/* of two functions the first */
	check_at(source, BASE + 0x1ff, "init_alias", BASE + 0x100, BASE + 0x200);
	/* not the name that early code has for it */
	check_at(source, BASE + 0x310, "thunk", BASE + 0x300, BASE + 0x400);
	check_at(source, BASE + 0x9000, "end", BASE + 0x500, 0);
}

static void test_below_all(void **state)
{
	_cleanup_(cleanup_symbol_source) struct symbol_source *source = NULL;
	struct kallsyms_tables t;
	struct symbol symbol;

	(void)state;
	make_tables(&t, KALLSYMS_ABSOLUTE_PERCPU);
	t.offsets[0] = t.offsets[1] = 0x2000;
	assert_null(kallsyms_create(&t, BASE, &source));
	assert_false(source->at(source, 0x1fff, &symbol));
}

/* 300 characters: two length bytes, 0x80 | 44 and 2. */
static void test_long_name(void **state)
{
	_cleanup_(cleanup_symbol_source) struct symbol_source *source = NULL;
	char name[300] = "";
	struct kallsyms_tables t;
	uint64_t address;
	size_t at;

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	make_tables(&t, KALLSYMS_BASE_RELATIVE);
	at = t.names_size - (1 + strlen("Bend"));
	t.names[at] = 0x80 | (sizeof(name) & 0x7f);
	t.names[at + 1] = sizeof(name) >> 7;
	t.names[at + 2] = 'T';
	memcpy(t.names + at + 3, name, sizeof(name) - 1);
	t.names_size = at + 2 + sizeof(name);
	assert_null(kallsyms_create(&t, BASE, &source));
	assert_true(source->find(source, name, &address));
	assert_int_equal(address, BASE + 0x500);
	check_at(source, BASE + 0x500, name, BASE + 0x500, 0);
}

static void test_name_length(void **state)
{
	static const uint8_t names[] = {3, 'a', 'b', 'c', 0x81, 0, 'd', 0x80};

	(void)state;
	assert_int_equal(kallsyms_name_length(names, sizeof(names), 0), 4);
	assert_int_equal(kallsyms_name_length(names, sizeof(names), 4), 3);
	assert_int_equal(kallsyms_name_length(names, sizeof(names), 7), 0);
	assert_int_equal(kallsyms_name_length(names, sizeof(names), 8), 0);
	assert_int_equal(kallsyms_name_length(names, sizeof(names), 100), 0);
	assert_int_equal(kallsyms_name_length(names, 3, 0), 0);
}

static void test_wrong_stext(void **state)
{
	struct kallsyms_tables t;

	(void)state;
	make_tables(&t, KALLSYMS_BASE_RELATIVE);
	t.base += 0x1000;
	fails(&t);
}

static void test_no_stext(void **state)
{
	struct kallsyms_tables t;

	(void)state;
	make_tables(&t, KALLSYMS_BASE_RELATIVE);
	*(uint8_t *)memmem(t.names, t.names_size, "_stext", 6) = 'X';
	fails(&t);
}

/* Cut anywhere, the names are too few; nothing is read behind their end (sanitizers watch). */
static void test_cut_names(void **state)
{
	struct kallsyms_tables t;

	(void)state;
	make_tables(&t, KALLSYMS_BASE_RELATIVE);
	size_t whole = t.names_size;

	kallsyms_tables_deinit(&t);
	for (size_t size = 0; size < whole; size++) {
		uint8_t *cut = malloc(size ? size : 1);

		make_tables(&t, KALLSYMS_BASE_RELATIVE);
		memcpy(cut, t.names, size);
		free(t.names);
		t.names = cut;
		t.names_size = size;
		fails(&t);
	}
}

static void test_damaged_tokens(void **state)
{
	struct kallsyms_tables t;

	(void)state;
	make_tables(&t, KALLSYMS_BASE_RELATIVE);
	t.token_index['x'] = t.tokens_size;
	fails(&t);
	make_tables(&t, KALLSYMS_BASE_RELATIVE);
	t.tokens[t.tokens_size - 1] = 'x';
	fails(&t);
	make_tables(&t, KALLSYMS_BASE_RELATIVE);
	t.tokens_size = 0;
	fails(&t);
}

static void test_counts(void **state)
{
	struct kallsyms_tables t;

	(void)state;
	make_tables(&t, KALLSYMS_BASE_RELATIVE);
	t.count = 0;
	fails(&t);
	make_tables(&t, KALLSYMS_BASE_RELATIVE);
	t.count = UINT32_MAX;
	fails(&t);
}

/* All names equal but that of the last: the longest way to it, still no long one. */
static void test_equal_names(void **state)
{
	enum { MANY = 200000 };
	_cleanup_(cleanup_symbol_source) struct symbol_source *source = NULL;
	static const char last[] = "\7T_stext";
	struct kallsyms_tables t;
	uint64_t address;

	(void)state;
	make_tables(&t, KALLSYMS_BASE_RELATIVE);
	free(t.names);
	free(t.offsets);
	t.names = malloc(2 * MANY + sizeof(last));
	t.offsets = calloc(MANY + 1, sizeof(*t.offsets));
	for (size_t i = 0; i < MANY; i++) {
		t.names[2 * i] = 1;
		t.names[2 * i + 1] = 'T';
		t.offsets[i] = i + 1;
	}
	memcpy(t.names + 2 * MANY, last, sizeof(last));
	t.names_size = 2 * MANY + sizeof(last) - 1;
	t.count = MANY + 1;
	assert_null(kallsyms_create(&t, BASE, &source));
	assert_true(source->find(source, "", &address));
	assert_int_equal(address, BASE + 1);
	for (int i = 0; i < 100; i++)
		assert_false(source->find(source, "absent", &address));
}

/* Tokens that hold the type and more, or nothing, hash as their characters do. */
static void test_odd_tokens(void **state)
{
	_cleanup_(cleanup_symbol_source) struct symbol_source *source = NULL;
	static const char token[] = "Tsec";
	struct kallsyms_tables t;
	uint64_t address;
	uint8_t *at;

	(void)state;
	make_tables(&t, KALLSYMS_BASE_RELATIVE);
	memcpy(t.tokens + t.tokens_size, token, sizeof(token));
	t.token_index[1] = t.tokens_size;
	t.token_index[2] = t.tokens_size + sizeof(token) - 1;
	t.tokens_size += sizeof(token);
	at = memmem(t.names, t.names_size, "Tsecond", 7);
	memcpy(at, "\2\1\2ond\2", 7);
	assert_null(kallsyms_create(&t, BASE, &source));
	assert_true(source->find(source, "second", &address));
	assert_int_equal(address, BASE + 0x100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base_relative),  cmocka_unit_test(test_absolute_percpu),
		cmocka_unit_test(test_place_relative), cmocka_unit_test(test_by_address),
		cmocka_unit_test(test_below_all),      cmocka_unit_test(test_long_name),
		cmocka_unit_test(test_name_length),    cmocka_unit_test(test_wrong_stext),
		cmocka_unit_test(test_no_stext),       cmocka_unit_test(test_cut_names),
		cmocka_unit_test(test_damaged_tokens), cmocka_unit_test(test_counts),
		cmocka_unit_test(test_equal_names),    cmocka_unit_test(test_odd_tokens),
	};

	return cmocka_run_group_tests_name("kallsyms", tests, NULL, NULL);
}
