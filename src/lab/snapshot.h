/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_SNAPSHOT_H
#define CRASHLAB_LAB_SNAPSHOT_H

#include "lab/runner.h"

/**
 * Saved machines that cases go on from, one for each shape: kernel images, backend, number of CPUs,
 * and the guests' load where they run already. They stay from one run to the next as long as
 * nothing that goes into them changes. May be asked from several threads.
 */
struct snapshots;

struct error *snapshots_create(struct snapshots **ret);

/**
 * The saved machine of the shape of @run. It is booted and saved when there is none that fits,
 * while other cases of the shape wait. *@ret_folder is its folder (the caller frees it), @ret_id
 * takes its id of up to CASE_ID_MAX characters. A shape that failed once fails at once for all
 * other cases.
 */
struct error *snapshots_get(struct snapshots *self, const struct case_run *run,
			    const struct run_options *options, char **ret_folder, char *ret_id);

/**
 * The saved machine of the shape of @run could not be used, because of @err: it is thrown away, and
 * is not made again in this run. True the first time, for one line to be said of it.
 */
bool snapshots_spoil(struct snapshots *self, const struct case_run *run, const struct error *err);

void snapshots_destroy(struct snapshots *self);

#endif
