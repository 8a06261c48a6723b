/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_VIRT_COLLECT_H
#define CRASHLAB_VIRT_COLLECT_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/kernel.h"
#include "virt/calibration.h"
#include "virt/report.h"

/**
 * Read everything that a verdict rests on out of the crashed kernel into @ret: CPUs and their
 * roles, stacks, the marker and its hit, the emergency chain, and the evidence. The result is not
 * judged yet. An error means that the dump cannot be analysed at all; what is only missing becomes
 * an UNKNOWN in the evidence. @calibrations tell of VMCS formats, NULL: none.
 */
struct error *report_collect(struct kernel *kernel, const struct calibrations *calibrations,
			     struct report *ret);

/* ---- what follows is between the files of src/virt ---- */

/** What a kernel's emergency path looks like and how far it came. */
struct chain {
	bool known; /* all of the variables below could be read */
	bool unconditional; /* disables on its own, whether or not a callback is registered */
	bool svm_unconditional; /* so at least with SVM */
	uint64_t callback; /* 0: none registered, or not known */
	bool callback_known;
	char callback_name[128];
	int issued, waiting, crashing_cpu, panic_cpu;
	bool stop_disables_svm; /* so does the reboot IPI's handler, also SVM */
	bool stop_clears; /* and it VMCLEARs what is loaded */
};

struct collector {
	struct kernel *kernel;
	struct dump *dump;
	struct report *report;
	const struct calibrations *calibrations;
	uint64_t host_rip; /* vmcs_host_rip() */
	const char *kvm_intel; /* module that has VMX support; NULL: built in, or not there */
	struct chain chain;
};

/* collect_cpus.c */
struct error *collect_vendor(struct collector *collector);
struct error *collect_cpus(struct collector *collector);
struct error *collect_roles(struct collector *collector);
/** The stack was followed to where the task came from, and nothing on the way was guessed. */
bool stack_is_complete(const struct cpu_finding *cpu);
/** The symbol "name+0x1f/0x80 [module]", with or without a compiler's suffix, is one of @names. */
bool symbol_is_one_of(const char *symbol, const char *const *names, size_t count);

/* qemu.c */
/** ERROR_FORMAT when QEMU's notes show that the machine was started anew since the crash. */
struct error *collect_vcpus(struct collector *collector);
struct error *source_qemu(struct collector *collector);

/* collect_hit.c */
struct error *collect_marker(struct collector *collector);
struct error *collect_hit(struct collector *collector);

/* recorder.c: the timeline, and EFER as the flight recorder saw it */
struct error *source_recorder(struct collector *collector);

/* chain.c */
struct error *collect_chain(struct collector *collector);
/** True when the emergency path ran to its end on @cpu; why, or why not, into @why. */
bool chain_done(const struct collector *collector, const struct cpu_finding *cpu, char *why,
		size_t size);
struct error *source_chain(struct collector *collector);
/**
 * True when the shootdown's NMIs are the only ones that this kernel ever took: all are counted down,
 * and as many were taken as it sends, one to each CPU online but the sender (nmi_shootdown_cpus()).
 */
bool chain_sent_all_nmis(const struct collector *collector);
/** What KVM's records say of virtualization on @cpu; the emergency path does not change them. */
enum kvm_record { KVM_UNRECORDED, KVM_OFF, KVM_ON };
enum kvm_record kvm_record(const struct collector *collector, unsigned cpu);

/* cr4.c, capture.c, vmcs.c: one source or a few each; they add to the report's evidence. */
struct error *source_cr4(struct collector *collector);
struct error *source_capture(struct collector *collector);
struct error *source_host(struct collector *collector);
struct error *source_vmcs(struct collector *collector);

/* vmxon.c: the VMXON regions, for people */
struct error *collect_vmxon(struct collector *collector);
/** The revision of this machine's VMCSs, as kvm_intel has it; 0 when that cannot be read. */
uint32_t vmx_revision(const struct collector *collector);

/* vmcs_calibrated.c: note the calibrations that none of the VMCSs is of */
struct error *collect_calibrations(struct collector *collector);

#endif
