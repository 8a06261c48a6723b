// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads VMCS regions for calibrate_vmcs: of any vCPU when user space asks, and of one on either
 * side of its VMCLEAR. A region is memory that KVM allocated (alloc_vmcs_cpu(),
 * arch/x86/kvm/vmx/vmx.c), so the kernel's own mapping leads to it.
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "calibrate/region.h"
#include "kernel/look_up.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* Of the kernel's and KVM's types what is read; libbpf finds where it is. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct vmcs_host_state {
	unsigned long cr3, cr4, gs_base;
};
struct loaded_vmcs {
	void *vmcs;
	int cpu;
	bool launched;
	struct vmcs_host_state host_state;
};
/* Begins with its struct kvm_vcpu (vmx_init() has a BUILD_BUG_ON() for that). */
struct vcpu_vmx {
	struct loaded_vmcs *loaded_vmcs;
};
struct file {
	void *private_data;
};
struct fdtable {
	struct file **fd;
};
struct files_struct {
	struct fdtable *fdt;
};
struct task_struct {
	struct files_struct *files;
};
#pragma clang attribute pop

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, REGION_SLOTS);
	__type(key, __u32);
	__type(value, struct region);
} crashlab_region SEC(".maps");

volatile __u64 watched; /* the struct loaded_vmcs whose VMCLEAR is wanted */

static __always_inline void take(struct loaded_vmcs *record, __u32 slot)
{
	struct region *region = bpf_map_lookup_elem(&crashlab_region, &slot);
	void *vmcs = BPF_CORE_READ(record, vmcs);

	if (!region)
		return;
	region->record = (__u64)record;
	region->cpu = BPF_CORE_READ(record, cpu);
	region->launched = BPF_CORE_READ(record, launched);
	region->cr3 = BPF_CORE_READ(record, host_state.cr3);
	region->cr4 = BPF_CORE_READ(record, host_state.cr4);
	region->gs_base = BPF_CORE_READ(record, host_state.gs_base);
	if (vmcs && !bpf_probe_read_kernel(region->page, sizeof(region->page), vmcs))
		region->taken++;
	else
		region->failed++;
}

struct vcpu_file {
	__u32 fd;
};

/* The file of a vCPU has its struct kvm_vcpu (create_vcpu_fd(), virt/kvm/kvm_main.c). */
SEC("syscall")
int take_now(struct vcpu_file *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct file **files = BPF_CORE_READ(task, files, fdt, fd), *file = NULL;
	__u32 fd = ctx->fd;

	bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	struct vcpu_vmx *vcpu = BPF_CORE_READ(file, private_data);

	take(BPF_CORE_READ(vcpu, loaded_vmcs), REGION_NOW);
	return 0;
}

/* Comes on the CPU that has the VMCS. On any other it would do nothing. */
static __always_inline bool is_watched(struct loaded_vmcs *record)
{
	return record && (__u64)record == watched;
}

SEC("fentry/__loaded_vmcs_clear")
int before_clear(__u64 *ctx)
{
	struct loaded_vmcs *record = (void *)ctx[0];

	if (is_watched(record) && BPF_CORE_READ(record, cpu) == (int)bpf_get_smp_processor_id())
		take(record, REGION_BEFORE);
	return 0;
}

SEC("fexit/__loaded_vmcs_clear")
int after_clear(__u64 *ctx)
{
	struct loaded_vmcs *record = (void *)ctx[0];

	if (is_watched(record) && BPF_CORE_READ(record, cpu) == -1)
		take(record, REGION_AFTER);
	return 0;
}
