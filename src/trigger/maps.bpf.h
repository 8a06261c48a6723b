/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_TRIGGER_MAPS_BPF_H
#define CRASHLAB_TRIGGER_MAPS_BPF_H

/*
 * The maps that several BPF objects share: hold.bpf.c makes them, the others are given their
 * descriptors. Behind linux/ptrace.h and bpf/bpf_helpers.h.
 */
#include "kernel/marker.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct marker);
} crashlab_mark SEC(".maps");

/* The registers that a dump shall have of a CPU which dies by BPF: see crash.bpf.c. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pt_regs);
} crashlab_regs SEC(".maps");

#endif
