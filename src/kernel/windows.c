// SPDX-License-Identifier: GPL-2.0-only
#include <stddef.h>
#include <string.h>

#include "kernel/windows.h"

/* Where each probe point comes from: docs/windows.md. */

/* Called through a chain, so never inlined; registered before any module's, so called first. */
static const struct window_probe notifiers[] = {
	{"fw_shutdown_notify", NULL, "5.10 and later, drivers/base/firmware_loader/main.c", NULL},
	{"kernel_restart", NULL, "kernels without a firmware loader, kernel/reboot.c", NULL},
	{},
};

static const struct window_probe devices[] = {
	{"device_shutdown", NULL, "all, drivers/base/core.c", NULL},
	{},
};

static const struct window_probe migration[] = {
	{"migrate_to_reboot_cpu", NULL, "all, kernel/reboot.c", NULL},
	{},
};

static const struct window_probe virt_off[] = {
	{"kvm_disable_virtualization_cpu", "kvm", "6.12 and later, virt/kvm/kvm_main.c", NULL},
	{"hardware_disable_nolock", "kvm", "to 6.11, virt/kvm/kvm_main.c", NULL},
	{},
};

static const struct window_probe off_guests_alive[] = {
	{"native_machine_shutdown", NULL, "all, arch/x86/kernel/reboot.c", NULL},
	{},
};

static const struct window_probe stop_cpus[] = {
	{"native_stop_other_cpus", NULL, "all, arch/x86/kernel/smp.c", NULL},
	{},
};

static const struct window_probe after_stop[] = {
	{"lapic_shutdown", NULL, "all, arch/x86/kernel/apic/apic.c", NULL},
	{},
};

static const struct window_probe emergency[] = {
	{"x86_virt_emergency_disable_virtualization_cpu", NULL, "7.x, arch/x86/virt/hw.c", NULL},
	{"vmx_emergency_disable_virtualization_cpu", "kvm_intel",
	 "6.12 to 6.18, arch/x86/kvm/vmx/vmx.c", NULL},
	{"svm_emergency_disable_virtualization_cpu", "kvm_amd",
	 "6.12 to 6.18, arch/x86/kvm/svm/svm.c", NULL},
	{"vmx_emergency_disable", "kvm_intel", "late 6.1.y to 6.11, arch/x86/kvm/vmx/vmx.c", NULL},
	{"svm_emergency_disable", "kvm_amd", "6.6 to 6.11, arch/x86/kvm/svm/svm.c", NULL},
	/* Without that it is inlined on this path, and there for its other callers alone. */
	{"cpu_emergency_disable_virtualization", NULL, "late 6.1.y, arch/x86/kernel/reboot.c",
	 "cpu_emergency_register_virt_callback"},
	{"native_machine_emergency_restart", NULL, "to early 6.1.y, arch/x86/kernel/reboot.c",
	 NULL},
	{},
};

/* Called through a pointer; what they call is inlined on Debian. */
static const struct window_probe cpu_offline[] = {
	{"kvm_offline_cpu", "kvm", "6.3 and later, virt/kvm/kvm_main.c", NULL},
	{"kvm_dying_cpu", "kvm", "to 6.2, virt/kvm/kvm_main.c", NULL},
	{},
};

/* kernel_restart(), kernel_kexec(), kernel_halt() and kernel_power_off(), kernel/reboot.c. */
#define ORDERLY "restart halt power-off kexec"

const struct window windows[] = {
	{"notifiers", "W1", "the reboot notifiers are called", ORDERLY, notifiers},
	{"devices", "W2", "devices are shut down", ORDERLY, devices},
	{"migration", "W3", "the reboot is about to move to the kernel's reboot CPU", ORDERLY,
	 migration},
	{"virt-off", "W4", "KVM switches virtualization off on this CPU", ORDERLY, virt_off},
	{"off-guests-alive", "W5",
	 "virtualization is off everywhere, the guests' threads still run", ORDERLY,
	 off_guests_alive},
	{"stop-cpus", "W6", "the other CPUs are about to be stopped", ORDERLY, stop_cpus},
	{"after-stop", "W7", "all other CPUs are stopped", ORDERLY, after_stop},
	{"emergency", "W8", "the emergency disable of this CPU, before the shootdown", "sysrq-b",
	 emergency},
	{"cpu-offline", "W9", "KVM switches virtualization off on a CPU that goes offline",
	 "cpu-hotplug", cpu_offline},
	{},
};

bool window_is_passed(const struct window *window, const char *reboot)
{
	size_t length = strlen(reboot);

	for (const char *way = window->reboots; way; way = strchr(way, ' ')) {
		way += *way == ' ';
		if (!strncmp(way, reboot, length) && (!way[length] || way[length] == ' '))
			return true;
	}
	return false;
}

const struct window *window_find(const char *name)
{
	for (const struct window *window = windows; window->name; window++)
		if (!strcmp(window->name, name))
			return window;
	return NULL;
}
