// SPDX-License-Identifier: GPL-2.0-only
/*
 * Structure layouts out of DWARF. A kernel has thousands of compilation units, and most structures
 * are in many of them: units are indexed one after the other until what is asked for is found, and
 * of structures that are equal in name and size only the first is kept.
 */
#include "kernel/type_source.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

/* A structure with its members, or a typedef. */
struct named_type {
	const char *name; /* in the file */
	uint32_t hash;
	Dwarf_Word size;
	Dwarf_Off offset;
};

struct dwarf_source {
	struct type_source source;
	Dwarf *dwarf;
	Dwarf_Off next_unit; /* the first that is not in the index */
	bool complete;
	struct named_type *types; /* hash table; name NULL: free */
	size_t mask, count;
};

struct search {
	int visits;
	struct kernel_field field;
};

/* ---- the index ---- */

/** Where @type is in the table, or would be. */
static struct named_type *find_slot(const struct dwarf_source *self, const struct named_type *type)
{
	for (size_t i = type->hash;; i++) {
		struct named_type *slot = &self->types[i & self->mask];

		if (!slot->name || (slot->hash == type->hash && slot->size == type->size &&
				    !strcmp(slot->name, type->name)))
			return slot;
	}
}

static bool grow(struct dwarf_source *self)
{
	struct named_type *old = self->types;
	size_t size = self->mask + 1;

	self->types = calloc(size * 2, sizeof(*self->types));
	if (!self->types) {
		self->types = old;
		return false;
	}
	self->mask = size * 2 - 1;
	for (size_t i = 0; i < size; i++) {
		if (old[i].name)
			*find_slot(self, &old[i]) = old[i];
	}
	free(old);
	return true;
}

static void index_type(struct dwarf_source *self, Dwarf_Die *die)
{
	struct named_type type = {.name = dwarf_diename(die), .offset = dwarf_dieoffset(die)};
	Dwarf_Attribute attribute;

	if (!type.name || dwarf_hasattr(die, DW_AT_declaration))
		return;
	if (dwarf_attr(die, DW_AT_byte_size, &attribute))
		dwarf_formudata(&attribute, &type.size);
	type.hash = type_name_hash(type.name);
	struct named_type *slot = find_slot(self, &type);

	if (slot->name || (self->count * 2 > self->mask && !grow(self)))
		return;
	*find_slot(self, &type) = type;
	self->count++;
}

/**
 * The first entry of the unit at *@unit, which becomes the next one's: 0; 1 for a unit without
 * entries; -1 behind the last unit.
 */
static int next_unit(Dwarf *dwarf, Dwarf_Off *unit, Dwarf_Die *ret)
{
	Dwarf_Off at = *unit;
	Dwarf_Die die;
	size_t header;

	if (dwarf_nextcu(dwarf, at, unit, &header, NULL, NULL, NULL))
		return -1;
	return dwarf_offdie(dwarf, at + header, &die) && !dwarf_child(&die, ret) ? 0 : 1;
}

/** False when there are no more units. */
static bool index_unit(struct dwarf_source *self)
{
	Dwarf_Die entry;
	int found = next_unit(self->dwarf, &self->next_unit, &entry);

	for (int end = found; !end; end = dwarf_siblingof(&entry, &entry)) {
		int tag = dwarf_tag(&entry);

		if (tag == DW_TAG_structure_type || tag == DW_TAG_union_type ||
		    tag == DW_TAG_typedef)
			index_type(self, &entry);
	}
	return found >= 0;
}

/* ---- members ---- */

/** The type of @die, without typedefs and qualifiers, and with @arrays without arrays. */
static bool strip(Dwarf_Die *die, bool arrays, Dwarf_Die *ret)
{
	Dwarf_Attribute attribute;

	*ret = *die;
	for (int depth = 0; depth < TYPE_DEPTH_MAX; depth++) {
		switch (dwarf_tag(ret)) {
		case DW_TAG_array_type:
			if (!arrays)
				return true;
			break;
		case DW_TAG_typedef:
		case DW_TAG_const_type:
		case DW_TAG_volatile_type:
		case DW_TAG_restrict_type:
		case DW_TAG_atomic_type:
		case DW_TAG_member:
			break;
		default:
			return true;
		}
		if (!dwarf_attr(ret, DW_AT_type, &attribute) || !dwarf_formref_die(&attribute, ret))
			return false;
	}
	return false;
}

static bool number(Dwarf_Die *die, unsigned name, uint64_t *ret)
{
	Dwarf_Attribute attribute;
	Dwarf_Word value;

	if (!dwarf_attr(die, name, &attribute) || dwarf_formudata(&attribute, &value))
		return false;
	*ret = value;
	return true;
}

/** Bytes of what @die, a member or a type, is; 0 for an array without an end. */
static uint64_t size_of(Dwarf_Die *die)
{
	Dwarf_Attribute attribute;
	Dwarf_Die type = *die;
	Dwarf_Word size;

	if (dwarf_tag(die) == DW_TAG_member &&
	    (!dwarf_attr(die, DW_AT_type, &attribute) || !dwarf_formref_die(&attribute, &type)))
		return 0;
	return dwarf_aggregate_size(&type, &size) ? 0 : size;
}

/**
 * Where a member begins, in bits: DWARF 4 may, and 5 does, give bit-fields as data_bit_offset;
 * before, bit_offset counts from the highest bit of the storage.
 */
static uint64_t bit_position(Dwarf_Die *member, uint64_t bits)
{
	uint64_t bytes = 0, at, storage;

	if (number(member, DW_AT_data_bit_offset, &at))
		return at;
	number(member, DW_AT_data_member_location, &bytes);
	if (!bits || !number(member, DW_AT_bit_offset, &at))
		return bytes * 8;
	if (!number(member, DW_AT_byte_size, &storage))
		storage = size_of(member);
	return bytes * 8 + storage * 8 - at - bits;
}

static void take_member(struct search *search, Dwarf_Die *member, uint64_t bit, uint64_t bits)
{
	search->field = (struct kernel_field){.offset = bit / 8, .size = size_of(member)};
	if (!bits)
		return;
	search->field.bit_offset = bit % 8;
	search->field.bit_size = bits;
	search->field.size = (bit % 8 + bits + 7) / 8;
}

static bool find_path(struct search *search, Dwarf_Die *type, const char *path, uint64_t bit,
		      int depth)
{
	size_t length = strcspn(path, ".");
	Dwarf_Die member, inner;

	if (depth > TYPE_DEPTH_MAX || dwarf_child(type, &member))
		return false;
	do {
		const char *name, *rest = path;
		uint64_t bits = 0;

		if (++search->visits > TYPE_VISITS_MAX)
			return false;
		if (dwarf_tag(&member) != DW_TAG_member)
			continue;
		number(&member, DW_AT_bit_size, &bits);
		name = dwarf_diename(&member);
		uint64_t at = bit + bit_position(&member, bits);

		if (name) {
			if (strncmp(name, path, length) || name[length])
				continue;
			if (!path[length]) {
				take_member(search, &member, at, bits);
				return true;
			}
			rest = path + length + 1;
		}
		if (strip(&member, name, &inner) && find_path(search, &inner, rest, at, depth + 1))
			return true;
	} while (!dwarf_siblingof(&member, &member));
	return false;
}

/* ---- the source ---- */

/**
 * Call @visit for each structure called @name, indexing as far as it takes, until it returns true.
 * A structure may be seen again; that only costs time.
 */
static bool for_each_named(struct dwarf_source *self, const char *name,
			   bool (*visit)(void *data, Dwarf_Die *type), void *data)
{
	uint32_t hash = type_name_hash(name);
	size_t known;

	do {
		known = self->count;
		for (size_t i = hash; self->types[i & self->mask].name; i++) {
			const struct named_type *type = &self->types[i & self->mask];
			Dwarf_Die die, inner;

			if (type->hash == hash && !strcmp(type->name, name) &&
			    dwarf_offdie(self->dwarf, type->offset, &die) &&
			    strip(&die, false, &inner) && visit(data, &inner))
				return true;
		}
		while (self->count == known && !self->complete)
			self->complete = !index_unit(self);
	} while (self->count != known);
	return false;
}

struct member_query {
	const char *path;
	bool *seen;
	struct kernel_field *ret;
};

static bool visit_member(void *data, Dwarf_Die *type)
{
	struct member_query *query = data;
	struct search search = {};

	*query->seen = true;
	if (!find_path(&search, type, query->path, 0, 0))
		return false;
	*query->ret = search.field;
	return true;
}

static bool dwarf_source_member(struct type_source *source, const char *type, const char *path,
				bool *seen, struct kernel_field *ret)
{
	struct member_query query = {path, seen, ret};

	return for_each_named((struct dwarf_source *)source, type, visit_member, &query);
}

static bool visit_size(void *data, Dwarf_Die *type)
{
	uint64_t size = size_of(type);

	if (size)
		*(uint64_t *)data = size;
	return size;
}

static bool dwarf_source_size(struct type_source *source, const char *type, uint64_t *ret)
{
	return for_each_named((struct dwarf_source *)source, type, visit_size, ret);
}

static bool enumerator_in(Dwarf_Die *type, const char *name, uint64_t *ret)
{
	Dwarf_Attribute attribute;
	Dwarf_Die entry;
	Dwarf_Sword value;

	if (dwarf_child(type, &entry))
		return false;
	do {
		const char *found = dwarf_diename(&entry);

		if (!found || strcmp(found, name) ||
		    !dwarf_attr(&entry, DW_AT_const_value, &attribute) ||
		    dwarf_formsdata(&attribute, &value))
			continue;
		*ret = (uint32_t)value;
		return true;
	} while (!dwarf_siblingof(&entry, &entry));
	return false;
}

/** Asked for twice or so, and so without an index. */
static bool dwarf_source_enumerator(struct type_source *source, const char *name, uint64_t *ret)
{
	Dwarf *dwarf = ((struct dwarf_source *)source)->dwarf;
	Dwarf_Off unit = 0;
	Dwarf_Die entry;
	int found;

	while ((found = next_unit(dwarf, &unit, &entry)) >= 0) {
		for (int end = found; !end; end = dwarf_siblingof(&entry, &entry)) {
			if (dwarf_tag(&entry) == DW_TAG_enumeration_type &&
			    enumerator_in(&entry, name, ret))
				return true;
		}
	}
	return false;
}

static void dwarf_source_destroy(struct type_source *source)
{
	struct dwarf_source *self = (struct dwarf_source *)source;

	free(self->types);
	free(self);
}

struct error *dwarf_source_create(Dwarf *dwarf, struct type_source **ret)
{
	struct dwarf_source *self = calloc(1, sizeof(*self));

	if (self)
		self->types = calloc(1024, sizeof(*self->types));
	if (!self || !self->types) {
		free(self);
		return error_new(ERROR_NO_MEMORY, "out of memory for types");
	}
	self->source = (struct type_source){dwarf_source_member, dwarf_source_size,
					    dwarf_source_enumerator, dwarf_source_destroy};
	self->dwarf = dwarf;
	self->mask = 1023;
	*ret = &self->source;
	return NULL;
}
