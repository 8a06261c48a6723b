// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unwinds a stack as unwind_next_frame() of arch/x86/kernel/unwind_orc.c (6.12) does, by the ORC
 * tables in the dump. What differs: code that the kernel generated is known here for what it is and
 * so is not a guess, and everything read is checked, for nothing in a dump can be trusted.
 */
#include "kernel/unwind.h"

#include <string.h>

#include "util/cleanup.h"

#define FRAMES_MAX 128

/* struct pt_regs from ip on: what the CPU pushes (IRET_FRAME_OFFSET, IRET_FRAME_SIZE). */
#define IRET_WORDS 5

bool unwind_read_stack(struct unwinder *u, uint64_t address, void *buffer, size_t size)
{
	struct error *err = dump_read(u->kernel->dump, address, buffer, size);

	if (err)
		u->stop = error_is(err, ERROR_NO_DATA) ? "stack page not in the dump"
						       : "stack is not mapped";
	error_free(err);
	return !err;
}

/* A stack pointer only grows, and a stack that was left is not come back to. */
static bool move_stack(struct unwinder *u, uint64_t sp)
{
	struct stack_run *run = &u->runs[u->run_count - 1];

	if (sp > run->high && sp - run->high <= STACK_STEP_MAX) {
		run->high = sp;
		return true;
	}
	for (size_t i = 0; i < u->run_count; i++) {
		if (sp >= u->runs[i].low && sp <= u->runs[i].high) {
			u->stop = "stack goes in the wrong direction";
			return false;
		}
	}
	if (u->run_count == STACK_RUNS_MAX) {
		u->stop = "too many stacks";
		return false;
	}
	u->runs[u->run_count++] = (struct stack_run){.low = sp, .high = sp};
	return true;
}

bool unwind_is_code(struct kernel *kernel, uint64_t address)
{
	return is_kernel_text(kernel, address) || code_at(kernel, address);
}

static bool is_symbol(struct kernel *kernel, uint64_t address, const char *name)
{
	uint64_t found;
	struct error *err = kernel_symbol(kernel, NULL, name, &found);
	bool same = !err && found == address;

	error_free(err);
	return same;
}

/*
 * The caller's address was swapped for that of a trampoline, which keeps the real one where only
 * the task knows it: rethook (6.1 on, kretprobes before) and the function graph tracer.
 */
static bool is_return_trampoline(struct kernel *kernel, uint64_t ip)
{
	static const char *const names[] = {"arch_rethook_trampoline", "__kretprobe_trampoline",
					    "kretprobe_trampoline", "return_to_handler"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (is_symbol(kernel, ip, names[i]))
			return true;
	}
	return false;
}

bool unwind_go(struct unwinder *u, uint64_t ip, uint64_t sp)
{
	if (is_return_trampoline(u->kernel, ip)) {
		u->stop = "return address replaced by a return probe or tracer";
		return false;
	}
	if (!unwind_is_code(u->kernel, ip)) {
		u->stop = "return address is no known code";
		return false;
	}
	if (!move_stack(u, sp))
		return false;
	u->ip = ip;
	u->sp = sp;
	return true;
}

static bool get_register(const struct unwinder *u, unsigned number, uint64_t *ret)
{
	if (!u->has_regs || (!u->full_regs && !u->has_prev))
		return false;
	*ret = u->full_regs ? u->regs[number] : u->prev[number];
	return true;
}

/* The previous frame's stack pointer. */
static bool find_sp(struct unwinder *u, const struct orc_entry *orc, uint64_t *ret)
{
	uint64_t offset = (int64_t)orc->sp_offset;
	bool found = true;

	switch (orc->sp_register) {
	case ORC_SP:
		*ret = u->sp + offset;
		break;
	case ORC_BP:
		*ret = u->bp + offset;
		break;
	case ORC_SP_INDIRECT:
		if (!unwind_read_stack(u, u->sp, ret, sizeof(*ret)))
			return false;
		*ret += offset;
		break;
	case ORC_BP_INDIRECT:
		return unwind_read_stack(u, u->bp + offset, ret, sizeof(*ret));
	case ORC_R10:
		found = get_register(u, REG_R10, ret);
		break;
	case ORC_R13:
		found = get_register(u, REG_R13, ret);
		break;
	case ORC_AX:
		found = get_register(u, REG_AX, ret);
		break;
	case ORC_DI:
		found = get_register(u, REG_DI, ret);
		break;
	case ORC_DX:
		found = get_register(u, REG_DX, ret);
		break;
	default:
		found = false;
	}
	if (!found)
		u->stop = "a register needed to go on is not known";
	return found;
}

/* The caller's bp, to be found before ip, sp and registers are replaced. */
static bool find_bp(struct unwinder *u, const struct orc_entry *orc, uint64_t sp, uint64_t *ret)
{
	switch (orc->bp_register) {
	case ORC_UNDEFINED:
		*ret = u->bp; /* unchanged; pt_regs, if any, are looked at by the caller */
		return true;
	case ORC_PREV_SP:
		return unwind_read_stack(u, sp + (int64_t)orc->bp_offset, ret, sizeof(*ret));
	case ORC_BP:
		return unwind_read_stack(u, u->bp + (int64_t)orc->bp_offset, ret, sizeof(*ret));
	default:
		u->stop = "damaged unwind data";
		return false;
	}
}

static bool step_call(struct unwinder *u, uint64_t sp)
{
	uint64_t ip;

	if (!unwind_read_stack(u, sp - sizeof(ip), &ip, sizeof(ip)) || !unwind_go(u, ip, sp))
		return false;
	u->exact = unwind_is_jump_target(u, ip);
	u->has_regs = false;
	u->has_prev = false;
	return true;
}

/* struct pt_regs lie at @sp, all of them or from ip on. */
static bool step_regs(struct unwinder *u, uint64_t sp, bool full)
{
	size_t first = full ? 0 : REG_IP, words = full ? REG_COUNT : IRET_WORDS;
	uint64_t regs[REG_COUNT] = {0};

	if (!unwind_read_stack(u, sp, regs + first, words * sizeof(*regs)))
		return false;
	if (regs[REG_CS] & 3) {
		u->stop = "user mode";
		return false;
	}
	if (!unwind_go(u, regs[REG_IP], regs[REG_SP]))
		return false;
	u->exact = false;
	if (full) {
		u->has_prev = false;
	} else if (u->full_regs) {
		memcpy(u->prev, u->regs, sizeof(u->prev));
		u->has_prev = u->has_regs;
	}
	memcpy(u->regs, regs, sizeof(u->regs));
	u->has_regs = true;
	u->full_regs = full;
	return true;
}

static bool step_orc(struct unwinder *u, const struct orc_entry *orc, struct frame *frame)
{
	uint64_t sp, bp;
	bool regs = orc->type == ORC_TYPE_REGS || orc->type == ORC_TYPE_REGS_PARTIAL;

	if (orc->type == ORC_TYPE_END) {
		u->stop = "end of stack";
		return false;
	}
	if (!find_sp(u, orc, &sp) || !find_bp(u, orc, sp, &bp))
		return false;
	if (regs)
		frame->kind = FRAME_ENTRY;
	if (regs ? !step_regs(u, sp, orc->type == ORC_TYPE_REGS) : !step_call(u, sp))
		return false;
	if (orc->bp_register == ORC_UNDEFINED)
		get_register(u, REG_BP, &bp);
	u->bp = bp;
	if (orc->signal)
		u->exact = true;
	return true;
}

/* A copy of ftrace_caller has the ORC data of the original (orc_ftrace_find()). */
static uint64_t orc_address(const struct unwinder *u, const struct code *code)
{
	/* A call may be the last instruction of its function: ask for the call itself. */
	uint64_t ip = u->exact ? u->ip : u->ip - 1;

	if (code && code->kind == CODE_FTRACE && range_contains(&code->range, ip))
		return code->origin + (ip - code->range.start);
	return ip;
}

static bool step(struct unwinder *u, struct frame *frame)
{
	const struct code *code =
		is_kernel_text(u->kernel, u->ip) ? NULL : code_at(u->kernel, u->ip);
	struct orc_entry orc;
	struct error *err;

	if (code)
		frame->kind = FRAME_GENERATED;
	if (code && code->kind != CODE_FTRACE)
		return unwind_generated(u, code) || (!u->stop && unwind_guess(u));
	err = unwind_find_orc(u->kernel, orc_address(u, code), &orc);
	/* Thunks have no ORC data: UNWIND_HINT_UNDEFINED, and before 6.4 UNWIND_HINT_EMPTY, an end.
	 */
	if (!err && orc.type == ORC_TYPE_END && (unwind_thunk(u) || u->stop))
		return !u->stop;
	if (!err && orc.type != ORC_TYPE_UNDEFINED)
		return step_orc(u, &orc, frame);
	if (err && !error_is(err, ERROR_NOT_FOUND)) {
		u->stop = error_is(err, ERROR_NO_DATA) ? "unwind data not in the dump"
						       : "damaged unwind data";
		error_free(err);
		return false;
	}
	error_free(err);
	return unwind_thunk(u) || (!u->stop && unwind_guess(u));
}

static struct error *add_frame(struct backtrace *trace, const struct unwinder *u)
{
	struct frame *grown = reallocarray(trace->frames, trace->count + 1, sizeof(*grown));

	if (!grown)
		return error_new(ERROR_NO_MEMORY, "out of memory for a stack trace");
	trace->frames = grown;
	grown[trace->count++] = (struct frame){
		.address = u->ip,
		.is_pc = u->exact,
		.reliable = u->reliable,
		.kind = FRAME_NORMAL,
		.stack = u->sp,
	};
	return NULL;
}

static void unwinder_init(struct unwinder *u, struct kernel *kernel,
			  const struct cpu_registers *registers)
{
	*u = (struct unwinder){
		.kernel = kernel,
		.ip = registers->rip,
		.sp = registers->rsp,
		.bp = registers->rbp,
		.exact = true,
		.reliable = true,
		.has_regs = true,
		.full_regs = true,
		.runs = {{.low = registers->rsp, .high = registers->rsp}},
		.run_count = 1,
	};
	_Static_assert(sizeof(u->regs) <= sizeof(*registers), "registers begin with pt_regs");
	memcpy(u->regs, registers, sizeof(u->regs));
}

struct error *kernel_unwind(struct kernel *kernel, const struct cpu_registers *registers,
			    struct backtrace *ret)
{
	struct backtrace trace = {0};
	struct unwinder u;

	unwinder_init(&u, kernel, registers);
	if (registers->cs & 3)
		u.stop = "user mode";
	else
		try(unwind_tables_init(kernel));
	while (!u.stop) {
		struct error *err;

		if (trace.count == FRAMES_MAX) {
			u.stop = "too many frames";
			break;
		}
		err = add_frame(&trace, &u);
		if (err) {
			backtrace_deinit(&trace);
			return err;
		}
		if (!step(&u, &trace.frames[trace.count - 1]) && !u.stop)
			u.stop = "no way on";
	}
	trace.stop = u.stop;
	*ret = trace;
	return NULL;
}

void backtrace_deinit(struct backtrace *backtrace)
{
	free(backtrace->frames);
	memset(backtrace, 0, sizeof(*backtrace));
}
