// SPDX-License-Identifier: GPL-2.0-only
/*
 * The head of a dump's file: ELF's segments and notes, makedumpfile's header, bitmap and
 * descriptors, as far as the library does not read it. The first byte tells what the rest is: any
 * bytes, changes to an ELF file, changes to one of makedumpfile's.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "changes.h"
#include "dump/complete.h"
#include "dump/internal.h"
#include "dump/kdump_file.h"
#include "dump/split.h"
#include "util/cleanup.h"

#define BLOCK 512
#define NOTE_TEXT "OSRELEASE=6.1\n"

static struct elf {
	Elf64_Ehdr header;
	Elf64_Phdr segments[3];
	Elf64_Nhdr note;
	char name[12], text[16];
	uint8_t pages[64];
} elf = {
	.header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			       EV_CURRENT},
		   .e_type = ET_CORE,
		   .e_machine = EM_X86_64,
		   .e_version = EV_CURRENT,
		   .e_phoff = sizeof(Elf64_Ehdr),
		   .e_ehsize = sizeof(Elf64_Ehdr),
		   .e_phentsize = sizeof(Elf64_Phdr),
		   .e_phnum = 3},
	.segments = {{.p_type = PT_NOTE,
		      .p_offset = offsetof(struct elf, note),
		      .p_filesz = offsetof(struct elf, pages) - offsetof(struct elf, note)},
		     {.p_type = PT_LOAD,
		      .p_offset = offsetof(struct elf, pages),
		      .p_filesz = 32,
		      .p_memsz = 64},
		     {.p_type = PT_LOAD,
		      .p_offset = offsetof(struct elf, pages) + 32,
		      .p_paddr = 4096,
		      .p_filesz = 32,
		      .p_memsz = 32}},
	.note = {.n_namesz = 11, .n_descsz = sizeof(NOTE_TEXT) - 1},
	.name = "VMCOREINFO",
	.text = NOTE_TEXT,
};

/* A header, a block of the sub-header, two of bitmaps, two descriptors. */
static uint8_t kdump[4 * BLOCK + 64];

static void put(size_t at, uint64_t value, size_t size)
{
	memcpy(kdump + at, &value, size);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	memcpy(kdump, "KDUMP   ", 8);
	put(8, 6, 4); /* version */
	strcpy((char *)kdump + 12 + 4 * 65, "x86_64");
	put(424, KDUMP_ZLIB, 4);
	put(428, BLOCK, 4);
	put(432, 1, 4); /* blocks of the sub-header */
	put(436, 2, 4); /* of the bitmaps */
	put(440, 16, 4); /* pages */
	put(BLOCK + 12, 1, 4); /* split */
	put(BLOCK + 80, 2, 8); /* from page 2 */
	put(BLOCK + 88, 9, 8);
	put(BLOCK + 96, 16, 8);
	put(3 * BLOCK, 0x88, 1); /* the bitmap: pages 3 and 7 */
	for (int i = 0; i < 2; i++) {
		put(4 * BLOCK + i * 24, 4 * BLOCK + 48 + i * 8, 8);
		put(4 * BLOCK + i * 24 + 8, 8, 4);
	}
	return 0;
}

static void look_at(int fd)
{
	static const char *const names[] = {"one", "two"};
	const int fds[] = {fd, fd};
	struct elf_memory memory = {};
	struct notes notes = {};
	struct kdump_file file;
	struct note note;
	size_t offset = 0;

	error_free(check_complete(fd));
	if (kdump_file_probe(fd))
		error_free(kdump_file_read(fd, &file));
	error_free(split_check(names, fds, 1));
	error_free(split_check(names, fds, 2));
	struct error *err = notes_read(fd, &notes);

	while (!err && notes_next(&notes, &offset, &note))
		note_is_called(&note, "VMCOREINFO");
	error_free(err);
	notes_deinit(&notes);
	err = elf_memory_init(fd, &memory);
	if (!err)
		elf_memory_has(&memory, 4096, 4096);
	error_free(err);
	elf_memory_deinit(&memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_close_ int fd = memfd_create("fuzz", MFD_CLOEXEC);
	uint8_t bytes[sizeof(kdump) > sizeof(elf) ? sizeof(kdump) : sizeof(elf)];

	if (!size)
		return 0;
	bool is_elf = data[0] % 4 == 1;
	size_t length = is_elf ? sizeof(elf) : sizeof(kdump);

	if (data[0] % 4 > 1) {
		if (write(fd, data + 1, size - 1) < 0)
			return 0;
	} else {
		memcpy(bytes, is_elf ? (uint8_t *)&elf : kdump, length);
		apply_changes(data + 1, size - 1, bytes, length);
		if (write(fd, bytes, length) < 0)
			return 0;
	}
	look_at(fd);
	return 0;
}
