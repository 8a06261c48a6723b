/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_DUMP_PAGE_SET_H
#define CRASHLAB_DUMP_PAGE_SET_H

#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

/** A set of page frame numbers. All zeroes is the empty set; its size goes by what is in it. */
struct page_set {
	uint64_t *slots; /* hash table; pfn + 1, 0: free */
	size_t room; /* a power of two, or 0 */
	size_t count;
};

void page_set_deinit(struct page_set *set);

/** Put @pfn in; one that is there already is fine. */
struct error *page_set_add(struct page_set *set, uint64_t pfn);

/** All of them in ascending order, an array of set->count that the caller frees. */
struct error *page_set_sorted(const struct page_set *set, uint64_t **ret);

#endif
