/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_KERNEL_TYPE_FILE_H
#define CRASHLAB_KERNEL_TYPE_FILE_H

#include <elfutils/libdwfl.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

#define BUILD_ID_MAX 64

struct build_id {
	uint8_t bytes[BUILD_ID_MAX];
	size_t size; /* 0: not known */
};

/** Find the note of type NT_GNU_BUILD_ID among the ELF notes in @notes; size 0 when there is none.
 */
struct build_id build_id_find(const void *notes, size_t size);

/** A file that describes the structures of the kernel or of a module. */
struct type_file {
	char *path;
	char module[64]; /* "kvm_intel"; "": the kernel itself */
	struct build_id build_id;
	void *btf; /* raw BTF, or NULL */
	size_t btf_size;
	Dwfl *dwfl; /* the DWARF's, or NULL */
	Dwarf *dwarf;
};

/**
 * Read the file that @value names, "FILE" or "MODULE=FILE": raw BTF, or an ELF file with a section
 * .BTF. Without MODULE the file's name tells: vmlinux* is the kernel, kvm-intel.ko and kvm_intel
 * are the module kvm_intel. ERROR_USAGE when it is neither.
 */
struct error *type_file_read_btf(const char *value, struct type_file *ret);

/** The same for an ELF file with DWARF: vmlinux, kvm-intel.ko.debug. */
struct error *type_file_read_dwarf(const char *value, struct type_file *ret);

void type_file_deinit(struct type_file *file);

#endif
