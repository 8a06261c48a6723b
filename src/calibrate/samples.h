/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_CALIBRATE_SAMPLES_H
#define CRASHLAB_CALIBRATE_SAMPLES_H

#include "virt/calibration.h"
#include "virt/vmcs_page.h"

/** What had been done to a VMCS, by KVM's own account, when its region was read. */
enum sample_kind {
	SAMPLE_CLEARED, /* VMCLEAR was the last thing */
	SAMPLE_LOADED, /* VMPTRLD, no VMLAUNCH; others were loaded on its CPU since */
	SAMPLE_CURRENT, /* VMLAUNCH and a VM exit, still the CPU's current one */
	SAMPLE_AWAY, /* the same, others were loaded on its CPU since */
	SAMPLE_KINDS,
};

/** "cleared", "loaded", ... */
extern const char *const sample_kind_names[SAMPLE_KINDS];

/** A VMCS region at a known moment. */
struct sample {
	enum sample_kind kind;
	unsigned vmcs; /* which one, from 0 */
	unsigned cpu; /* on which it was loaded */
	bool ran; /* a guest has run with it, so @known is set up */
	uint64_t known[FIELD_COUNT]; /* what KVM wrote to these fields, 0: not known */
	uint8_t page[VMCS_SIZE];
};

/** Samples in the order in which they were taken. */
struct samples {
	struct sample *items;
	size_t count, room;
};

void samples_deinit(struct samples *samples);

/** Room for one more, zeroed; the samples may move. */
struct error *samples_add(struct samples *samples, struct sample **ret);

#endif
