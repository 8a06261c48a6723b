// SPDX-License-Identifier: GPL-2.0-only
/* ORC entries in the layouts kernels have had, and the search for the one of an address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "kernel/orc.h"
#include "util/cleanup.h"

/* 6.4 on: sp_reg:4, bp_reg:4, type:3, signal:1 */
static const struct orc_layout layout_6_4 = {
	.size = 6,
	.sp_offset = {0, 16},
	.bp_offset = {16, 16},
	.sp_register = {32, 4},
	.bp_register = {36, 4},
	.type = {40, 3},
	.signal = {43, 1},
};

/* 5.10: type:2, end:1; 6.3 put signal:1 between the two */
static const struct orc_layout layout_5_10 = {
	.size = 6,
	.sp_offset = {0, 16},
	.bp_offset = {16, 16},
	.sp_register = {32, 4},
	.bp_register = {36, 4},
	.type = {40, 2},
	.end = {42, 1},
};
static const struct orc_layout layout_6_3 = {
	.size = 6,
	.sp_offset = {0, 16},
	.bp_offset = {16, 16},
	.sp_register = {32, 4},
	.bp_register = {36, 4},
	.type = {40, 2},
	.signal = {42, 1},
	.end = {43, 1},
};

static struct orc_entry decode(const struct orc_layout *layout, uint8_t registers, uint8_t bits)
{
	const uint8_t bytes[6] = {0x30, 0x00, 0xf0, 0xff, registers, bits};
	struct orc_entry entry;

	assert_null(orc_decode(layout, bytes, &entry));
	return entry;
}

static void test_fields(void **state)
{
	struct orc_entry entry = decode(&layout_6_4, 0x15, 0x02);

	(void)state;
	assert_int_equal(entry.sp_offset, 0x30);
	assert_int_equal(entry.bp_offset, -16);
	assert_int_equal(entry.sp_register, ORC_SP);
	assert_int_equal(entry.bp_register, ORC_PREV_SP);
	assert_int_equal(entry.type, ORC_TYPE_CALL);
	assert_false(entry.signal);
}

static void test_types_6_4(void **state)
{
	(void)state;
	assert_int_equal(decode(&layout_6_4, 0x00, 0).type, ORC_TYPE_UNDEFINED);
	assert_int_equal(decode(&layout_6_4, 0x00, 1).type, ORC_TYPE_END);
	assert_int_equal(decode(&layout_6_4, 0x05, 3).type, ORC_TYPE_REGS);
	assert_int_equal(decode(&layout_6_4, 0x05, 4).type, ORC_TYPE_REGS_PARTIAL);
	assert_true(decode(&layout_6_4, 0x05, 3 | 8).signal);
	assert_false(decode(&layout_6_4, 0x05, 3).signal);
}

static void test_types_before(void **state)
{
	(void)state;
	assert_int_equal(decode(&layout_5_10, 0x05, 0).type, ORC_TYPE_CALL);
	assert_int_equal(decode(&layout_5_10, 0x05, 1).type, ORC_TYPE_REGS);
	assert_int_equal(decode(&layout_5_10, 0x05, 2).type, ORC_TYPE_REGS_PARTIAL);
	assert_int_equal(decode(&layout_5_10, 0x00, 0).type, ORC_TYPE_UNDEFINED);
	assert_int_equal(decode(&layout_5_10, 0x00, 4).type, ORC_TYPE_END);
	assert_false(decode(&layout_5_10, 0x05, 0).signal);
	assert_true(decode(&layout_5_10, 0x05, 1).signal);
	assert_int_equal(decode(&layout_6_3, 0x00, 8).type, ORC_TYPE_END);
	assert_true(decode(&layout_6_3, 0x05, 1 | 4).signal);
	assert_false(decode(&layout_6_3, 0x05, 1).signal);
}

static void test_unknown_type(void **state)
{
	static const uint8_t since[6] = {0, 0, 0, 0, 5, 7}, before[6] = {0, 0, 0, 0, 5, 3};
	struct orc_entry entry;
	struct error *err;

	(void)state;
	err = orc_decode(&layout_6_4, since, &entry);
	assert_true(error_is(err, ERROR_FORMAT));
	error_free(err);
	err = orc_decode(&layout_5_10, before, &entry);
	assert_true(error_is(err, ERROR_FORMAT));
	error_free(err);
}

static void test_numbering_7_2(void **state)
{
	struct orc_layout layout = layout_6_4;
	struct orc_entry entry;

	(void)state;
	layout.numbering = ORC_NUMBERING_7_2;
	entry = decode(&layout, 0x83, 0x02);
	assert_int_equal(entry.sp_register, ORC_SP);
	assert_int_equal(entry.bp_register, ORC_PREV_SP);
	assert_int_equal(decode(&layout, 0x01, 0x02).sp_register, ORC_AX);
	assert_int_equal(decode(&layout, 0x0a, 0x02).sp_register, ORC_BP_INDIRECT);
	assert_int_equal(decode(&layout, 0x0b, 0x02).sp_register, ORC_UNKNOWN);
}

/* ---- lookup ---- */

#define IPS_AT 0x1000
#define ENTRIES_AT 0x2000
#define COUNT 5

/* Code addresses in order, two of them equal: the later entry is the one that counts. */
static const uint64_t starts[COUNT] = {0x10000, 0x10010, 0x10020, 0x10020, 0x10040};

struct memory {
	int32_t ips[COUNT];
	uint8_t entries[COUNT][6];
	unsigned reads;
	bool missing;
};

static struct error *read_memory(void *data, uint64_t address, void *buffer, size_t size)
{
	struct memory *memory = data;
	const uint8_t *from;

	memory->reads++;
	if (memory->missing)
		return error_new(ERROR_NO_DATA, "missing");
	if (address >= ENTRIES_AT) {
		assert_true(address + size <= ENTRIES_AT + sizeof(memory->entries));
		from = (const uint8_t *)memory->entries + (address - ENTRIES_AT);
	} else {
		assert_true(address >= IPS_AT && address + size <= IPS_AT + sizeof(memory->ips));
		from = (const uint8_t *)memory->ips + (address - IPS_AT);
	}
	memcpy(buffer, from, size);
	return NULL;
}

static void memory_init(struct memory *memory)
{
	memset(memory, 0, sizeof(*memory));
	for (int i = 0; i < COUNT; i++) {
		memory->ips[i] = starts[i] - (IPS_AT + i * 4);
		memory->entries[i][0] = i; /* its sp_offset tells which was found */
		memory->entries[i][4] = 5; /* sp, in the numbering of 4.14 */
		memory->entries[i][5] = 2;
	}
}

static const struct orc_table table = {.ips = IPS_AT, .entries = ENTRIES_AT, .count = COUNT};

static int lookup(struct memory *memory, uint64_t ip)
{
	struct orc_entry entry;

	assert_null(orc_lookup(&layout_6_4, &table, ip, read_memory, memory, &entry));
	return entry.sp_offset;
}

static void test_lookup(void **state)
{
	struct memory memory;

	(void)state;
	memory_init(&memory);
	assert_int_equal(lookup(&memory, 0x10000), 0);
	assert_int_equal(lookup(&memory, 0x1000f), 0);
	assert_int_equal(lookup(&memory, 0x10010), 1);
	assert_int_equal(lookup(&memory, 0x10020), 3);
	assert_int_equal(lookup(&memory, 0x1003f), 3);
	assert_int_equal(lookup(&memory, 0xffffffffffffffffULL), 4);
}

static void lookup_fails(const struct orc_table *where, struct memory *memory, uint64_t ip,
			 enum error_code code)
{
	struct orc_entry entry;
	struct error *err = orc_lookup(&layout_6_4, where, ip, read_memory, memory, &entry);

	assert_true(error_is(err, code));
	error_free(err);
}

static void test_lookup_fails(void **state)
{
	struct orc_table other = table;
	struct memory memory;

	(void)state;
	memory_init(&memory);
	lookup_fails(&table, &memory, 0xffff, ERROR_NOT_FOUND);
	other.count = 0;
	lookup_fails(&other, &memory, 0x10000, ERROR_NOT_FOUND);
	other.count = 1ULL << 40;
	lookup_fails(&other, &memory, 0x10000, ERROR_FORMAT);
	memory.missing = true;
	lookup_fails(&table, &memory, 0x10000, ERROR_NO_DATA);
}

/* A table in no order gives any answer, but gives one soon. */
static void test_unsorted(void **state)
{
	struct memory memory;

	(void)state;
	memory_init(&memory);
	for (int i = 0; i < COUNT; i++)
		memory.ips[i] = starts[COUNT - 1 - i] - (IPS_AT + i * 4);
	for (uint64_t ip = 0x10000; ip < 0x10050; ip += 8) {
		struct orc_entry entry;

		memory.reads = 0;
		error_free(orc_lookup(&layout_6_4, &table, ip, read_memory, &memory, &entry));
		assert_true(memory.reads <= 5);
	}
}

static void test_find_numbering(void **state)
{
	struct orc_layout layout = layout_6_4;
	struct memory memory;

	(void)state;
	memory_init(&memory);
	memory.entries[1][0] = 8; /* of sp, as in the beginning of a function */
	assert_null(orc_find_numbering(&layout, &table, 0x10010, read_memory, &memory));
	assert_int_equal(layout.numbering, ORC_NUMBERING_4_14);
	memory.entries[1][4] = 3;
	assert_null(orc_find_numbering(&layout, &table, 0x10010, read_memory, &memory));
	assert_int_equal(layout.numbering, ORC_NUMBERING_7_2);
	memory.entries[1][4] = 4;
	struct error *err = orc_find_numbering(&layout, &table, 0x10010, read_memory, &memory);

	assert_true(error_is(err, ERROR_UNSUPPORTED));
	error_free(err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),        cmocka_unit_test(test_types_6_4),
		cmocka_unit_test(test_types_before),  cmocka_unit_test(test_unknown_type),
		cmocka_unit_test(test_numbering_7_2), cmocka_unit_test(test_find_numbering),
		cmocka_unit_test(test_lookup),        cmocka_unit_test(test_lookup_fails),
		cmocka_unit_test(test_unsorted),
	};

	return cmocka_run_group_tests_name("orc", tests, NULL, NULL);
}
