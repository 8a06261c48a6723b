// SPDX-License-Identifier: GPL-2.0-only
/*
 * What structures look like: the kernel's out of the BTF in its image, a module's out of its own
 * BTF; where a dump has none, out of a file that was given.
 */
#include "kernel/internal.h"

#include <errno.h>
#include <string.h>

#include "util/cleanup.h"

/* vmlinux's BTF is 5 MB in 6.12. */
#define BTF_MAX (256U << 20)

/*
 * Answers of kernel_member() and types_enumerator(): the same few are asked for over and over. An
 * enumerator's value is kept as offset.
 */
struct member_cache_entry {
	struct member_cache_entry *next;
	struct kernel_field field;
	char key[];
};

/* ---- the kernel's own ---- */

/* include/asm-generic/vmlinux.lds.h, since 5.5 under this name */
static struct error *read_own(struct kernel *kernel)
{
	_cleanup_free_ void *data = NULL;
	uint64_t start, stop;

	try(kernel_symbol(kernel, NULL, "__start_BTF", &start));
	try(kernel_symbol(kernel, NULL, "__stop_BTF", &stop));
	try(read_block(kernel, start, stop - start, BTF_MAX, "BTF", &data));
	return types_from_btf(kernel, data, stop - start);
}

struct error *types_from_btf(struct kernel *kernel, const void *data, size_t size)
{
	struct btf *btf = btf__new(data, size);

	if (!btf)
		return error_new(ERROR_FORMAT, "the BTF cannot be parsed: %s", strerror(errno));
	btf__set_pointer_size(btf, 8);
	struct error *err = btf_source_create(btf, 1, &kernel->types);

	if (err)
		btf__free(btf);
	else
		kernel->btf = btf;
	return err;
}

struct error *types_init(struct kernel *kernel)
{
	_cleanup_error_ struct error *err = read_own(kernel);

	if (error_is(err, ERROR_NO_MEMORY))
		return take(err);
	try(type_files_use(kernel, err));
	if (kernel->types)
		return NULL;
	if (!error_is(err, ERROR_NOT_FOUND))
		return take(err);
	return error_new(ERROR_UNSUPPORTED,
			 "kernel %s has no BTF in it; give its types by --btf or --vmlinux",
			 kernel->release);
}

void types_deinit(struct kernel *kernel)
{
	for (size_t i = 0; i < MEMBER_BUCKETS; i++) {
		struct member_cache_entry *entry, *next;

		for (entry = kernel->members[i]; entry; entry = next) {
			next = entry->next;
			free(entry);
		}
	}
	type_source_destroy(kernel->types);
}

/* ---- searching ---- */

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

	*bucket = &kernel->members[type_name_hash(key) % MEMBER_BUCKETS];
	for (entry = **bucket; entry && strcmp(entry->key, key);)
		entry = entry->next;
	return entry;
}

/*
 * The sources to look in, the module's first; of a module only what it has over the kernel's. When
 * the module's cannot be read, the kernel's alone are there, and @ret_why tells why.
 */
static struct error *find_sources(struct kernel *kernel, const char *module,
				  struct type_source *ret[2], struct error **ret_why)
{
	struct module *found;

	ret[0] = NULL;
	ret[1] = kernel->types;
	*ret_why = NULL;
	if (!module)
		return NULL;
	found = module_find(kernel, module);
	if (!found)
		return error_new(ERROR_NOT_FOUND, "module %s is not loaded", module);
	*ret_why = module_types(kernel, found, &ret[0]);
	return NULL;
}

static struct error *not_found(const char *type, const char *path, bool seen)
{
	if (seen)
		return error_new(ERROR_NOT_FOUND, "struct %s has no member %s", type, path);
	return error_new(ERROR_NOT_FOUND, "no struct %s (for its member %s)", type, path);
}

static struct error *find_member(struct kernel *kernel, const char *module, const char *type,
				 const char *path, struct kernel_field *ret)
{
	struct type_source *sources[2];
	struct error *why;
	bool seen = false;

	try(find_sources(kernel, module, sources, &why));
	for (int i = 0; i < 2; i++) {
		if (sources[i] && sources[i]->member(sources[i], type, path, &seen, ret)) {
			error_free(why);
			return NULL;
		}
	}
	return why ? error_wrap(why, "%s.%s", type, path) : not_found(type, path, seen);
}

/* ---- interface ---- */

struct error *kernel_member(struct kernel *kernel, const char *module, const char *type,
			    const char *path, struct kernel_field *ret)
{
	struct member_cache_entry **bucket, *entry;
	char key[256];

	if (snprintf(key, sizeof(key), "%s/%s/%s", module ? module : "", type, path) >=
	    (int)sizeof(key))
		return not_found(type, path, true);
	entry = cache_find(kernel, key, &bucket);
	if (entry) {
		*ret = entry->field;
		return NULL;
	}
	try(find_member(kernel, module, type, path, ret));
	return cache_add(bucket, key, ret);
}

struct error *kernel_type_size(struct kernel *kernel, const char *module, const char *type,
			       uint64_t *ret)
{
	struct type_source *sources[2];
	struct error *why;

	try(find_sources(kernel, module, sources, &why));
	for (int i = 0; i < 2; i++) {
		if (sources[i] && sources[i]->size(sources[i], type, ret)) {
			error_free(why);
			return NULL;
		}
	}
	return why ? why : error_new(ERROR_NOT_FOUND, "no struct %s", type);
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
	if (!kernel->types->enumerator(kernel->types, name, &field.offset))
		return error_new(ERROR_NOT_FOUND, "no enumerator %s", name);
	*ret = field.offset;
	return cache_add(bucket, key, &field);
}
