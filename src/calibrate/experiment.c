// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "calibrate/experiment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "calibrate/regions.h"
#include "guest/code.h"
#include "guest/vm.h"
#include "util/cleanup.h"

_Static_assert(REGION_SIZE == VMCS_SIZE, "a region is sampled as a whole");

/* Every port access comes out to user space: the guest was entered. */
GUEST_ASM(step_code, ".code16", "1: incl (%bx)\n out %al, $0x80\n jmp 1b");

struct bench {
	const struct experiment *experiment;
	struct samples *samples;
	struct regions regions;
	uint64_t host_rip;
	int kvm;
	struct vm vm;
	struct vcpu *vcpus;
	uint64_t *records; /* of each vCPU's struct loaded_vmcs */
	bool *ran;
};

static struct error *go_to(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? error_errno(errno, "CPU %u", cpu) : NULL;
}

/* What KVM says it wrote there: struct vmcs_host_state, vmx_set_constant_host_state(), init_vmcs().
 */
static void fill_known(const struct bench *bench, const struct region *region, uint64_t *known)
{
	known[FIELD_HOST_RIP] = bench->host_rip;
	known[FIELD_HOST_CR3] = region->cr3;
	known[FIELD_HOST_CR4] = region->cr4;
	known[FIELD_HOST_GS_BASE] = region->gs_base;
	known[FIELD_LINK_POINTER] = UINT64_MAX;
}

static struct error *add(struct bench *bench, unsigned vmcs, enum sample_kind kind, unsigned cpu,
			 const struct region *region)
{
	struct sample *sample;

	try(samples_add(bench->samples, &sample));
	sample->kind = kind;
	sample->vmcs = vmcs;
	sample->cpu = cpu;
	sample->ran = bench->ran[vmcs];
	fill_known(bench, region, sample->known);
	memcpy(sample->page, region->page, sizeof(sample->page));
	return NULL;
}

/* Load the VMCS on this CPU; when that had it cleared on another, sample both sides of it. */
static struct error *load(struct bench *bench, unsigned vmcs)
{
	const struct region *before = &bench->regions.slots[REGION_BEFORE];
	struct kvm_regs regs;

	regions_watch(&bench->regions, bench->records[vmcs]);
	if (ioctl(bench->vcpus[vmcs].fd, KVM_GET_REGS, &regs) < 0)
		return error_errno(errno, "KVM_GET_REGS");
	regions_watch(&bench->regions, 0);
	if (!regions_saw_clear(&bench->regions) || before->record != bench->records[vmcs])
		return NULL;
	try(add(bench, vmcs, before->launched ? SAMPLE_AWAY : SAMPLE_LOADED, before->cpu, before));
	return add(bench, vmcs, SAMPLE_CLEARED, before->cpu, &bench->regions.slots[REGION_AFTER]);
}

/* Sample it as it is, on @cpu; @kind is what it must be by KVM's record, or there is no sample. */
static struct error *sample(struct bench *bench, unsigned vmcs, enum sample_kind kind, unsigned cpu)
{
	const struct region *now = &bench->regions.slots[REGION_NOW];

	try(regions_take(&bench->regions, bench->vcpus[vmcs].fd));
	if (now->cpu != (int)cpu || !now->launched != (kind == SAMPLE_LOADED))
		return NULL;
	return add(bench, vmcs, kind, cpu, now);
}

/* The last one that was loaded is the CPU's current VMCS, and so not looked at as one of many. */
static struct error *run_round(struct bench *bench, unsigned cpu)
{
	unsigned last = bench->experiment->vmcss - 1;

	try(go_to(cpu));
	for (unsigned i = 0; i <= last; i++)
		try(load(bench, i));
	for (unsigned i = 0; i < last; i++)
		try(sample(bench, i, SAMPLE_LOADED, cpu));
	for (unsigned i = 0; i <= last; i++) {
		try(error_wrap(vcpu_run_to(&bench->vcpus[i], KVM_EXIT_IO), "guest %u", i));
		bench->ran[i] = true;
		try(sample(bench, i, SAMPLE_CURRENT, cpu));
	}
	for (unsigned i = 0; i < last; i++)
		try(sample(bench, i, SAMPLE_AWAY, cpu));
	return NULL;
}

static struct error *bench_init(struct bench *bench)
{
	unsigned count = bench->experiment->vmcss;

	bench->vcpus = calloc(count, sizeof(*bench->vcpus));
	bench->records = calloc(count, sizeof(*bench->records));
	bench->ran = calloc(count, sizeof(*bench->ran));
	if (!bench->vcpus || !bench->records || !bench->ran)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	for (unsigned i = 0; i < count; i++)
		bench->vcpus[i].fd = -1;
	try(kvm_open(&bench->kvm));
	try(regions_init(&bench->regions));
	bench->host_rip = regions_symbol(&bench->regions, "vmx_vmexit");
	try(vm_create(bench->kvm, step_code, GUEST_ASM_SIZE(step_code), &bench->vm));
	for (unsigned i = 0; i < count; i++) {
		try(vcpu_create(bench->kvm, &bench->vm, i, &bench->vcpus[i]));
		try(regions_take(&bench->regions, bench->vcpus[i].fd));
		bench->records[i] = bench->regions.slots[REGION_NOW].record;
	}
	return NULL;
}

static void bench_deinit(struct bench *bench)
{
	for (unsigned i = 0; bench->vcpus && i < bench->experiment->vmcss; i++) {
		if (bench->vcpus[i].fd >= 0)
			vcpu_destroy(&bench->vcpus[i]);
	}
	if (bench->vm.fd >= 0)
		vm_destroy(&bench->vm);
	regions_deinit(&bench->regions);
	cleanup_close(&bench->kvm);
	free(bench->vcpus);
	free(bench->records);
	free(bench->ran);
}

/* The n-th CPU of the set, going round. */
static unsigned nth_cpu(const cpu_set_t *cpus, unsigned n)
{
	unsigned cpu = 0;

	n %= CPU_COUNT(cpus);
	while (!CPU_ISSET(cpu, cpus) || n--)
		cpu++;
	return cpu;
}

struct error *experiment_run(const struct experiment *experiment, struct samples *ret)
{
	struct bench bench = {
		.experiment = experiment, .samples = ret, .kvm = -1, .vm = {.fd = -1}};
	struct error *err;

	if (CPU_COUNT(&experiment->cpus) < 2)
		return error_new(ERROR_UNSUPPORTED, "two CPUs are needed: KVM clears a VMCS when "
						    "its vCPU goes to another one");
	err = go_to(nth_cpu(&experiment->cpus, 0));
	if (!err)
		err = bench_init(&bench);
	for (unsigned round = 0; !err && round < experiment->rounds; round++)
		err = run_round(&bench, nth_cpu(&experiment->cpus, round));
	bench_deinit(&bench);
	return err;
}
