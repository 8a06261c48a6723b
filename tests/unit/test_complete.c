// SPDX-License-Identifier: GPL-2.0-only
/* A dump file cut off anywhere is found out, for what is missing would read as zeros. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "dump/complete.h"
#include "util/cleanup.h"

#define BLOCK 512 /* small, so that every length can be tried */

struct image {
	_Alignas(8) uint8_t bytes[8 * BLOCK];
	size_t size;
};

static enum error_code check(const struct image *image, size_t size, bool *ok)
{
	_cleanup_close_ int fd = memfd_create("dump", 0);
	_cleanup_error_ struct error *err = NULL;

	assert_int_equal(write(fd, image->bytes, size), size);
	err = check_complete(fd);
	*ok = !err;
	return err ? err->code : ERROR_USAGE;
}

static void accepted(const struct image *image)
{
	bool ok;

	check(image, image->size, &ok);
	assert_true(ok);
}

static void refused(const struct image *image, size_t size)
{
	bool ok;

	assert_int_equal(check(image, size, &ok), ERROR_FORMAT);
	assert_false(ok);
}

/* An ELF file whose segments end where it ends. */
static void make_elf(struct image *image)
{
	Elf64_Ehdr header = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB},
		.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_phoff = sizeof(header),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 40,
	};

	memset(image, 0, sizeof(*image));
	memcpy(image->bytes, &header, sizeof(header));
	image->size = sizeof(image->bytes);
	for (int i = 0; i < header.e_phnum; i++) {
		Elf64_Phdr segment = {
			.p_type = i ? PT_LOAD : PT_NOTE,
			.p_offset = image->size - 16,
			.p_filesz = 16,
			.p_paddr = i * 4096,
		};

		memcpy(image->bytes + header.e_phoff + i * sizeof(segment), &segment,
		       sizeof(segment));
	}
}

static void test_elf(void **state)
{
	struct image image;

	(void)state;
	make_elf(&image);
	accepted(&image);
	for (size_t size = 8; size < image.size; size++)
		refused(&image, size);
}

static void test_elf_hostile(void **state)
{
	struct image image;
	Elf64_Ehdr header;
	Elf64_Phdr segment;

	(void)state;
	make_elf(&image);
	memcpy(&segment, image.bytes + sizeof(header), sizeof(segment));
	segment.p_offset = UINT64_MAX - 7; /* with the size it would wrap */
	memcpy(image.bytes + sizeof(header), &segment, sizeof(segment));
	refused(&image, image.size);

	make_elf(&image);
	memcpy(&header, image.bytes, sizeof(header));
	header.e_phoff = UINT64_MAX;
	memcpy(image.bytes, &header, sizeof(header));
	refused(&image, image.size);

	make_elf(&image);
	memcpy(&header, image.bytes, sizeof(header));
	header.e_phnum = PN_XNUM;
	header.e_shoff = image.size;
	memcpy(image.bytes, &header, sizeof(header));
	refused(&image, image.size);
}

static void test_elf_sections(void **state)
{
	Elf64_Shdr first = {.sh_size = 1, .sh_info = 40};
	struct image image;
	Elf64_Ehdr *header = (Elf64_Ehdr *)image.bytes;

	(void)state;
	make_elf(&image);
	header->e_shoff = image.size - 100;
	header->e_shentsize = sizeof(first);
	header->e_phnum = PN_XNUM;
	memcpy(image.bytes + header->e_shoff, &first, sizeof(first));
	accepted(&image); /* both counts are in the first section */
	header->e_shnum = 1;
	accepted(&image);
	header->e_shnum = 2; /* the second runs over the end */
	refused(&image, image.size);
	header->e_shnum = 0xffff;
	refused(&image, image.size);
	header->e_shnum = 1;
	header->e_shentsize = 8;
	refused(&image, image.size);
	header->e_shentsize = sizeof(first);
	header->e_shoff = 1ull << 51;
	refused(&image, image.size);
	header->e_shoff = image.size - 100;
	header->e_shnum = 0;
	first.sh_size = 0;
	memcpy(image.bytes + header->e_shoff, &first, sizeof(first));
	refused(&image, image.size);
	first.sh_size = UINT64_MAX / 32;
	memcpy(image.bytes + header->e_shoff, &first, sizeof(first));
	refused(&image, image.size);
}

static void put32(struct image *image, size_t at, uint32_t value)
{
	memcpy(image->bytes + at, &value, sizeof(value));
}

static void put_page(struct image *image, size_t number, uint64_t offset, uint32_t size)
{
	size_t at = 4 * BLOCK + number * 24;

	memcpy(image->bytes + at, &offset, sizeof(offset));
	put32(image, at + 8, size);
}

/* Header, sub header, two bitmaps of a block, descriptors of three pages, their data. */
static void make_kdump(struct image *image)
{
	memset(image, 0, sizeof(*image));
	memcpy(image->bytes, "KDUMP   ", 8);
	put32(image, 428, BLOCK);
	put32(image, 432, 1);
	put32(image, 436, 2);
	image->bytes[3 * BLOCK + 1] = 0x07; /* pages 8, 9, 10 */
	image->size = 5 * BLOCK + 30;
	put_page(image, 0, 5 * BLOCK, 10);
	put_page(image, 1, 5 * BLOCK + 10, 20);
	put_page(image, 2, 0, 0);
}

static void test_kdump(void **state)
{
	struct image image;

	(void)state;
	make_kdump(&image);
	accepted(&image);
	for (size_t size = 8; size < image.size; size++)
		refused(&image, size);
}

static void test_kdump_hostile(void **state)
{
	struct image image;

	(void)state;
	make_kdump(&image);
	put_page(&image, 1, UINT64_MAX - 3, 8);
	refused(&image, image.size);
	make_kdump(&image);
	put_page(&image, 1, 0, BLOCK);
	accepted(&image);
	put_page(&image, 1, 0, BLOCK + 1); /* larger than it was before */
	refused(&image, image.size);
	make_kdump(&image);
	put32(&image, 428, 0);
	refused(&image, image.size);
	make_kdump(&image);
	put32(&image, 428, 0xffffffff);
	refused(&image, image.size);
	make_kdump(&image);
	put32(&image, 436, 0xffffffff);
	refused(&image, image.size);
	make_kdump(&image);
	put32(&image, 8, 4);
	put32(&image, BLOCK + 56, image.size + 1); /* size of notes, at offset 0 */
	refused(&image, image.size);
	put32(&image, BLOCK + 56, image.size);
	put32(&image, BLOCK + 36, 1); /* VMCOREINFO 4 GB into the file */
	refused(&image, image.size);
	make_kdump(&image);
	put32(&image, 440, BLOCK * 8 + 1); /* more pages than bits */
	refused(&image, image.size);
	make_kdump(&image);
	memset(image.bytes + 3 * BLOCK, 0xff, BLOCK); /* more pages than descriptors fit */
	refused(&image, image.size);
}

/* A file of a split set describes its own pages only, though its bitmap is of all. */
static void test_kdump_split(void **state)
{
	struct image image;
	uint64_t pfns[2] = {8, 11};

	(void)state;
	make_kdump(&image);
	image.bytes[3 * BLOCK] = 0xff;
	memset(image.bytes + 3 * BLOCK + 2, 0xff, BLOCK - 2);
	image.bytes[3 * BLOCK + 1] = 0xff;
	refused(&image, image.size);
	put32(&image, 8, 6);
	put32(&image, BLOCK + 12, 1);
	memcpy(image.bytes + BLOCK + 80, pfns, sizeof(pfns));
	accepted(&image);
}

/* What makedumpfile marks when it had no room for everything. */
static void test_incomplete(void **state)
{
	struct image image;

	(void)state;
	make_kdump(&image);
	put32(&image, 424, 0x2);
	accepted(&image);
	put32(&image, 424, 0x2 | 0x8);
	refused(&image, image.size);
	make_elf(&image);
	put32(&image, offsetof(Elf64_Ehdr, e_flags), 1);
	refused(&image, image.size);
}

static void test_foreign_machine(void **state)
{
	struct image image;

	(void)state;
	make_kdump(&image);
	strcpy((char *)image.bytes + 272, "x86_64");
	accepted(&image);
	strcpy((char *)image.bytes + 272, "aarch64");
	refused(&image, image.size);
	make_elf(&image);
	image.bytes[offsetof(Elf64_Ehdr, e_machine)] = EM_386;
	refused(&image, image.size);
	make_elf(&image);
	image.bytes[offsetof(Elf64_Ehdr, e_machine)] = EM_AARCH64;
	refused(&image, image.size);
	make_elf(&image);
	image.bytes[EI_CLASS] = ELFCLASS32;
	refused(&image, image.size);
	make_elf(&image);
	image.bytes[EI_DATA] = ELFDATA2MSB;
	refused(&image, image.size);
}

/* A program, and the core file of a process. */
static void test_no_dump(void **state)
{
	struct image image;

	(void)state;
	make_elf(&image);
	image.bytes[offsetof(Elf64_Ehdr, e_type)] = ET_EXEC;
	refused(&image, image.size);
	make_elf(&image);
	for (int i = 0; i < 40; i++)
		memset(image.bytes + sizeof(Elf64_Ehdr) + i * sizeof(Elf64_Phdr) +
			       offsetof(Elf64_Phdr, p_paddr),
		       0, sizeof(Elf64_Addr));
	refused(&image, image.size);
}

static void test_others(void **state)
{
	struct image image = {.bytes = "something else", .size = 14};

	(void)state;
	refused(&image, image.size);
	refused(&image, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_elf),
		cmocka_unit_test(test_elf_hostile),
		cmocka_unit_test(test_elf_sections),
		cmocka_unit_test(test_kdump),
		cmocka_unit_test(test_kdump_hostile),
		cmocka_unit_test(test_kdump_split),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_incomplete),
		cmocka_unit_test(test_foreign_machine),
		cmocka_unit_test(test_no_dump),
	};

	return cmocka_run_group_tests_name("complete", tests, NULL, NULL);
}
