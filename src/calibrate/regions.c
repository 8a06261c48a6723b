// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "calibrate/regions.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "kernel/quiet.h"
#include "region_reader.skel.h"
#include "util/cleanup.h"

static struct error *run(const struct bpf_program *program, void *context, unsigned size)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = context, .ctx_size_in = size);
	int ret = bpf_prog_test_run_opts(bpf_program__fd(program), &options);

	return ret ? error_errno(-ret, "cannot run a BPF program") : NULL;
}

static struct error *load(struct regions *regions)
{
	struct bpf_link **link = regions->links;
	int ret;

	regions->skeleton = region_reader__open();
	if (!regions->skeleton)
		return error_errno(errno, "cannot open the BPF object");
	ret = region_reader__load(regions->skeleton);
	if (ret)
		return error_new(ERROR_UNSUPPORTED,
				 "BPF cannot read VMCS regions here (%s): the kernel is older than "
				 "5.16, has no BTF, has no kvm_intel loaded, or is locked down for "
				 "confidentiality",
				 strerror(-ret));
	link[0] = bpf_program__attach_trace(regions->skeleton->progs.before_clear);
	link[1] = bpf_program__attach_trace(regions->skeleton->progs.after_clear);
	if (!link[0] || !link[1])
		return error_errno(errno, "cannot watch __loaded_vmcs_clear()");
	return NULL;
}

struct error *regions_init(struct regions *regions)
{
	*regions = (struct regions){};
	libbpf_set_print(print_nothing);
	struct error *err = load(regions);

	if (!err) {
		int fd = bpf_map__fd(regions->skeleton->maps.crashlab_region);
		void *slots = mmap(NULL, REGION_SLOTS * sizeof(struct region), PROT_READ,
				   MAP_SHARED, fd, 0);

		if (slots == MAP_FAILED)
			err = error_errno(errno, "cannot map the VMCS regions");
		else
			regions->slots = slots;
	}
	if (err)
		regions_deinit(regions);
	return err;
}

void regions_deinit(struct regions *regions)
{
	if (regions->slots)
		munmap((void *)regions->slots, REGION_SLOTS * sizeof(struct region));
	for (size_t i = 0; i < 2; i++)
		bpf_link__destroy(regions->links[i]);
	region_reader__destroy(regions->skeleton);
	*regions = (struct regions){};
}

struct error *regions_take(struct regions *regions, int vcpu)
{
	uint32_t file = vcpu, taken = regions->slots[REGION_NOW].taken;

	try(run(regions->skeleton->progs.take_now, &file, sizeof(file)));
	return regions->slots[REGION_NOW].taken == taken + 1
		       ? NULL
		       : error_new(ERROR_SYSTEM, "cannot read a VMCS region in memory");
}

void regions_watch(struct regions *regions, uint64_t record)
{
	regions->skeleton->bss->watched = record;
}

bool regions_saw_clear(struct regions *regions)
{
	const struct region *before = &regions->slots[REGION_BEFORE];
	const struct region *after = &regions->slots[REGION_AFTER];
	bool both = before->taken != regions->cleared && before->taken == after->taken;

	regions->cleared = after->taken;
	return both && before->record == after->record;
}

uint64_t regions_symbol(struct regions *regions, const char *name)
{
	struct region_reader__bss *shared = regions->skeleton->bss;

	snprintf(shared->lookup_name, sizeof(shared->lookup_name), "%s", name);
	shared->lookup_address = 0;
	error_free(run(regions->skeleton->progs.look_up, NULL, 0));
	return shared->lookup_address;
}
