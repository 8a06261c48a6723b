/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_DUMP_DUMP_H
#define CRASHLAB_DUMP_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dump/file.h"
#include "util/error.h"

/**
 * A kernel crash dump of an x86-64 Linux, whatever its file format. Hostile input: nothing in it is
 * believed before it is checked.
 */
struct dump;

/**
 * Open @path: ELF, /proc/vmcore, kdump-compressed, or flattened (from a pipe too, "-" being
 * standard input). Foreign or damaged file: ERROR_FORMAT.
 */
struct error *dump_open(const char *path, struct dump **ret);

/** The same of the @count files, in any order, that makedumpfile --split made of one dump. */
struct error *dump_open_set(const char *const *paths, size_t count, struct dump **ret);

/** The same of files that are open already. The dump takes what it needs; the caller closes the
 * rest. */
struct error *dump_open_files(struct dump_file *files, size_t count, struct dump **ret);
void dump_close(struct dump *dump);

/** Read @length bytes at physical address @address. A page that is not in the dump: ERROR_NO_DATA.
 */
struct error *dump_read_physical(struct dump *dump, uint64_t address, void *buffer, size_t length);

/**
 * Read @length bytes at kernel virtual address @address, through the kernel's page tables.
 * ERROR_NO_DATA: a page, or a page table, is not in the dump; ERROR_FORMAT: nothing is mapped
 * there.
 */
struct error *dump_read(struct dump *dump, uint64_t address, void *buffer, size_t length);

/** Read a NUL-terminated string of at most @size - 1 bytes; ERROR_FORMAT when it does not end. */
struct error *dump_read_string(struct dump *dump, uint64_t address, char *buffer, size_t size);

/** Translate a kernel virtual address. */
struct error *dump_virtual_to_physical(struct dump *dump, uint64_t address, uint64_t *ret);

/**
 * The value of @key ("OSRELEASE", "SYMBOL(_stext)", "KERNELOFFSET") in VMCOREINFO, a string owned
 * by the dump; NULL when there is none.
 */
const char *dump_vmcoreinfo(const struct dump *dump, const char *key);

/** The same, parsed as a number (@base 10 or 16). ERROR_NOT_FOUND, ERROR_FORMAT. */
struct error *dump_vmcoreinfo_number(const struct dump *dump, const char *key, int base,
				     uint64_t *ret);

/** Its line number @index, from 0 on, into @ret_key and @ret_value; false behind the last. */
bool dump_vmcoreinfo_line(const struct dump *dump, size_t index, const char **ret_key,
			  const char **ret_value);

/** A short name of the format: "elf", "kdump-zlib", …; then, after a comma, where VMCOREINFO was
 * found if the file has none. Owned by the dump. */
const char *dump_format(const struct dump *dump);

/** The text that the writer of a capsule kept in it (dump/capsule.h); NULL when there is none. */
const char *dump_kept(const struct dump *dump);

/** A virtual CPU of the machine, as QEMU saw it when it wrote the dump. */
struct dump_vcpu {
	uint64_t cr0, cr3, cr4;
	uint64_t gs_base;
	uint64_t kernel_gs_base; /* 0: older QEMU does not tell */
	const void *prstatus; /* a whole ELF note of type PRSTATUS; NULL: there is none */
	size_t prstatus_size;
};

/** The virtual CPUs in order, dump_vcpu_count() of them; none when QEMU did not write the dump. */
size_t dump_vcpu_count(const struct dump *dump);
const struct dump_vcpu *dump_vcpu(const struct dump *dump, size_t index);

/** Translate @address through the page tables at physical @root; errors as of dump_read(). */
struct error *dump_translate(struct dump *dump, uint64_t root, bool five_levels, uint64_t address,
			     uint64_t *ret);

/** From now on keep account of the physical pages that are read, for capsule_write(). */
void dump_record(struct dump *dump);

/** True when this is /proc/vmcore itself: the program runs in the capture kernel of this crash. */
bool dump_is_live_vmcore(const struct dump *dump);

/**
 * MSR @number of the first CPU of the kernel that this program runs under, the capture kernel; only
 * when dump_is_live_vmcore(). ERROR_NOT_FOUND: there is no msr driver.
 */
struct error *dump_read_live_msr(struct dump *dump, uint32_t number, uint64_t *ret);

#endif
