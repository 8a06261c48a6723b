/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_KERNEL_TYPE_SOURCE_H
#define CRASHLAB_KERNEL_TYPE_SOURCE_H

#include <bpf/btf.h>
#include <elfutils/libdw.h>

#include "kernel/kernel.h"

/* Depth of typedefs and of nested anonymous structures; members looked at in one search. */
#define TYPE_DEPTH_MAX 32
#define TYPE_VISITS_MAX 100000

/**
 * Where the layout of structures comes from: BTF (types_btf.c) or DWARF (types_dwarf.c). There may
 * be several structures of one name; the first that has what is asked for counts.
 */
struct type_source {
	/**
	 * True, and where it lies, when a structure called @type has a member at @path, as of
	 * kernel_member(); *@seen becomes true when there is such a structure at all.
	 */
	bool (*member)(struct type_source *source, const char *type, const char *path, bool *seen,
		       struct kernel_field *ret);
	/** True, and its bytes, when there is a structure called @type. */
	bool (*size)(struct type_source *source, const char *type, uint64_t *ret);
	/** True, and its value, when some enumeration has @name. */
	bool (*enumerator)(struct type_source *source, const char *name, uint64_t *ret);
	void (*destroy)(struct type_source *source);
};

static inline void type_source_destroy(struct type_source *source)
{
	if (source)
		source->destroy(source);
}

/**
 * The types of @btf from number @first on: 1 for all, else those that a module has over the
 * kernel's. Takes over @btf if it succeeds; what that is split over must outlive it.
 */
struct error *btf_source_create(struct btf *btf, uint32_t first, struct type_source **ret);

/** The types that @dwarf describes, which stays the caller's. They are looked for as needed. */
struct error *dwarf_source_create(Dwarf *dwarf, struct type_source **ret);

/** FNV-1a, for tables of names. */
static inline uint32_t type_name_hash(const char *text)
{
	uint32_t hash = 2166136261U;

	while (*text)
		hash = (hash ^ (uint8_t)*text++) * 16777619U;
	return hash;
}

#endif
