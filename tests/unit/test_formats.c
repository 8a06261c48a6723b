// SPDX-License-Identifier: GPL-2.0-only
/*
 * One memory in every format: what is in the file reads as it was, what is not is missing, never
 * zeros. And VMCOREINFO, found in that memory when the file has none.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <lzo/lzo1x.h>
#include <snappy-c.h>
#include <string.h>
#include <sys/mman.h>
#include <zlib.h>
#include <zstd.h>

#include "dump/dump.h"
#include "dump/notes.h"
#include "util/cleanup.h"

#define PAGE 4096
#define PAGES 96
#define ROOM (2 * PAGE) /* for a compressed page */
#define KERNEL_MAP 0xffffffff80000000ull
#define PARTS_MAX 3

/* A kernel's pages, counted from where it lies. */
enum { PGD = 1, PUD, PMD, PTE, UTS, NOTE };

struct memory {
	uint8_t pages[PAGES][PAGE];
	bool missing[PAGES];
};

static struct memory memory;

static void set_entry(unsigned table, unsigned index, unsigned page)
{
	uint64_t entry = (uint64_t)page * PAGE | 3;

	memcpy(memory.pages[table] + index * sizeof(entry), &entry, sizeof(entry));
}

static size_t make_text(unsigned base, const char *release, const char *crash_time, char *text)
{
	return sprintf(text,
		       "OSRELEASE=%s\nSYMBOL(init_uts_ns)=%llx\nOFFSET(uts_namespace.name)=0\n"
		       "SYMBOL(init_top_pgt)=%llx\nNUMBER(phys_base)=%u\n%s",
		       release, KERNEL_MAP + UTS * PAGE, KERNEL_MAP + PGD * PAGE, base * PAGE,
		       crash_time ? crash_time : "");
}

/* What there is of a kernel that lies at page @base: it sees its own pages at KERNEL_MAP. */
static void make_kernel(unsigned base, const char *release, const char *crash_time)
{
	char text[1024];
	struct notes notes = {};
	size_t length = make_text(base, release, crash_time, text);

	set_entry(base + PGD, 511, base + PUD);
	set_entry(base + PUD, 510, base + PMD);
	set_entry(base + PMD, 0, base + PTE);
	for (unsigned i = 0; base + i < PAGES; i++)
		set_entry(base + PTE, i, base + i);
	memset(memory.pages[base + UTS], 0, PAGE);
	strcpy((char *)memory.pages[base + UTS], "Linux");
	strcpy((char *)memory.pages[base + UTS] + 130, release);
	assert_null(notes_add(&notes, "VMCOREINFO", 0, text, length));
	memcpy(memory.pages[base + NOTE], notes.bytes, notes.size);
	notes_deinit(&notes);
}

/* A third of the pages is not in the dump, but all of the kernels at 0 and at 16 are. */
static int setup(void **state)
{
	(void)state;
	memset(&memory, 0, sizeof(memory));
	for (unsigned i = 0; i < PAGES; i++) {
		for (unsigned j = 0; j < PAGE; j++)
			memory.pages[i][j] = i * 7 + j / 16 + (j % 5) * i;
		memory.missing[i] = i > 32 && i % 3 == 0;
	}
	make_kernel(0, "6.99-test", NULL);
	return 0;
}

/* ---- writers ---- */

struct buffer {
	uint8_t bytes[PAGES * ROOM];
	size_t size;
};

static void put(struct buffer *buffer, size_t at, const void *bytes, size_t size)
{
	assert_true(at + size <= sizeof(buffer->bytes));
	memcpy(buffer->bytes + at, bytes, size);
	if (buffer->size < at + size)
		buffer->size = at + size;
}

static void put32(struct buffer *buffer, size_t at, uint32_t value)
{
	put(buffer, at, &value, sizeof(value));
}

static void put64(struct buffer *buffer, size_t at, uint64_t value)
{
	put(buffer, at, &value, sizeof(value));
}

static void make_notes(bool vmcoreinfo, struct notes *notes)
{
	char prstatus[336] = "", text[1024];

	assert_null(notes_add(notes, "CORE", NT_PRSTATUS, prstatus, sizeof(prstatus)));
	if (vmcoreinfo)
		assert_null(notes_add(notes, "VMCOREINFO", 0, text,
				      make_text(0, "6.99-test", NULL, text)));
}

static void write_elf(struct buffer *file, bool vmcoreinfo)
{
	size_t segments = 1;
	struct notes notes = {};

	memset(file, 0, sizeof(*file));
	make_notes(vmcoreinfo, &notes);
	for (unsigned i = 0; i < PAGES; i++) {
		Elf64_Phdr segment = {.p_type = PT_LOAD,
				      .p_offset = 3 * PAGE + (size_t)i * PAGE,
				      .p_paddr = (uint64_t)i * PAGE,
				      .p_filesz = PAGE,
				      .p_memsz = PAGE};

		if (memory.missing[i])
			continue;
		put(file, 64 + segments++ * sizeof(segment), &segment, sizeof(segment));
		put(file, segment.p_offset, memory.pages[i], PAGE);
	}
	Elf64_Phdr note = {.p_type = PT_NOTE, .p_offset = 2 * PAGE, .p_filesz = notes.size};
	Elf64_Ehdr header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
					 ELFDATA2LSB, EV_CURRENT},
			     .e_type = ET_CORE,
			     .e_machine = EM_X86_64,
			     .e_version = EV_CURRENT,
			     .e_phoff = 64,
			     .e_ehsize = sizeof(header),
			     .e_phentsize = sizeof(note),
			     .e_phnum = segments};

	assert_true(64 + segments * sizeof(note) < 2 * PAGE);
	put(file, 0, &header, sizeof(header));
	put(file, 64, &note, sizeof(note));
	put(file, note.p_offset, notes.bytes, notes.size);
	notes_deinit(&notes);
}

static size_t pack_none(const uint8_t *page, uint8_t *out)
{
	memcpy(out, page, PAGE);
	return PAGE;
}

static size_t pack_zlib(const uint8_t *page, uint8_t *out)
{
	uLongf size = ROOM;

	assert_int_equal(compress2(out, &size, page, PAGE, 1), Z_OK);
	return size;
}

static size_t pack_lzo(const uint8_t *page, uint8_t *out)
{
	static uint8_t work[LZO1X_1_MEM_COMPRESS];
	lzo_uint size = ROOM;

	assert_int_equal(lzo1x_1_compress(page, PAGE, out, &size, work), LZO_E_OK);
	return size;
}

static size_t pack_snappy(const uint8_t *page, uint8_t *out)
{
	size_t size = ROOM;

	assert_int_equal(snappy_compress((const char *)page, PAGE, (char *)out, &size), SNAPPY_OK);
	return size;
}

static size_t pack_zstd(const uint8_t *page, uint8_t *out)
{
	size_t size = ZSTD_compress(out, ROOM, page, PAGE, 1);

	assert_false(ZSTD_isError(size));
	return size;
}

static const struct packing {
	const char *format;
	uint32_t flag; /* in the header's status, and in the page's */
	size_t (*pack)(const uint8_t *page, uint8_t *out);
} packings[] = {
	{"kdump", 0x00, pack_none},      {"kdump-zlib", 0x01, pack_zlib},
	{"kdump-lzo", 0x02, pack_lzo},   {"kdump-snappy", 0x04, pack_snappy},
	{"kdump-zstd", 0x20, pack_zstd},
};

/* makedumpfile's format: header, sub header with the notes behind it, two maps, descriptors, data.
 */
static void write_kdump(struct buffer *file, const struct packing *packing, bool vmcoreinfo,
			unsigned start, unsigned end)
{
	size_t descriptor = 6 * PAGE, data = 7 * PAGE;
	struct notes notes = {};

	memset(file, 0, sizeof(*file));
	make_notes(vmcoreinfo, &notes);
	put(file, 0, "KDUMP   ", 8);
	put32(file, 8, 6);
	strcpy((char *)file->bytes + 272, "x86_64");
	put32(file, 424, packing->flag);
	put32(file, 428, PAGE);
	put32(file, 432, 3); /* blocks of sub header and notes */
	put32(file, 436, 2);
	put32(file, 440, PAGES);
	put32(file, PAGE + 12, start || end < PAGES);
	put64(file, PAGE + 48, 2 * PAGE);
	put64(file, PAGE + 56, notes.size);
	put64(file, PAGE + 80, start);
	put64(file, PAGE + 88, end);
	put64(file, PAGE + 96, PAGES);
	put(file, 2 * PAGE, notes.bytes, notes.size);
	for (unsigned i = 0; i < PAGES; i++) {
		uint8_t packed[ROOM];

		file->bytes[4 * PAGE + i / 8] |= 1 << i % 8;
		if (memory.missing[i])
			continue;
		file->bytes[5 * PAGE + i / 8] |= 1 << i % 8;
		if (i < start || i >= end)
			continue;
		size_t size = packing->pack(memory.pages[i], packed);

		put64(file, descriptor, data);
		put32(file, descriptor + 8, size);
		put32(file, descriptor + 12, packing->flag);
		put(file, data, packed, size);
		descriptor += 24;
		data += size;
	}
	assert_true(descriptor < 7 * PAGE);
	notes_deinit(&notes);
}

/* ---- reading ---- */

/* Seeds for tests/fuzz/fuzz_dump.c, when somebody wants some. */
static void keep(const struct buffer *file)
{
	const char *directory = getenv("CRASHLAB_FUZZ_SEEDS");
	static unsigned count;
	char path[256];

	if (!directory)
		return;
	snprintf(path, sizeof(path), "%s/%u", directory, count++);
	_cleanup_fclose_ FILE *out = fopen(path, "w");

	assert_non_null(out);
	assert_int_equal(fwrite(file->bytes, 1, file->size, out), file->size);
}

static struct error *open_files(const struct buffer *files, size_t count, struct dump **ret)
{
	char names[PARTS_MAX][32];
	const char *paths[PARTS_MAX];
	int fds[PARTS_MAX];

	for (size_t i = 0; i < count; i++) {
		keep(&files[i]);
		fds[i] = memfd_create("dump", 0);
		assert_int_equal(write(fds[i], files[i].bytes, files[i].size), files[i].size);
		sprintf(names[i], "/proc/self/fd/%d", fds[i]);
		paths[i] = names[i];
	}
	struct error *err = dump_open_set(paths, count, ret);

	for (size_t i = 0; i < count; i++)
		close(fds[i]);
	return err;
}

static void expect_pages(struct dump *dump, const char *format)
{
	uint8_t page[PAGE];

	assert_string_equal(dump_format(dump), format);
	for (unsigned i = 0; i < PAGES + 8; i++) {
		_cleanup_error_ struct error *err =
			dump_read_physical(dump, (uint64_t)i * PAGE, page, PAGE);

		if (i >= PAGES || memory.missing[i]) {
			assert_non_null(err);
			assert_int_equal(err->code, ERROR_NO_DATA);
			continue;
		}
		if (err)
			fail_msg("%s, page %u: %s", format, i, err->message);
		assert_memory_equal(page, memory.pages[i], PAGE);
	}
	dump_close(dump);
}

static void test_elf(void **state)
{
	static struct buffer file;
	struct dump *dump;

	(void)state;
	write_elf(&file, true);
	assert_null(open_files(&file, 1, &dump));
	expect_pages(dump, "elf");
}

static void test_kdump(void **state)
{
	static struct buffer file;
	struct dump *dump;

	(void)state;
	for (size_t i = 0; i < sizeof(packings) / sizeof(*packings); i++) {
		write_kdump(&file, &packings[i], true, 0, PAGES);
		assert_null(open_files(&file, 1, &dump));
		expect_pages(dump, packings[i].format);
	}
}

static void test_split(void **state)
{
	static struct buffer files[PARTS_MAX];
	struct dump *dump;

	(void)state;
	for (size_t i = 0; i < sizeof(packings) / sizeof(*packings); i++) {
		write_kdump(&files[0], &packings[i], true, 50, PAGES);
		write_kdump(&files[1], &packings[i], true, 0, 13);
		write_kdump(&files[2], &packings[i], true, 13, 50);
		assert_null(open_files(files, 3, &dump));
		expect_pages(dump, packings[i].format);
		_cleanup_error_ struct error *err = open_files(files, 2, &dump);

		assert_non_null(err);
		assert_int_equal(err->code, ERROR_FORMAT);
	}
}

/* The map has the page, but its data were never written. */
static void test_unwritten_page(void **state)
{
	static struct buffer file;
	struct dump *dump;
	uint8_t page[PAGE];

	(void)state;
	for (size_t i = 0; i < sizeof(packings) / sizeof(*packings); i++) {
		write_kdump(&file, &packings[i], true, 0, PAGES);
		memset(file.bytes + 6 * PAGE + 20 * 24, 0, 24);
		assert_null(open_files(&file, 1, &dump));
		_cleanup_error_ struct error *err = dump_read_physical(dump, 20 * PAGE, page, PAGE);

		assert_non_null(err);
		dump_close(dump);
	}
}

/* ---- VMCOREINFO in memory ---- */

static const struct packing *const zlib_packing = &packings[1];

static void expect_release(const char *release, const char *format)
{
	static struct buffer files[2];
	struct dump *dump;

	write_elf(&files[0], false);
	write_kdump(&files[1], zlib_packing, false, 0, PAGES);
	for (size_t i = 0; i < 2; i++) {
		assert_null(open_files(&files[i], 1, &dump));
		assert_string_equal(dump_vmcoreinfo(dump, "OSRELEASE"), release);
		if (!strstr(dump_format(dump), format))
			fail_msg("\"%s\" instead of \"%s\"", dump_format(dump), format);
		dump_close(dump);
	}
}

static void expect_refused(const char *why)
{
	static struct buffer file;
	struct dump *dump;

	write_elf(&file, false);
	_cleanup_error_ struct error *err = open_files(&file, 1, &dump);

	assert_non_null(err);
	assert_int_equal(err->code, ERROR_FORMAT);
	if (!strstr(err->message, why))
		fail_msg("\"%s\" instead of \"%s\"", err->message, why);
}

static void test_found_in_memory(void **state)
{
	(void)state;
	expect_release("6.99-test", "found in memory at 0x6000, of a kernel that did not start");
	memcpy(memory.pages[40], memory.pages[NOTE], PAGE); /* a copy is no second kernel */
	expect_release("6.99-test", "at 0x6000, of a kernel that did not start its crash kernel");
}

static void test_crashed_one_of_two(void **state)
{
	(void)state;
	make_kernel(16, "6.98-crashed", "CRASHTIME=1700000000\n");
	expect_release("6.98-crashed",
		       "at 0x16000, of a kernel that crashed (another one: 6.99-test at 0x6000)");
}

static void test_undecided(void **state)
{
	(void)state;
	make_kernel(16, "6.98-other", NULL);
	expect_refused("6.99-test (note at 0x6000), 6.98-other (note at 0x16000)");
	make_kernel(0, "6.99-test", "CRASHTIME=1700000000\n");
	make_kernel(16, "6.98-other", "CRASHTIME=1700000001\n");
	expect_refused(
		"6.99-test (note at 0x6000, crashed), 6.98-other (note at 0x16000, crashed)");
}

/* What does not lead to a kernel of its release is not believed. */
static void test_not_verified(void **state)
{
	(void)state;
	make_kernel(16, "6.98-stale", "CRASHTIME=1700000000\n");
	memory.pages[16 + UTS][130] = '7';
	expect_release("6.99-test", "at 0x6000, of a kernel that did not start its crash kernel");
	memory.pages[16 + UTS][130] = '6';
	set_entry(16 + PMD, 0, PAGES + 1);
	expect_release("6.99-test", "at 0x6000");
	memory.missing[UTS] = true;
	expect_refused("nor is it found in memory");
}

static void test_damaged_note(void **state)
{
	static const uint8_t places[] = {0, 5, 7, 12, 21};

	(void)state;
	for (size_t i = 0; i < sizeof(places); i++) {
		setup(NULL);
		memory.pages[NOTE][places[i]] ^= 0x40;
		expect_refused("nor is it found in memory");
	}
	setup(NULL);
	memory.pages[NOTE][4] = memory.pages[NOTE][5] = 0; /* no text at all */
	expect_refused("nor is it found in memory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_elf, setup),
		cmocka_unit_test_setup(test_kdump, setup),
		cmocka_unit_test_setup(test_split, setup),
		cmocka_unit_test_setup(test_unwritten_page, setup),
		cmocka_unit_test_setup(test_found_in_memory, setup),
		cmocka_unit_test_setup(test_crashed_one_of_two, setup),
		cmocka_unit_test_setup(test_undecided, setup),
		cmocka_unit_test_setup(test_not_verified, setup),
		cmocka_unit_test_setup(test_damaged_note, setup),
	};

	if (lzo_init() != LZO_E_OK)
		return 1;
	return cmocka_run_group_tests_name("formats", tests, NULL, NULL);
}
