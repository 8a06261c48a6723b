// SPDX-License-Identifier: GPL-2.0-only
#include <stddef.h>

#include "kernel/recorder.h"

/*
 * The order is part of the recorder's layout: whoever changes it raises RECORDER_VERSION. Which of
 * them a kernel has is found out when they are attached. Few, because attaching to one changes the
 * kernel's code and waits for all CPUs, and each lengthens the path that is under test.
 */
const struct recorder_function recorder_functions[RECORDER_FUNCTIONS] = {
	/* reboot -f */
	{"kvm_shutdown", 1},
	{"kvm_disable_virtualization_cpu", 1}, /* 6.12 */
	{"hardware_disable_nolock", 1}, /* to 6.11 */
	{"native_stop_other_cpus", 1},
	{"__sysvec_reboot", 0}, /* ends in stop_this_cpu() */
	{"stop_this_cpu", 0}, /* __noreturn */
	/* the emergency restart, and the panic */
	{"native_machine_emergency_restart", 0}, /* ends in a loop */
	{"nmi_shootdown_cpus", 1},
	{"crash_nmi_callback", 0}, /* ends in a loop */
	{"x86_virt_emergency_disable_virtualization_cpu", 1}, /* 7.x */
	{"cpu_emergency_disable_virtualization", 1},
	{"vmx_emergency_disable_virtualization_cpu", 1}, /* 6.12 */
	{"svm_emergency_disable_virtualization_cpu", 1},
	{"vmx_emergency_disable", 1}, /* late 6.1.y to 6.11 */
	{"svm_emergency_disable", 1}, /* 6.6 to 6.11 */
	{"machine_kexec", 0}, /* jumps to the crash kernel */
};
