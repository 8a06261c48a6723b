/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_TRIGGER_PROBE_H
#define CRASHLAB_TRIGGER_PROBE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "kernel/windows.h"
#include "util/error.h"

#define PROBE_ANY_MODULE "*" /* as window_probe.module: the kernel image or any module */
#define PROBE_SYMBOL_SIZE 80
#define PROBE_MODULE_SIZE 64
#define PROBE_NAME_SIZE 96 /* as struct marker has it */

/** One instruction of the running kernel at which a kprobe can be put. */
struct probe {
	char symbol[PROBE_SYMBOL_SIZE]; /* as the kernel names it, suffix included; "": none */
	char module[PROBE_MODULE_SIZE]; /* "" for the kernel image */
	uint64_t offset; /* bytes from the symbol */
	uint64_t address; /* of the symbol plus the offset */
};

/** Take "symbol" or "symbol+0x1f" apart; the offset is hexadecimal. ERROR_USAGE if it is neither.
 */
struct error *probe_parse(const char *text, char symbol[PROBE_SYMBOL_SIZE], uint64_t *offset);

/**
 * Find the first of @wanted (ends with symbol == NULL) that the kernel has, at @offset into it, in
 * @kallsyms, a file that reads as /proc/kallsyms does.
 *
 * A function goes by its plain name, or by that name with what compilers put behind it for a
 * function that is still whole: .constprop.N, .isra.N, .llvm.N. The pieces .cold and .part.N are
 * never taken: the reboot path need not pass there. ERROR_NOT_FOUND when there is none,
 * ERROR_UNSUPPORTED when the name stands for several functions, when the kernel hides its
 * addresses or when the function is shorter than @offset.
 */
struct error *probe_find(FILE *kallsyms, const struct window_probe *wanted, uint64_t offset,
			 struct probe *ret);

/**
 * Take the symbol, the module and the offset from @said, "name+0x1f/0x80 [module]" as the kernel's
 * "%pS" has it. False, and @ret untouched, when that is not @symbol at @offset: another function
 * lies there.
 */
bool probe_take(const char *said, const char *symbol, uint64_t offset, struct probe *ret);

/** "symbol+0x1f [module]" into @buffer, as in struct marker; "none" when @probe is none. */
void probe_format(const struct probe *probe, char *buffer, size_t size);

#endif
