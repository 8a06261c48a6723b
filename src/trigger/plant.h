/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_TRIGGER_PLANT_H
#define CRASHLAB_TRIGGER_PLANT_H

#include <stdbool.h>

#include "kernel/marker.h"
#include "trigger/probe.h"
#include "util/error.h"

/** What is planted in the kernel before the strike: the marker, and perhaps the hold at a probe. */
struct plant {
	struct hold *skeleton;
	struct bpf_program *program; /* NULL: nothing that could hold was loaded */
	struct bpf_link *link;
	bool has_look_up;
	struct marker *marker; /* the map's value, shared with the kernel */
};

/**
 * Make the map with the marker in it, cleared; with @hold also load a BPF program that can hold a
 * CPU. ERROR_UNSUPPORTED when this kernel has neither bpf_loop() nor bpf_for_each_map_elem().
 */
struct error *plant_init(struct plant *plant, bool hold);

/**
 * The first probe point of @window that the kernel has under its plain name, by the kernel's own
 * look-up: reading /proc/kallsyms takes seconds on an emulated machine. ERROR_NOT_FOUND when there
 * is none or the kernel is too old (5.16); probe_find() knows more ways. For after plant_init()
 * with a hold.
 */
struct error *plant_find(struct plant *plant, const struct window *window, struct probe *ret);

/**
 * The function called @symbol, wherever it is, at @offset: the same for one named by hand. Only if
 * nothing else bears that name, which not every kernel tells (6.12 does).
 * ERROR_NOT_FOUND when that way does not lead to it.
 */
struct error *plant_find_symbol(struct plant *plant, const char *symbol, uint64_t offset,
				struct probe *ret);

/** The address of @symbol of the kernel image by the same look-up, 0 when it does not tell. */
uint64_t plant_address(struct plant *plant, const char *symbol);

/**
 * Read the code of the function that @probe lies in, as it is in memory now, into @buffer of @size
 * bytes. ERROR_UNSUPPORTED when it does not fit, or the kernel does not let itself be read.
 */
struct error *plant_read_function(struct plant *plant, const struct probe *probe, uint8_t *buffer,
				  size_t size, size_t *ret);

/**
 * Attach the hold at @probe's address. Nothing is held until marker->armed is set. By address
 * rather than by name, which may stand for several functions: perf_event_attr.kprobe_addr
 * (kernel/trace/trace_event_perf.c, perf_kprobe_init(), since 4.17).
 */
struct error *plant_attach(struct plant *plant, const struct probe *probe);

/** Descriptors of the maps with the marker and with the registers, for other BPF objects. */
int plant_mark(const struct plant *plant);
int plant_regs(const struct plant *plant);

void plant_deinit(struct plant *plant);

#endif
