// SPDX-License-Identifier: GPL-2.0-only
#include "dump/page_set.h"

#include <stdlib.h>

#include "util/cleanup.h"

#define FIRST_ROOM 4096

void page_set_deinit(struct page_set *set)
{
	free(set->slots);
	*set = (struct page_set){};
}

/* Neighbours are read together: spread them (Knuth's multiplicative hashing). */
static size_t find_slot(const uint64_t *slots, size_t room, uint64_t key)
{
	size_t slot = (key * 0x9e3779b97f4a7c15ull >> 20) & (room - 1);

	while (slots[slot] && slots[slot] != key)
		slot = (slot + 1) & (room - 1);
	return slot;
}

static struct error *grow(struct page_set *set)
{
	size_t room = set->room ? set->room * 2 : FIRST_ROOM;
	uint64_t *slots = calloc(room, sizeof(*slots));

	if (!slots)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < set->room; i++) {
		if (set->slots[i])
			slots[find_slot(slots, room, set->slots[i])] = set->slots[i];
	}
	free(set->slots);
	set->slots = slots;
	set->room = room;
	return NULL;
}

struct error *page_set_add(struct page_set *set, uint64_t pfn)
{
	if (set->count * 2 >= set->room)
		try(grow(set));
	size_t slot = find_slot(set->slots, set->room, pfn + 1);

	set->count += !set->slots[slot];
	set->slots[slot] = pfn + 1;
	return NULL;
}

static int by_number(const void *one, const void *two)
{
	uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)two;

	return a < b ? -1 : a > b;
}

struct error *page_set_sorted(const struct page_set *set, uint64_t **ret)
{
	uint64_t *pfns = calloc(set->count + 1, sizeof(*pfns));
	size_t count = 0;

	if (!pfns)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < set->room; i++) {
		if (set->slots[i])
			pfns[count++] = set->slots[i] - 1;
	}
	qsort(pfns, count, sizeof(*pfns), by_number);
	*ret = pfns;
	return NULL;
}
