/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_TRIGGER_CHECKS_H
#define CRASHLAB_TRIGGER_CHECKS_H

#include <stdbool.h>

#include "util/error.h"

/*
 * What must be true before a machine is crashed. Each refusal is one line that says what to do.
 * @root is put before the paths of /proc and /sys: "" on a running machine.
 */

/** True when the kernel command line has the word "crashlab.appliance". */
bool check_appliance(const char *root);

/**
 * Both CPUs exist, are online, and differ unless they may be @one. ERROR_USAGE when one cannot
 * exist here.
 */
struct error *check_cpus(const char *root, unsigned panic_cpu, unsigned reboot_cpu, bool one);

/** A crash kernel is loaded: kexec_crash_loaded (kernel/ksysfs.c). */
struct error *check_kdump(const char *root);

/** KVM and its vendor module are there. */
struct error *check_kvm(const char *root);

/** How far the kernel is locked down, see kernel_lockdown(7). */
enum lockdown {
	LOCKDOWN_NONE,
	LOCKDOWN_INTEGRITY, /* as under Secure Boot: nobody changes the kernel */
	LOCKDOWN_CONFIDENTIALITY, /* nor reads it */
	LOCKDOWN_COUNT,
};

/**
 * The kernel is not locked down to @level or further (security/lockdown/lockdown.c; without
 * securityfs it is taken not to be). @refused is what it refuses then, for the message.
 */
struct error *check_lockdown(const char *root, enum lockdown level, const char *refused);

/**
 * The CPU on which reboot(2) goes on after migrate_to_reboot_cpu() (kernel/reboot.c): the kernel's
 * reboot_cpu, seen and set through /sys/kernel/reboot/cpu (since 5.11). *@settable says whether it
 * can be set; where it cannot, the default of 0 is given.
 */
struct error *read_reboot_cpu(const char *root, unsigned *ret, bool *settable);
struct error *write_reboot_cpu(const char *root, unsigned cpu);

#endif
