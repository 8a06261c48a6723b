// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>

#include "util/cleanup.h"
#include "virt/vmcs.h"

/* Bounds of the walk: more VMs or vCPUs than any machine runs. KVM's own limit of vCPUs is 4096. */
#define MAX_VMS 65536
#define MAX_VCPUS 4096
#define MAX_DEPTH 8

struct vm_layout {
	const char *module;
	struct kernel_field vm_list, online; /* struct kvm */
	struct kernel_field vcpus; /* vcpu_array (since 5.17) or the array vcpus[] */
	bool xarray;
	struct kernel_field xa_head, xa_shift, xa_slots; /* struct xarray, xa_node */
	struct kernel_field vcpu, vmcs01, vmcs02; /* struct vcpu_vmx */
	struct kernel_field vcpu_cpu; /* struct kvm_vcpu */
};

static struct error *find_layout(struct collector *collector, struct vm_layout *ret)
{
	const char *module = collector->kvm_intel;
	const struct {
		const char *type, *path;
		struct kernel_field *ret;
	} members[] = {
		{"kvm", "vm_list", &ret->vm_list},
		{"kvm", "online_vcpus", &ret->online},
		{"vcpu_vmx", "vcpu", &ret->vcpu},
		{"vcpu_vmx", "vmcs01", &ret->vmcs01},
		{"vcpu_vmx", "nested.vmcs02", &ret->vmcs02},
		{"kvm_vcpu", "cpu", &ret->vcpu_cpu},
	};

	ret->module = module;
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
		try(kernel_member(collector->kernel, module, members[i].type, members[i].path,
				  members[i].ret));
	_cleanup_error_ struct error *none =
		kernel_member(collector->kernel, module, "kvm", "vcpu_array", &ret->vcpus);

	ret->xarray = !none;
	if (error_is(none, ERROR_NOT_FOUND))
		return error_wrap(
			kernel_member(collector->kernel, module, "kvm", "vcpus", &ret->vcpus),
			"%s; nor as before 5.17", none->message);
	if (none)
		return take(none);
	try(kernel_member(collector->kernel, module, "xarray", "xa_head", &ret->xa_head));
	try(kernel_member(collector->kernel, module, "xa_node", "shift", &ret->xa_shift));
	try(kernel_member(collector->kernel, module, "xa_node", "slots", &ret->xa_slots));
	return ret->xa_slots.size ? NULL : error_new(ERROR_FORMAT, "struct xa_node has no slots");
}

/**
 * xa_load(): an entry whose low bits are 10 is internal, and a node when it is above 4096; without
 * a node the array has only index 0 (xa_is_node(), include/linux/xarray.h). Gives 0 for an empty
 * or reserved place.
 */
static struct error *xa_load(struct collector *collector, const struct vm_layout *layout,
			     uint64_t array, unsigned index, uint64_t *ret)
{
	uint64_t entry, shift, slots = layout->xa_slots.size / 8;
	int depth = 0;

	*ret = 0;
	try(kernel_read_uint(collector->kernel, array + layout->xa_head.offset, 8, &entry));
	for (; (entry & 3) == 2 && entry > 4096; depth++) {
		uint64_t node = entry - 2, slot;

		if (depth == MAX_DEPTH)
			return error_new(ERROR_FORMAT, "vcpu_array is too deep");
		try(kernel_read_uint(collector->kernel, node + layout->xa_shift.offset, 1, &shift));
		slot = shift < 32 ? index >> shift : 0;
		/* Only the root may be too small for the index; below it the high bits are used. */
		if (depth)
			slot %= slots;
		if (slot >= slots)
			return NULL;
		try(kernel_read_uint(collector->kernel, node + layout->xa_slots.offset + slot * 8,
				     8, &entry));
	}
	if (!(entry & 3) && (depth || !index))
		*ret = entry;
	return NULL;
}

static struct error *load_vcpu(struct collector *collector, const struct vm_layout *layout,
			       uint64_t kvm, unsigned index, uint64_t *ret)
{
	uint64_t vcpus = kvm + layout->vcpus.offset;

	if (layout->xarray)
		return xa_load(collector, layout, vcpus, index, ret);
	if (index >= layout->vcpus.size / 8)
		return error_new(ERROR_FORMAT, "online_vcpus is beyond the array");
	return kernel_read_uint(collector->kernel, vcpus + index * 8ull, 8, ret);
}

static struct error *add_vcpu(struct collector *collector, const struct vm_layout *layout,
			      const struct vmcs_layout *vmcs, uint64_t vcpu, struct vmcs_refs *refs)
{
	uint64_t vmx = vcpu - layout->vcpu.offset, cpu;

	try(kernel_read_uint(collector->kernel, vcpu + layout->vcpu_cpu.offset, 4, &cpu));
	try(vmcs_add_loaded(collector, vmcs, vmx + layout->vmcs01.offset, (int)cpu, false, refs));
	return vmcs_add_loaded(collector, vmcs, vmx + layout->vmcs02.offset, (int)cpu, false, refs);
}

static struct error *add_vm(struct collector *collector, const struct vm_layout *layout,
			    const struct vmcs_layout *vmcs, uint64_t kvm, struct vmcs_refs *refs)
{
	uint64_t online, vcpu;

	try(kernel_read_uint(collector->kernel, kvm + layout->online.offset, 4, &online));
	if (online > MAX_VCPUS)
		return error_new(ERROR_FORMAT, "online_vcpus is %" PRIu64, online);
	for (unsigned i = 0; i < online; i++) {
		try(load_vcpu(collector, layout, kvm, i, &vcpu));
		if (vcpu)
			try(add_vcpu(collector, layout, vmcs, vcpu, refs));
	}
	return NULL;
}

static struct error *walk(struct collector *collector, const struct vmcs_layout *vmcs,
			  struct vmcs_refs *refs)
{
	struct vm_layout layout = {};
	uint64_t head, next;

	try(kernel_symbol(collector->kernel, "*", "vm_list", &head));
	try(kernel_read_uint(collector->kernel, head, 8, &next));
	if (next == head)
		return NULL;
	try(find_layout(collector, &layout));
	for (unsigned i = 0; next != head; i++) {
		if (i == MAX_VMS)
			return error_new(ERROR_FORMAT, "the list does not end");
		try(add_vm(collector, &layout, vmcs, next - layout.vm_list.offset, refs));
		try(kernel_read_uint(collector->kernel, next, 8, &next));
	}
	return NULL;
}

struct error *vmcs_find_in_vms(struct collector *collector, const struct vmcs_layout *layout,
			       struct vmcs_refs *refs)
{
	return error_wrap(walk(collector, layout, refs), "vm_list");
}
