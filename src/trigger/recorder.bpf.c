// SPDX-License-Identifier: GPL-2.0-only
/*
 * The flight recorder's programs. fentry, fexit and raw tracepoints, not kprobes: those are not run
 * on a CPU that is held in a kprobe's program (bpf_prog_active, kernel/trace/bpf_trace.c), which is
 * where the NMI finds the reboot CPU.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "kernel/cpu_bits.h"
#include "kernel/recorder.h"

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* user space sets the number of possible CPUs */
	__type(key, __u32);
	__type(value, struct recorder_cpu);
} crashlab_rec SEC(".maps");

static __always_inline struct recorder_cpu *this_cpu(void)
{
	__u32 key = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&crashlab_rec, &key);
}

/* An NMI may come between any two of these lines, and record events of its own. */
static __always_inline void note(struct recorder_cpu *cpu, __u32 what, __u32 function, __u64 value)
{
	__u64 number = __sync_fetch_and_add(&cpu->count, 1);
	volatile struct recorder_event *event = &cpu->events[number % RECORDER_EVENTS];

	event->what = RECORDER_NOTHING;
	event->t_ns = bpf_ktime_get_ns();
	event->function = function;
	event->value = value;
	event->what = what;
}

static __always_inline int pass(__u32 what, __u32 function)
{
	struct recorder_cpu *cpu = this_cpu();

	if (cpu)
		note(cpu, what, function, 0);
	return 0;
}

/*
 * One program is attached to one function, so each has programs of its own: fentry and fexit,
 * which src/trigger/recorder.c makes of these section names.
 */
#define FUNCTION(n)                             \
	SEC("crashlab_enter")                   \
	int enter_##n(void *ctx)                \
	{                                       \
		return pass(RECORDER_ENTER, n); \
	}                                       \
	SEC("crashlab_leave")                   \
	int leave_##n(void *ctx)                \
	{                                       \
		return pass(RECORDER_LEAVE, n); \
	}

FUNCTION(0)
FUNCTION(1)
FUNCTION(2) FUNCTION(3) FUNCTION(4) FUNCTION(5) FUNCTION(6) FUNCTION(7) FUNCTION(8) FUNCTION(9)
	FUNCTION(10) FUNCTION(11) FUNCTION(12) FUNCTION(13) FUNCTION(14) FUNCTION(15)

	/* args: MSR, value, whether it faulted (arch/x86/include/asm/msr-trace.h). */
	static __always_inline
	int see(struct bpf_raw_tracepoint_args *ctx, enum recorder_watcher watcher, __u32 what)
{
	struct recorder_cpu *cpu = this_cpu();

	if (!cpu)
		return 0;
	volatile struct recorder_efer *efer = &cpu->efer[watcher];

	efer->begun_after = cpu->sightings;
	efer->begun++;
	if ((__u32)ctx->args[0] == MSR_EFER && !(__u32)ctx->args[2]) {
		__u64 value = ctx->args[1];

		efer->value = value;
		efer->t_ns = bpf_ktime_get_ns();
		efer->sighting = __sync_fetch_and_add(&cpu->sightings, 1) + 1;
		if (watcher != WATCH_WRITE_TOO)
			note(cpu, what, 0, value);
	}
	efer->done++;
	return 0;
}

SEC("raw_tp/write_msr")
int efer_written(struct bpf_raw_tracepoint_args *ctx)
{
	return see(ctx, WATCH_WRITE, RECORDER_EFER_WRITTEN);
}

SEC("raw_tp/write_msr")
int efer_written_too(struct bpf_raw_tracepoint_args *ctx)
{
	return see(ctx, WATCH_WRITE_TOO, RECORDER_EFER_WRITTEN);
}

SEC("raw_tp/read_msr")
int efer_read(struct bpf_raw_tracepoint_args *ctx)
{
	return see(ctx, WATCH_READ, RECORDER_EFER_READ);
}
