/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_KERNEL_MARKER_H
#define CRASHLAB_KERNEL_MARKER_H

#include <linux/types.h>
#include <stddef.h>

/**
 * What crashtrigger leaves in the kernel's memory before it strikes: the only value of the BPF
 * array map MARKER_MAP. BPF programs, crashtrigger (mmap) and the analyzer (from the dump) share
 * it. All times are CLOCK_MONOTONIC (bpf_ktime_get_ns()), nanoseconds; 0 means "did not happen".
 */
#define MARKER_MAP "crashlab_mark" /* at most 15 bytes: BPF_OBJ_NAME_LEN */
#define MARKER_MAGIC 0x3142414c48535243ULL /* "CRSHLAB1" in memory */
#define MARKER_VERSION 2
#define MARKER_SIZE_1 offsetof(struct marker, seed) /* of version 1 */
#define MARKER_ALWAYS 1000000 /* as frequency */

struct marker {
	__u64 magic;
	__u32 version;
	__u32 size; /* sizeof(struct marker) */
	char case_id[64]; /* NUL-terminated */
	char window[96]; /* name in the windows table, "symbol[+0xoff]", or "none" */
	char probe[96]; /* resolved probe: "symbol+0x0 [module]"; "" when none */
	char reboot[16]; /* name in src/trigger/reboot.c, or "none" */
	char trigger[16]; /* name in src/trigger/panic.c */
	__u64 probe_address; /* kernel address of the probe; 0 when none */
	__u32 panic_cpu;
	__u32 reboot_cpu;
	__u32 armed; /* user: programs may act */
	__u32 flag; /* BPF: reboot CPU is in the hold */
	__u64 hold_ns; /* user: longest hold */
	__u64 delay_ns; /* user: from strike start (timed) or flag (held) to the panic */
	__u64 t_armed; /* user: just before the reboot call */
	__u64 t_hit; /* BPF: hold began */
	__u64 t_last; /* BPF: last turn of the hold */
	__u64 t_end; /* BPF: hold ran to its end (the panic came too late) */
	__u64 t_seen; /* user: panic thread saw the flag */
	__u64 hits; /* BPF: times the probe fired on the reboot CPU, to the one that was held */
	/* since version 2: what the delay and the pass that is held were drawn from */
	__u64 seed;
	__u64 delay_min_ns, delay_max_ns; /* both 0: the delay was given */
	__u32 sweep_index, sweep_count; /* step of a sweep; count 0: none */
	__u32 frequency; /* chance that a pass of the probe is held, in millionths */
	__u32 self; /* the held CPU starts the crash kernel itself, when the hold ends */
	__u64 random; /* BPF: what the next pass is drawn from */
};

#endif
