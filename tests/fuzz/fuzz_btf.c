// SPDX-License-Identifier: GPL-2.0-only
/*
 * BTF: any bytes (first byte odd), or a small one with all that the walk knows of changed in
 * places. Every name that is in it is asked for.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "changes.h"
#include "kernel/internal.h"
#include "kernel/type_source.h"
#include "util/cleanup.h"

#define TYPES_ASKED_MAX 64

static struct btf *base; /* owns what is next */
static const uint8_t *whole;
static uint32_t whole_size;

static int print_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static void add_types(struct btf *btf)
{
	int number = btf__add_int(btf, "unsigned int", 4, 0);
	int array = btf__add_array(btf, number, number, 16);
	int inner = btf__add_struct(btf, "inner", 64);

	btf__add_field(btf, "words", array, 0, 0);
	int anonymous = btf__add_union(btf, NULL, 64);

	btf__add_field(btf, "one", inner, 0, 0);
	btf__add_field(btf, "number", number, 0, 0);
	int alias = btf__add_typedef(btf, "alias_t", btf__add_const(btf, anonymous + 2));

	btf__add_struct(btf, "outer", 144);
	btf__add_field(btf, "bits", number, 0, 3);
	btf__add_field(btf, "more", number, 3, 29);
	btf__add_field(btf, "pointer", btf__add_ptr(btf, alias), 64, 0);
	btf__add_field(btf, NULL, anonymous, 128, 0);
	btf__add_field(btf, "two", inner, 640, 0);
	btf__add_enum(btf, "kinds", 4);
	btf__add_enum_value(btf, "KIND_A", 0);
	btf__add_enum_value(btf, "KIND_B", 5);
	btf__add_fwd(btf, "elsewhere", BTF_FWD_STRUCT);
	btf__add_typedef(btf, "outer_t", alias + 1);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	base = btf__new_empty();

	(void)argc;
	(void)argv;
	libbpf_set_print(print_nothing);
	add_types(base);
	whole = btf__raw_data(base, &whole_size);
	return whole ? 0 : 1;
}

/** Each member of @type by its name, and of what that holds. */
static void ask_members(struct type_source *source, const struct btf *btf, const char *name,
			const struct btf_type *type)
{
	struct kernel_field field;
	bool seen = false;

	for (unsigned i = 0; i < btf_vlen(type) && i < 8; i++) {
		const char *member = btf__name_by_offset(btf, btf_members(type)[i].name_off);
		char path[64];

		if (!member)
			continue;
		source->member(source, name, member, &seen, &field);
		snprintf(path, sizeof(path), "%.20s.words", member);
		source->member(source, name, path, &seen, &field);
		snprintf(path, sizeof(path), "%.20s.one.words", member);
		source->member(source, name, path, &seen, &field);
	}
}

static void ask(struct type_source *source, const struct btf *btf)
{
	for (uint32_t id = 1; id < btf__type_cnt(btf) && id < TYPES_ASKED_MAX; id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);
		const char *name = type ? btf__name_by_offset(btf, type->name_off) : NULL;
		uint64_t value;

		if (!name)
			continue;
		source->size(source, name, &value);
		source->enumerator(source, name, &value);
		if (btf_is_composite(type))
			ask_members(source, btf, name, type);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	bool raw = data[0] & 1;
	size_t length = raw ? size - 1 : whole_size;
	_cleanup_free_ uint8_t *bytes = malloc(length + 1);

	memcpy(bytes, raw ? data + 1 : whole, length);
	if (!raw)
		apply_changes(data + 1, size - 1, bytes, length);
	struct btf *btf = btf__new(bytes, length);
	struct type_source *source = NULL;

	if (!btf)
		return 0;
	struct error *err = btf_source_create(btf, 1, &source);

	if (err) {
		error_free(err);
		btf__free(btf);
		return 0;
	}
	ask(source, btf);
	type_source_destroy(source);
	return 0;
}
