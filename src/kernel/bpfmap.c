// SPDX-License-Identifier: GPL-2.0-only
/*
 * BPF maps: map_idr (kernel/bpf/syscall.c) is an IDR, which is an XArray of struct bpf_map.
 */
#include "kernel/internal.h"

#include <inttypes.h>
#include <string.h>

#include "util/cleanup.h"

/* enum bpf_map_type, include/uapi/linux/bpf.h: ABI. */
#define MAP_TYPE_ARRAY 2

/* BPF_OBJ_NAME_LEN, include/uapi/linux/bpf.h. */
#define MAP_NAME_SIZE 16

/* XA_CHUNK_SIZE, include/linux/xarray.h, is 64, or 16 with CONFIG_BASE_SMALL. */
#define SLOTS_MAX 64
#define NODES_MAX 65536

/* Slots whose low bits are not a pointer's hold a node, a value or a mark (xarray.h). */
#define ENTRY_BITS 3
#define ENTRY_INTERNAL 2
#define ENTRY_RESERVED 4096

struct map_search {
	struct kernel *kernel;
	const char *name;
	size_t nodes;
	uint64_t found; /* struct bpf_map; 0: none yet */
	struct error *unknown; /* the first part of the tree that could not be read */
};

static struct error *match_map(struct map_search *search, uint64_t map)
{
	struct kernel *kernel = search->kernel;
	char name[MAP_NAME_SIZE + 1] = "";
	struct kernel_field field;
	uint64_t type;

	try(kernel_read_member(kernel, NULL, "bpf_map", "map_type", map, &type));
	try(kernel_member(kernel, NULL, "bpf_map", "name", &field));
	try(dump_read(kernel->dump, map + field.offset, name, MAP_NAME_SIZE));
	if (type == MAP_TYPE_ARRAY && !strcmp(name, search->name))
		search->found = map; /* ids grow: of several the youngest is meant */
	return NULL;
}

static void visit_entry(struct map_search *search, uint64_t entry, unsigned shift_limit);

static struct error *visit_node(struct map_search *search, uint64_t node, unsigned shift_limit)
{
	struct kernel *kernel = search->kernel;
	uint64_t shift, slots[SLOTS_MAX];
	struct kernel_field field;

	if (++search->nodes > NODES_MAX)
		return error_new(ERROR_FORMAT, "map_idr: too many nodes");
	try(kernel_read_member(kernel, NULL, "xa_node", "shift", node, &shift));
	if (shift >= shift_limit)
		return error_new(ERROR_FORMAT, "map_idr: the tree does not end");
	try(kernel_member(kernel, NULL, "xa_node", "slots", &field));
	if (field.size > sizeof(slots))
		return error_new(ERROR_UNSUPPORTED, "xa_node with %ju bytes of slots",
				 (uintmax_t)field.size);
	try(dump_read(kernel->dump, node + field.offset, slots, field.size));
	for (size_t i = 0; i < field.size / sizeof(slots[0]); i++)
		visit_entry(search, slots[i], shift);
	return NULL;
}

/* A part that cannot be read does not hide the rest, but makes "not found" unknown. */
static void visit_entry(struct map_search *search, uint64_t entry, unsigned shift_limit)
{
	struct error *err = NULL;

	if ((entry & ENTRY_BITS) == ENTRY_INTERNAL && entry > ENTRY_RESERVED)
		err = visit_node(search, entry - ENTRY_INTERNAL, shift_limit);
	else if (entry && !(entry & ENTRY_BITS))
		err = match_map(search, entry);
	if (err && !search->unknown)
		search->unknown = err;
	else
		error_free(err);
}

static struct error *find_map(struct kernel *kernel, const char *name, uint64_t *ret)
{
	struct map_search search = {.kernel = kernel, .name = name};
	uint64_t idr, head;
	struct kernel_field field;

	try(kernel_symbol(kernel, NULL, "map_idr", &idr));
	try(kernel_member(kernel, NULL, "idr", "idr_rt", &field));
	try(kernel_read_member(kernel, NULL, "xarray", "xa_head", idr + field.offset, &head));
	visit_entry(&search, head, 64);
	if (!search.found) {
		if (search.unknown)
			return error_wrap(search.unknown, "looking for BPF map %s", name);
		return error_new(ERROR_NOT_FOUND, "no BPF array map %s", name);
	}
	error_free(search.unknown);
	*ret = search.found;
	return NULL;
}

/*
 * struct bpf_array begins with its map and ends with the values, also for BPF_F_MMAPABLE, where it
 * is placed so that they start on a page (array_map_alloc(), kernel/bpf/arraymap.c).
 */
struct error *kernel_bpf_array(struct kernel *kernel, const char *name, size_t size,
			       struct bpf_values *ret)
{
	struct kernel_field map_field, value;
	uint64_t map = 0, value_size;

	try(find_map(kernel, name, &map));
	try(kernel_read_member(kernel, NULL, "bpf_map", "value_size", map, &value_size));
	if (size > value_size)
		return error_new(ERROR_FORMAT, "BPF map %s has values of %ju bytes, not %zu", name,
				 (uintmax_t)value_size, size);
	try(kernel_read_member(kernel, NULL, "bpf_map", "max_entries", map, &ret->count));
	try(kernel_member(kernel, NULL, "bpf_array", "map", &map_field));
	try(kernel_member(kernel, NULL, "bpf_array", "value", &value));
	ret->address = map - map_field.offset + value.offset;
	ret->stride = (value_size + 7) & ~7ULL;
	return NULL;
}
