// SPDX-License-Identifier: GPL-2.0-only
/*
 * Structure layouts out of BTF, which the kernel carries in its image and for each module. libbpf
 * checks that the records fit their section, not what they refer to: names may be NULL, types may
 * refer to themselves.
 */
#include "kernel/internal.h"

#include <errno.h>
#include <string.h>

#include "util/cleanup.h"

/* vmlinux's BTF is 5 MB in 6.12. */
#define BTF_MAX (256U << 20)

/* Depth of typedefs and of nested anonymous structures; members looked at in one search. */
#define DEPTH_MAX 32
#define VISITS_MAX 100000

#define BUCKETS 256

/*
 * Answers of kernel_member() and types_enumerator(): the same few are asked for over and over. An
 * enumerator's value is kept as offset.
 */
struct member_cache_entry {
	struct member_cache_entry *next;
	struct kernel_field field;
	char key[];
};

struct member_cache {
	struct member_cache_entry *bucket[BUCKETS];
	uint32_t *type; /* ids of structs, unions and typedefs of vmlinux by hash of their name */
	uint32_t type_mask;
};

static uint32_t hash_string(const char *text)
{
	uint32_t hash = 2166136261U;

	while (*text)
		hash = (hash ^ (uint8_t)*text++) * 16777619U;
	return hash;
}

static bool is_named(const struct btf *btf, const struct btf_type *type)
{
	if (!btf_is_composite(type) && !btf_is_typedef(type))
		return false;
	const char *name = btf__name_by_offset(btf, type->name_off);

	return name && *name;
}

static struct error *index_types(struct kernel *kernel)
{
	const struct btf *btf = kernel->btf;
	uint32_t count = btf__type_cnt(btf), size = 64;

	while (size / 2 < count)
		size *= 2;
	kernel->members->type = calloc(size, sizeof(*kernel->members->type));
	if (!kernel->members->type)
		return error_new(ERROR_NO_MEMORY, "out of memory for types");
	kernel->members->type_mask = size - 1;
	for (uint32_t id = 1; id < count; id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);
		uint32_t slot;
		int probes = 0;

		if (!type || !is_named(btf, type))
			continue;
		slot = hash_string(btf__name_by_offset(btf, type->name_off));
		while (kernel->members->type[slot & kernel->members->type_mask]) {
			if (++probes > 4096)
				return error_new(ERROR_FORMAT, "BTF: too many equal names");
			slot++;
		}
		kernel->members->type[slot & kernel->members->type_mask] = id;
	}
	return NULL;
}

struct error *types_init(struct kernel *kernel)
{
	_cleanup_free_ void *data = NULL;
	uint64_t start, stop;
	struct error *err;

	kernel->members = calloc(1, sizeof(*kernel->members));
	if (!kernel->members)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	/* include/asm-generic/vmlinux.lds.h, since 5.5 under this name */
	err = kernel_symbol(kernel, NULL, "__start_BTF", &start);
	if (error_is(err, ERROR_NOT_FOUND)) {
		error_free(err);
		return error_new(ERROR_UNSUPPORTED, "kernel %s has no BTF in it", kernel->release);
	}
	if (err)
		return err;
	try(kernel_symbol(kernel, NULL, "__stop_BTF", &stop));
	try(read_block(kernel, start, stop - start, BTF_MAX, "BTF", &data));
	kernel->btf = btf__new(data, stop - start);
	if (!kernel->btf)
		return error_errno(errno, "BTF of the kernel");
	btf__set_pointer_size(kernel->btf, 8);
	return index_types(kernel);
}

void types_deinit(struct kernel *kernel)
{
	if (kernel->members) {
		for (size_t i = 0; i < BUCKETS; i++) {
			struct member_cache_entry *entry, *next;

			for (entry = kernel->members->bucket[i]; entry; entry = next) {
				next = entry->next;
				free(entry);
			}
		}
		free(kernel->members->type);
	}
	free(kernel->members);
	btf__free(kernel->btf);
}

/* ---- searching ---- */

/* A search for one member by its path; what is found first counts. */
struct search {
	const struct btf *btf;
	int visits;
	struct kernel_field field;
};

/* Look through typedefs and qualifiers, and with @arrays through arrays, to the type itself. */
static const struct btf_type *strip(const struct btf *btf, uint32_t id, bool arrays)
{
	for (int depth = 0; depth < DEPTH_MAX; depth++) {
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

	if (!type || !btf_is_composite(type) || depth > DEPTH_MAX)
		return false;
	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		const struct btf_member *member = &btf_members(type)[i];
		const char *name = btf__name_by_offset(search->btf, member->name_off);
		uint64_t at = bit + btf_member_bit_offset(type, i);
		const char *rest = path;

		if (++search->visits > VISITS_MAX)
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

/*
 * Call @visit for each structure called @name (there may be several of one name) until it returns
 * true. Of a module only its own types are looked at, they begin where the kernel's end.
 */
typedef bool (*visit_type)(void *data, const struct btf *btf, uint32_t id);

static bool visit_if_named(const struct btf *btf, uint32_t id, const char *name, visit_type visit,
			   void *data)
{
	const struct btf_type *type = btf__type_by_id(btf, id);

	return type && is_named(btf, type) &&
	       !strcmp(btf__name_by_offset(btf, type->name_off), name) && visit(data, btf, id);
}

static bool for_each_kernel_type(struct kernel *kernel, const char *name, visit_type visit,
				 void *data)
{
	const struct member_cache *cache = kernel->members;

	for (uint32_t slot = hash_string(name); cache->type[slot & cache->type_mask]; slot++) {
		if (visit_if_named(kernel->btf, cache->type[slot & cache->type_mask], name, visit,
				   data))
			return true;
	}
	return false;
}

/* ERROR_NOT_FOUND when no type satisfied @visit; or why the module's types could not be read. */
static struct error *for_each_type(struct kernel *kernel, const char *module, const char *name,
				   visit_type visit, void *data)
{
	const struct btf *btf = NULL;
	struct error *err = NULL;

	if (module) {
		struct module *found = module_find(kernel, module);

		if (!found)
			return error_new(ERROR_NOT_FOUND, "module %s is not loaded", module);
		err = module_btf(kernel, found, &btf);
		for (uint32_t id = btf__type_cnt(kernel->btf); !err && id < btf__type_cnt(btf);
		     id++) {
			if (visit_if_named(btf, id, name, visit, data))
				return NULL;
		}
	}
	if (for_each_kernel_type(kernel, name, visit, data)) {
		error_free(err);
		return NULL;
	}
	return err ? err : error_new(ERROR_NOT_FOUND, "no struct %s", name);
}

struct member_query {
	const char *path;
	bool seen; /* there is such a structure, with or without the member */
	struct kernel_field field;
};

static bool visit_member(void *data, const struct btf *btf, uint32_t id)
{
	struct member_query *query = data;
	struct search search = {.btf = btf};

	query->seen = true;
	if (!find_path(&search, strip(btf, id, false), query->path, 0, 0))
		return false;
	query->field = search.field;
	return true;
}

static bool visit_size(void *data, const struct btf *btf, uint32_t id)
{
	int64_t size = btf__resolve_size(btf, id);

	if (size <= 0)
		return false;
	*(uint64_t *)data = size;
	return true;
}

/* ---- interface ---- */

static struct error *cache_add(struct member_cache_entry **bucket, const char *key,
			       const struct kernel_field *field)
{
	struct member_cache_entry *entry = malloc(sizeof(*entry) + strlen(key) + 1);

	if (!entry)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	strcpy(entry->key, key);
	entry->field = *field;
	entry->next = *bucket;
	*bucket = entry;
	return NULL;
}

static struct member_cache_entry *cache_find(struct kernel *kernel, const char *key,
					     struct member_cache_entry ***bucket)
{
	struct member_cache_entry *entry;

	*bucket = &kernel->members->bucket[hash_string(key) % BUCKETS];
	for (entry = **bucket; entry && strcmp(entry->key, key);)
		entry = entry->next;
	return entry;
}

struct error *kernel_member(struct kernel *kernel, const char *module, const char *type,
			    const char *path, struct kernel_field *ret)
{
	struct member_query query = {.path = path};
	struct member_cache_entry **bucket, *entry;
	struct error *err;
	char key[256];

	if (snprintf(key, sizeof(key), "%s/%s/%s", module ? module : "", type, path) >=
	    (int)sizeof(key))
		return error_new(ERROR_NOT_FOUND, "no member %s in struct %s", path, type);
	entry = cache_find(kernel, key, &bucket);
	if (entry) {
		*ret = entry->field;
		return NULL;
	}
	err = for_each_type(kernel, module, type, visit_member, &query);
	if (error_is(err, ERROR_NOT_FOUND) && query.seen) {
		error_free(err);
		return error_new(ERROR_NOT_FOUND, "struct %s has no member %s", type, path);
	}
	if (err)
		return err;
	*ret = query.field;
	return cache_add(bucket, key, ret);
}

struct error *kernel_type_size(struct kernel *kernel, const char *module, const char *type,
			       uint64_t *ret)
{
	return for_each_type(kernel, module, type, visit_size, ret);
}

struct error *kernel_read_member(struct kernel *kernel, const char *module, const char *type,
				 const char *path, uint64_t object, uint64_t *ret)
{
	struct kernel_field field;
	uint64_t value = 0;

	try(kernel_member(kernel, module, type, path, &field));
	if (!field.size || field.size > sizeof(value))
		return error_new(ERROR_UNSUPPORTED, "%s.%s is no integer", type, path);
	try(error_wrap(dump_read(kernel->dump, object + field.offset, &value, field.size), "%s.%s",
		       type, path));
	if (field.bit_size && field.bit_size < 64)
		value = value >> field.bit_offset & ((1ULL << field.bit_size) - 1);
	*ret = value;
	return NULL;
}

static bool find_enumerator(const struct btf *btf, const char *name, uint64_t *ret)
{
	for (uint32_t id = 1; id < btf__type_cnt(btf); id++) {
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

struct error *types_enumerator(struct kernel *kernel, const char *name, uint64_t *ret)
{
	struct member_cache_entry **bucket, *entry;
	struct kernel_field field = {0};
	char key[256];

	snprintf(key, sizeof(key), "enum %s", name);
	entry = cache_find(kernel, key, &bucket);
	if (entry) {
		*ret = entry->field.offset;
		return NULL;
	}
	if (!find_enumerator(kernel->btf, name, &field.offset))
		return error_new(ERROR_NOT_FOUND, "no enumerator %s", name);
	*ret = field.offset;
	return cache_add(bucket, key, &field);
}
