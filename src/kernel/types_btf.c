// SPDX-License-Identifier: GPL-2.0-only
/*
 * Structure layouts out of BTF. libbpf checks that the records fit their section, not what they
 * refer to: names may be NULL, types may refer to themselves.
 */
#include "kernel/type_source.h"

#include <stdlib.h>
#include <string.h>

struct btf_source {
	struct type_source source;
	struct btf *btf;
	uint32_t first;
	uint32_t *type; /* ids of structs, unions and typedefs by hash of their name */
	uint32_t mask;
};

static bool is_named(const struct btf *btf, const struct btf_type *type)
{
	if (!btf_is_composite(type) && !btf_is_typedef(type))
		return false;
	const char *name = btf__name_by_offset(btf, type->name_off);

	return name && *name;
}

static struct error *index_types(struct btf_source *source)
{
	const struct btf *btf = source->btf;
	uint32_t count = btf__type_cnt(btf), size = 64;

	while (size / 2 < count - source->first)
		size *= 2;
	source->type = calloc(size, sizeof(*source->type));
	if (!source->type)
		return error_new(ERROR_NO_MEMORY, "out of memory for types");
	source->mask = size - 1;
	for (uint32_t id = source->first; id < count; id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);
		uint32_t slot;
		int probes = 0;

		if (!type || !is_named(btf, type))
			continue;
		slot = type_name_hash(btf__name_by_offset(btf, type->name_off));
		while (source->type[slot & source->mask]) {
			if (++probes > 4096)
				return error_new(ERROR_FORMAT, "BTF: too many equal names");
			slot++;
		}
		source->type[slot & source->mask] = id;
	}
	return NULL;
}

/* A search for one member by its path; what is found first counts. */
struct search {
	const struct btf *btf;
	int visits;
	struct kernel_field field;
};

/* Look through typedefs and qualifiers, and with @arrays through arrays, to the type itself. */
static const struct btf_type *strip(const struct btf *btf, uint32_t id, bool arrays)
{
	for (int depth = 0; depth < TYPE_DEPTH_MAX; depth++) {
		const struct btf_type *type = btf__type_by_id(btf, id);

		if (!type)
			return NULL;
		if (btf_is_mod(type) || btf_is_typedef(type))
			id = type->type;
		else if (arrays && btf_is_array(type))
			id = btf_array(type)->type;
		else
			return type;
	}
	return NULL;
}

static void set_bit_field(struct kernel_field *field, uint64_t bit, unsigned bits)
{
	field->offset = bit / 8;
	field->bit_offset = bit % 8;
	field->bit_size = bits;
	field->size = (field->bit_offset + bits + 7) / 8;
}

/* Member @index of @type, which lies @bit bits into the whole, is what was looked for. */
static bool take_member(struct search *search, const struct btf_type *type, uint32_t index,
			uint64_t bit)
{
	const struct btf_member *member = &btf_members(type)[index];
	const struct btf_type *of = strip(search->btf, member->type, false);
	unsigned bits = btf_member_bitfield_size(type, index);
	int64_t size = btf__resolve_size(search->btf, member->type);

	if (bits) {
		set_bit_field(&search->field, bit, bits);
		return true;
	}
	/* Without the kind flag a bit-field is an integer with fewer bits than it has room for. */
	if (of && btf_is_int(of) && btf_int_bits(of) != of->size * 8U) {
		set_bit_field(&search->field, bit + btf_int_offset(of), btf_int_bits(of));
		return true;
	}
	if (size < 0 || bit % 8)
		return false;
	search->field = (struct kernel_field){.offset = bit / 8, .size = size};
	return true;
}

static bool find_path(struct search *search, const struct btf_type *type, const char *path,
		      uint64_t bit, int depth)
{
	size_t length = strcspn(path, ".");

	if (!type || !btf_is_composite(type) || depth > TYPE_DEPTH_MAX)
		return false;
	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		const struct btf_member *member = &btf_members(type)[i];
		const char *name = btf__name_by_offset(search->btf, member->name_off);
		uint64_t at = bit + btf_member_bit_offset(type, i);
		const char *rest = path;

		if (++search->visits > TYPE_VISITS_MAX)
			return false;
		if (name && *name) {
			if (strncmp(name, path, length) || name[length])
				continue;
			if (!path[length])
				return take_member(search, type, i, at);
			rest = path + length + 1;
		}
		if (find_path(search, strip(search->btf, member->type, name && *name), rest, at,
			      depth + 1))
			return true;
	}
	return false;
}

/* The next structure called @name in the table, from @slot on; NULL behind the last. */
static const struct btf_type *next_named(const struct btf_source *source, const char *name,
					 uint32_t *slot, uint32_t *ret)
{
	uint32_t id;

	while ((id = source->type[*slot & source->mask])) {
		const struct btf_type *type = btf__type_by_id(source->btf, id);

		++*slot;
		*ret = id;
		if (!strcmp(btf__name_by_offset(source->btf, type->name_off), name))
			return type;
	}
	return NULL;
}

static bool btf_source_member(struct type_source *source, const char *type, const char *path,
			      bool *seen, struct kernel_field *ret)
{
	const struct btf_source *self = (struct btf_source *)source;
	uint32_t slot = type_name_hash(type), id;

	while (next_named(self, type, &slot, &id)) {
		struct search search = {.btf = self->btf};

		*seen = true;
		if (find_path(&search, strip(self->btf, id, false), path, 0, 0)) {
			*ret = search.field;
			return true;
		}
	}
	return false;
}

static bool btf_source_size(struct type_source *source, const char *type, uint64_t *ret)
{
	const struct btf_source *self = (struct btf_source *)source;
	uint32_t slot = type_name_hash(type), id;

	while (next_named(self, type, &slot, &id)) {
		int64_t size = btf__resolve_size(self->btf, id);

		if (size > 0) {
			*ret = size;
			return true;
		}
	}
	return false;
}

static bool btf_source_enumerator(struct type_source *source, const char *name, uint64_t *ret)
{
	const struct btf_source *self = (struct btf_source *)source;
	const struct btf *btf = self->btf;

	for (uint32_t id = self->first; id < btf__type_cnt(btf); id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);

		if (!type || !btf_is_enum(type))
			continue;
		for (uint32_t i = 0; i < btf_vlen(type); i++) {
			const struct btf_enum *value = &btf_enum(type)[i];
			const char *found = btf__name_by_offset(btf, value->name_off);

			if (found && !strcmp(found, name)) {
				*ret = (uint32_t)value->val;
				return true;
			}
		}
	}
	return false;
}

static void btf_source_destroy(struct type_source *source)
{
	struct btf_source *self = (struct btf_source *)source;

	btf__free(self->btf);
	free(self->type);
	free(self);
}

struct error *btf_source_create(struct btf *btf, uint32_t first, struct type_source **ret)
{
	struct btf_source *self = calloc(1, sizeof(*self));

	if (!self)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	self->source = (struct type_source){btf_source_member, btf_source_size,
					    btf_source_enumerator, btf_source_destroy};
	self->btf = btf;
	self->first = first;
	struct error *err = index_types(self);

	if (err) {
		self->btf = NULL;
		btf_source_destroy(&self->source);
		return err;
	}
	*ret = &self->source;
	return NULL;
}
