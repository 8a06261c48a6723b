/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_CASE_H
#define CRASHLAB_LAB_CASE_H

#include <stdbool.h>

#include "lab/outcome.h"

/** What kind of hardware virtualization the appliance must find. */
enum vendor { VENDOR_VMX, VENDOR_SVM, VENDOR_COUNT };

/** "vmx", "svm", in the order of enum vendor; ends with NULL. */
extern const char *const vendor_names[];

#define CASE_NAME_MAX 48

/** One panic, as a scenario declares it. Everything in it is checked when the scenario is read. */
struct case_spec {
	char name[CASE_NAME_MAX]; /* unique in its scenario */
	unsigned line; /* of its section, for messages */
	unsigned iteration; /* of the same case in the run, from 1 */
	unsigned repeat; /* how many there are */
	unsigned vendor; /* enum vendor */
	unsigned cpus;
	unsigned panic_cpu, reboot_cpu;
	unsigned reboot; /* index in case_reboots[] */
	unsigned trigger; /* index in case_triggers[] */
	char window[96]; /* "none": a timed strike */
	unsigned hold_us, delay_us;
	char seed[21], frequency[16]; /* as crashtrigger takes them; "": not given */
	unsigned printk; /* the kernel's console log level at the strike */
	unsigned load; /* index in case_loads[] */
	unsigned load_per_cpu, load_vcpus; /* of the load; 0: as guestload has it */
	unsigned record; /* index in case_records[]: with the flight recorder? */
	unsigned lockdown; /* index in case_lockdowns[] */
	/* Indices in case_switches[] */
	unsigned calibrate; /* the appliance learns its CPU's VMCS */
	unsigned init_test; /* the capture kernel tries which CPUs take INIT */
	unsigned memory_mb; /* 0: as the backend has it */
	char broken[24]; /* "none", or what the appliance breaks on purpose */
	unsigned break_cpu;
	char kernel[64]; /* release; "": the run's */
	char images[16]; /* variant of the images, "" is the plain one */
	unsigned expect; /* enum outcome */
	int expect_cpu; /* the CPU that a FAIL must name, and no other; -1: any */
};

/** Values of the keys reboot, trigger, load, record, lockdown, and of switches; end with NULL. */
extern const char *const case_reboots[];
extern const char *const case_triggers[];
extern const char *const case_loads[];
extern const char *const case_records[];
extern const char *const case_lockdowns[];
extern const char *const case_switches[];

/** True when the case names a window that the dump must prove. */
bool case_has_window(const struct case_spec *spec);

#endif
