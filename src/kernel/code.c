// SPDX-License-Identifier: GPL-2.0-only
/*
 * Code that the kernel generated while it ran and that no symbol table knows: what the kernel's own
 * kallsyms would say of it is gathered from the lists it keeps.
 */
#include "kernel/internal.h"

#include <string.h>

#include "util/cleanup.h"

#define PAGE_BYTES 4096

/* A program is at most a few MB, an ftrace trampoline a page. */
#define CODE_MAX (64U << 20)

static struct error *add_code(struct kernel *kernel, const struct code *code)
{
	struct code *grown;

	if (code->range.end <= code->range.start || code->range.end - code->range.start > CODE_MAX)
		return NULL;
	grown = reallocarray(kernel->code, kernel->code_count + 1, sizeof(*grown));
	if (!grown)
		return error_new(ERROR_NO_MEMORY, "out of memory for code");
	kernel->code = grown;
	grown[kernel->code_count++] = *code;
	return NULL;
}

/* ---- BPF: struct bpf_ksym, linked at bpf_kallsyms (kernel/bpf/core.c, since 5.7) ---- */

static struct error *add_bpf(void *data, uint64_t object)
{
	struct code code = {.kind = CODE_BPF};
	struct kernel *kernel = data;
	struct kernel_field name;

	try(kernel_read_member(kernel, NULL, "bpf_ksym", "start", object, &code.range.start));
	try(kernel_read_member(kernel, NULL, "bpf_ksym", "end", object, &code.range.end));
	try(kernel_member(kernel, NULL, "bpf_ksym", "name", &name));
	try(dump_read_string(kernel->dump, object + name.offset, code.name, sizeof(code.name)));
	return add_code(kernel, &code);
}

static struct error *find_bpf(struct kernel *kernel)
{
	struct kernel_field list;
	uint64_t head;

	try(kernel_symbol(kernel, NULL, "bpf_kallsyms", &head));
	try(kernel_member(kernel, NULL, "bpf_ksym", "lnode", &list));
	return walk_list(kernel, head, list.offset, add_bpf, kernel);
}

/* ---- ftrace: struct ftrace_ops, linked at ftrace_ops_list (kernel/trace/ftrace.c) ---- */

static struct error *add_ftrace(struct kernel *kernel, uint64_t ops)
{
	struct code code = {.kind = CODE_FTRACE, .name = "ftrace_trampoline"};
	uint64_t size, flags, save_regs;

	try(kernel_read_member(kernel, NULL, "ftrace_ops", "trampoline", ops, &code.range.start));
	try(kernel_read_member(kernel, NULL, "ftrace_ops", "trampoline_size", ops, &size));
	if (!code.range.start || !size || size > CODE_MAX)
		return NULL;
	code.range.end = code.range.start + size;
	try(kernel_read_member(kernel, NULL, "ftrace_ops", "flags", ops, &flags));
	try(types_enumerator(kernel, "FTRACE_OPS_FL_SAVE_REGS", &save_regs));
	/* create_trampoline(), arch/x86/kernel/ftrace.c, copies one of these two. */
	try(kernel_symbol(kernel, NULL, flags & save_regs ? "ftrace_regs_caller" : "ftrace_caller",
			  &code.origin));
	return add_code(kernel, &code);
}

static struct error *find_ftrace(struct kernel *kernel)
{
	struct walk walk = {};
	uint64_t ops, last;

	try(kernel_read_variable(kernel, NULL, "ftrace_ops_list", sizeof(ops), &ops));
	try(kernel_symbol(kernel, NULL, "ftrace_list_end", &last));
	while (ops && ops != last) {
		if (walk_is_endless(&walk, ops))
			return error_new(ERROR_FORMAT, "ftrace_ops_list does not end");
		try(add_ftrace(kernel, ops));
		try(kernel_read_member(kernel, NULL, "ftrace_ops", "next", ops, &ops));
	}
	return NULL;
}

/* ---- kprobes: struct kprobe_insn_page, linked at the two caches (kernel/kprobes.c) ---- */

struct slot_query {
	struct kernel *kernel;
	struct code code;
};

static struct error *add_slots(void *data, uint64_t object)
{
	struct slot_query *query = data;
	uint64_t start;

	try(kernel_read_member(query->kernel, NULL, "kprobe_insn_page", "insns", object, &start));
	query->code.range = (struct range){.start = start, .end = start + PAGE_BYTES};
	return add_code(query->kernel, &query->code);
}

static struct error *find_slots(struct kernel *kernel, const char *cache, const char *name,
				enum code_kind kind)
{
	struct slot_query query = {.kernel = kernel, .code = {.kind = kind}};
	struct kernel_field pages, list;
	uint64_t address;

	strcpy(query.code.name, name);
	try(kernel_symbol(kernel, NULL, cache, &address));
	try(kernel_member(kernel, NULL, "kprobe_insn_cache", "pages", &pages));
	try(kernel_member(kernel, NULL, "kprobe_insn_page", "list", &list));
	return walk_list(kernel, address + pages.offset, list.offset, add_slots, &query);
}

static void find_code(struct kernel *kernel)
{
	/*
	 * A list that cannot be read, or that this kernel does not have, only leaves code unnamed;
	 * the unwinder then says that it had to guess.
	 */
	error_free(find_bpf(kernel));
	error_free(find_ftrace(kernel));
	error_free(find_slots(kernel, "kprobe_insn_slots", "kprobe_insn_page", CODE_KPROBE));
	error_free(
		find_slots(kernel, "kprobe_optinsn_slots", "kprobe_optinsn_page", CODE_OPTPROBE));
}

const struct code *code_at(struct kernel *kernel, uint64_t address)
{
	if (!kernel->code_tried) {
		kernel->code_tried = true;
		find_code(kernel);
	}
	for (size_t i = 0; i < kernel->code_count; i++) {
		if (range_contains(&kernel->code[i].range, address))
			return &kernel->code[i];
	}
	return NULL;
}

void code_deinit(struct kernel *kernel)
{
	free(kernel->code);
}
