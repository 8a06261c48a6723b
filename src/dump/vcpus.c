// SPDX-License-Identifier: GPL-2.0-only
#include "dump/vcpus.h"

#include <elf.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/text.h"

/* struct QEMUCPUState: version, size, 18 registers, 10 segments of 24 bytes with the base last. */
#define STATE_GS_BASE (152 + 4 * 24 + 16)
#define STATE_CR 392 /* CR0 to CR4 */
#define STATE_SIZE 432
#define STATE_KERNEL_GS 432
#define STATE_SIZE_KERNEL_GS 440
#define STATE_VERSION 1

static uint64_t get_u64(const char *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static bool is_state(const struct note *note)
{
	uint32_t version;

	if (!note_is_called(note, "QEMU") || note->header.n_descsz < STATE_SIZE)
		return false;
	memcpy(&version, note->desc, sizeof(version));
	return version == STATE_VERSION;
}

static struct error *add_state(const struct note *note, struct dump_vcpu **vcpus, size_t *count)
{
	try(array_grow((void **)vcpus, count, sizeof(**vcpus)));
	struct dump_vcpu *vcpu = &(*vcpus)[*count - 1];

	*vcpu = (struct dump_vcpu){
		.cr0 = get_u64(note->desc + STATE_CR),
		.cr3 = get_u64(note->desc + STATE_CR + 3 * 8),
		.cr4 = get_u64(note->desc + STATE_CR + 4 * 8),
		.gs_base = get_u64(note->desc + STATE_GS_BASE),
	};
	if (note->header.n_descsz >= STATE_SIZE_KERNEL_GS)
		vcpu->kernel_gs_base = get_u64(note->desc + STATE_KERNEL_GS);
	return NULL;
}

struct error *vcpus_init(const struct notes *notes, struct dump_vcpu **ret, size_t *ret_count)
{
	_cleanup_free_ struct dump_vcpu *vcpus = NULL;
	_cleanup_free_ struct note *registers = NULL;
	size_t offset = 0, count = 0, registers_count = 0;
	struct note note;

	while (notes_next(notes, &offset, &note)) {
		if (is_state(&note)) {
			try(add_state(&note, &vcpus, &count));
		} else if (note.header.n_type == NT_PRSTATUS && note_is_called(&note, "CORE")) {
			try(array_grow((void **)&registers, &registers_count, sizeof(note)));
			registers[registers_count - 1] = note;
		}
	}
	for (size_t i = 0; registers_count == count && i < count; i++) {
		vcpus[i].prstatus = registers[i].start;
		vcpus[i].prstatus_size = registers[i].size;
	}
	*ret = take(vcpus);
	*ret_count = count;
	return NULL;
}
