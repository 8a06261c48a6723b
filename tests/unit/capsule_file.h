/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_TESTS_CAPSULE_FILE_H
#define CRASHLAB_TESTS_CAPSULE_FILE_H

/* The capsules of tests/dumps/, for tests that change them. After cmocka.h. */
#include <stdio.h>
#include <stdlib.h>

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

#endif
