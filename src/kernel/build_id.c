// SPDX-License-Identifier: GPL-2.0-only
/* Which build of the kernel and of its modules this is, so that a file of another is not believed.
 */
#include "kernel/internal.h"

#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"

#define NOTES_MAX (1U << 20)
#define NOTE_SECTIONS_MAX 64

/* "BUILD-ID=" and hexadecimal digits, since 5.9 (0935288c6e00). */
static struct build_id parse_hex(const char *text)
{
	struct build_id ret = {};
	unsigned byte;

	for (; ret.size < sizeof(ret.bytes) && sscanf(text, "%2x", &byte) == 1; text += 2)
		ret.bytes[ret.size++] = byte;
	return ret;
}

static struct error *read_notes(struct kernel *kernel, uint64_t address, uint64_t size,
				struct build_id *ret)
{
	_cleanup_free_ void *notes = NULL;

	try(read_block(kernel, address, size, NOTES_MAX, "ELF notes", &notes));
	*ret = build_id_find(notes, size);
	return NULL;
}

struct error *kernel_build_id(struct kernel *kernel, struct build_id *ret)
{
	const char *text = dump_vmcoreinfo(kernel->dump, "BUILD-ID");
	uint64_t start, stop;

	*ret = parse_hex(text ? text : "");
	if (ret->size)
		return NULL;
	/* include/asm-generic/vmlinux.lds.h */
	try(kernel_symbol(kernel, NULL, "__start_notes", &start));
	try(kernel_symbol(kernel, NULL, "__stop_notes", &stop));
	try(read_notes(kernel, start, stop - start, ret));
	return ret->size ? NULL : error_new(ERROR_NOT_FOUND, "the kernel has no build ID");
}

/* Of section @index the struct bin_attribute: in an array; since 6.14 also in a list of pointers.
 */
static struct error *find_attribute(struct kernel *kernel, uint64_t attributes, uint64_t index,
				    uint64_t *ret)
{
	struct kernel_field array;
	uint64_t size, count, list;
	struct error *err =
		kernel_read_member(kernel, NULL, "module_notes_attrs", "notes", attributes, &count);

	if (error_is(err, ERROR_NOT_FOUND)) {
		error_free(err);
		try(kernel_read_member(kernel, NULL, "module_notes_attrs", "grp.bin_attrs",
				       attributes, &list));
		return read_u64(kernel, list + index * 8, ret);
	}
	if (err)
		return err;
	*ret = 0;
	if (index >= count)
		return NULL;
	try(kernel_member(kernel, NULL, "module_notes_attrs", "attrs", &array));
	try(kernel_type_size(kernel, NULL, "bin_attribute", &size));
	*ret = attributes + array.offset + index * size;
	return NULL;
}

/* add_notes_attrs(), kernel/module.c, since 5.19 kernel/module/sysfs.c */
struct error *module_build_id(struct kernel *kernel, const struct module *module,
			      struct build_id *ret)
{
	uint64_t attributes, attribute, address, size;

	*ret = (struct build_id){};
	try(kernel_read_member(kernel, NULL, "module", "notes_attrs", module->address,
			       &attributes));
	for (uint64_t i = 0; attributes && i < NOTE_SECTIONS_MAX && !ret->size; i++) {
		try(find_attribute(kernel, attributes, i, &attribute));
		if (!attribute)
			break;
		try(kernel_read_member(kernel, NULL, "bin_attribute", "private", attribute,
				       &address));
		try(kernel_read_member(kernel, NULL, "bin_attribute", "size", attribute, &size));
		try(read_notes(kernel, address, size, ret));
	}
	return ret->size ? NULL
			 : error_new(ERROR_NOT_FOUND, "module %s has no build ID", module->name);
}
