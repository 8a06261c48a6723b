/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_GUEST_VM_H
#define CRASHLAB_GUEST_VM_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

/*
 * A guest's memory, by guest-physical address: its code, a counter for each vCPU, and pages that a
 * load may use as it likes.
 */
#define GUEST_BASE 0x1000
#define GUEST_CODE GUEST_BASE
#define GUEST_COUNTERS 0x2000
#define GUEST_PAGES 0x3000
#define GUEST_SIZE 0x8000
#define GUEST_VCPUS_MAX 1024u /* as many counters as fit in their page */

/*
 * EFLAGS.IF and the bit that is always 1. Interrupts must be on: Bochs never gives the host its
 * timer interrupt back from a guest that loops with EFLAGS.IF=0.
 */
#define GUEST_FLAGS 0x202u

struct vm {
	int fd;
	uint8_t *memory;
};

struct vcpu {
	int fd;
	struct kvm_run *run;
	size_t run_size;
	volatile uint32_t *counter; /* what its guest counts up */
};

/** A file descriptor of /dev/kvm; the error says what may be missing. */
struct error *kvm_open(int *ret);

/** A VM whose code page begins with the @size bytes at @code. */
struct error *vm_create(int kvm, const void *code, size_t size, struct vm *ret);
void vm_destroy(struct vm *vm);

/** The host's view of guest-physical @address. */
void *vm_memory(const struct vm *vm, uint32_t address);

/**
 * vCPU number @index of @vm, about to run the code page's first instruction in real mode, with the
 * address of its counter in BX.
 */
struct error *vcpu_create(int kvm, const struct vm *vm, unsigned index, struct vcpu *ret);
void vcpu_destroy(struct vcpu *vcpu);

/** Run it until KVM hands back exit @reason (KVM_EXIT_*); any other is an error. */
struct error *vcpu_run_to(struct vcpu *vcpu, uint32_t reason);

/** Run it for ever: comes back only with an error. */
struct error *vcpu_run(struct vcpu *vcpu);

/**
 * A file descriptor for vcpu_statistic(), by KVM_GET_STATS_FD (since 5.14). To be had before the
 * vCPU runs: the ioctl waits for KVM_RUN to end, reading does not.
 */
struct error *vcpu_statistics(const struct vcpu *vcpu, int *ret);

/** What KVM now counts as @name. ERROR_NOT_FOUND when this kernel counts no such thing. */
struct error *vcpu_statistic(int statistics, const char *name, uint64_t *ret);

#endif
