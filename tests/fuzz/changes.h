/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_TESTS_CHANGES_H
#define CRASHLAB_TESTS_CHANGES_H

/*
 * An input as a row of changes to bytes that are right, so that little of it goes into rebuilding
 * what a parser wants to see first: where (u32, modulo the size), how many bytes (u8, modulo 8,
 * plus 1), the bytes.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CHANGES_MAX 32

static inline void apply_changes(const uint8_t *data, size_t size, uint8_t *bytes,
				 size_t bytes_size)
{
	for (unsigned i = 0; i < CHANGES_MAX && size > 5; i++) {
		size_t count = data[4] % 8 + 1;
		uint32_t where;

		memcpy(&where, data, sizeof(where));
		data += 5;
		size -= 5;
		if (count > size)
			break;
		memcpy(bytes + where % (bytes_size - 8), data, count);
		data += count;
		size -= count;
	}
}

#endif
