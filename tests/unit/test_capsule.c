// SPDX-License-Identifier: GPL-2.0-only
/* The parts of a capsule: the set of pages, the notes, the evidence that it keeps. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "dump/elf_file.h"
#include "dump/notes.h"
#include "dump/page_set.h"
#include "util/cleanup.h"
#include "virt/report_json.h"

static void ok(struct error *err)
{
	if (err)
		fail_msg("%s", err->message);
}

static void test_pages_come_out_sorted_and_once(void **state)
{
	_cleanup_free_ uint64_t *pfns = NULL;
	struct page_set set = {};

	(void)state;
	for (uint64_t i = 0; i < 30000; i++)
		ok(page_set_add(&set, i * 7919 % 10007 << 8));
	assert_int_equal(set.count, 10007);
	ok(page_set_sorted(&set, &pfns));
	for (uint64_t i = 0; i < 10007; i++)
		assert_int_equal(pfns[i], i << 8);
	page_set_deinit(&set);
}

static void test_no_pages(void **state)
{
	_cleanup_free_ uint64_t *pfns = NULL;
	struct page_set set = {};

	(void)state;
	ok(page_set_sorted(&set, &pfns));
	assert_int_equal(set.count, 0);
	page_set_deinit(&set);
}

static void make_notes(struct notes *notes)
{
	ok(notes_add(notes, "CORE", NT_PRSTATUS, "12345", 5));
	ok(notes_add(notes, "VMCOREINFO", 0, "", 0));
	ok(notes_add(notes, "CRASHLAB", 1, "{}", 2));
}

static void test_notes_are_found_again(void **state)
{
	struct notes notes = {};
	struct note note;
	size_t offset = 0;

	(void)state;
	make_notes(&notes);
	assert_true(notes_next(&notes, &offset, &note));
	assert_true(note_is_called(&note, "CORE"));
	assert_int_equal(note.header.n_type, NT_PRSTATUS);
	assert_memory_equal(note.desc, "12345", 5);
	assert_true(notes_next(&notes, &offset, &note));
	assert_true(note_is_called(&note, "VMCOREINFO"));
	assert_false(note_is_called(&note, "VMCORE"));
	assert_int_equal(note.header.n_descsz, 0);
	assert_true(notes_next(&notes, &offset, &note));
	assert_true(note_is_called(&note, "CRASHLAB"));
	assert_false(notes_next(&notes, &offset, &note));
	notes_deinit(&notes);
}

/* Cut off anywhere, and with any length in a header: nothing outside the buffer is read. */
static void test_damaged_notes_end(void **state)
{
	struct notes notes = {};

	(void)state;
	make_notes(&notes);
	for (size_t size = 0; size < notes.size; size++) {
		struct notes cut = {malloc(size + !size), size};
		size_t offset = 0, count = 0;
		struct note note;

		memcpy(cut.bytes, notes.bytes, size);
		while (notes_next(&cut, &offset, &note))
			count +=
				note.header.n_descsz ? note.desc[note.header.n_descsz - 1] != 0 : 1;
		/* The last note's padding is all that may be missing. */
		assert_true(count < 3 || notes.size - size < 4);
		notes_deinit(&cut);
	}
	for (size_t at = 0; at < 8; at++) {
		size_t offset = 0;
		struct note note;
		char was = notes.bytes[at];

		notes.bytes[at] = '\xff';
		while (notes_next(&notes, &offset, &note))
			assert_in_range(offset, 1, notes.size);
		notes.bytes[at] = was;
	}
	notes_deinit(&notes);
}

static void test_only_outside_evidence_is_kept(void **state)
{
	struct evidence_list list = {}, back = {};
	_cleanup_free_ char *text = NULL;
	struct evidence memory = {.property = PROPERTY_VMX,
				  .cpu = 1,
				  .state = STATE_OFF,
				  .strength = STRENGTH_DIRECT,
				  .source = "cr4-shadow"};
	struct evidence host = memory;

	(void)state;
	ok(evidence_add(&list, memory, "CR4 shadow 0x6f0"));
	ok(report_kept_json(&list, &text));
	assert_null(text);
	host.source = "host-registers";
	ok(evidence_add(&list, host, "CR4=0x6f0"));
	ok(report_kept_json(&list, &text));
	ok(report_parse_outside(text, KEPT_SCHEMA, &back));
	assert_int_equal(back.count, 1);
	assert_string_equal(back.items[0].source, "host-registers");
	assert_string_equal(back.items[0].reason, "CR4=0x6f0");
	assert_int_equal(back.items[0].cpu, 1);
	assert_int_equal(back.items[0].state, STATE_OFF);
	assert_int_equal(back.items[0].strength, STRENGTH_DIRECT);
	evidence_list_deinit(&list);
	evidence_list_deinit(&back);
}

/* A capsule's note is no way around its memory. */
static void test_foreign_notes_are_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"[]",
		"{\"schema\": \"crashlab-verdict/1\", \"evidence\": []}",
		"{\"schema\": \"crashlab-kept/1\"}",
		"{\"schema\": \"crashlab-kept/1\", \"evidence\": [{\"property\": \"vmx\", \"cpu\": "
		"0, "
		"\"vmcs\": null, \"state\": \"off\", \"strength\": \"direct\", "
		"\"source\": \"cr4-shadow\", \"reason\": \"believe me\"}]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct evidence_list list = {};
		struct error *err = report_parse_outside(texts[i], KEPT_SCHEMA, &list);

		assert_true(error_is(err, ERROR_FORMAT));
		assert_int_equal(list.count, 0);
		error_free(err);
	}
}

/* libkdumpfile would give zeros for each of these places. */
static void test_only_what_an_elf_file_has_is_there(void **state)
{
	static const struct {
		Elf64_Ehdr header;
		Elf64_Phdr segments[4];
	} file = {
		{.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB},
		 .e_phoff = sizeof(Elf64_Ehdr),
		 .e_phentsize = sizeof(Elf64_Phdr),
		 .e_phnum = 4},
		{
			{.p_type = PT_LOAD,
			 .p_paddr = 0x5000,
			 .p_filesz = 0x1000,
			 .p_memsz = 0x3000},
			{.p_type = PT_LOAD,
			 .p_paddr = 0x2000,
			 .p_filesz = 0x1400,
			 .p_memsz = 0x1400},
			{.p_type = PT_LOAD, .p_paddr = 0x3400, .p_filesz = 0x400, .p_memsz = 0x400},
			{.p_type = PT_NOTE, .p_paddr = 0x9000, .p_filesz = 0x1000},
		},
	};
	_cleanup_close_ int fd = memfd_create("elf", 0);
	struct elf_memory memory;

	(void)state;
	assert_int_equal(write(fd, &file, sizeof(file)), sizeof(file));
	ok(elf_memory_init(fd, &memory));
	assert_true(elf_memory_has(&memory, 0x2000, 0x1800)); /* of two segments */
	assert_true(elf_memory_has(&memory, 0x37ff, 1));
	assert_false(elf_memory_has(&memory, 0x3800, 1)); /* behind a part of a page */
	assert_false(elf_memory_has(&memory, 0x37ff, 2));
	assert_false(elf_memory_has(&memory, 0x1000, 0x1000)); /* in front of a segment */
	assert_false(elf_memory_has(&memory, 0x4000, 0x1000));
	assert_true(elf_memory_has(&memory, 0x5000, 0x1000));
	assert_false(elf_memory_has(&memory, 0x6000, 0x1000)); /* p_memsz over p_filesz */
	assert_false(elf_memory_has(&memory, 0x9000, 1));
	assert_false(elf_memory_has(&memory, 0x2000, UINT64_MAX));
	elf_memory_deinit(&memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages_come_out_sorted_and_once),
		cmocka_unit_test(test_no_pages),
		cmocka_unit_test(test_notes_are_found_again),
		cmocka_unit_test(test_damaged_notes_end),
		cmocka_unit_test(test_only_what_an_elf_file_has_is_there),
		cmocka_unit_test(test_only_outside_evidence_is_kept),
		cmocka_unit_test(test_foreign_notes_are_refused),
	};

	return cmocka_run_group_tests_name("capsule", tests, NULL, NULL);
}
