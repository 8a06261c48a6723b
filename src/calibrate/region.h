/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_CALIBRATE_REGION_H
#define CRASHLAB_CALIBRATE_REGION_H

/* What the BPF programs of region_reader.bpf.c and user space share; behind linux/types.h. */

#define REGION_SIZE 4096

/** A VMCS region as memory has it, and what KVM's record (struct loaded_vmcs) says of it. */
struct region {
	__u64 record; /* address of the struct loaded_vmcs */
	__s32 cpu; /* loaded_vmcs.cpu */
	__u32 launched; /* loaded_vmcs.launched */
	__u64 cr3, cr4, gs_base; /* loaded_vmcs.host_state */
	__u32 taken; /* how often it was read */
	__u32 failed; /* how often it could not be */
	__u8 page[REGION_SIZE];
};

enum region_slot {
	REGION_NOW, /* of the vCPU asked for */
	REGION_BEFORE, /* of the one watched, before the VMCLEAR */
	REGION_AFTER, /* behind it */
	REGION_SLOTS,
};

#endif
