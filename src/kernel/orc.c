// SPDX-License-Identifier: GPL-2.0-only
/* The ORC unwind format: see arch/x86/kernel/unwind_orc.c and Documentation/arch/x86/. */
#include "kernel/orc.h"

#include <inttypes.h>
#include <string.h>

#include "util/cleanup.h"

/* A kernel has about a million; a table longer than 32-bit offsets reach is no table. */
#define ORC_COUNT_MAX (1U << 28)

static const enum orc_register numberings[ORC_NUMBERINGS][16] = {
	[ORC_NUMBERING_4_14] = {ORC_UNDEFINED, ORC_PREV_SP, ORC_DX, ORC_DI, ORC_BP, ORC_SP, ORC_R10,
				ORC_R13, ORC_BP_INDIRECT, ORC_SP_INDIRECT, ORC_UNKNOWN, ORC_UNKNOWN,
				ORC_UNKNOWN, ORC_UNKNOWN, ORC_UNKNOWN, ORC_UNKNOWN},
	[ORC_NUMBERING_7_2] = {ORC_UNDEFINED, ORC_AX, ORC_DX, ORC_SP, ORC_BP, ORC_DI, ORC_R10,
			       ORC_R13, ORC_PREV_SP, ORC_SP_INDIRECT, ORC_BP_INDIRECT, ORC_UNKNOWN,
			       ORC_UNKNOWN, ORC_UNKNOWN, ORC_UNKNOWN, ORC_UNKNOWN},
};

static uint64_t get_field(const uint8_t *bytes, size_t size, const struct orc_field *field)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < field->bits; i++) {
		unsigned bit = field->bit + i;

		if (bit / 8 < size)
			value |= (uint64_t)(bytes[bit / 8] >> (bit % 8) & 1) << i;
	}
	return value;
}

static enum orc_register get_register(const struct orc_layout *layout, const void *bytes,
				      const struct orc_field *field)
{
	uint64_t number = get_field(bytes, layout->size, field);

	return number < 16 ? numberings[layout->numbering][number] : ORC_UNKNOWN;
}

struct error *orc_decode(const struct orc_layout *layout, const void *bytes, struct orc_entry *ret)
{
	static const enum orc_type since_6_4[] = {ORC_TYPE_UNDEFINED, ORC_TYPE_END, ORC_TYPE_CALL,
						  ORC_TYPE_REGS, ORC_TYPE_REGS_PARTIAL};
	static const enum orc_type before[] = {ORC_TYPE_CALL, ORC_TYPE_REGS, ORC_TYPE_REGS_PARTIAL};
	bool old = layout->end.bits;
	size_t known =
		old ? sizeof(before) / sizeof(before[0]) : sizeof(since_6_4) / sizeof(since_6_4[0]);
	uint64_t type = get_field(bytes, layout->size, &layout->type);

	ret->sp_offset = get_field(bytes, layout->size, &layout->sp_offset);
	ret->bp_offset = get_field(bytes, layout->size, &layout->bp_offset);
	ret->sp_register = get_register(layout, bytes, &layout->sp_register);
	ret->bp_register = get_register(layout, bytes, &layout->bp_register);
	if (type >= known)
		return error_new(ERROR_FORMAT, "ORC entry of type %ju", (uintmax_t)type);
	ret->type = old ? before[type] : since_6_4[type];
	if (old && ret->sp_register == ORC_UNDEFINED)
		ret->type = get_field(bytes, layout->size, &layout->end) ? ORC_TYPE_END
									 : ORC_TYPE_UNDEFINED;
	if (layout->signal.bits)
		ret->signal = get_field(bytes, layout->size, &layout->signal);
	else
		ret->signal = ret->type == ORC_TYPE_REGS || ret->type == ORC_TYPE_REGS_PARTIAL;
	return NULL;
}

static struct error *entry_ip(const struct orc_table *table, uint64_t index, orc_read read,
			      void *data, uint64_t *ret)
{
	uint64_t address = table->ips + index * sizeof(int32_t);
	int32_t offset = 0;

	try(read(data, address, &offset, sizeof(offset)));
	*ret = address + (int64_t)offset;
	return NULL;
}

struct error *orc_lookup(const struct orc_layout *layout, const struct orc_table *table,
			 uint64_t ip, orc_read read, void *data, struct orc_entry *ret)
{
	uint8_t bytes[ORC_ENTRY_MAX] = {0};
	uint64_t low = 0, high = table->count;

	if (layout->size > sizeof(bytes) || table->count > ORC_COUNT_MAX)
		return error_new(ERROR_FORMAT, "ORC table of %ju entries of %zu bytes",
				 (uintmax_t)table->count, layout->size);
	while (low < high) {
		uint64_t middle = low + (high - low) / 2, start = 0;

		try(entry_ip(table, middle, read, data, &start));
		if (start <= ip)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return error_new(ERROR_NOT_FOUND, "no ORC entry for 0x%" PRIx64, ip);
	try(read(data, table->entries + (low - 1) * layout->size, bytes, layout->size));
	return orc_decode(layout, bytes, ret);
}

struct error *orc_find_numbering(struct orc_layout *layout, const struct orc_table *table,
				 uint64_t function, orc_read read, void *data)
{
	struct orc_entry entry;

	for (int i = 0; i < ORC_NUMBERINGS; i++) {
		layout->numbering = i;
		try(orc_lookup(layout, table, function, read, data, &entry));
		if (entry.type == ORC_TYPE_CALL && entry.sp_register == ORC_SP &&
		    entry.sp_offset == 8)
			return NULL;
	}
	return error_new(ERROR_UNSUPPORTED, "ORC data with registers in an order not known here");
}
