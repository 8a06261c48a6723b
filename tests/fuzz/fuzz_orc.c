// SPDX-License-Identifier: GPL-2.0-only
/*
 * ORC tables, sorted or not, and their search. An input: the layout's bit-fields, the numbers of
 * the entries' bytes and of the table's, the address that is looked up, then the tables.
 */
#include <stdint.h>
#include <string.h>

#include "kernel/orc.h"
#include "util/cleanup.h"

#define TABLES 0xffffffff82000000ull

struct input {
	struct {
		uint8_t bit, bits;
	} fields[7];
	uint8_t size, numbering;
	uint16_t count;
	uint32_t ip; /* from TABLES on, or before it */
};

struct memory {
	const uint8_t *bytes;
	size_t size;
};

static struct error *read_memory(void *data, uint64_t address, void *buffer, size_t size)
{
	const struct memory *memory = data;

	if (address < TABLES || address - TABLES > memory->size ||
	    size > memory->size - (address - TABLES))
		return error_new(ERROR_NO_DATA, "missing");
	memcpy(buffer, memory->bytes + (address - TABLES), size);
	return NULL;
}

static struct orc_field field(const struct input *input, unsigned index)
{
	return (struct orc_field){input->fields[index].bit, input->fields[index].bits % 65};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input;
	struct orc_entry entry;

	if (size < sizeof(input))
		return 0;
	memcpy(&input, data, sizeof(input));
	struct memory memory = {data + sizeof(input), size - sizeof(input)};
	struct orc_layout layout = {
		.size = input.size % (ORC_ENTRY_MAX + 2),
		.sp_offset = field(&input, 0),
		.bp_offset = field(&input, 1),
		.sp_register = field(&input, 2),
		.bp_register = field(&input, 3),
		.type = field(&input, 4),
		.signal = field(&input, 5),
		.end = field(&input, 6),
		.numbering = input.numbering % ORC_NUMBERINGS,
	};
	struct orc_table table = {
		.ips = TABLES, .entries = TABLES + input.count * 4ull, .count = input.count};
	uint64_t ip = TABLES + (int64_t)(int32_t)input.ip;

	error_free(orc_lookup(&layout, &table, ip, read_memory, &memory, &entry));
	error_free(orc_find_numbering(&layout, &table, ip, read_memory, &memory));
	return 0;
}
