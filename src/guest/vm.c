// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "guest/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "util/cleanup.h"

struct error *kvm_open(int *ret)
{
	*ret = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (*ret < 0)
		return error_errno(errno, "cannot open /dev/kvm (is kvm_intel or kvm_amd loaded?)");
	return NULL;
}

static struct error *give_memory(struct vm *vm)
{
	struct kvm_userspace_memory_region region = {
		.guest_phys_addr = GUEST_BASE,
		.memory_size = GUEST_SIZE,
	};
	void *memory =
		mmap(NULL, GUEST_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return error_errno(errno, "cannot map the guest's memory");
	vm->memory = memory;
	region.userspace_addr = (uintptr_t)memory;
	if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		return error_errno(errno, "cannot give the guest its memory");
	return NULL;
}

struct error *vm_create(int kvm, const void *code, size_t size, struct vm *ret)
{
	*ret = (struct vm){.fd = ioctl(kvm, KVM_CREATE_VM, 0)};
	if (ret->fd < 0)
		return error_errno(errno, "cannot create a VM");
	/*
	 * Intel CPUs without unrestricted guest run real mode in a virtual-8086 task and need room
	 * for its TSS (Documentation/virt/kvm/api.rst, KVM_SET_TSS_ADDR). Others ignore it.
	 */
	ioctl(ret->fd, KVM_SET_TSS_ADDR, 0xfffbd000ul);
	struct error *err = give_memory(ret);
	if (err)
		vm_destroy(ret);
	else
		memcpy(ret->memory, code, size);
	return err;
}

void vm_destroy(struct vm *vm)
{
	close(vm->fd);
	if (vm->memory)
		munmap(vm->memory, GUEST_SIZE);
	*vm = (struct vm){.fd = -1};
}

void *vm_memory(const struct vm *vm, uint32_t address)
{
	return vm->memory + (address - GUEST_BASE);
}

static struct error *set_registers(struct vcpu *vcpu, unsigned index)
{
	struct kvm_regs regs = {
		.rip = GUEST_CODE, .rflags = GUEST_FLAGS, .rbx = GUEST_COUNTERS + index * 4};
	struct kvm_sregs sregs;

	if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs) < 0)
		return error_errno(errno, "cannot read the vCPU's registers");
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	if (ioctl(vcpu->fd, KVM_SET_SREGS, &sregs) < 0 || ioctl(vcpu->fd, KVM_SET_REGS, &regs) < 0)
		return error_errno(errno, "cannot set the vCPU's registers");
	return NULL;
}

struct error *vcpu_create(int kvm, const struct vm *vm, unsigned index, struct vcpu *ret)
{
	int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);

	*ret = (struct vcpu){.fd = ioctl(vm->fd, KVM_CREATE_VCPU, index)};
	if (ret->fd < 0)
		return error_errno(errno, "cannot create vCPU %u", index);
	ret->counter = (volatile uint32_t *)vm_memory(vm, GUEST_COUNTERS) + index;
	void *run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ret->fd, 0);
	struct error *err = NULL;
	if (run == MAP_FAILED) {
		err = error_errno(errno, "cannot map the vCPU's state");
	} else {
		ret->run = run;
		ret->run_size = size;
		err = set_registers(ret, index);
	}
	if (err)
		vcpu_destroy(ret);
	return err;
}

void vcpu_destroy(struct vcpu *vcpu)
{
	if (vcpu->run)
		munmap(vcpu->run, vcpu->run_size);
	close(vcpu->fd);
	*vcpu = (struct vcpu){.fd = -1};
}

static struct error *exit_error(const struct kvm_run *run)
{
	switch (run->exit_reason) {
	case KVM_EXIT_FAIL_ENTRY:
		return error_new(ERROR_SYSTEM,
				 "the CPU refused to enter the guest, hardware reason 0x%llx",
				 run->fail_entry.hardware_entry_failure_reason);
	case KVM_EXIT_INTERNAL_ERROR:
		return error_new(ERROR_SYSTEM, "KVM internal error, suberror %u",
				 run->internal.suberror);
	case KVM_EXIT_SHUTDOWN:
		return error_new(ERROR_SYSTEM, "the guest shut down (triple fault)");
	default:
		return error_new(ERROR_SYSTEM, "the guest left with exit reason %u",
				 run->exit_reason);
	}
}

struct error *vcpu_run_to(struct vcpu *vcpu, uint32_t reason)
{
	for (;;) {
		if (ioctl(vcpu->fd, KVM_RUN, 0) < 0) {
			if (errno == EINTR || errno == EAGAIN)
				continue;
			return error_errno(errno, "KVM_RUN failed");
		}
		if (vcpu->run->exit_reason == reason)
			return NULL;
		if (vcpu->run->exit_reason != KVM_EXIT_INTR)
			return exit_error(vcpu->run);
	}
}

struct error *vcpu_run(struct vcpu *vcpu)
{
	return vcpu_run_to(vcpu, KVM_EXIT_UNKNOWN);
}

struct error *vcpu_statistics(const struct vcpu *vcpu, int *ret)
{
	*ret = ioctl(vcpu->fd, KVM_GET_STATS_FD, NULL);
	if (*ret < 0)
		return error_errno(errno, "no statistics of a vCPU (KVM_GET_STATS_FD, since 5.14)");
	return NULL;
}

/* Documentation/virt/kvm/api.rst, 4.133: a header, descriptors with a name each, the values. */
struct error *vcpu_statistic(int statistics, const char *name, uint64_t *ret)
{
	struct kvm_stats_header header;

	if (pread(statistics, &header, sizeof(header), 0) != sizeof(header) ||
	    header.name_size > 256)
		return error_new(ERROR_SYSTEM, "cannot read the vCPU's statistics");
	for (uint32_t i = 0; i < header.num_desc; i++) {
		char item[sizeof(struct kvm_stats_desc) + 257] = {};
		const struct kvm_stats_desc *desc = (const struct kvm_stats_desc *)item;
		size_t size = sizeof(*desc) + header.name_size;

		if (pread(statistics, item, size, header.desc_offset + i * size) != (ssize_t)size)
			break;
		if (!strcmp(desc->name, name) &&
		    pread(statistics, ret, 8, header.data_offset + desc->offset) == 8)
			return NULL;
	}
	return error_new(ERROR_NOT_FOUND, "this kernel's KVM does not count \"%s\" of a vCPU",
			 name);
}
