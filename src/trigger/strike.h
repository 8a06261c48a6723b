/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_TRIGGER_STRIKE_H
#define CRASHLAB_TRIGGER_STRIKE_H

#include <stdbool.h>
#include <stdint.h>

#include "trigger/draw.h"
#include "trigger/panic.h"
#include "trigger/plant.h"
#include "trigger/probe.h"
#include "trigger/reboot.h"
#include "util/error.h"

/** One panic during a reboot, all of it decided and checked. */
struct strike {
	const char *case_id;
	const char *window; /* as asked for; "none": timed on purpose */
	unsigned panic_cpu, reboot_cpu;
	const struct panic_way *panic;
	struct panic_means *means; /* of panic->open(), the caller's */
	const struct reboot_way *reboot;
	int reboot_fd; /* of reboot->open() */
	struct probe probe; /* none: a timed strike */
	uint64_t hold_ns; /* longest hold at the probe */
	struct draw draw; /* of the delay */
	uint64_t delay_ns; /* to the panic: from the flag, or from the reboot's start if timed */
	uint32_t frequency; /* as in struct marker */
	bool set_reboot_cpu; /* the kernel's reboot_cpu is another one */
};

/**
 * Write the `crashlab strike` line to @events (NULL: stdout), then let the two threads go.
 * @plant holds the marker and, for a held strike, the attached hold. Comes back only when the
 * machine outlived it, with the reason.
 */
struct error *strike_run(const struct strike *strike, struct plant *plant, const char *events);

#endif
