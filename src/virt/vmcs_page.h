/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_VIRT_VMCS_PAGE_H
#define CRASHLAB_VIRT_VMCS_PAGE_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define VMCS_SIZE 4096 /* the most IA32_VMX_BASIC can say, and what every reader here looks at */

/** The little-endian number at @offset of a region. */
static inline uint32_t vmcs_u32(const uint8_t *page, size_t offset)
{
	uint32_t value;

	memcpy(&value, page + offset, sizeof(value));
	return le32toh(value);
}

static inline uint64_t vmcs_u64(const uint8_t *page, size_t offset)
{
	uint64_t value;

	memcpy(&value, page + offset, sizeof(value));
	return le64toh(value);
}

#endif
