/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_TRIGGER_FIND_H
#define CRASHLAB_TRIGGER_FIND_H

#include "trigger/insn.h"
#include "trigger/plant.h"
#include "trigger/probe.h"
#include "util/error.h"

/**
 * The probe for @window, a window's name or SYMBOL[+0xOFFSET], or either with "+PLACE"
 * (insn_find(): "emergency+vmxoff"), in the running kernel. @plant is one with a hold. By the
 * kernel's own look-up where that leads to it: going through all symbols takes seconds on an
 * emulated machine. Errors as probe_find() has them.
 */
struct error *find_probe(struct plant *plant, const char *window, struct probe *ret);

/** Split "emergency+vmxoff" into @base and the place; false when @window names no place. */
bool window_place(const char *window, char *base, size_t size, const char **ret);

/** The instructions of the function that @probe lies in, with what they mean, as it is in memory.
 */
struct error *find_instructions(struct plant *plant, const struct probe *probe,
				struct insn_list *ret);

#endif
