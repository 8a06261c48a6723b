// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files given for types (--btf, --vmlinux): used where the dump has none, and never when they are
 * of another build.
 */
#include "kernel/internal.h"

#include <string.h>

#include "util/cleanup.h"

static struct error *another(const struct type_file *file, const char *what)
{
	return error_new(ERROR_USAGE, "%s: it is of another build than %s in the dump", file->path,
			 what);
}

/** The first file given for @module. */
static const struct type_file *find_file(const struct kernel *kernel, const char *module)
{
	for (size_t i = 0; kernel->files && i < kernel->files->type_count; i++) {
		if (!strcmp(kernel->files->types[i].module, module))
			return &kernel->files->types[i];
	}
	return NULL;
}

static bool same(const struct build_id *a, const struct build_id *b)
{
	return a->size == b->size && !memcmp(a->bytes, b->bytes, a->size);
}

/**
 * Raw BTF has no build ID and is believed. DWARF that has none, where the dump has one, is of
 * another build, and what cannot be compared is not believed.
 */
static struct error *check_build(const struct type_file *file, struct error *unknown,
				 const struct build_id *id, const char *what)
{
	if (unknown && file->build_id.size) {
		error_wrap(unknown, "%s: whether it is of %s in the dump cannot be told",
			   file->path, what);
		unknown->code = ERROR_USAGE;
		return unknown;
	}
	bool differs = !unknown && (file->build_id.size || file->dwarf) &&
		       !same(id, &file->build_id);

	error_free(unknown);
	return differs ? another(file, what) : NULL;
}

/* ---- against VMCOREINFO ---- */

/** "SIZE(list_head)=16", "OFFSET(list_head.next)=0": what it says must be so in the types, too. */
static bool agrees(struct type_source *types, const char *key, uint64_t value)
{
	struct kernel_field field;
	char type[64], path[64];
	bool seen = false;
	uint64_t size;

	if (sscanf(key, "SIZE(%63[a-z0-9A-Z_])", type) == 1)
		return !types->size(types, type, &size) || size == value;
	if (sscanf(key, "OFFSET(%63[a-z0-9A-Z_].%63[a-z0-9A-Z_.])", type, path) == 2)
		return !types->member(types, type, path, &seen, &field) || field.offset == value;
	return true;
}

static struct error *check_layout(struct kernel *kernel, const struct type_file *file)
{
	const char *key, *value;

	for (size_t i = 0; dump_vmcoreinfo_line(kernel->dump, i, &key, &value); i++) {
		if (!agrees(kernel->types, key, strtoull(value, NULL, 10)))
			return error_new(ERROR_USAGE,
					 "%s: it is of another kernel: VMCOREINFO has %s=%s",
					 file->path, key, value);
	}
	return NULL;
}

/* ---- use ---- */

static struct error *note_unused(struct kernel *kernel, const struct type_file *file)
{
	return text_list_add(&kernel->notes, "%s: not used, the dump has the types itself",
			     file->path);
}

static struct error *note_used(struct kernel *kernel, const struct type_file *file,
			       const char *what, const struct error *missing)
{
	return text_list_add(&kernel->notes, "%s: used for the types of %s: %s", file->path, what,
			     missing->message);
}

struct error *type_files_use(struct kernel *kernel, const struct error *missing)
{
	const struct type_file *file = find_file(kernel, "");
	struct build_id id;

	if (!file)
		return NULL;
	struct error *unknown = kernel_build_id(kernel, &id);

	try(check_build(file, unknown, &id, "the kernel"));
	if (!missing)
		return note_unused(kernel, file);
	struct error *err = file->btf ? types_from_btf(kernel, file->btf, file->btf_size)
				      : dwarf_source_create(file->dwarf, &kernel->types);

	if (error_is(err, ERROR_FORMAT))
		err->code = ERROR_USAGE;
	try(error_wrap(err, "%s", file->path));
	try(check_layout(kernel, file));
	return note_used(kernel, file, "the kernel", missing);
}

struct error *type_files_read_module(struct kernel *kernel, const struct module *module,
				     const struct error *missing, struct type_source **ret)
{
	const struct type_file *file = find_file(kernel, module->name);

	if (!file)
		return error_new(ERROR_NOT_FOUND, "no file was given");
	if (!missing)
		return note_unused(kernel, file);
	struct error *err = file->btf
				    ? module_types_from_btf(kernel, file->btf, file->btf_size, ret)
				    : dwarf_source_create(file->dwarf, ret);

	try(error_wrap(err, "%s", file->path));
	return note_used(kernel, file, module->name, missing);
}

struct error *type_files_check_modules(struct kernel *kernel)
{
	for (size_t i = 0; kernel->files && i < kernel->files->type_count; i++) {
		const struct type_file *file = &kernel->files->types[i];
		struct type_source *types;
		struct build_id id;

		if (!*file->module)
			continue;
		struct module *module = module_find(kernel, file->module);

		if (!module)
			return error_new(ERROR_USAGE, "%s: the dump has no module %s", file->path,
					 file->module);
		struct error *unknown = module_build_id(kernel, module, &id);

		try(check_build(file, unknown, &id, module->name));
		struct error *err = module_types(kernel, module, &types);

		if (error_is(err, ERROR_FORMAT))
			err->code = ERROR_USAGE;
		if (err)
			return err;
	}
	return NULL;
}
