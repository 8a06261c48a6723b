// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames of code that the kernel generated while it ran. The kernel's own unwinder takes all of it
 * for code with frame pointers and calls the rest of the stack unreliable; but of BPF programs and
 * kprobe detours it is known how their frames look.
 */
#define _GNU_SOURCE
#include "kernel/unwind.h"

#include <string.h>

#include "util/cleanup.h"

/* Where a frame is made: before it only nops, endbr, call depth accounting, zeroing of rax. */
#define PROLOGUE_MAX 64

/* Words of the stack that are looked at for a return address. */
#define GUESS_WORDS 2048

static const uint8_t push_rbp_mov_rsp_rbp[] = {0x55, 0x48, 0x89, 0xe5};

/* As unwind_read_stack(), where it is no reason to stop if it cannot be read. */
static bool read_quietly(struct unwinder *u, uint64_t address, void *buffer, size_t size)
{
	struct error *err = dump_read(u->kernel->dump, address, buffer, size);

	error_free(err);
	return !err;
}

/* The target of the direct call that returns to @ip; 0 when there is none. */
static uint64_t call_target(struct unwinder *u, uint64_t ip)
{
	uint8_t code[5];
	int32_t offset;

	if (!read_quietly(u, ip - sizeof(code), code, sizeof(code)) || code[0] != 0xe8)
		return 0;
	memcpy(&offset, code + 1, sizeof(offset));
	return ip + (int64_t)offset;
}

static bool is_call_to(struct unwinder *u, uint64_t ip, const char *name)
{
	uint64_t target;
	struct error *err = kernel_symbol(u->kernel, NULL, name, &target);
	bool same = !err && call_target(u, ip) == target;

	error_free(err);
	return same;
}

/* Leave the frame whose return address lies just below @cfa; @bp is the caller's. */
static bool leave(struct unwinder *u, uint64_t cfa, uint64_t bp)
{
	uint64_t ip;

	if (!unwind_read_stack(u, cfa - sizeof(ip), &ip, sizeof(ip)) || !unwind_go(u, ip, cfa))
		return false;
	u->bp = bp;
	u->exact = false;
	u->has_regs = false;
	u->has_prev = false;
	return true;
}

static bool leave_by_frame_pointer(struct unwinder *u)
{
	uint64_t bp;

	if (u->bp % 8 || u->bp < u->sp || u->bp - u->sp > STACK_STEP_MAX)
		return false;
	return unwind_read_stack(u, u->bp, &bp, sizeof(bp)) && leave(u, u->bp + 16, bp);
}

/* Just behind "leave", at "ret" or the jump to the return thunk: the frame is gone again. */
static bool is_epilogue(struct unwinder *u)
{
	uint8_t code[2];

	return u->exact && read_quietly(u, u->ip - 1, code, sizeof(code)) && code[0] == 0xc9 &&
	       (code[1] == 0xc3 || code[1] == 0xe9 || code[1] == 0xcc);
}

/*
 * A BPF program or trampoline always makes a frame with rbp (emit_prologue() and
 * __arch_prepare_bpf_trampoline(), arch/x86/net/bpf_jit_comp.c), so only before its making and
 * after its end the return address is somewhere else.
 */
static bool leave_bpf(struct unwinder *u, const struct code *code)
{
	uint64_t size = code->range.end - code->range.start, offset = u->ip - code->range.start;
	uint8_t bytes[PROLOGUE_MAX];
	const uint8_t *push;

	if (size > sizeof(bytes))
		size = sizeof(bytes);
	if (!read_quietly(u, code->range.start, bytes, size))
		return false;
	push = memmem(bytes, size, push_rbp_mov_rsp_rbp, sizeof(push_rbp_mov_rsp_rbp));
	if (!push)
		return false;
	if (offset <= (uint64_t)(push - bytes) || is_epilogue(u))
		return leave(u, u->sp + 8, u->bp);
	if (u->exact && offset == (uint64_t)(push - bytes) + 1)
		return leave(u, u->sp + 16, u->bp);
	return leave_by_frame_pointer(u);
}

/*
 * The detour of a jump-optimized kprobe has made a struct pt_regs of the probed place before it
 * calls optimized_callback(), but for ip, which that function fills in
 * (optprobe_template_func, arch/x86/kernel/kprobes/opt.c): one byte behind the probe, as int3
 * would.
 */
static bool leave_optprobe(struct unwinder *u)
{
	uint64_t regs[REG_COUNT];

	if (u->exact || !is_call_to(u, u->ip, "optimized_callback") ||
	    !unwind_read_stack(u, u->sp, regs, sizeof(regs)) ||
	    !unwind_go(u, regs[REG_IP], regs[REG_SP]))
		return false;
	memcpy(u->regs, regs, sizeof(u->regs));
	u->bp = regs[REG_BP];
	u->exact = true;
	u->has_regs = true;
	u->full_regs = true;
	u->has_prev = false;
	return true;
}

bool unwind_generated(struct unwinder *u, const struct code *code)
{
	switch (code->kind) {
	case CODE_BPF:
		return leave_bpf(u, code);
	case CODE_OPTPROBE:
		return leave_optprobe(u);
	default:
		return false;
	}
}

/* ---- retpolines ---- */

/*
 * Such a thunk is called, or jumped to in a tail call, so when it begins the return address is on
 * top of the stack; its own call inside puts one more word there, the address just behind that
 * call, until "mov %reg, (%rsp)" replaces it (from there on there is ORC data).
 */
bool unwind_thunk(struct unwinder *u)
{
	char name[SYMBOL_NAME_MAX];
	uint64_t start, end, word;
	struct error *err;

	if (!u->exact || !is_kernel_text(u->kernel, u->ip))
		return false;
	err = kernel_symbol_at(u->kernel, u->ip, name, sizeof(name), &start, &end);
	if (err || strncmp(name, "__x86_indirect_", strlen("__x86_indirect_"))) {
		error_free(err);
		return false;
	}
	if (!unwind_read_stack(u, u->sp, &word, sizeof(word)))
		return false;
	return leave(u, u->sp + (word >= start && word < u->ip ? 16 : 8), u->bp);
}

/* ---- guessing ---- */

/* Does a call instruction end at @address? Direct (e8), or ff /2 with any addressing. */
static bool is_after_call(struct unwinder *u, uint64_t address)
{
	uint8_t code[7];

	if (!read_quietly(u, address - sizeof(code), code, sizeof(code)))
		return false;
	if (code[2] == 0xe8)
		return true;
	for (size_t i = 0; i + 1 < sizeof(code); i++) {
		if (code[i] == 0xff && (code[i + 1] >> 3 & 7) == 2)
			return true;
	}
	return false;
}

static bool is_return_address(struct unwinder *u, uint64_t word)
{
	return unwind_is_code(u->kernel, word) && is_after_call(u, word);
}

/*
 * Look up the stack for a return address, with @callee only for one to which a call of that very
 * function returns. False without a reason when there is none.
 */
static bool leave_by_search(struct unwinder *u, uint64_t callee)
{
	for (size_t i = 0; i < GUESS_WORDS; i++) {
		uint64_t slot = u->sp + i * sizeof(uint64_t), word;

		if (!read_quietly(u, slot, &word, sizeof(word)))
			return false;
		if (is_return_address(u, word) && (!callee || call_target(u, word) == callee))
			return leave(u, slot + sizeof(word), u->bp);
	}
	return false;
}

bool unwind_is_jump_target(struct unwinder *u, uint64_t ip)
{
	char name[SYMBOL_NAME_MAX];
	uint64_t start = 0, end;

	error_free(kernel_symbol_at(u->kernel, ip, name, sizeof(name), &start, &end));
	return start == ip && !is_after_call(u, ip);
}

static bool find_function(struct unwinder *u, uint64_t *ret)
{
	char name[SYMBOL_NAME_MAX];
	uint64_t end;
	struct error *err = kernel_symbol_at(u->kernel, u->exact ? u->ip : u->ip - 1, name,
					     sizeof(name), ret, &end);

	error_free(err);
	return !err;
}

bool unwind_guess(struct unwinder *u)
{
	uint64_t word, function;

	u->reliable = false;
	/*
	 * The kernel itself is built without frame pointers where it has ORC data: in its text (it
	 * has functions without, such as __crash_kexec()) bp belongs to some caller.
	 */
	if (is_kernel_text(u->kernel, u->ip)) {
		if (find_function(u, &function) && leave_by_search(u, function))
			return true;
	} else if (u->bp % 8 == 0 && u->bp >= u->sp && u->bp - u->sp <= STACK_STEP_MAX &&
		   read_quietly(u, u->bp + 8, &word, sizeof(word)) && is_return_address(u, word)) {
		return leave_by_frame_pointer(u);
	}
	if (!u->stop && leave_by_search(u, 0))
		return true;
	if (!u->stop)
		u->stop = "no return address found";
	return false;
}
