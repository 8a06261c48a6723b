// SPDX-License-Identifier: GPL-2.0-only
/*
 * What dying takes that BPF can do. An object of its own, because a kernel that does not take one
 * of these programs takes none of the object's; user space loads those that the way needs.
 *
 * crash_kexec() is a destructive kfunc for tracing programs since 6.1 (kernel/bpf/helpers.c,
 * generic_btf_ids). A kprobe's program may not call it, but it can call a helper, which is a
 * function that a tracing program can hang on: bpf_ktime_get_boot_ns() (since 5.8), which hardly
 * anybody else uses.
 */
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>

#include "trigger/crash.h"
#include "trigger/hold.h"
#include "trigger/maps.bpf.h"

char LICENSE[] SEC("license") = "GPL";

extern void crash_kexec(struct pt_regs *regs) __ksym;

const volatile __u32 crash_cpu; /* the CPU that is to die */
volatile __u32 crash_thread; /* the thread that makes it, where only that may */
volatile __u32 crash_now; /* user: go */
volatile __u32 panicking; /* BPF: the first panic is under way, and held */
volatile __u32 second_came; /* BPF: the second panic gave way to it */

static __always_inline struct pt_regs *crash_regs(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&crashlab_regs, &key);
}

/*
 * bpf_fentry_test1() is called by running a tracing program for a test. The registers for the dump
 * are those of the thread's system call: BPF has none of its own. They are handed over as a copy,
 * for where they are is no place that a 7.3 verifier trusts.
 */
SEC("fentry/bpf_fentry_test1")
int crash_task(void *ctx)
{
	struct pt_regs *regs = crash_regs();

	if (!regs || bpf_get_smp_processor_id() != crash_cpu)
		return 0;
	bpf_probe_read_kernel(regs, sizeof(*regs),
			      (void *)bpf_task_pt_regs(bpf_get_current_task_btf()));
	crash_kexec(regs);
	return 0;
}

/* Below the helper that whoever saved the registers has called. */
SEC("fentry/bpf_ktime_get_boot_ns")
int crash_saved(void *ctx)
{
	struct pt_regs *regs = crash_regs();

	if (regs && regs->rip && bpf_get_smp_processor_id() == crash_cpu)
		crash_kexec(regs);
	return 0;
}

/*
 * open(2) of the thread gets a struct file that is none: security_file_alloc()'s result becomes
 * ERR_PTR(), and only small negative numbers are known as errors again (fs/file_table.c,
 * alloc_empty_file(); fs/namei.c, path_openat()).
 */
SEC("fmod_ret/security_file_alloc")
int break_open(void *ctx)
{
	return crash_now && (__u32)bpf_get_current_pid_tgid() == crash_thread ? CRASH_BAD_FILE : 0;
}

struct stick_state {
	__u64 until;
	volatile __u32 *flag; /* ends it early */
};

static long stick_turn(__u32 index, struct stick_state *state)
{
	return bpf_ktime_get_ns() >= state->until || (state->flag && *state->flag);
}

static long stick_turns(__u32 index, struct stick_state *state)
{
	bpf_loop(HOLD_LOOP_TURNS, stick_turn, state, 0);
	return stick_turn(index, state);
}

/* The thread does not come out of the kernel for a while: a soft lockup. */
SEC("fentry/bpf_fentry_test1")
int stick(void *ctx)
{
	struct stick_state state = {.until = bpf_ktime_get_ns() + CRASH_STUCK_NS};

	if (bpf_get_smp_processor_id() == crash_cpu)
		bpf_loop(HOLD_LOOPS, stick_turns, &state, 0);
	return 0;
}

/* The marker, where the first panic is what passes here; NULL for any other. */
static __always_inline volatile struct marker *first_panic(void)
{
	volatile struct marker *marker;
	__u32 key = 0;

	marker = bpf_map_lookup_elem(&crashlab_mark, &key);
	if (!marker || !crash_now || panicking || bpf_get_smp_processor_id() != crash_cpu)
		return NULL;
	panicking = 1;
	return marker;
}

/*
 * panic() calls this when it is the first (kernel/panic.c, panic_cpu), with interrupts off, once it
 * has printed. It waits there for the second one.
 */
SEC("kprobe/__crash_kexec")
int hold_panic(void *ctx)
{
	struct stick_state state = {.until = bpf_ktime_get_ns() + CRASH_FIRST_NS,
				    .flag = &second_came};
	volatile struct marker *marker = first_panic();

	if (!marker)
		return 0;
	bpf_loop(HOLD_LOOP_TURNS, stick_turn, &state, 0);
	/* No second panic, no such case: the hold counts as ended, so nothing is hit. */
	if (!second_came)
		marker->t_end = bpf_ktime_get_ns();
	return 0;
}

/* Where a panic() that is not the first goes. */
SEC("kprobe/panic_smp_self_stop")
int see_second(void *ctx)
{
	second_came = 1;
	return 0;
}

/* The same place, where the reboot is let go while the panic waits. */
SEC("kprobe/__crash_kexec")
int let_go(void *ctx)
{
	struct stick_state state = {.until = bpf_ktime_get_ns() + CRASH_OVERTAKEN_NS};
	volatile struct marker *marker = first_panic();

	if (!marker)
		return 0;
	marker->hold_ns = 0;
	bpf_loop(HOLD_LOOP_TURNS, stick_turn, &state, 0);
	return 0;
}
