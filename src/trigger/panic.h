/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_TRIGGER_PANIC_H
#define CRASHLAB_TRIGGER_PANIC_H

#include <semaphore.h>
#include <stdbool.h>

#include "trigger/plant.h"
#include "util/error.h"

/** What a way of dying was asked for, and has got hold of; each uses what it needs. */
struct panic_means {
	unsigned panic_cpu, reboot_cpu;
	struct plant *plant; /* the hold, when the held CPU is the one to die */
	int fd; /* -1: none */
	const char *events; /* where the strike is announced; NULL: standard output */
	unsigned port; /* the first of the serial port that is */
	struct crash *crash; /* BPF programs, loaded and attached */
	volatile void *memory; /* mapped */
	int error; /* errno of a thread of the way's own */
	int second_fd; /* of two panics: a file's position is locked by who writes first */
	sem_t first_begins;
};

/** A way of dying. */
struct panic_way {
	const char *name; /* on the command line and in the marker */
	const char *about;
	const char *where; /* the panic CPU's context then: "task", "IRQ", "NMI" or "any" */
	bool self; /* the held CPU dies by itself: panic CPU and reboot CPU are one */
	unsigned need_us; /* shortest hold in which it can come: what it waits for is that slow */
	/**
	 * Get hold of all that is needed and harm nothing: ERROR_UNSUPPORTED with the reason why
	 * it cannot be had here.
	 */
	struct error *(*open)(struct panic_means *means);
	/** Set the machine up for it, once all else is decided. NULL: nothing to do. */
	struct error *(*arm)(struct panic_means *means);
	/** On the panic CPU. Comes back only when it failed, with -1 and errno. */
	int (*go)(struct panic_means *means);
};

/** All ways, ends with name == NULL; the first is the usual one. */
extern const struct panic_way panic_ways[];

/** The way called @name, or NULL. */
const struct panic_way *panic_way_find(const char *name);

/** Let go of all that @means has. */
void panic_means_close(struct panic_means *means);

/** Write @text to the file at @path, of /proc or /sys. */
struct error *panic_set(const char *path, const char *text);

/* The ways themselves: what each does is in docs/windows.md. */
struct error *open_sysrq(struct panic_means *means);
int go_sysrq_c(struct panic_means *means);

struct error *open_crash_task(struct panic_means *means);
int go_crash_task(struct panic_means *means);
struct error *open_crash_self(struct panic_means *means);
struct error *open_oops(struct panic_means *means);
struct error *arm_oops(struct panic_means *means);
int go_oops(struct panic_means *means);
struct error *open_second(struct panic_means *means);
struct error *arm_second(struct panic_means *means);
int go_first(struct panic_means *means);
struct error *open_overtaken(struct panic_means *means);
int go_held_panic(struct panic_means *means);
struct error *open_stuck(struct panic_means *means);
int go_stuck(struct panic_means *means);

struct error *open_keyboard(struct panic_means *means);
struct error *arm_keyboard(struct panic_means *means);
int go_keyboard(struct panic_means *means);

struct error *open_nmi(struct panic_means *means);
struct error *arm_nmi(struct panic_means *means);
int go_nmi(struct panic_means *means);

struct error *open_host_nmi(struct panic_means *means);
struct error *arm_host_nmi_off(struct panic_means *means);
int go_host_nmi(struct panic_means *means);

struct error *open_soft_lockup(struct panic_means *means);
struct error *arm_soft_lockup(struct panic_means *means);
struct error *open_hard_lockup(struct panic_means *means);
struct error *open_hung_task(struct panic_means *means);
struct error *arm_hung_task(struct panic_means *means);
int go_hung_task(struct panic_means *means);

#endif
