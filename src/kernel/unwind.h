/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_KERNEL_UNWIND_H
#define CRASHLAB_KERNEL_UNWIND_H

#include "kernel/internal.h"
#include "kernel/orc.h"

/* struct pt_regs of x86-64: 21 words, the same as the first of struct cpu_registers. */
enum {
	REG_R13 = 2,
	REG_BP = 4,
	REG_R10 = 7,
	REG_AX = 10,
	REG_DX = 12,
	REG_DI = 14,
	REG_IP = 16,
	REG_CS = 17,
	REG_SP = 19,
	REG_COUNT = 21,
};

/* A run of stack pointers on one stack. */
struct stack_run {
	uint64_t low, high;
};

/* Task, two interrupt stacks and five exception stacks can be nested. */
#define STACK_RUNS_MAX 8

/* No kernel stack is larger (THREAD_SIZE with KASAN is 32 KiB); longer steps change stacks. */
#define STACK_STEP_MAX 65536

/** Where an unwind has got to; as struct unwind_state of arch/x86/include/asm/unwind.h. */
struct unwinder {
	struct kernel *kernel;
	uint64_t ip, sp, bp;
	bool exact; /* ip is where the CPU was, not where a call will return to */
	bool reliable;
	bool has_regs, full_regs, has_prev; /* as in get_reg() of unwind_orc.c */
	uint64_t regs[REG_COUNT], prev[REG_COUNT];
	struct stack_run runs[STACK_RUNS_MAX];
	size_t run_count;
	const char *stop; /* not NULL: why there is no further frame */
};

/** Learn struct orc_entry's layout and where the image's tables are. ERROR_UNSUPPORTED: no ORC. */
struct error *unwind_tables_init(struct kernel *kernel);

/**
 * The ORC entry for code address @ip. ERROR_NOT_FOUND when ip is in no code that has ORC data;
 * other errors when it has, but the data cannot be read.
 */
struct error *unwind_find_orc(struct kernel *kernel, uint64_t ip, struct orc_entry *ret);

/** Read the stack; on failure sets the reason to stop and returns false. */
bool unwind_read_stack(struct unwinder *u, uint64_t address, void *buffer, size_t size);

/** Go on at @ip, @sp; false, with the reason, when that cannot be a caller's frame. */
bool unwind_go(struct unwinder *u, uint64_t ip, uint64_t sp);

/** True when @address is in any code that is known. */
bool unwind_is_code(struct kernel *kernel, uint64_t address);

/* ---- unwind_generated.c: code that has no ORC data ---- */

/**
 * Step out of BPF code or out of the detour of a jump-optimized kprobe, whose frames are known.
 * False when that cannot be done; then no reason is set and unwind_guess() may follow.
 */
bool unwind_generated(struct unwinder *u, const struct code *code);

/**
 * Step out of an indirect-branch thunk, which has no ORC data (THUNK of arch/x86/lib/retpoline.S:
 * UNWIND_HINT_UNDEFINED), but whose stack is simple. False, without a reason, when ip is in none.
 */
bool unwind_thunk(struct unwinder *u);

/**
 * True when @ip, found where a return address should be, is the start of a function and follows no
 * call: a retpoline is about to "return" to the function that it jumps to, or a new task to its
 * first function. Then ip is exact.
 */
bool unwind_is_jump_target(struct unwinder *u, uint64_t ip);

/**
 * Step by what may be a frame pointer, else to the next word on the stack that looks like a return
 * address: from here on frames are not reliable. False, with the reason, when there is none.
 */
bool unwind_guess(struct unwinder *u);

#endif
