// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/internal.h"

#include <inttypes.h>
#include <string.h>

#include "kernel/quiet.h"
#include "util/cleanup.h"

static struct error *read_text_ranges(struct kernel *kernel)
{
	try(kernel_symbol(kernel, NULL, "_stext", &kernel->text.start));
	try(kernel_symbol(kernel, NULL, "_etext", &kernel->text.end));
	try(kernel_symbol(kernel, NULL, "_sinittext", &kernel->init_text.start));
	return kernel_symbol(kernel, NULL, "_einittext", &kernel->init_text.end);
}

static struct error *kernel_init(struct kernel *kernel)
{
	kernel->release = dump_vmcoreinfo(kernel->dump, "OSRELEASE");
	if (!kernel->release)
		return error_new(ERROR_FORMAT, "VMCOREINFO has no OSRELEASE");
	try(image_symbols_create(kernel, &kernel->symbols));
	try(read_text_ranges(kernel));
	try(types_init(kernel));
	try(percpu_init(kernel));
	try(modules_init(kernel));
	return type_files_check_modules(kernel);
}

struct error *kernel_open(struct dump *dump, const struct kernel_files *files, struct kernel **ret)
{
	struct kernel *kernel = calloc(1, sizeof(*kernel));
	struct error *err;

	if (!kernel)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	libbpf_set_print(print_nothing);
	kernel->dump = dump;
	kernel->files = files;
	err = kernel_init(kernel);
	if (err) {
		kernel_close(kernel);
		return err;
	}
	*ret = kernel;
	return NULL;
}

void kernel_close(struct kernel *kernel)
{
	if (!kernel)
		return;
	modules_deinit(kernel);
	percpu_deinit(kernel);
	types_deinit(kernel);
	code_deinit(kernel);
	symbol_source_destroy(kernel->symbols);
	free(kernel->tables);
	text_list_deinit(&kernel->notes);
	free(kernel);
}

struct dump *kernel_dump(const struct kernel *kernel)
{
	return kernel->dump;
}

const struct text_list *kernel_notes(const struct kernel *kernel)
{
	return &kernel->notes;
}

const char *kernel_release(const struct kernel *kernel)
{
	return kernel->release;
}

bool is_kernel_text(const struct kernel *kernel, uint64_t address)
{
	return range_contains(&kernel->text, address) ||
	       range_contains(&kernel->init_text, address) ||
	       module_at((struct kernel *)kernel, address);
}

/* ---- symbols ---- */

static struct error *module_symbol(struct kernel *kernel, struct module *module, const char *name,
				   uint64_t *ret)
{
	const struct symbol_source *symbols;

	try(module_symbols(kernel, module, &symbols));
	if (!symbols->find(symbols, name, ret))
		return error_new(ERROR_NOT_FOUND, "no symbol %s in module %s", name, module->name);
	return NULL;
}

/* A module whose symbols cannot be read makes the answer unknown, not "not found". */
static struct error *any_module_symbol(struct kernel *kernel, const char *name, uint64_t *ret)
{
	struct error *unknown = NULL;

	for (size_t i = 0; i < kernel->module_count; i++) {
		struct error *err = module_symbol(kernel, &kernel->modules[i], name, ret);

		if (!err) {
			error_free(unknown);
			return NULL;
		}
		if (error_is(err, ERROR_NOT_FOUND) || unknown)
			error_free(err);
		else
			unknown = err;
	}
	return unknown ? unknown : error_new(ERROR_NOT_FOUND, "no symbol %s", name);
}

struct error *kernel_symbol(struct kernel *kernel, const char *module, const char *name,
			    uint64_t *ret)
{
	if (module && strcmp(module, "*")) {
		struct module *found = module_find(kernel, module);

		if (!found)
			return error_new(ERROR_NOT_FOUND, "module %s is not loaded", module);
		return module_symbol(kernel, found, name, ret);
	}
	if (kernel->symbols->find(kernel->symbols, name, ret))
		return NULL;
	if (!module)
		return error_new(ERROR_NOT_FOUND, "no symbol %s in the kernel", name);
	return any_module_symbol(kernel, name, ret);
}

/* The symbol and the name of its module, "" for the image. */
static struct error *find_symbol_at(struct kernel *kernel, uint64_t address, struct symbol *symbol,
				    const char **owner)
{
	const struct symbol_source *source = kernel->symbols;
	const struct code *code;
	struct module *module;

	*owner = "";
	if (range_contains(&kernel->text, address) || range_contains(&kernel->init_text, address)) {
		if (source->at(source, address, symbol))
			return NULL;
	} else if ((module = module_at(kernel, address))) {
		const struct range *text =
			range_contains(&module->text, address) ? &module->text : &module->init_text;

		*owner = module->name;
		try(module_symbols(kernel, module, &source));
		if (source->at(source, address, symbol) && symbol->start >= text->start) {
			if (!symbol->end || symbol->end > text->end)
				symbol->end = text->end;
			return NULL;
		}
	} else if ((code = code_at(kernel, address))) {
		static const char *const owners[] = {
			[CODE_BPF] = "bpf",
			[CODE_FTRACE] = "__builtin__ftrace",
			[CODE_KPROBE] = "__builtin__kprobes",
			[CODE_OPTPROBE] = "__builtin__kprobes",
		};

		*owner = owners[code->kind];
		snprintf(symbol->name, sizeof(symbol->name), "%s", code->name);
		symbol->start = code->range.start;
		symbol->end = code->range.end;
		return NULL;
	}
	return error_new(ERROR_NOT_FOUND, "no code is known at 0x%" PRIx64, address);
}

struct error *kernel_symbol_at(struct kernel *kernel, uint64_t address, char *name, size_t size,
			       uint64_t *start, uint64_t *end)
{
	struct symbol symbol;
	const char *owner;

	try(find_symbol_at(kernel, address, &symbol, &owner));
	snprintf(name, size, "%s", symbol.name);
	*start = symbol.start;
	*end = symbol.end;
	return NULL;
}

void kernel_symbolize(struct kernel *kernel, uint64_t address, char *buffer, size_t size)
{
	struct symbol symbol;
	const char *owner;
	struct error *err = find_symbol_at(kernel, address, &symbol, &owner);

	if (err)
		snprintf(buffer, size, "0x%" PRIx64, address);
	else
		snprintf(buffer, size, "%s+0x%" PRIx64 "/0x%" PRIx64 "%s%s%s", symbol.name,
			 address - symbol.start, symbol.end - symbol.start, *owner ? " [" : "",
			 owner, *owner ? "]" : "");
	error_free(err);
}
