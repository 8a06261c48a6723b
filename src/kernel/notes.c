// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/notes.h"

#include <elf.h>
#include <string.h>

#include "kernel/internal.h"
#include "util/cleanup.h"

/* offsetof(struct elf_prstatus, pr_reg) on x86-64, include/uapi/linux/elfcore.h: ABI. */
#define PR_REG_OFFSET 112

/*
 * CRASH_CORE_NOTE_BYTES (include/linux/vmcore_info.h): the headers of the note and of the empty
 * one that ends it, "CORE" padded to 8, and struct elf_prstatus of 336.
 */
#define NOTE_BYTES (2 * sizeof(Elf64_Nhdr) + 8 + 336)

static size_t align4(size_t size)
{
	return (size + 3) & ~(size_t)3;
}

struct error *notes_parse_registers(const void *buffer, size_t size, struct cpu_registers *ret)
{
	const uint8_t *bytes = buffer;
	size_t offset = 0;

	while (size - offset >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr note;
		size_t name, desc;

		memcpy(&note, bytes + offset, sizeof(note));
		offset += sizeof(note);
		if (!note.n_namesz && !note.n_descsz && !note.n_type)
			break; /* final_note() */
		if (note.n_namesz > size || note.n_descsz > size ||
		    align4(note.n_namesz) > size - offset ||
		    align4(note.n_descsz) > size - offset - align4(note.n_namesz))
			return error_new(ERROR_FORMAT, "a CPU's note runs over its buffer");
		name = offset;
		desc = name + align4(note.n_namesz);
		offset = desc + align4(note.n_descsz);
		if (note.n_type != NT_PRSTATUS || note.n_namesz != sizeof("CORE") ||
		    memcmp(bytes + name, "CORE", sizeof("CORE")))
			continue;
		if (note.n_descsz < PR_REG_OFFSET + sizeof(*ret))
			return error_new(ERROR_FORMAT, "a CPU's note is too short");
		memcpy(ret, bytes + desc + PR_REG_OFFSET, sizeof(*ret));
		return NULL;
	}
	return error_new(ERROR_NOT_FOUND, "the CPU left no note");
}

struct error *kernel_cpu_registers(struct kernel *kernel, unsigned cpu, struct cpu_registers *ret)
{
	uint8_t buffer[NOTE_BYTES];
	uint64_t notes, address;

	/* note_buf_t __percpu *crash_notes, kernel/crash_core.c, kernel/kexec_core.c before. */
	try(kernel_read_variable(kernel, NULL, "crash_notes", sizeof(notes), &notes));
	if (!notes)
		return error_new(ERROR_NOT_FOUND, "the kernel had no memory for notes");
	try(kernel_percpu_address(kernel, notes, cpu, &address));
	try(error_wrap(dump_read(kernel->dump, address, buffer, sizeof(buffer)),
		       "the note of CPU %u", cpu));
	return error_wrap(notes_parse_registers(buffer, sizeof(buffer), ret), "CPU %u", cpu);
}
