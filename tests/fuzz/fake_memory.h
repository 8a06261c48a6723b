/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_TESTS_FAKE_MEMORY_H
#define CRASHLAB_TESTS_FAKE_MEMORY_H

/*
 * A dump of a few pages, and a kernel in it that has every symbol and every structure anybody asks
 * for, at places that follow from their names: src/kernel and src/virt run on it as they are, over
 * lists, modules, per-cpu areas, stacks and tables that a test made, and no time goes into reading
 * kallsyms and BTF. All pointers in it point to themselves at first, so lists are empty.
 */
#include <stdlib.h>
#include <string.h>

#include "dump/internal.h"
#include "kernel/internal.h"
#include "kernel/type_source.h"
#include "util/cleanup.h"

#define FAKE_PAGES 16 /* few, so that a change at random hits something */
#define FAKE_SIZE (FAKE_PAGES * DUMP_PAGE_SIZE)
#define FAKE_BASE 0xffffffff81000000ull
#define FAKE_CPUS 2

struct fake {
	struct dump *dump;
	struct kernel *kernel;
	struct symbol_source symbols;
	struct type_source types;
};

/** Memory at @address as the dump has it. At most to the end of a page. */
static inline uint8_t *fake_at(const struct fake *fake, uint64_t address)
{
	uint64_t offset = address - FAKE_BASE;

	return fake->dump->cache[offset / DUMP_PAGE_SIZE].data + offset % DUMP_PAGE_SIZE;
}

static inline void fake_put(const struct fake *fake, uint64_t address, uint64_t value, size_t size)
{
	if (address - FAKE_BASE < FAKE_SIZE && address % DUMP_PAGE_SIZE + size <= DUMP_PAGE_SIZE)
		memcpy(fake_at(fake, address), &value, size);
}

/** Where symbol @name is: in the first pages, 64 bytes apart. */
static inline uint64_t fake_symbol(const char *name)
{
	return FAKE_BASE + type_name_hash(name) % (4 * DUMP_PAGE_SIZE / 64) * 64;
}

/** Where @path is in its structure. */
static inline uint64_t fake_offset(const char *path)
{
	return type_name_hash(path) % 32 * 8;
}

static bool fake_find(const struct symbol_source *source, const char *name, uint64_t *ret)
{
	(void)source;
	*ret = fake_symbol(name);
	return true;
}

static bool fake_name_at(const struct symbol_source *source, uint64_t address, struct symbol *ret)
{
	static const char *const names[] = {
		"crash_nmi_callback",
		"nmi_shootdown_cpus",
		"panic",
		"__crash_kexec",
		"machine_kexec",
		"kernel_restart",
		"kvm_shutdown",
		"stop_this_cpu",
		"ftrace_caller",
		"vmx_vmexit",
		"native_halt",
		"device_shutdown",
		"crash_save_cpu",
		"machine_restart",
		"asm_exc_nmi",
		"__x86_indirect_thunk_rax",
	};

	(void)source;
	if (address - FAKE_BASE >= FAKE_SIZE)
		return false;
	ret->start = address & ~0xffull;
	ret->end = ret->start + 0x100;
	strcpy(ret->name, names[address / 0x100 % (sizeof(names) / sizeof(*names))]);
	return true;
}

static void fake_keep_symbols(struct symbol_source *source)
{
	(void)source;
}

/* struct orc_entry, as it is since 6.4. */
static bool fake_orc_member(const char *path, struct kernel_field *ret)
{
	static const struct {
		const char *path;
		struct kernel_field field;
	} members[] = {
		{"sp_offset", {0, 2, 0, 0}}, {"bp_offset", {2, 2, 0, 0}}, {"sp_reg", {4, 1, 0, 4}},
		{"bp_reg", {4, 1, 4, 4}},    {"type", {5, 1, 0, 3}},      {"signal", {5, 1, 3, 1}},
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
		if (!strcmp(path, members[i].path)) {
			*ret = members[i].field;
			return true;
		}
	}
	return false;
}

static bool fake_member(struct type_source *source, const char *type, const char *path, bool *seen,
			struct kernel_field *ret)
{
	(void)source;
	*seen = true;
	if (!strcmp(type, "orc_entry"))
		return fake_orc_member(path, ret);
	*ret = (struct kernel_field){.offset = fake_offset(path), .size = 8};
	if (!strcmp(path, "slots"))
		ret->size = 64;
	if (!strcmp(path, "shift"))
		ret->size = 1;
	return true;
}

static bool fake_type_size(struct type_source *source, const char *type, uint64_t *ret)
{
	(void)source;
	*ret = !strcmp(type, "orc_entry") ? 6 : 512;
	return true;
}

static bool fake_enumerator(struct type_source *source, const char *name, uint64_t *ret)
{
	(void)source;
	*ret = type_name_hash(name) % 8;
	return true;
}

static void fake_keep_types(struct type_source *source)
{
	(void)source;
}

static inline void fake_fill(const struct fake *fake)
{
	for (uint64_t at = FAKE_BASE; at < FAKE_BASE + FAKE_SIZE; at += 8)
		fake_put(fake, at, at, 8);
	fake_put(fake, fake_symbol("nr_cpu_ids"), FAKE_CPUS, 4);
	fake_put(fake, fake_symbol("__cpu_possible_mask"), (1 << FAKE_CPUS) - 1, 8);
	fake_put(fake, fake_symbol("__cpu_online_mask"), (1 << FAKE_CPUS) - 1, 8);
	for (unsigned cpu = 0; cpu < FAKE_CPUS; cpu++)
		fake_put(fake, fake_symbol("__per_cpu_offset") + cpu * 8ull, cpu * DUMP_PAGE_SIZE,
			 8);
}

static inline void fake_make_dump(struct fake *fake)
{
	struct dump *dump = fake->dump;

	dump->msr = -1;
	dump->format = "elf";
	dump->pagetable.levels = 4;
	dump->pagetable.address_mask = 0x000ffffffffff000ull;
	for (uint64_t pfn = 0; pfn < FAKE_PAGES; pfn++) {
		uint64_t vpn = FAKE_BASE / DUMP_PAGE_SIZE + pfn;

		dump->cache[pfn].valid = true;
		dump->cache[pfn].pfn = pfn;
		dump->tlb[vpn % DUMP_TLB_ENTRIES] = (struct tlb_entry){true, vpn, pfn};
	}
	fake_fill(fake);
}

/** Make @fake; what is changed in its memory before fake_open() is seen by it. */
static inline void fake_init(struct fake *fake)
{
	static struct dump *fresh; /* making it takes long */

	*fake = (struct fake){
		.symbols = {fake_find, fake_name_at, fake_keep_symbols},
		.types = {fake_member, fake_type_size, fake_enumerator, fake_keep_types}};
	if (!fresh) {
		fake->dump = fresh = calloc(1, sizeof(*fresh));
		fake_make_dump(fake);
	}
	fake->dump = malloc(sizeof(*fresh));
	memcpy(fake->dump, fresh, sizeof(*fresh));
	fake->dump->memory.ranges = malloc(sizeof(struct elf_range));
	fake->dump->memory.ranges[0] = (struct elf_range){0, FAKE_SIZE};
	fake->dump->memory.count = 1;
}

/** As kernel_open(), without what fake.symbols and fake.types stand in for. */
static inline struct error *fake_open(struct fake *fake)
{
	struct kernel *kernel = calloc(1, sizeof(*kernel));

	fake->kernel = kernel;
	kernel->dump = fake->dump;
	kernel->release = "6.12-fake";
	kernel->symbols = &fake->symbols;
	kernel->types = &fake->types;
	kernel->text = (struct range){FAKE_BASE, FAKE_BASE + FAKE_SIZE};
	try(percpu_init(kernel));
	return modules_init(kernel);
}

static inline void fake_deinit(struct fake *fake)
{
	kernel_close(fake->kernel);
	dump_close(fake->dump);
}

#endif
