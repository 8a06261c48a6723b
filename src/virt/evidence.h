/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_VIRT_EVIDENCE_H
#define CRASHLAB_VIRT_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

struct evidence {
	enum evidence_property property;
	unsigned cpu; /* CPU, or the CPU whose list or pointer names the VMCS */
	uint64_t vmcs; /* physical address for PROPERTY_VMCS, else 0 */
	enum evidence_state state;
	enum evidence_strength strength;
	const char *source; /* a name from the table of sources in docs/evidence.md: "cr4-shadow" */
	char *reason; /* in words, with the values read; owned */
};

#endif
