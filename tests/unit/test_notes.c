// SPDX-License-Identifier: GPL-2.0-only
/* A CPU's note: found behind others, absent, and with lengths meant to lead astray. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <string.h>

#include "kernel/notes.h"
#include "util/cleanup.h"

#define PRSTATUS_SIZE 336
#define SIZE 512

static size_t add_note(uint8_t *buffer, size_t at, const char *name, uint32_t type, uint32_t desc)
{
	Elf64_Nhdr note = {.n_namesz = strlen(name) + 1, .n_descsz = desc, .n_type = type};

	memcpy(buffer + at, &note, sizeof(note));
	strcpy((char *)buffer + at + sizeof(note), name);
	return at + sizeof(note) + ((note.n_namesz + 3) & ~3U) + ((desc + 3) & ~3U);
}

static enum error_code parse_code(const uint8_t *buffer, size_t size)
{
	struct cpu_registers registers;
	struct error *err = notes_parse_registers(buffer, size, &registers);

	assert_non_null(err);
	enum error_code code = err->code;

	error_free(err);
	return code;
}

static void put_rip(uint8_t *buffer, size_t end)
{
	uint64_t rip = 0xffffffff81234567ULL;

	memcpy(buffer + end - PRSTATUS_SIZE + 112 + offsetof(struct cpu_registers, rip), &rip,
	       sizeof(rip));
}

static void test_found(void **state)
{
	uint8_t buffer[SIZE] = {0};
	struct cpu_registers registers;

	(void)state;
	put_rip(buffer, add_note(buffer, 0, "CORE", NT_PRSTATUS, PRSTATUS_SIZE));
	assert_null(notes_parse_registers(buffer, sizeof(buffer), &registers));
	assert_int_equal(registers.rip, 0xffffffff81234567ULL);
}

static void test_behind_others(void **state)
{
	uint8_t buffer[SIZE] = {0};
	struct cpu_registers registers;
	size_t at;

	(void)state;
	at = add_note(buffer, 0, "OTHER", NT_PRSTATUS, 13);
	at = add_note(buffer, at, "CORE", NT_PRPSINFO, 5);
	put_rip(buffer, add_note(buffer, at, "CORE", NT_PRSTATUS, PRSTATUS_SIZE));
	assert_null(notes_parse_registers(buffer, sizeof(buffer), &registers));
	assert_int_equal(registers.rip, 0xffffffff81234567ULL);
}

static void test_none(void **state)
{
	uint8_t buffer[SIZE] = {0};

	(void)state;
	assert_int_equal(parse_code(buffer, sizeof(buffer)), ERROR_NOT_FOUND);
	assert_int_equal(parse_code(buffer, 0), ERROR_NOT_FOUND);
	assert_int_equal(parse_code(buffer, 11), ERROR_NOT_FOUND);
	add_note(buffer, 0, "CORE", NT_PRPSINFO, 100);
	assert_int_equal(parse_code(buffer, sizeof(buffer)), ERROR_NOT_FOUND);
}

static void test_hostile_lengths(void **state)
{
	static const uint32_t lengths[] = {0xffffffff, 0xfffffffd, 0xfffffff0, 0x80000000,
					   SIZE,       SIZE - 12,  SIZE - 19,  401};

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		uint8_t buffer[SIZE] = {0};
		Elf64_Nhdr note = {.n_namesz = 5, .n_descsz = lengths[i], .n_type = NT_PRSTATUS};
		size_t size = i == 7 ? 400 : sizeof(buffer);

		memcpy(buffer, &note, sizeof(note));
		memcpy(buffer + sizeof(note), "CORE", 5);
		assert_int_equal(parse_code(buffer, size), ERROR_FORMAT);
		note = (Elf64_Nhdr){.n_namesz = lengths[i], .n_descsz = 8, .n_type = 1};
		memcpy(buffer, &note, sizeof(note));
		assert_int_equal(parse_code(buffer, size), ERROR_FORMAT);
	}
}

static void test_short_prstatus(void **state)
{
	uint8_t buffer[SIZE] = {0};

	(void)state;
	add_note(buffer, 0, "CORE", NT_PRSTATUS, 112 + sizeof(struct cpu_registers) - 1);
	assert_int_equal(parse_code(buffer, sizeof(buffer)), ERROR_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),          cmocka_unit_test(test_behind_others),
		cmocka_unit_test(test_none),           cmocka_unit_test(test_hostile_lengths),
		cmocka_unit_test(test_short_prstatus),
	};

	return cmocka_run_group_tests_name("notes", tests, NULL, NULL);
}
