// SPDX-License-Identifier: GPL-2.0-only
/*
 * Holds the reboot CPU at a kprobe: raises the flag in the marker, then turns until the hold is
 * over or an NMI takes the CPU away for good. Needs no kernel types, so no BTF and no CO-RE.
 */
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>

#include "kernel/look_up.bpf.h"
#include "trigger/draw.h"
#include "trigger/hold.h"
#include "trigger/maps.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* What bpf_for_each_map_elem() walks to turn: its size is set when it is needed. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} hold_turns SEC(".maps");

/* What hold_copy() reads into; made only when that is needed. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(value_size, HOLD_COPY_SIZE);
	__type(key, __u32);
} hold_copied SEC(".maps");

/* For read_code(): from where, and what is there. */
__u64 code_address;
__u8 code_bytes[HOLD_CODE_SIZE];

struct bpf_map;

struct hold_state {
	volatile struct marker *marker;
	bool over;
};

static __always_inline long turn(struct hold_state *state)
{
	volatile struct marker *marker = state->marker;
	__u64 now = bpf_ktime_get_ns();

	marker->t_last = now;
	state->over = now - marker->t_hit >= marker->hold_ns;
	return state->over;
}

static __always_inline bool pass_is_taken(volatile struct marker *marker)
{
	__u64 random = marker->random;
	__u64 drawn = draw_next(&random);

	marker->random = random;
	return drawn % MARKER_ALWAYS < marker->frequency;
}

static __always_inline volatile struct marker *hold_begin(void)
{
	volatile struct marker *marker;
	__u32 key = 0;

	marker = bpf_map_lookup_elem(&crashlab_mark, &key);
	if (!marker || !marker->armed || bpf_get_smp_processor_id() != marker->reboot_cpu)
		return NULL;
	if (marker->flag)
		return NULL;
	marker->hits++;
	if (!pass_is_taken(marker))
		return NULL;
	marker->t_hit = bpf_ktime_get_ns();
	marker->flag = 1;
	return marker;
}

/*
 * Either the hold came to its end, or it was the delay before this CPU dies by itself: calling the
 * helper does it (crash.bpf.c, crash_saved()), with the registers as they are at the probe.
 */
static __always_inline void hold_end(volatile struct marker *marker, const struct pt_regs *ctx)
{
	struct pt_regs *regs;
	__u32 key = 0;

	if (marker->self) {
		regs = bpf_map_lookup_elem(&crashlab_regs, &key);
		if (regs) {
			*regs = *ctx;
			regs->rip = marker->probe_address;
			bpf_ktime_get_boot_ns();
		}
	}
	marker->t_end = bpf_ktime_get_ns();
}

static long loop_turn(__u32 index, struct hold_state *state)
{
	return turn(state);
}

static long loop_turns(__u32 index, struct hold_state *state)
{
	bpf_loop(HOLD_LOOP_TURNS, loop_turn, state, 0);
	return state->over;
}

/* Since 5.17 (bpf_loop). */
SEC("kprobe")
int hold_loop(struct pt_regs *ctx)
{
	struct hold_state state = {.marker = hold_begin()};

	if (!state.marker)
		return 0;
	bpf_loop(HOLD_LOOPS, loop_turns, &state, 0);
	hold_end(state.marker, ctx);
	return 0;
}

static long each_turn(struct bpf_map *map, __u32 *key, __u64 *value, struct hold_state *state)
{
	for (int i = 0; i < HOLD_EACH_TURNS; i++)
		if (turn(state))
			return 1;
	return 0;
}

/* 5.13 to 5.16 (bpf_for_each_map_elem). */
SEC("kprobe")
int hold_each(struct pt_regs *ctx)
{
	struct hold_state state = {.marker = hold_begin()};

	if (!state.marker)
		return 0;
	bpf_for_each_map_elem(&hold_turns, each_turn, &state, 0);
	hold_end(state.marker, ctx);
	return 0;
}

/*
 * 5.5 to 5.12 (bpf_probe_read_kernel): the verifier follows every turn there, so few are allowed,
 * and each has to take long.
 */
SEC("kprobe")
int hold_copy(struct pt_regs *ctx)
{
	struct hold_state state = {.marker = hold_begin()};
	__u32 key = 0;
	void *copied = bpf_map_lookup_elem(&hold_copied, &key);

	if (!state.marker || !copied)
		return 0;
	for (int i = 0; i < HOLD_COPIES && !turn(&state); i++)
		bpf_probe_read_kernel(copied, HOLD_COPY_SIZE, copied);
	hold_end(state.marker, ctx);
	return 0;
}

SEC("syscall")
int read_code(void *ctx)
{
	return bpf_probe_read_kernel(code_bytes, sizeof(code_bytes), (void *)code_address);
}
