/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_TESTS_CAPSULE_FILE_H
#define CRASHLAB_TESTS_CAPSULE_FILE_H

/* The capsules of tests/dumps/, for tests that change them. After cmocka.h. */
#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/** The whole of the capsule called @name, to be freed. */
static inline void *capsule_unpack(const char *name, size_t *ret_size)
{
	char command[128], *bytes = NULL;
	size_t size = 0, part;

	snprintf(command, sizeof(command), "tests/dumps/unpack %s", name);
	FILE *pipe = popen(command, "re");

	assert_non_null(pipe);
	do {
		bytes = realloc(bytes, size + (1 << 20));
		part = fread(bytes + size, 1, 1 << 20, pipe);
		size += part;
	} while (part);
	assert_int_equal(pclose(pipe), 0);
	*ret_size = size;
	return bytes;
}

/** Write into the copy @fd of the capsule @bytes at a physical address. */
static inline void capsule_poke(int fd, const void *bytes, uint64_t physical, const void *value,
				size_t size)
{
	const Elf64_Ehdr *header = bytes;
	const Elf64_Phdr *segments = (const void *)((const char *)bytes + header->e_phoff);

	for (size_t i = 0; i < header->e_phnum; i++) {
		uint64_t offset = physical - segments[i].p_paddr;

		if (segments[i].p_type != PT_LOAD || offset >= segments[i].p_filesz)
			continue;
		assert_int_equal(pwrite(fd, value, size, segments[i].p_offset + offset), size);
		return;
	}
	fail_msg("0x%jx is not in the capsule", (uintmax_t)physical);
}

#endif
