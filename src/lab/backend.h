/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_BACKEND_H
#define CRASHLAB_LAB_BACKEND_H

#include <stdbool.h>
#include <stdio.h>

#include "lab/case.h"
#include "lab/event.h"
#include "util/error.h"

/** Where the lab finds its parts. Absolute paths. */
struct lab_paths {
	char *root; /* of the project: holds scenarios/, appliance/ */
	char *bin; /* the programs */
	char *bochs; /* its starter */
	char *qemu; /* the one that runs TCG and KVM; NULL: this host has none */
	char *images; /* holds <release>/ */
	char *snapshots; /* saved machines, made when needed */
	const char *connect; /* URI of the libvirt that runs QEMU; NULL: the one in this process */
	const char *pool, *emulator; /* storage pool and QEMU there; NULL: its own defaults */
};

/** What a machine is made from. Owned by the case. */
struct machine_setup {
	const struct lab_paths *paths;
	const struct case_spec *spec;
	const char *id; /* of the case */
	const char *directory; /* of the case: logs go there */
	const char *images; /* of the kernel */
	const char *cmdline; /* the appliance's kernel command line */
	const char *saved; /* folder of a saved machine that this one goes on from; NULL: boot */
	bool moments; /* stop it at the moments of lab/moments.h, where that can be done */
};

struct backend;

/** A running machine; each backend embeds it in its own. */
struct machine {
	const struct backend *backend;
	int exit_fd; /* readable once the machine has ended */
	int moment_fd; /* readable when it stands still at a moment; -1: never */
};

/**
 * What to expect of a vendor's cases on a backend, for doctor and people who choose;
 * docs/backends.md says where it comes from. All NULL where it cannot give that vendor.
 */
struct merits {
	const char *evidence; /* that only its host has */
	const char *
		speed; /* "1" for KVM: how fast it runs instructions that need no emulation there */
	const char *tested;
};

/**
 * One kind of machine that can boot the appliance. Its logs are console.log and events.log in the
 * case directory, its disk is case.disk there.
 */
struct backend {
	const char *name;
	const char *about; /* one line, for doctor */
	struct merits merits[VENDOR_COUNT];
	const char *cmdline; /* file of the images with the kernel command line */
	const char *const *files; /* of the images, that it boots; ends with NULL */
	bool connects; /* it runs where lab_paths.connect says */
	bool fixed_cmdline; /* it is in what the machine boots, and cannot be added to */
	unsigned memory_mb; /* of a machine, unless the case says otherwise */
	unsigned limits[STAGE_COUNT]; /* seconds that a case may stay in a stage */
	/** Host cores that a machine with @cpus CPUs keeps busy. */
	unsigned (*cores)(unsigned cpus);
	/** NULL when this host can give @vendor on it, else why it cannot and what would help. */
	struct error *(*probe)(const struct lab_paths *paths, enum vendor vendor);
	/** Write to @out exactly what start() would start. */
	struct error *(*describe)(const struct machine_setup *setup, FILE *out);
	struct error *(*start)(const struct machine_setup *setup, struct machine **ret);
	/** Can the host take a case just now? No run starts, or goes on, while it cannot. Optional.
	 */
	struct error *(*ready)(const struct lab_paths *paths);
	/** Where the appliance waits to be saved (docs/interfaces.md, the key `wait`). */
	const char *save_point;
	/** The emulator's file, which tells its version; the caller frees it. */
	char *(*emulator)(const struct lab_paths *paths);
	/**
	 * Save @machine, which has said `ready`, into its own directory, for machine_setup.saved.
	 * Then it can only be stopped.
	 */
	struct error *(*save)(struct machine *machine);
	/**
	 * Why @machine, whose exit_fd is readable, can be followed no more; NULL: it ended by
	 * itself. With *@ret_again what becomes of its case says nothing. Optional.
	 */
	char *(*trouble)(struct machine *machine, bool *ret_again);
	/** End the machine, and bring what is on its case disk to its directory. Optional. */
	struct error *(*collect)(struct machine *machine);
	/** True when the machine ended because it was reset. Asked once exit_fd is readable. */
	bool (*was_reset)(struct machine *machine);
	/** Write every CPU's registers to the file at @path (docs/interfaces.md, --host-regs). */
	struct error *(*registers)(struct machine *machine, const char *path);
	/** Write every CPU's local APIC to the file at @path (lab/stopped.h). */
	struct error *(*apics)(struct machine *machine, const char *path);
	/** Send the machine an NMI from outside; NULL: this backend cannot. */
	struct error *(*nmi)(struct machine *machine);
	/** Stop the machine and open a port for gdb on 127.0.0.1; NULL: this backend cannot. */
	struct error *(*debug)(struct machine *machine, unsigned *ret_port);
	/** Close that port and let the machine go on. */
	void (*debug_end)(struct machine *machine);
	/** Write what the emulator itself knows to the file at @path (lab/truth.h). Optional. */
	struct error *(*truth)(struct machine *machine, const char *path);
	/**
	 * moment_fd is readable: write what the emulator knows of the machine to the file at @path,
	 * with all moments before (lab/moments.h), and let it go on. Optional, as moment_fd is.
	 */
	struct error *(*moment)(struct machine *machine, const char *path);
	/** CPU seconds of the host that the machine has used so far; 0: not known. */
	double (*cpu_seconds)(struct machine *machine);
	/** End the machine, if it has not ended, and free it. Returns the CPU seconds it used. */
	double (*stop)(struct machine *machine);
};

/** In the order in which `auto` prefers them; ends with NULL. */
extern const struct backend *const backends[];

/** The backend called @name, or NULL. */
const struct backend *backend_find(const char *name);

/**
 * The backend for @vendor: the one called @name, or with "auto" the first that this host can give.
 * An ERROR_UNSUPPORTED says why there is none.
 */
struct error *backend_choose(const struct lab_paths *paths, const char *name, enum vendor vendor,
			     const struct backend **ret);

/** The memory in MiB of the machine for @spec. */
unsigned backend_memory(const struct backend *backend, const struct case_spec *spec);

/** Can what paths.connect names be reached? Without it there is nothing to reach. */
struct error *backend_reach(const struct lab_paths *paths);

/** Clear away what killed labs left: machines, and their state. */
void backend_clean(void);

/** End all that the backends share in this process. */
void backend_shutdown(void);

extern const struct backend backend_kvm, backend_tcg, backend_bochs, backend_bochs_plain;

#endif
