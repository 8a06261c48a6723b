/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_RUN_H
#define CRASHLAB_LAB_RUN_H

#include <stdbool.h>

#include "lab/runner.h"

/** What `crashlab run` was asked for. NULL or 0: not given. */
struct run_request {
	const char *scenario; /* a name in scenarios/, or a path */
	const char *backend, *results, *only, *save;
	const char *resume; /* the name of a run to go on with, "" for the newest */
	const char *command; /* the command line, for the record */
	const char *connect, *pool, *emulator; /* as in struct lab_paths */
	const char *const *set; /* as in struct scenario_options */
	const char *shard; /* "I/N" */
	int64_t seed;
	unsigned jobs; /* cases at a time; 0: as the cores allow */
	double timeout_factor, timeout;
	/* a case that is run again: */
	const struct record *again;
	unsigned tries;
	enum outcome until; /* what is counted; */
	bool endless; /* all tries are made, it happening or not */
	bool gdb; /* stop the machine at `capture`, with a port for gdb */
	bool dry_run, list, json;
	bool truth; /* compare with what the emulator knows */
	bool moments; /* also at moments on the way to the crash kernel */
	bool snapshot; /* cases go on from saved machines */
	bool snapshot_only; /* and do not boot where that fails */
};

/** Let QEMU run where it ran for @run, which must live as long as @request. */
void run_request_place(struct run_request *request, const struct run_record *run);

/** Find the lab's parts: upwards of this program, or @images for the images. */
struct error *lab_paths_init(struct lab_paths *paths, const char *images);

void lab_paths_deinit(struct lab_paths *paths);

/**
 * Do it. *@ret_status is the exit status of `crashlab run`. What a run that goes on was started
 * with takes the place of what @paths and @request say.
 */
struct error *run_scenario(struct lab_paths *paths, struct run_request *request, int *ret_status);

#endif
