// SPDX-License-Identifier: GPL-2.0-only
/* System.map and saved /proc/kallsyms: what is moved, what is passed over, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/symbols.h"

static const char map[] = "0000000000000000 A fixed_percpu_data\n"
			  "0000000000021000 D cpu_tlbstate\n"
			  "ffffffff81000000 T _stext\n"
			  "ffffffff81000000 T _text\n"
			  "ffffffff81000000 T first_function\n"
			  "ffffffff81000040 t second\n"
			  "ffffffff81000040 d data_at_the_same_place\n"
			  "ffffffff82000000 D init_uts_ns\n";

static struct symbol_source *make(const char *text, uint64_t stext)
{
	struct symbol_source *source = NULL;
	struct error *err = sysmap_create(text, stext, &source);

	if (err)
		fail_msg("%s", err->message);
	return source;
}

static void expect(const struct symbol_source *source, const char *name, uint64_t wanted)
{
	uint64_t address = 0;

	assert_true(source->find(source, name, &address));
	assert_int_equal(address, wanted);
}

static void test_as_it_is(void **state)
{
	(void)state;
	struct symbol_source *source = make(map, 0xffffffff81000000);
	struct symbol symbol;
	uint64_t address;

	expect(source, "init_uts_ns", 0xffffffff82000000);
	expect(source, "cpu_tlbstate", 0x21000);
	assert_false(source->find(source, "third", &address));
	assert_true(source->at(source, 0xffffffff81000004, &symbol));
	assert_string_equal(symbol.name, "first_function"); /* not _stext */
	assert_int_equal(symbol.end, 0xffffffff81000040);
	assert_true(source->at(source, 0xffffffff81000041, &symbol));
	assert_string_equal(symbol.name, "second");
	symbol_source_destroy(source);
}

static void test_kaslr_moves_the_image_alone(void **state)
{
	(void)state;
	struct symbol_source *source = make(map, 0xffffffff9a000000);

	expect(source, "_stext", 0xffffffff9a000000);
	expect(source, "init_uts_ns", 0xffffffff9b000000);
	expect(source, "cpu_tlbstate", 0x21000);
	symbol_source_destroy(source);
	/* The same the other way: saved with KASLR, and the dump without. */
	source = make("ffffffff9a000000 T _stext\nffffffff9b000000 D init_uts_ns\n",
		      0xffffffff81000000);
	expect(source, "init_uts_ns", 0xffffffff82000000);
	symbol_source_destroy(source);
}

static void test_modules_are_the_dumps(void **state)
{
	(void)state;
	struct symbol_source *source = make("ffffffff81000000 T _stext\n"
					    "ffffffffc0401000 t vmx_exit\t[kvm_intel]\n",
					    0xffffffff81000000);
	uint64_t address;

	assert_false(source->find(source, "vmx_exit", &address));
	symbol_source_destroy(source);
}

static void test_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text, *why;
	} bad[] = {
		{"", "no _stext"},
		{"ffffffff81000000 T start_kernel\n", "no _stext"},
		{"0000000000000000 T _stext\n", "addresses are 0"},
		{"0000000081000000 T _stext\n", "lies where no kernel"},
		{"ffffffff81000000 T _stext\nnot a symbol\n", "line 2 is not as in"},
		{"ffffffff81000000 T _stext extra\n", "line 1 is not as in"},
		{"ffffffff81000000 _stext\n", "line 1 is not as in"},
		{"ffffffff81000000", "line 1 is not as in"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct symbol_source *source = NULL;
		struct error *err = sysmap_create(bad[i].text, 0xffffffff81000000, &source);

		assert_true(error_is(err, ERROR_USAGE));
		if (!strstr(err->message, bad[i].why))
			fail_msg("%s: %s", bad[i].why, err->message);
		error_free(err);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_it_is),
		cmocka_unit_test(test_kaslr_moves_the_image_alone),
		cmocka_unit_test(test_modules_are_the_dumps),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests_name("sysmap", tests, NULL, NULL);
}
