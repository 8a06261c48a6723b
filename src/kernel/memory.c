// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/internal.h"

#include <inttypes.h>
#include <string.h>

#include "util/cleanup.h"

struct error *read_u64(struct kernel *kernel, uint64_t address, uint64_t *ret)
{
	return dump_read(kernel->dump, address, ret, sizeof(*ret));
}

struct error *read_block(struct kernel *kernel, uint64_t address, size_t size, size_t limit,
			 const char *what, void **ret)
{
	_cleanup_free_ void *block = NULL;

	if (size > limit)
		return error_new(ERROR_FORMAT, "%s: %zu bytes cannot be", what, size);
	block = malloc(size ? size : 1);
	if (!block)
		return error_new(ERROR_NO_MEMORY, "%s: out of memory", what);
	try(error_wrap(dump_read(kernel->dump, address, block, size), "%s", what));
	*ret = take(block);
	return NULL;
}

struct error *walk_list(struct kernel *kernel, uint64_t head, uint64_t offset,
			struct error *(*visit)(void *data, uint64_t object), void *data)
{
	struct walk walk = {};
	uint64_t node;

	try(read_u64(kernel, head, &node)); /* list_head.next is its first member */
	while (node != head) {
		if (walk_is_endless(&walk, node))
			return error_new(ERROR_FORMAT, "the list at 0x%" PRIx64 " does not end",
					 head);
		if (!node)
			return error_new(ERROR_FORMAT, "the list at 0x%" PRIx64 " is broken", head);
		try(visit(data, node - offset));
		try(read_u64(kernel, node, &node));
	}
	return NULL;
}

struct error *kernel_read_uint(struct kernel *kernel, uint64_t address, size_t size, uint64_t *ret)
{
	uint64_t value = 0;

	if (size != 1 && size != 2 && size != 4 && size != 8)
		return error_new(ERROR_UNSUPPORTED, "an integer of %zu bytes", size);
	try(dump_read(kernel->dump, address, &value, size));
	*ret = value;
	return NULL;
}

struct error *kernel_read_variable(struct kernel *kernel, const char *module, const char *name,
				   size_t size, uint64_t *ret)
{
	uint64_t address;

	try(kernel_symbol(kernel, module, name, &address));
	return error_wrap(kernel_read_uint(kernel, address, size, ret), "%s", name);
}

struct error *error_copy(const struct error *err)
{
	return error_new(err->code, "%s", err->message);
}
