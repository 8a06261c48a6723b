/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_KERNEL_RECORDER_H
#define CRASHLAB_KERNEL_RECORDER_H

#include <linux/types.h>

/**
 * The flight recorder: what crashtrigger --record plants in the kernel's memory besides the marker.
 * BPF programs write into the array map RECORDER_MAP, one value per possible CPU, each CPU into its
 * own: when it entered and left the functions of the emergency path (fentry and fexit), and EFER
 * whenever it was read or written there (tracepoints msr:read_msr, msr:write_msr). BPF programs,
 * crashtrigger (mmap) and the analyzer (from the dump) share the layout.
 * Times are CLOCK_MONOTONIC (bpf_ktime_get_ns()), nanoseconds.
 */
#define RECORDER_MAP "crashlab_rec" /* at most 15 bytes: BPF_OBJ_NAME_LEN */
#define RECORDER_MAGIC 0x3143455248535243ULL /* "CRSHREC1" in memory */
#define RECORDER_VERSION 1
#define RECORDER_EVENTS 64 /* the last ones of each CPU; a power of two */
#define RECORDER_FUNCTIONS 16 /* entries of recorder_functions[] */

/** What an event is: one of these, and for a function its index in recorder_functions[]. */
enum recorder_what {
	RECORDER_NOTHING, /* the entry is empty, or was being written when the CPU died */
	RECORDER_ENTER,
	RECORDER_LEAVE,
	RECORDER_EFER_READ,
	RECORDER_EFER_WRITTEN,
};

struct recorder_event {
	__u64 t_ns;
	__u64 value; /* EFER */
	__u32 what;
	__u32 function;
};

/**
 * EFER as one BPF program saw it last. A program that an NMI interrupts does not run again in that
 * NMI (prog->active, kernel/trace/bpf_trace.c, __bpf_trace_run()), so there are two for writes: of
 * a write inside either of them the other one tells.
 */
enum recorder_watcher { WATCH_WRITE, WATCH_WRITE_TOO, WATCH_READ, WATCHERS };

struct recorder_efer {
	__u32 begun, done; /* runs of the program, whatever the MSR; unequal: it was interrupted */
	__u64 begun_after; /* recorder_cpu.sightings when its last run began */
	__u64 sighting; /* the number of the sighting that value is; 0: none yet */
	__u64 value;
	__u64 t_ns;
};

struct recorder_cpu {
	__u64 magic;
	__u32 version;
	__u32 size; /* sizeof(struct recorder_cpu) */
	__u64 initial_efer; /* crashtrigger: by /dev/cpu/N/msr, when everything was attached */
	__u32 has_initial;
	__u32 pad;
	__u64 sightings; /* of EFER */
	struct recorder_efer efer[WATCHERS];
	__u64 count; /* events so far; event N is in events[N % RECORDER_EVENTS] */
	struct recorder_event events[RECORDER_EVENTS];
};

/** A function that is worth recording. */
struct recorder_function {
	const char *name;
	int leaves; /* it comes back, so that its end can be recorded too */
};

/** All of them; the index is recorder_event.function. */
extern const struct recorder_function recorder_functions[RECORDER_FUNCTIONS];

#endif
