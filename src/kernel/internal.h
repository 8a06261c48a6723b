/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_KERNEL_INTERNAL_H
#define CRASHLAB_KERNEL_INTERNAL_H

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "kernel/kernel.h"
#include "kernel/symbols.h"
#include "kernel/type_file.h"
#include "kernel/type_source.h"
#include "util/text.h"

/* MODULE_NAME_LEN is 56 (include/linux/module.h). */
#define MODULE_NAME_MAX 64

/* More than any list, table or array in a kernel has; what is longer is damaged. */
#define LIST_LIMIT 65536
#define CPU_LIMIT 65536

/** A piece of kernel memory, [start, end). */
struct range {
	uint64_t start;
	uint64_t end;
};

static inline bool range_contains(const struct range *range, uint64_t address)
{
	return address >= range->start && address < range->end;
}

struct module {
	char name[MODULE_NAME_MAX];
	uint64_t address; /* of its struct module */
	struct range text;
	struct range init_text;
	bool symbols_tried;
	struct symbol_source *symbols;
	struct error *symbols_error; /* why there are none */
	bool types_tried;
	struct type_source *types;
	struct error *types_error;
};

/* Generated code: BPF programs and trampolines, ftrace trampolines, kprobe detours. */
enum code_kind {
	CODE_BPF,
	CODE_FTRACE, /* a copy of ftrace_caller or ftrace_regs_caller */
	CODE_KPROBE, /* single-stepped instructions of a kprobe */
	CODE_OPTPROBE, /* detour of a jump-optimized kprobe */
};

struct code {
	enum code_kind kind;
	struct range range;
	uint64_t origin; /* CODE_FTRACE: what it is a copy of */
	char name[160];
};

struct member_cache_entry; /* types.c */
#define MEMBER_BUCKETS 256

struct unwind_tables; /* unwind_tables.c */

struct kernel {
	struct dump *dump;
	const struct kernel_files *files;
	struct text_list notes; /* what was made of the files */
	const char *release;
	struct symbol_source *symbols;
	struct range text, init_text;
	struct type_source *types;
	struct btf *btf; /* that the types are out of, and modules' are split over; NULL: DWARF */
	struct member_cache_entry *members[MEMBER_BUCKETS]; /* answers, by a hash of the question */

	unsigned cpu_limit;
	uint64_t *percpu_offset; /* cpu_limit of them */
	uint8_t *possible, *online; /* bit masks */

	struct module *modules;
	size_t module_count;

	bool code_tried;
	struct code *code; /* by address */
	size_t code_count;

	struct unwind_tables *tables;
};

/* ---- memory.c ---- */

/** Read a pointer or other u64 at @address. */
struct error *read_u64(struct kernel *kernel, uint64_t address, uint64_t *ret);

/** malloc() and fill from @address; more than @limit bytes: ERROR_FORMAT, @what names it. */
struct error *read_block(struct kernel *kernel, uint64_t address, size_t size, size_t limit,
			 const char *what, void **ret);

/** A walk along pointers: all zeroes at its start. */
struct walk {
	uint64_t mark; /* a node seen before, moved on at each power of two (Brent's algorithm) */
	size_t count;
};

/** True when the walk that is now at @node goes in circles, or has been at LIST_LIMIT nodes. */
static inline bool walk_is_endless(struct walk *walk, uint64_t node)
{
	if (walk->count == LIST_LIMIT || (walk->count && node == walk->mark))
		return true;
	if (!(walk->count & (walk->count - 1)))
		walk->mark = node;
	walk->count++;
	return false;
}

/**
 * Walk the circular list at @head (a struct list_head), at most LIST_LIMIT entries: calls
 * @visit(@data, address of the entry that embeds its node at @offset) until it returns an error.
 */
struct error *walk_list(struct kernel *kernel, uint64_t head, uint64_t offset,
			struct error *(*visit)(void *data, uint64_t object), void *data);

/* ---- image.c: kallsyms of the dump ---- */

/** Make the symbol source of the kernel image. ERROR_UNSUPPORTED when VMCOREINFO names none. */
struct error *image_symbols_create(struct kernel *kernel, struct symbol_source **ret);

/* ---- percpu.c ---- */

struct error *percpu_init(struct kernel *kernel);
void percpu_deinit(struct kernel *kernel);

/* ---- types.c ---- */

struct error *types_init(struct kernel *kernel);
void types_deinit(struct kernel *kernel);

/** Make kernel->types out of raw BTF. */
struct error *types_from_btf(struct kernel *kernel, const void *data, size_t size);

/** The value of enumerator @name anywhere in the kernel's types. ERROR_NOT_FOUND. */
struct error *types_enumerator(struct kernel *kernel, const char *name, uint64_t *ret);

/* ---- modules.c ---- */

struct error *modules_init(struct kernel *kernel);
void modules_deinit(struct kernel *kernel);
struct module *module_find(struct kernel *kernel, const char *name);
struct module *module_at(struct kernel *kernel, uint64_t address);

/** The symbols of @module, read when first asked for. */
struct error *module_symbols(struct kernel *kernel, struct module *module,
			     const struct symbol_source **ret);

/** The types that @module has over the kernel's, read when first asked for. */
struct error *module_types(struct kernel *kernel, struct module *module, struct type_source **ret);

/* ---- type_files.c: files given for types ---- */

/**
 * Make kernel->types out of the file given for the kernel, if its own types could not be read for
 * the reason @missing; a file is checked either way, and ERROR_USAGE when it is of another kernel.
 */
struct error *type_files_use(struct kernel *kernel, const struct error *missing);

/** Check each file of a module, and have the module's types read. ERROR_USAGE likewise. */
struct error *type_files_check_modules(struct kernel *kernel);

/**
 * The types of @module out of the file given for it; @missing is why it has none of its own.
 * ERROR_NOT_FOUND when no file was given.
 */
struct error *type_files_read_module(struct kernel *kernel, const struct module *module,
				     const struct error *missing, struct type_source **ret);

/** Make the types of a module out of @size bytes of BTF that are split over the kernel's. */
struct error *module_types_from_btf(struct kernel *kernel, const void *data, size_t size,
				    struct type_source **ret);

/* ---- build_id.c: which build this is ---- */

/** The kernel's build ID, out of VMCOREINFO or its notes in memory. */
struct error *kernel_build_id(struct kernel *kernel, struct build_id *ret);

/** A module's, out of the notes that /sys/module/NAME/notes shows. */
struct error *module_build_id(struct kernel *kernel, const struct module *module,
			      struct build_id *ret);

/* ---- code.c ---- */

/** The generated code that contains @address, or NULL. */
const struct code *code_at(struct kernel *kernel, uint64_t address);

void code_deinit(struct kernel *kernel);

/** True when @address lies in the code of the image or of a module. */
bool is_kernel_text(const struct kernel *kernel, uint64_t address);

/** A copy of @err, for one that is kept and given out more than once. */
struct error *error_copy(const struct error *err);

#endif
