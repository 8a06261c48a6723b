/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_CALIBRATE_CPU_H
#define CRASHLAB_CALIBRATE_CPU_H

#include <sched.h>
#include <stdio.h>

#include "virt/calibration.h"

/**
 * The model out of a /proc/cpuinfo (show_cpuinfo(), arch/x86/kernel/cpu/proc.c), which prints no
 * microcode where that is 0. ERROR_FORMAT when a line is missing, or when its CPUs differ.
 */
struct error *cpu_model_read(FILE *cpuinfo, struct cpu_model *ret);

/**
 * The revision of the VMCSs of @cpus, from IA32_VMX_BASIC (SDM 3D A.1) by /dev/cpu/N/msr.
 * ERROR_UNSUPPORTED without that, or where they differ.
 */
struct error *cpu_vmcs_revision(const cpu_set_t *cpus, uint32_t *ret);

#endif
