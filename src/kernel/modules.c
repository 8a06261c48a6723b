// SPDX-License-Identifier: GPL-2.0-only
/*
 * Modules: the list, and what struct module tells of each. Symbols and BTF are read when they are
 * first asked for: most modules are never asked.
 */
#define _GNU_SOURCE
#include "kernel/internal.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "util/cleanup.h"

#define MODULE_SYMBOLS_MAX (1U << 20)
#define MODULE_STRINGS_MAX (64U << 20)
#define MODULE_BTF_MAX (64U << 20)

static struct error *read_range(struct kernel *kernel, uint64_t base_at, uint64_t size_at,
				struct range *ret)
{
	uint64_t base, size;

	try(read_u64(kernel, base_at, &base));
	try(kernel_read_uint(kernel, size_at, sizeof(uint32_t), &size));
	*ret = (struct range){.start = base, .end = base ? base + size : 0};
	return NULL;
}

/* struct module_memory mem[], since 6.4 (commit ac3b43283923). */
static struct error *read_memory(struct kernel *kernel, uint64_t module, const char *which,
				 struct range *ret)
{
	struct kernel_field mem, base, size;
	uint64_t index, element;

	try(kernel_member(kernel, NULL, "module", "mem", &mem));
	try(kernel_member(kernel, NULL, "module_memory", "base", &base));
	try(kernel_member(kernel, NULL, "module_memory", "size", &size));
	try(kernel_type_size(kernel, NULL, "module_memory", &element));
	try(types_enumerator(kernel, which, &index));
	module += mem.offset + index * element;
	return read_range(kernel, module + base.offset, module + size.offset, ret);
}

/* struct module_layout core_layout, init_layout, 4.5 to 6.3. */
static struct error *read_layout(struct kernel *kernel, uint64_t module, const char *layout,
				 struct range *ret)
{
	struct kernel_field outer, base, size;

	try(kernel_member(kernel, NULL, "module", layout, &outer));
	try(kernel_member(kernel, NULL, "module_layout", "base", &base));
	try(kernel_member(kernel, NULL, "module_layout", "text_size", &size));
	module += outer.offset;
	return read_range(kernel, module + base.offset, module + size.offset, ret);
}

static struct error *read_text(struct kernel *kernel, struct module *module)
{
	_cleanup_error_ struct error *none =
		read_memory(kernel, module->address, "MOD_TEXT", &module->text);

	if (!none)
		return read_memory(kernel, module->address, "MOD_INIT_TEXT", &module->init_text);
	if (!error_is(none, ERROR_NOT_FOUND))
		return take(none);
	struct error *err = read_layout(kernel, module->address, "core_layout", &module->text);

	if (!err)
		err = read_layout(kernel, module->address, "init_layout", &module->init_text);
	return error_wrap(err, "%s; nor as before 6.4", none->message);
}

static struct error *add_module(void *data, uint64_t address)
{
	struct kernel *kernel = data;
	struct module *module, *grown;
	struct kernel_field name;

	grown = reallocarray(kernel->modules, kernel->module_count + 1, sizeof(*module));
	if (!grown)
		return error_new(ERROR_NO_MEMORY, "out of memory for modules");
	kernel->modules = grown;
	module = &grown[kernel->module_count];
	*module = (struct module){.address = address};
	try(kernel_member(kernel, NULL, "module", "name", &name));
	try(dump_read_string(kernel->dump, address + name.offset, module->name,
			     sizeof(module->name)));
	try(error_wrap(read_text(kernel, module), "module %s", module->name));
	kernel->module_count++;
	return NULL;
}

/*
 * All modules or none: with a list known in part, a module that is missing from it would seem not
 * to be loaded.
 */
struct error *modules_init(struct kernel *kernel)
{
	struct kernel_field list;
	struct error *err;
	uint64_t head;

	err = kernel_symbol(kernel, NULL, "modules", &head);
	if (error_is(err, ERROR_NOT_FOUND)) {
		error_free(err); /* CONFIG_MODULES is off */
		return NULL;
	}
	if (err)
		return err;
	try(kernel_member(kernel, NULL, "module", "list", &list));
	return error_wrap(walk_list(kernel, head, list.offset, add_module, kernel),
			  "list of modules");
}

void modules_deinit(struct kernel *kernel)
{
	for (size_t i = 0; i < kernel->module_count; i++) {
		struct module *module = &kernel->modules[i];

		symbol_source_destroy(module->symbols);
		error_free(module->symbols_error);
		type_source_destroy(module->types);
		error_free(module->types_error);
	}
	free(kernel->modules);
}

struct module *module_find(struct kernel *kernel, const char *name)
{
	for (size_t i = 0; i < kernel->module_count; i++) {
		if (!strcmp(kernel->modules[i].name, name))
			return &kernel->modules[i];
	}
	return NULL;
}

struct module *module_at(struct kernel *kernel, uint64_t address)
{
	for (size_t i = 0; i < kernel->module_count; i++) {
		struct module *module = &kernel->modules[i];

		if (range_contains(&module->text, address) ||
		    range_contains(&module->init_text, address))
			return module;
	}
	return NULL;
}

bool kernel_has_module(struct kernel *kernel, const char *name)
{
	return module_find(kernel, name) != NULL;
}

/* ---- symbols ---- */

static struct error *read_strings(struct kernel *kernel, uint64_t address, uint32_t last,
				  size_t *size, char **ret)
{
	char end[SYMBOL_NAME_MAX];
	void *block;

	if (last > MODULE_STRINGS_MAX)
		return error_new(ERROR_FORMAT, "a name at %u cannot be", last);
	try(dump_read_string(kernel->dump, address + last, end, sizeof(end)));
	*size = last + strlen(end) + 1;
	try(read_block(kernel, address, *size, *size, "symbol names", &block));
	*ret = block;
	return NULL;
}

/* struct mod_kallsyms, include/linux/module.h; layout_symtab() and add_kallsyms() fill it. */
static struct error *read_symbols(struct kernel *kernel, struct module *module)
{
	_cleanup_free_ void *symbols = NULL;
	_cleanup_free_ char *strings = NULL;
	uint64_t kallsyms, symtab, strtab, count;
	uint32_t last = 0;
	size_t size = 0;

	try(kernel_read_member(kernel, NULL, "module", "kallsyms", module->address, &kallsyms));
	try(kernel_read_member(kernel, NULL, "mod_kallsyms", "symtab", kallsyms, &symtab));
	try(kernel_read_member(kernel, NULL, "mod_kallsyms", "strtab", kallsyms, &strtab));
	try(kernel_read_member(kernel, NULL, "mod_kallsyms", "num_symtab", kallsyms, &count));
	if (count > MODULE_SYMBOLS_MAX)
		return error_new(ERROR_FORMAT, "%ju symbols cannot be", (uintmax_t)count);
	try(read_block(kernel, symtab, count * sizeof(Elf64_Sym),
		       MODULE_SYMBOLS_MAX * sizeof(Elf64_Sym), "symbols", &symbols));
	for (uint64_t i = 0; i < count; i++) {
		uint32_t name = ((Elf64_Sym *)symbols)[i].st_name;

		if (name > last)
			last = name;
	}
	try(read_strings(kernel, strtab, last, &size, &strings));
	try(modsyms_create(symbols, count, strings, size, &module->symbols));
	take(strings);
	return NULL;
}

struct error *module_symbols(struct kernel *kernel, struct module *module,
			     const struct symbol_source **ret)
{
	if (!module->symbols_tried) {
		module->symbols_tried = true;
		module->symbols_error = error_wrap(read_symbols(kernel, module),
						   "symbols of module %s", module->name);
	}
	*ret = module->symbols;
	return module->symbols_error ? error_copy(module->symbols_error) : NULL;
}

/* ---- types ---- */

struct btf_query {
	struct kernel *kernel;
	struct module *module;
	uint64_t btf; /* struct btf of the module; 0 when it was not found */
};

static struct error *match_btf(void *data, uint64_t object)
{
	struct btf_query *query = data;
	uint64_t module;

	try(kernel_read_member(query->kernel, NULL, "btf_module", "module", object, &module));
	if (module != query->module->address)
		return NULL;
	return kernel_read_member(query->kernel, NULL, "btf_module", "btf", object, &query->btf);
}

/*
 * libbpf 1.1.2 declares btf__new_split() and does not export it; btf__parse_raw_split() is the same
 * but for reading a file.
 */
static struct {
	bool open;
	int fd;
	char path[64];
} scratch;

struct error *kernel_open_scratch(const char **ret)
{
	if (!scratch.open) {
		scratch.fd = memfd_create("btf", MFD_CLOEXEC);
		if (scratch.fd < 0)
			return error_errno(errno, "memfd_create");
		scratch.open = true;
		snprintf(scratch.path, sizeof(scratch.path), "/proc/self/fd/%d", scratch.fd);
	}
	*ret = scratch.path;
	return NULL;
}

static struct error *parse_split(const void *data, size_t size, struct btf *base, struct btf **ret)
{
	const char *path;

	try(kernel_open_scratch(&path));
	if (ftruncate(scratch.fd, 0))
		return error_errno(errno, "memfd");
	for (size_t done = 0; done < size;) {
		ssize_t part = pwrite(scratch.fd, (const char *)data + done, size - done, done);

		if (part < 0)
			return error_errno(errno, "memfd");
		done += part;
	}
	*ret = btf__parse_raw_split(path, base);
	return *ret ? NULL : error_errno(errno, "its data cannot be parsed");
}

struct error *module_types_from_btf(struct kernel *kernel, const void *data, size_t size,
				    struct type_source **ret)
{
	struct btf *btf;

	if (!kernel->btf)
		return error_new(ERROR_FORMAT, "it is split over the kernel's BTF, which is not "
					       "there");
	struct error *err = parse_split(data, size, kernel->btf, &btf);

	if (err) {
		err->code = ERROR_FORMAT;
		return err;
	}
	err = btf_source_create(btf, btf__type_cnt(kernel->btf), ret);
	if (err)
		btf__free(btf);
	return err;
}

/* mod->btf_data is cleared after loading; struct btf keeps a copy (kernel/bpf/btf.c). */
static struct error *read_btf(struct kernel *kernel, struct module *module)
{
	struct btf_query query = {.kernel = kernel, .module = module};
	_cleanup_free_ void *block = NULL;
	uint64_t head, data, size;
	struct kernel_field list;

	try(kernel_symbol(kernel, NULL, "btf_modules", &head));
	try(kernel_member(kernel, NULL, "btf_module", "list", &list));
	try(walk_list(kernel, head, list.offset, match_btf, &query));
	if (!query.btf)
		return error_new(ERROR_NOT_FOUND, "there is none");
	try(kernel_read_member(kernel, NULL, "btf", "data", query.btf, &data));
	try(kernel_read_member(kernel, NULL, "btf", "data_size", query.btf, &size));
	try(read_block(kernel, data, size, MODULE_BTF_MAX, "data", &block));
	return module_types_from_btf(kernel, block, size, &module->types);
}

static struct error *read_types(struct kernel *kernel, struct module *module)
{
	struct error *own = read_btf(kernel, module), *err;

	if (error_is(own, ERROR_NO_MEMORY))
		return own;
	err = type_files_read_module(kernel, module, own, &module->types);
	if (!error_is(err, ERROR_NOT_FOUND)) {
		error_free(own);
		return err;
	}
	error_free(err);
	if (error_is(own, ERROR_NOT_FOUND))
		return error_wrap(own, "there are none in the dump (--btf or --vmlinux FILE adds "
				       "them)");
	return own;
}

struct error *module_types(struct kernel *kernel, struct module *module, struct type_source **ret)
{
	if (!module->types_tried) {
		module->types_tried = true;
		module->types_error =
			error_wrap(read_types(kernel, module), "types of module %s", module->name);
	}
	*ret = module->types;
	return module->types_error ? error_copy(module->types_error) : NULL;
}
