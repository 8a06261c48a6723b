// SPDX-License-Identifier: GPL-2.0-only
/* Where the ORC tables of the image and of the modules are. */
#include "kernel/unwind.h"

#include "util/cleanup.h"

struct unwind_tables {
	struct orc_layout layout;
	struct orc_table image;
};

static struct error *find_field(struct kernel *kernel, const char *name, struct orc_field *ret)
{
	struct kernel_field field;

	try(kernel_member(kernel, NULL, "orc_entry", name, &field));
	ret->bit = field.offset * 8 + field.bit_offset;
	ret->bits = field.bit_size ? field.bit_size : field.size * 8;
	return NULL;
}

static struct error *find_optional_field(struct kernel *kernel, const char *name,
					 struct orc_field *ret)
{
	struct error *err = find_field(kernel, name, ret);

	if (error_is(err, ERROR_NOT_FOUND)) {
		error_clear(&err);
		*ret = (struct orc_field){0};
	}
	return err;
}

static struct error *find_layout(struct kernel *kernel, struct orc_layout *layout)
{
	uint64_t size;

	try(kernel_type_size(kernel, NULL, "orc_entry", &size));
	if (size > ORC_ENTRY_MAX)
		return error_new(ERROR_UNSUPPORTED, "struct orc_entry of %ju bytes",
				 (uintmax_t)size);
	layout->size = size;
	try(find_field(kernel, "sp_offset", &layout->sp_offset));
	try(find_field(kernel, "bp_offset", &layout->bp_offset));
	try(find_field(kernel, "sp_reg", &layout->sp_register));
	try(find_field(kernel, "bp_reg", &layout->bp_register));
	try(find_field(kernel, "type", &layout->type));
	try(find_optional_field(kernel, "signal", &layout->signal));
	return find_optional_field(kernel, "end", &layout->end);
}

/* ORC_UNWIND_TABLE, include/asm-generic/vmlinux.lds.h; sorted when the kernel was built. */
static struct error *find_image_tables(struct kernel *kernel, struct orc_table *table)
{
	uint64_t stop;

	try(kernel_symbol(kernel, NULL, "__start_orc_unwind_ip", &table->ips));
	try(kernel_symbol(kernel, NULL, "__stop_orc_unwind_ip", &stop));
	try(kernel_symbol(kernel, NULL, "__start_orc_unwind", &table->entries));
	table->count = stop > table->ips ? (stop - table->ips) / sizeof(int32_t) : 0;
	return NULL;
}

static struct error *read_table(void *data, uint64_t address, void *buffer, size_t size)
{
	return dump_read(data, address, buffer, size);
}

static struct error *find_numbering(struct kernel *kernel, struct unwind_tables *tables)
{
	uint64_t function;

	/* Any C function would do. */
	try(kernel_symbol(kernel, NULL, "panic", &function));
	return orc_find_numbering(&tables->layout, &tables->image, function, read_table,
				  kernel->dump);
}

struct error *unwind_tables_init(struct kernel *kernel)
{
	_cleanup_free_ struct unwind_tables *tables = NULL;
	struct error *err;

	if (kernel->tables)
		return NULL;
	tables = calloc(1, sizeof(*tables));
	if (!tables)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	err = find_layout(kernel, &tables->layout);
	if (!err)
		err = find_image_tables(kernel, &tables->image);
	if (!err)
		err = find_numbering(kernel, tables);
	if (error_is(err, ERROR_NOT_FOUND)) {
		err->code = ERROR_UNSUPPORTED;
		return error_wrap(err, "kernel %s has no ORC unwind data", kernel->release);
	}
	if (err)
		return err;
	kernel->tables = take(tables);
	return NULL;
}

/* unwind_module_init(), arch/x86/kernel/unwind_orc.c, sorts a module's tables. */
static struct error *find_module_tables(struct kernel *kernel, struct module *module,
					struct orc_table *table)
{
	try(kernel_read_member(kernel, NULL, "module", "arch.num_orcs", module->address,
			       &table->count));
	try(kernel_read_member(kernel, NULL, "module", "arch.orc_unwind_ip", module->address,
			       &table->ips));
	return kernel_read_member(kernel, NULL, "module", "arch.orc_unwind", module->address,
				  &table->entries);
}

struct error *unwind_find_orc(struct kernel *kernel, uint64_t ip, struct orc_entry *ret)
{
	struct orc_table table = kernel->tables->image;

	if (!range_contains(&kernel->text, ip) && !range_contains(&kernel->init_text, ip)) {
		struct module *module = module_at(kernel, ip);

		if (!module)
			return error_new(ERROR_NOT_FOUND, "no code with ORC data");
		try(find_module_tables(kernel, module, &table));
	}
	return orc_lookup(&kernel->tables->layout, &table, ip, read_table, kernel->dump, ret);
}
