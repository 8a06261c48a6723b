// SPDX-License-Identifier: GPL-2.0-only
/* The virtual CPUs in QEMU's notes: of both sizes, in order, and where the notes do not add up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "dump/vcpus.h"
#include "util/cleanup.h"

#define PRSTATUS_SIZE 336

static void ok(struct error *err)
{
	assert_null(err);
}

static void add_prstatus(struct notes *notes)
{
	char desc[PRSTATUS_SIZE] = "";

	ok(notes_add(notes, "CORE", NT_PRSTATUS, desc, sizeof(desc)));
}

static void add_state(struct notes *notes, uint32_t version, size_t size, uint64_t cr4)
{
	uint64_t desc[64] = {version | (uint64_t)size << 32};

	desc[264 / 8] = cr4 + 1; /* GS base */
	desc[392 / 8] = 0x80050033;
	desc[416 / 8] = cr4 + 3; /* CR3 */
	desc[424 / 8] = cr4;
	desc[432 / 8] = cr4 + 2; /* kernel GS base */
	ok(notes_add(notes, "QEMU", 0, desc, size));
}

static void expect(struct notes *notes, size_t count, bool registers)
{
	_cleanup_free_ struct dump_vcpu *vcpus = NULL;
	size_t found;

	ok(vcpus_init(notes, &vcpus, &found));
	assert_int_equal(found, count);
	for (size_t i = 0; i < found; i++) {
		assert_int_equal(vcpus[i].cr4, i * 16);
		assert_int_equal(vcpus[i].cr3, i * 16 + 3);
		assert_int_equal(vcpus[i].cr0, 0x80050033);
		assert_int_equal(vcpus[i].gs_base, i * 16 + 1);
		assert_int_equal(registers, vcpus[i].prstatus != NULL);
	}
	notes_deinit(notes);
}

static void test_two_cpus(void **state)
{
	_cleanup_free_ struct dump_vcpu *vcpus = NULL;
	struct notes notes = {};
	size_t count;

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		add_prstatus(&notes);
	add_state(&notes, 1, 432, 0);
	add_state(&notes, 1, 440, 16);
	ok(notes_add(&notes, "VMCOREINFO", 0, "A=1\n", 4));
	ok(vcpus_init(&notes, &vcpus, &count));
	assert_int_equal(vcpus[0].kernel_gs_base, 0);
	assert_int_equal(vcpus[1].kernel_gs_base, 18);
	assert_true((const char *)vcpus[1].prstatus > (const char *)vcpus[0].prstatus);
	expect(&notes, 2, true);
}

static void test_none(void **state)
{
	struct notes notes = {};

	(void)state;
	expect(&notes, 0, false);
	add_prstatus(&notes);
	expect(&notes, 0, false);
}

static void test_odd(void **state)
{
	struct notes notes = {};

	(void)state;
	add_state(&notes, 2, 440, 0); /* a later version may have moved everything */
	add_state(&notes, 1, 424, 0);
	ok(notes_add(&notes, "QEMU", 0, "", 0));
	ok(notes_add(&notes, "QEMUX", 0, (char[440]){1}, 440));
	expect(&notes, 0, false);
	/* More registers than CPUs: whose are they? */
	add_prstatus(&notes);
	add_prstatus(&notes);
	add_state(&notes, 1, 432, 0);
	expect(&notes, 1, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_cpus),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_odd),
	};

	return cmocka_run_group_tests_name("vcpus", tests, NULL, NULL);
}
