// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdlib.h>

#include "util/cleanup.h"
#include "virt/vmcs.h"

/* As many as one CPU can sensibly have loaded; a longer list is a loop or damage. */
#define MAX_LIST 65536

bool vmcs_is_loaded(const struct vmcs_ref *ref)
{
	return ref->listed || ref->current || ref->loaded_cpu >= 0;
}

/** The reference to the region at @address, new or known: one region is one subject. */
static struct error *add_ref(struct collector *collector, uint64_t address, struct vmcs_refs *refs,
			     struct vmcs_ref **ret, bool *is_new)
{
	uint64_t physical;

	struct error *err = dump_virtual_to_physical(collector->dump, address, &physical);
	if (err)
		return error_wrap(err, "VMCS at 0x%" PRIx64, address);
	if (!physical || physical % VMCS_SIZE)
		return error_new(ERROR_FORMAT, "VMCS at 0x%" PRIx64 " is not at a page of its own",
				 address);
	*is_new = false;
	for (size_t i = 0; i < refs->count; i++) {
		if (refs->items[i].physical == physical) {
			*ret = &refs->items[i];
			return NULL;
		}
	}
	try(array_grow((void **)&refs->items, &refs->count, sizeof(*refs->items)));
	*ret = &refs->items[refs->count - 1];
	(*ret)->address = address;
	(*ret)->physical = physical;
	(*ret)->loaded_cpu = -1;
	*is_new = true;
	return NULL;
}

static struct error *read_field(struct collector *collector, uint64_t object,
				const struct kernel_field *field, uint64_t *ret)
{
	return kernel_read_uint(collector->kernel, object + field->offset, field->size, ret);
}

struct error *vmcs_add_loaded(struct collector *collector, const struct vmcs_layout *layout,
			      uint64_t loaded, int cpu, bool listed, struct vmcs_refs *refs)
{
	uint64_t regions[2], loaded_cpu, launched;
	struct vmcs_ref *ref;
	bool is_new;

	try(read_field(collector, loaded, &layout->vmcs, &regions[0]));
	try(read_field(collector, loaded, &layout->shadow_vmcs, &regions[1]));
	try(read_field(collector, loaded, &layout->cpu, &loaded_cpu));
	try(read_field(collector, loaded, &layout->launched, &launched));
	if ((int)loaded_cpu >= 0 && !listed)
		cpu = (int)loaded_cpu;
	for (int shadow = 0; shadow < 2; shadow++) {
		if (!regions[shadow])
			continue;
		try(add_ref(collector, regions[shadow], refs, &ref, &is_new));
		if (is_new)
			ref->cpu = cpu < 0 ? 0 : cpu;
		ref->listed |= listed && !shadow;
		ref->shadow |= shadow;
		ref->loaded_vmcs = loaded;
		ref->loaded_cpu = (int)loaded_cpu;
		ref->launched = launched && !shadow;
	}
	return NULL;
}

/** list_for_each_entry(v, &per_cpu(loaded_vmcss_on_cpu, cpu), loaded_vmcss_on_cpu_link) */
static struct error *walk_list(struct collector *collector, const struct vmcs_layout *layout,
			       unsigned cpu, struct vmcs_refs *refs)
{
	uint64_t head, next;

	try(kernel_percpu_address(collector->kernel, layout->list, cpu, &head));
	try(kernel_read_uint(collector->kernel, head, 8, &next));
	for (unsigned i = 0; next != head; i++) {
		if (i == MAX_LIST)
			return error_new(ERROR_FORMAT, "the list does not end");
		try(vmcs_add_loaded(collector, layout, next - layout->link.offset, cpu, true,
				    refs));
		try(kernel_read_uint(collector->kernel, next, 8, &next));
	}
	return NULL;
}

static struct error *add_current(struct collector *collector, const struct vmcs_layout *layout,
				 unsigned cpu, struct vmcs_refs *refs)
{
	uint64_t address, vmcs;
	struct vmcs_ref *ref;
	bool is_new;

	try(kernel_percpu_address(collector->kernel, layout->current, cpu, &address));
	try(kernel_read_uint(collector->kernel, address, 8, &vmcs));
	if (!vmcs)
		return NULL;
	try(add_ref(collector, vmcs, refs, &ref, &is_new));
	ref->current = true;
	if (is_new || !ref->listed)
		ref->cpu = cpu;
	return NULL;
}

struct error *vmcs_find_on_cpu(struct collector *collector, const struct vmcs_layout *layout,
			       unsigned cpu, struct vmcs_refs *refs)
{
	struct error *list = walk_list(collector, layout, cpu, refs);
	struct error *current = add_current(collector, layout, cpu, refs);

	if (list) {
		error_free(current);
		return error_wrap(list, "loaded_vmcss_on_cpu");
	}
	return error_wrap(current, "current_vmcs");
}
