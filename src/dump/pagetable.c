// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel virtual addresses are translated by walking the crashed kernel's own page tables. That
 * covers the image, the direct map, vmalloc, modules and per-cpu areas alike, with and without
 * KASLR, and needs nothing but three values from VMCOREINFO
 * (arch_crash_save_vmcoreinfo(), arch/x86/kernel/vmcore_info_64.c; machine_kexec_64.c to 6.8).
 */
#include "dump/internal.h"

#include <inttypes.h>
#include <string.h>

#include "util/cleanup.h"

/* __START_KERNEL_map, arch/x86/include/asm/page_64_types.h. */
#define START_KERNEL_MAP 0xffffffff80000000ULL

/* Intel SDM volume 3, 4.5.4 "Linear-Address Translation with 4-Level and 5-Level Paging". */
#define ENTRY_PRESENT (1ULL << 0)
#define ENTRY_LARGE (1ULL << 7)
#define ENTRY_ADDRESS 0x000ffffffffff000ULL
#define INDEX_BITS 9
#define INDEX_MASK ((1U << INDEX_BITS) - 1)
#define LEVEL_PUD 3 /* the highest level that may map a page itself (1 GiB) */

static struct error *find_root(struct dump *dump, uint64_t *ret)
{
	uint64_t virtual, phys_base;
	struct error *err;

	/* init_top_pgt since 4.13; swapper_pg_dir is an alias of it, and its name before. */
	err = dump_vmcoreinfo_number(dump, "SYMBOL(init_top_pgt)", 16, &virtual);
	if (error_is(err, ERROR_NOT_FOUND)) {
		error_clear(&err);
		err = dump_vmcoreinfo_number(dump, "SYMBOL(swapper_pg_dir)", 16, &virtual);
	}
	if (error_is(err, ERROR_NOT_FOUND)) {
		error_free(err);
		return error_new(ERROR_FORMAT, "VMCOREINFO names no page table: not a dump of an "
					       "x86-64 Linux kernel");
	}
	if (err)
		return err;
	try(dump_vmcoreinfo_number(dump, "NUMBER(phys_base)", 10, &phys_base));
	*ret = virtual - START_KERNEL_MAP + phys_base;
	return NULL;
}

static struct error *optional_number(struct dump *dump, const char *key, uint64_t *ret)
{
	struct error *err = dump_vmcoreinfo_number(dump, key, 10, ret);

	if (error_is(err, ERROR_NOT_FOUND)) {
		error_clear(&err);
		*ret = 0;
	}
	return err;
}

struct error *pagetable_init(struct dump *dump)
{
	struct pagetable *table = &dump->pagetable;
	uint64_t sme_mask, five_levels;

	try(find_root(dump, &table->root));
	try(optional_number(dump, "NUMBER(sme_mask)", &sme_mask));
	try(optional_number(dump, "NUMBER(pgtable_l5_enabled)", &five_levels));
	table->levels = five_levels ? 5 : 4;
	table->address_mask = ENTRY_ADDRESS & ~sme_mask;
	table->root &= table->address_mask;
	memset(dump->tlb, 0, sizeof(dump->tlb));
	return NULL;
}

static bool is_canonical(uint64_t address, int levels)
{
	int shift = 64 - (DUMP_PAGE_SHIFT + levels * INDEX_BITS);

	return (uint64_t)((int64_t)(address << shift) >> shift) == address;
}

struct error *pagetable_walk(struct dump *dump, const struct pagetable *table, uint64_t address,
			     uint64_t *ret)
{
	uint64_t physical = table->root;

	if (!is_canonical(address, table->levels))
		return error_new(ERROR_FORMAT, "0x%" PRIx64 " is no address", address);
	for (int level = table->levels; level; level--) {
		int shift = DUMP_PAGE_SHIFT + (level - 1) * INDEX_BITS;
		uint64_t index = (address >> shift) & INDEX_MASK, entry;
		struct error *err = dump_read_physical(dump, physical + index * sizeof(entry),
						       &entry, sizeof(entry));

		if (err)
			return error_wrap(err, "page table of 0x%" PRIx64, address);
		if (!(entry & ENTRY_PRESENT))
			return error_new(ERROR_FORMAT, "0x%" PRIx64 " is not mapped", address);
		physical = entry & table->address_mask;
		if (level > 1 && level <= LEVEL_PUD && (entry & ENTRY_LARGE)) {
			uint64_t offset = address & ((1ULL << shift) - 1);

			/* The low bits of a large entry are flags (PAT), not address. */
			physical = (physical & ~((1ULL << shift) - 1)) + offset;
			break;
		}
	}
	*ret = physical >> DUMP_PAGE_SHIFT;
	return NULL;
}

struct error *dump_translate(struct dump *dump, uint64_t root, bool five_levels, uint64_t address,
			     uint64_t *ret)
{
	struct pagetable table = dump->pagetable;
	uint64_t pfn;

	table.root = root & table.address_mask;
	table.levels = five_levels ? 5 : 4;
	try(pagetable_walk(dump, &table, address, &pfn));
	*ret = (pfn << DUMP_PAGE_SHIFT) | (address & DUMP_PAGE_MASK);
	return NULL;
}
