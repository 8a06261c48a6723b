/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_CALIBRATE_EXPERIMENT_H
#define CRASHLAB_CALIBRATE_EXPERIMENT_H

#include <sched.h>

#include "calibrate/samples.h"

/** How much is tried. */
struct experiment {
	cpu_set_t cpus; /* the VMCSs go from one to the next; two at least */
	unsigned vmcss; /* loaded on a CPU at a time: the CPU cannot keep all to itself */
	unsigned rounds; /* on one CPU each */
};

/**
 * Run guests on stock KVM and read the regions of their VMCSs in each state. What is done to a
 * VMCS is KVM's: a vCPU that is asked for its registers is loaded on the CPU (VMPTRLD), and if
 * another had it, cleared there before (vmx_vcpu_load_vmcs()); one that runs is launched.
 * ERROR_UNSUPPORTED when regions cannot be read here.
 */
struct error *experiment_run(const struct experiment *experiment, struct samples *ret);

#endif
