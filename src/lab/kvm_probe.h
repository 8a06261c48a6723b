/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_KVM_PROBE_H
#define CRASHLAB_LAB_KVM_PROBE_H

#include "lab/case.h"
#include "util/error.h"

/** The files that tell what KVM gives a guest; tests put their own in. */
struct kvm_sources {
	const char *cpuinfo; /* /proc/cpuinfo */
	const char *modules; /* /sys/module */
	const char *device; /* /dev/kvm; NULL: do not ask it */
};

extern const struct kvm_sources kvm_host;

/**
 * NULL when a KVM guest on this host gets @vendor itself (nested virtualization), else why not and
 * what would help. That /dev/kvm opens proves nothing of the kind.
 */
struct error *kvm_probe(const struct kvm_sources *sources, enum vendor vendor);

#endif
