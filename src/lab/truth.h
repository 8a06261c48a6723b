/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_TRUTH_H
#define CRASHLAB_LAB_TRUTH_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lab/verdict_file.h"
#include "util/error.h"

/** How what the analyzer found in the dump compares with what the emulator itself knew. */
enum truth {
	TRUTH_NONE, /* not asked for, or nothing to compare */
	TRUTH_AGREES, /* in everything */
	TRUTH_PARTLY, /* in all that the analyzer claims to know, which is not everything */
	TRUTH_DISAGREES
};

/** "", "agrees", "partly", "disagrees", in the order of enum truth. */
extern const char *const truth_names[];

#define TRUTH_SCHEMA "crashlab-truth/1"

/**
 * Compare a verdict.json with a truth.json (docs/interfaces.md, section 6): each CPU's VMX
 * operation and each VMCS. *@ret_why names the first difference, or is NULL; the caller frees it.
 */
enum truth truth_compare(json_object *verdict, json_object *truth, char **ret_why);

#endif
