/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_MOMENTS_H
#define CRASHLAB_LAB_MOMENTS_H

#include "lab/truth.h"

#define MOMENTS_SCHEMA "crashlab-moments/1"

/**
 * Compare a verdict.json with a moments.json (docs/interfaces.md, section 6): the last moment, when
 * the panic CPU is about to jump to the crash kernel, with the verdict, as truth_compare() does;
 * and every CPU at every moment with what the flight recorder says of it by then: off once it has
 * left a function that disables virtualization, on while it has not entered one. Where the recorder
 * says off and the verdict knows better (on), that is none of the recorder's business: a function
 * that was passed need not have done its work.
 * *@ret_why is as of truth_compare(); TRUTH_NONE when there are no moments.
 */
enum truth moments_compare(json_object *verdict, json_object *moments, char **ret_why);

/** What to believe when both were compared: the worse of them, and any rather than none. */
enum truth truth_worse(enum truth one, enum truth other);

#endif
