// SPDX-License-Identifier: GPL-2.0-only
/* The instructions that are known by name, and the places that go by them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "trigger/insn.h"
#include "util/cleanup.h"

#define BASE 0xffffffffc0001000ull
#define WRITE_MSR (BASE + 0x100)
#define WRITE_CR4 (BASE + 0x200)

static const uint8_t code[] = {
	0xf3, 0x0f, 0x1e, 0xfa, /* 0x00 endbr64 */
	0x66, 0x0f, 0xc7, 0x30, /* 0x04 vmclear (%rax) */
	0x66, 0x0f, 0xc7, 0x33, /* 0x08 vmclear (%rbx) */
	0x0f, 0x01, 0xc4, /* 0x0c vmxoff */
	0x0f, 0x22, 0xe0, /* 0x0f mov %rax, %cr4 */
	0x0f, 0x01, 0xdc, /* 0x12 stgi */
	0x0f, 0x01, 0xdd, /* 0x15 clgi */
	0xb9, 0x80, 0x00, 0x00, 0xc0, /* 0x18 mov $0xc0000080, %ecx */
	0x0f, 0x30, /* 0x1d wrmsr */
	0xb9, 0x10, 0x00, 0x00, 0x00, /* 0x1f mov $0x10, %ecx */
	0x0f, 0x30, /* 0x24 wrmsr */
	0xbf, 0x80, 0x00, 0x00, 0xc0, /* 0x26 mov $0xc0000080, %edi */
	0xe8, 0xd0, 0x00, 0x00, 0x00, /* 0x2b call WRITE_MSR */
	0xbf, 0x17, 0x01, 0x01, 0xc0, /* 0x30 mov $0xc0010117, %edi */
	0xe8, 0xc6, 0x00, 0x00, 0x00, /* 0x35 call WRITE_MSR */
	0xe9, 0xc1, 0x01, 0x00, 0x00, /* 0x3a jmp WRITE_CR4 */
};

static bool is_function(void *data, uint64_t address, const char *name)
{
	(void)data;
	return (address == WRITE_MSR && !strcmp(name, "native_write_msr")) ||
	       (address == WRITE_CR4 && !strcmp(name, "cr4_update_irqsoff"));
}

static struct insn_list decode(const uint8_t *bytes, size_t size)
{
	struct insn_list list = {};

	assert_null(insn_decode(bytes, size, BASE, is_function, NULL, &list));
	return list;
}

static void expect_place(const struct insn_list *list, const char *place, uint64_t offset)
{
	uint64_t found = UINT64_MAX;
	struct error *err = insn_find(list, place, &found);

	if (err)
		print_message("%s: %s\n", place, err->message);
	assert_null(err);
	assert_int_equal(found, offset);
}

static void test_places(void **state)
{
	(void)state;
	static const struct {
		const char *place;
		uint64_t offset;
	} places[] = {
		{"vmclear", 0x4},
		{"vmclear.2", 0x8},
		{"after-vmclear.2", 0xc},
		{"vmxoff", 0xc},
		{"after-vmxoff", 0xf},
		{"cr4-write", 0xf},
		{"stgi", 0x12},
		{"clgi", 0x15},
		{"efer-write", 0x1d},
		{"efer-write.2", 0x2b},
		{"after-efer-write.2", 0x30},
		{"cr4-write.2", 0x3a},
	};
	struct insn_list list = decode(code, sizeof(code));

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		expect_place(&list, places[i].place, places[i].offset);
	insn_list_deinit(&list);
}

static void test_what_is_not_there(void **state)
{
	(void)state;
	static const char *const places[] = {"vmclear.3", "efer-write.3", "vmxon", "efer-read"};
	struct insn_list list = decode(code, sizeof(code));
	uint64_t offset;

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		struct error *err = insn_find(&list, places[i], &offset);

		assert_true(error_is(err, ERROR_NOT_FOUND));
		error_free(err);
	}
	insn_list_deinit(&list);
}

/* A call that is not known by name writes nothing that is known of. */
static void test_unknown_callee(void **state)
{
	(void)state;
	struct insn_list list = {};

	assert_null(insn_decode(code + 0x26, 10, BASE, NULL, NULL, &list));
	assert_int_equal(list.count, 2);
	assert_int_equal(list.items[1].meaning, INSN_OTHER);
	insn_list_deinit(&list);
}

static void test_words(void **state)
{
	(void)state;
	static const char *const good[] = {"stgi", "after-vmxoff", "vmclear.12"};
	static const char *const bad[] = {"",           "0x9",      "vmxof",  "vmxoff.",
					  "vmxoff.0",   "vmxoff.x", "after-", "before-vmxoff",
					  "vmxoff.1.1", "stgi "};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_true(insn_is_place(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(insn_is_place(bad[i]));
}

static void test_no_code(void **state)
{
	(void)state;
	static const uint8_t noise[] = {0x90, 0x06, 0x06}; /* push %es is none in 64-bit mode */
	struct insn_list list = {};
	struct error *err = insn_decode(noise, sizeof(noise), BASE, is_function, NULL, &list);

	assert_true(error_is(err, ERROR_FORMAT));
	error_free(err);
	err = insn_decode(code, 2, BASE, is_function, NULL, &list); /* cut off */
	assert_true(error_is(err, ERROR_FORMAT));
	error_free(err);
	assert_null(list.items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),  cmocka_unit_test(test_what_is_not_there),
		cmocka_unit_test(test_words),   cmocka_unit_test(test_unknown_callee),
		cmocka_unit_test(test_no_code),
	};

	return cmocka_run_group_tests_name("insn", tests, NULL, NULL);
}
