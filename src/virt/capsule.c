// SPDX-License-Identifier: GPL-2.0-only
#include "virt/capsule.h"

#include "dump/capsule.h"
#include "util/cleanup.h"
#include "virt/report_json.h"

/*
 * What crash and drgn read before they do anything else; a page each, and nothing of it decides a
 * verdict. (crash: x86_64_init(), kernel_init(); drgn: its own page table walk.)
 */
static const struct {
	const char *symbol;
	size_t size;
} tool_symbols[] = {
	{"linux_banner", 256}, {"init_uts_ns", 448}, {"page_offset_base", 8},
	{"vmalloc_base", 8},   {"vmemmap_base", 8},  {"phys_base", 8},
};

static void read_for_tools(struct kernel *kernel)
{
	char buffer[448];

	for (size_t i = 0; i < sizeof(tool_symbols) / sizeof(*tool_symbols); i++) {
		uint64_t address;
		struct error *err = kernel_symbol(kernel, NULL, tool_symbols[i].symbol, &address);

		if (!err)
			err = dump_read(kernel_dump(kernel), address, buffer, tool_symbols[i].size);
		error_free(err);
	}
}

/** __PAGE_OFFSET_BASE_L4 and _L5, arch/x86/include/asm/page_64_types.h, where nothing moves it. */
static struct error *find_direct_map(struct kernel *kernel, uint64_t *ret)
{
	uint64_t levels5 = 0;
	struct error *err = kernel_read_variable(kernel, NULL, "page_offset_base", 8, ret);

	if (!err)
		return NULL;
	error_clear(&err);
	err = dump_vmcoreinfo_number(kernel_dump(kernel), "NUMBER(pgtable_l5_enabled)", 10,
				     &levels5);
	error_clear(&err);
	*ret = levels5 ? 0xff11000000000000ull : 0xffff888000000000ull;
	return NULL;
}

static struct error *find_layout(struct kernel *kernel, struct capsule_layout *ret)
{
	uint64_t text, end;

	try(find_direct_map(kernel, &ret->direct_map));
	try(kernel_symbol(kernel, NULL, "_text", &text));
	try(kernel_symbol(kernel, NULL, "_end", &end));
	try(dump_virtual_to_physical(kernel_dump(kernel), text, &ret->image_start));
	ret->image_map = text - ret->image_start;
	ret->image_end = end - ret->image_map;
	return NULL;
}

struct error *report_write_capsule(struct kernel *kernel, const struct report *report, FILE *file)
{
	_cleanup_free_ char *kept = NULL;
	struct capsule_layout layout;

	read_for_tools(kernel);
	try(find_layout(kernel, &layout));
	try(report_kept_json(&report->evidence, &kept));
	return capsule_write(kernel_dump(kernel), &layout, kept, file);
}
