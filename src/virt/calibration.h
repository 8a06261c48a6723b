/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_VIRT_CALIBRATION_H
#define CRASHLAB_VIRT_CALIBRATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

#define CALIBRATION_SCHEMA "crashlab-calibration/1"

/** A model of CPU, as struct cpuinfo_x86 has it (arch/x86/include/asm/processor.h). */
struct cpu_model {
	char vendor[16]; /* "GenuineIntel" */
	unsigned family, model, stepping;
	uint32_t microcode;
};

bool cpu_model_same(const struct cpu_model *a, const struct cpu_model *b);

/** Fields of a VMCS that a dump can check, because it knows what has to be in them. */
enum calibrated_field {
	FIELD_HOST_RIP,
	FIELD_HOST_CR3,
	FIELD_HOST_CR4,
	FIELD_HOST_GS_BASE,
	FIELD_LINK_POINTER,
	FIELD_COUNT,
};

extern const char *const calibrated_field_names[FIELD_COUNT]; /* "host_rip" */

/**
 * Where a CPU keeps the launch state in a VMCS region, learnt on such a CPU, for Intel does not
 * publish it (docs/interfaces.md, section 4).
 */
struct calibration {
	char *path;
	struct cpu_model cpu;
	uint32_t revision; /* of the VMCSs it is about */
	unsigned offset, width; /* of the launch state, bytes */
	uint64_t mask, clear, launched; /* the bits of it, and their values */
	bool at_launch; /* VMLAUNCH was seen to write it to memory at once */
	unsigned fields[FIELD_COUNT]; /* offsets, 0: not known */
	bool used; /* a VMCS was judged by it */
};

struct calibrations {
	struct calibration *items;
	size_t count;
};

void calibrations_deinit(struct calibrations *list);

/** Add the one in the JSON @text to @list. ERROR_FORMAT says what is wrong with it. */
struct error *calibrations_add(struct calibrations *list, const char *path, const char *text);

/** The calibration for VMCSs of @revision, or NULL; @list may be NULL. */
struct calibration *calibrations_find(const struct calibrations *list, uint32_t revision);

#endif
