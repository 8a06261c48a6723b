/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_VIRT_REPORT_H
#define CRASHLAB_VIRT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/marker.h"
#include "kernel/recorder.h"
#include "util/error.h"
#include "util/text.h"
#include "virt/evidence.h"

/**
 * All that is known of one dump: what verdict.json holds (docs/interfaces.md, section 4), as C. It
 * is filled by report_collect() from a dump or by report_parse() from JSON, judged by
 * verdict_judge(), and printed by report_print_text() and report_to_json().
 */

/** What is believed of one CPU or VMCS; made by verdict_judge() out of the evidence. */
struct finding {
	enum evidence_state state;
	enum evidence_strength strength;
	char *by; /* the sources that decided it, ", " between; NULL when there is none */
};

struct vmcs_finding {
	uint64_t physical; /* of the region */
	char *format; /* "bochs", "vmcs12", "evmcs", "silicon"; "unreadable" */
	bool current; /* current_vmcs of that CPU */
	bool listed; /* on loaded_vmcss_on_cpu of that CPU */
	bool launched; /* as KVM's struct loaded_vmcs says */
	struct finding finding;
};

struct stack_entry {
	uint64_t address;
	char *symbol;
	bool reliable;
};

/** The region that VMXON was executed with. It decides nothing, and stays after VMXOFF. */
struct vmxon_finding {
	bool known; /* the kernel has one for that CPU */
	uint64_t physical;
	bool readable;
	uint32_t revision; /* in the region */
	bool wrong; /* it is not the CPU's: VMXON would fail (SDM 3C 31.3, VMXON) */
};

struct cpu_finding {
	unsigned cpu;
	bool online; /* as the mask stood at the crash */
	bool panic, reboot; /* roles */
	bool note; /* it saved its registers */
	uint64_t rip;
	char *where;
	struct stack_entry *stack;
	size_t stack_count;
	char *stack_end;
	unsigned properties; /* 1 << PROPERTY_VMX | 1 << PROPERTY_SVM: those that must be off */
	struct vmxon_finding vmxon;
	bool vmcs_complete; /* every VMCS that this CPU may have loaded is listed below */
	struct vmcs_finding *vmcs;
	size_t vmcs_count;
	struct finding finding; /* of its properties together */
};

/** A variable of the emergency path, for people and for the lab. */
struct chain_value {
	char *name;
	bool known;
	int64_t number;
	char *text; /* instead of the number, when not NULL */
};

enum hit_state { HIT_NONE, HIT_UNKNOWN, HIT_MISSED, HIT_HIT };

struct hit {
	enum hit_state state;
	char *window;
	char *frame; /* the frame that proves it */
	char *reason;
};

/** Which record of the kernel leads to a region that the scan found. */
enum scan_owner { OWNER_NONE, OWNER_LIST, OWNER_CURRENT, OWNER_VCPU, OWNER_VMXON };

struct scan_hit {
	uint64_t physical;
	char *format;
	enum scan_owner owner;
	int cpu; /* the owner's, or the one that the region itself names; -1: not known */
	enum evidence_state state; /* as the region says; unknown for a VMXON region */
	bool ours; /* owned, or it leads back into this kernel's KVM */
};

/** What report_scan() found; made only when asked for. */
struct scan {
	bool done;
	uint64_t pages, unreadable;
	uint32_t revision; /* that was sought; 0: those of all known formats */
	uint64_t strangers; /* regions that are not ours; the first 1024 are among the hits */
	struct scan_hit *hits;
	size_t count;
};

/** Something that the flight recorder wrote down. */
struct timeline_event {
	uint64_t t_ns; /* CLOCK_MONOTONIC, as the marker's times */
	unsigned cpu;
	enum recorder_what what;
	char *function; /* "" for EFER */
	uint64_t value; /* EFER */
};

/** The recorder's events of all CPUs, by time. */
struct timeline {
	bool done; /* there was a recorder */
	struct timeline_event *events;
	size_t count;
};

enum verdict { VERDICT_INCONCLUSIVE, VERDICT_PASS, VERDICT_FAIL };

struct report {
	char *dump_path, *dump_format;
	char *release;
	char *vendor; /* of the CPU, as CPUID spells it: "GenuineIntel" */
	bool has_case;
	struct marker marker;
	struct hit hit;
	struct cpu_finding *cpus; /* every CPU that was ever online, by number */
	size_t cpu_count;
	struct chain_value *chain;
	size_t chain_count;
	struct evidence_list evidence;
	struct scan scan;
	struct timeline timeline; /* of crashtrigger --record */
	struct text_list
		notes; /* for people: what was made of files that were given; what is odd */
	/* Made by verdict_judge(). */
	struct text_list conflicts;
	enum verdict verdict;
	struct text_list reasons;
};

void report_deinit(struct report *report);

/** The CPU numbered @cpu, or NULL. */
struct cpu_finding *report_cpu(const struct report *report, unsigned cpu);

struct error *report_add_cpu(struct report *report, unsigned cpu, struct cpu_finding **ret);
struct error *report_add_vmcs(struct cpu_finding *cpu, struct vmcs_finding **ret);
struct error *report_add_stack(struct cpu_finding *cpu, struct stack_entry **ret);
/** Pointers from these into the same array are stale after the next one is added. */

struct error *report_add_scan_hit(struct scan *scan, struct scan_hit **ret);

/** Add an event, by function's name; the caller keeps them in order. */
struct error *report_add_event(struct timeline *timeline, const struct timeline_event *event,
			       const char *function);

/** Note variable @name of the emergency path: not @known, a number, or (not NULL) a text. */
struct error *report_add_chain(struct report *report, const char *name, bool known, int64_t number,
			       const char *text);

const char *verdict_name(enum verdict verdict); /* "PASS", "FAIL", "INCONCLUSIVE" */
const char *hit_name(enum hit_state state); /* "none", "unknown", "missed", "hit" */
const char *owner_name(enum scan_owner owner); /* "none", "list", "current", "vcpu", "vmxon" */
const char *event_name(enum recorder_what what); /* "enter", "leave", "efer-read", "efer-written" */
const char *role_name(const struct cpu_finding *cpu); /* "panic+reboot" */
/** "vmx", "svm", "vmx+svm": the properties of @cpu in words. */
const char *properties_name(unsigned properties);

#endif
