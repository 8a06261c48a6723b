/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_DUMP_INTERNAL_H
#define CRASHLAB_DUMP_INTERNAL_H

#include <libkdumpfile/kdumpfile.h>

#include "dump/dump.h"
#include "dump/elf_file.h"
#include "dump/notes.h"
#include "dump/page_set.h"

#define DUMP_PAGE_SHIFT 12
#define DUMP_PAGE_SIZE ((size_t)1 << DUMP_PAGE_SHIFT)
#define DUMP_PAGE_MASK ((uint64_t)DUMP_PAGE_SIZE - 1)

/* Both direct mapped; small, because the capture kernel has little memory. */
#define DUMP_CACHE_PAGES 128
#define DUMP_TLB_ENTRIES 1024

/* The note of a capsule that holds what dump_kept() gives. */
#define DUMP_KEPT_NOTE "CRASHLAB"
#define DUMP_KEPT_TYPE 1

struct cached_page {
	bool valid;
	uint64_t pfn;
	uint8_t data[DUMP_PAGE_SIZE];
};

struct tlb_entry {
	bool valid;
	uint64_t vpn;
	uint64_t pfn;
};

struct vmcoreinfo_entry {
	char *key; /* both point into dump::vmcoreinfo */
	char *value;
};

/* What is needed to walk the kernel's page tables; see pagetable.c. */
struct pagetable {
	uint64_t root; /* physical address of the top table */
	int levels; /* 4 or 5 */
	uint64_t address_mask; /* bits of an entry that are a physical address */
};

struct dump {
	kdump_ctx_t *ctx;
	int *fds; /* one for each file of a split set, else one */
	size_t fd_count;
	bool live;
	int msr; /* dump_file::msr */
	const char *format;
	char *description; /* what dump_format() gives */
	char *vmcoreinfo;
	char *vmcoreinfo_text; /* as it is in the dump */
	struct vmcoreinfo_entry *entries;
	size_t entry_count;
	struct elf_memory memory; /* empty for other formats */
	struct notes notes;
	struct dump_vcpu *vcpus;
	size_t vcpu_count;
	char *kept;
	bool recording;
	struct page_set read; /* pages read since dump_record() */
	struct pagetable pagetable;
	struct tlb_entry tlb[DUMP_TLB_ENTRIES];
	struct cached_page cache[DUMP_CACHE_PAGES];
};

/** Split the text of a VMCOREINFO note (@length bytes, not terminated) into dump->entries. */
struct error *vmcoreinfo_init(struct dump *dump, const char *text, size_t length);
void vmcoreinfo_deinit(struct dump *dump);

/**
 * For a dump without VMCOREINFO: find the kernel's own copy of the note in memory, and take it. Of
 * several kernels the one that crashed; dump->description then tells. ERROR_FORMAT: there is none,
 * or it cannot be told which.
 */
struct error *vmcoreinfo_find(struct dump *dump);

/** Find the top of the kernel's page tables from VMCOREINFO, and forget what other ones gave. */
struct error *pagetable_init(struct dump *dump);

/** Walk page tables for the page that holds @address; gives its page frame number. */
struct error *pagetable_walk(struct dump *dump, const struct pagetable *table, uint64_t address,
			     uint64_t *ret);

#endif
