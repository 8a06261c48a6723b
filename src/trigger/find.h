/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_TRIGGER_FIND_H
#define CRASHLAB_TRIGGER_FIND_H

#include "trigger/plant.h"
#include "trigger/probe.h"
#include "util/error.h"

/**
 * The probe for @window, a window's name or SYMBOL[+0xOFFSET], in the running kernel. @plant is one
 * with a hold. By the kernel's own look-up where that leads to it: going through all symbols takes
 * seconds on an emulated machine. Errors as probe_find() has them.
 */
struct error *find_probe(struct plant *plant, const char *window, struct probe *ret);

#endif
