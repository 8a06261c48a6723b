/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_VIRT_EVIDENCE_H
#define CRASHLAB_VIRT_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

/**
 * One fact about one CPU or one VMCS, with its source and how strong it is. Sources only produce
 * evidence; the verdict is a function of the list alone (virt/verdict.h), so that a verdict can be
 * judged again from its JSON when the host adds what only it can see.
 */
enum evidence_property {
	PROPERTY_VMX, /* of a CPU: in VMX operation? */
	PROPERTY_SVM, /* of a CPU: EFER.SVME set? */
	PROPERTY_VMCS, /* of a VMCS: active (its newest contents may be only in the CPU)? */
};

enum evidence_state { STATE_UNKNOWN, STATE_OFF, STATE_ON }; /* of a VMCS: unknown, clear, active */

enum evidence_strength { STRENGTH_INFERRED, STRENGTH_DIRECT };

/**
 * A place that evidence comes from. The table of all of them (evidence_sources[]) is the program's
 * half of docs/evidence.md: nothing else may be named as a source, and no evidence is stronger than
 * its source.
 */
struct evidence_source {
	const char *name;
	unsigned properties; /* 1 << enum evidence_property */
	enum evidence_strength strength; /* the most it can be */
	bool outside; /* it is not read from the dump's memory, so a capsule has to keep it */
	const char *proves; /* one line for people */
	const char *basis; /* where in the kernel or the CPU's manual that is founded */
};

/** All sources, ends with name == NULL. */
extern const struct evidence_source evidence_sources[];

/** The source called @name, or NULL. */
const struct evidence_source *evidence_source_find(const char *name);

struct evidence {
	enum evidence_property property;
	unsigned cpu; /* CPU, or the CPU whose list or pointer names the VMCS */
	uint64_t vmcs; /* PROPERTY_VMCS: physical address, 0: "all that this CPU may have had" */
	enum evidence_state state;
	enum evidence_strength strength;
	const char *source; /* name of an entry of evidence_sources[], not owned */
	char *reason; /* in words, with the values read; owned */
};

struct evidence_list {
	struct evidence *items;
	size_t count;
};

void evidence_list_deinit(struct evidence_list *list);

/**
 * Add a copy of @evidence, with the reason made as by printf. Its source must be in the table and
 * its strength no more than the table allows: ERROR_FORMAT otherwise.
 */
struct error *evidence_add(struct evidence_list *list, struct evidence evidence, const char *format,
			   ...) __attribute__((format(printf, 3, 4)));

/** Take out all evidence from the source called @source. */
void evidence_remove_source(struct evidence_list *list, const char *source);

/* Words for the enumerations, as in verdict.json; the reverse gives false for a foreign word. */
const char *property_name(enum evidence_property property); /* "vmx", "svm", "vmcs" */
const char *strength_name(enum evidence_strength strength); /* "inferred", "direct" */
const char *state_name(enum evidence_property property, enum evidence_state state);
bool property_parse(const char *name, enum evidence_property *ret);
bool strength_parse(const char *name, enum evidence_strength *ret);
bool state_parse(enum evidence_property property, const char *name, enum evidence_state *ret);

#endif
