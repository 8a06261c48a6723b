/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_KERNEL_LOOK_UP_BPF_H
#define CRASHLAB_KERNEL_LOOK_UP_BPF_H

/*
 * A BPF object's program that looks up a symbol, much quicker than through /proc/kallsyms. Behind
 * linux/bpf.h and bpf/bpf_helpers.h.
 */

#define LOOK_UP_NAME_SIZE 128

/*
 * User space writes the name, "symbol" or "module:symbol", and perhaps an offset from it, and reads
 * the address (0: no such symbol) and what the kernel says is there, as "%pS" prints it:
 * "name+0x1f/0x80 [module]".
 */
char lookup_name[LOOK_UP_NAME_SIZE];
__u64 lookup_offset;
__u64 lookup_address;
char lookup_said[LOOK_UP_NAME_SIZE];

/* Since 5.16 (bpf_kallsyms_lookup_name). */
SEC("syscall")
int look_up(void *ctx)
{
	__u64 address = 0;

	bpf_kallsyms_lookup_name(lookup_name, sizeof(lookup_name), 0, &address);
	lookup_address = address;
	BPF_SNPRINTF(lookup_said, sizeof(lookup_said), "%pS", (void *)(address + lookup_offset));
	return 0;
}

#endif
