/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_TRIGGER_RECORDER_H
#define CRASHLAB_TRIGGER_RECORDER_H

#include <stddef.h>

#include "kernel/recorder.h"
#include "trigger/btf_ids.h"
#include "util/error.h"

struct recorder; /* skeleton of recorder.bpf.c */

/** The flight recorder in the running kernel, attached until recording_deinit(). */
struct recording {
	struct recorder *skeleton;
	int handlers[2]; /* of libbpf, for the programs' section names */
	struct btf_function functions[RECORDER_FUNCTIONS];
	struct bpf_link *links[2 * RECORDER_FUNCTIONS + WATCHERS];
	size_t link_count;
	unsigned recorded; /* functions that are */
	unsigned known_efers; /* on how many CPUs EFER was read at the start */
	struct recorder_cpu *cpus; /* the map's values, shared with the kernel */
	unsigned cpu_count; /* possible CPUs */
};

/**
 * Attach the recorder to as many of recorder_functions[] as this kernel has and lets a BPF program
 * be attached to, and to the MSR tracepoints; then read EFER of every online CPU (/dev/cpu/N/msr,
 * where the driver is loaded). ERROR_UNSUPPORTED when not a single program can be attached: fentry
 * on x86-64 is 5.5, atomic operations that fetch 5.12, BTF of the kernel in /sys/kernel/btf.
 */
struct error *recording_init(struct recording *recording);
void recording_deinit(struct recording *recording);

#endif
