/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_CALIBRATE_REGIONS_H
#define CRASHLAB_CALIBRATE_REGIONS_H

#include <linux/types.h>
#include <stdbool.h>
#include <stdint.h>

#include "calibrate/region.h"
#include "util/error.h"

/** Reads VMCS regions out of the running kernel's memory, by BPF. */
struct regions {
	struct region_reader *skeleton;
	struct bpf_link *links[2];
	const struct region *slots; /* REGION_SLOTS of them */
	uint32_t cleared; /* VMCLEARs seen so far */
};

/**
 * ERROR_UNSUPPORTED, with what is missing, where the kernel does not give them: without BTF or
 * kvm_intel, before 5.16, or locked down for confidentiality.
 */
struct error *regions_init(struct regions *regions);
void regions_deinit(struct regions *regions);

/** The region of the vCPU with descriptor @vcpu, into slots[REGION_NOW]. */
struct error *regions_take(struct regions *regions, int vcpu);

/** From now on watch for the VMCLEAR of the VMCS with the struct loaded_vmcs at @record. */
void regions_watch(struct regions *regions, uint64_t record);

/** True, once for each VMCLEAR, when slots[REGION_BEFORE] and [REGION_AFTER] have it. */
bool regions_saw_clear(struct regions *regions);

/** The address of the kernel's symbol @name, 0 when it has none. */
uint64_t regions_symbol(struct regions *regions, const char *name);

#endif
