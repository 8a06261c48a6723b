/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_VERIFY_OUTPUTS_H
#define CRASHLAB_VERIFY_OUTPUTS_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "util/error.h"
#include "verify/options.h"

/**
 * A file that one process creates and names, and another writes. A new file and one in place of a
 * regular one get their name when they are whole, and not before; what is no regular file (a pipe,
 * a device, a symbolic link) is written in place. Without a path all is a no-op.
 */
struct output {
	const char *path; /* NULL: not wanted */
	char *temporary; /* its name until it is whole; NULL: written in place */
	FILE *file;
	bool *whole; /* shared with the child, and all that the parent believes it */
};

struct outputs {
	struct output json, capsule;
};

/** Create what the options ask for. ERROR_USAGE: one of them is the dump itself. */
struct error *outputs_create(const struct options *options, struct outputs *ret);

/** In the child: all is written; from now on the file is worth its name. */
struct error *output_done(struct output *output);

/** In the parent, after the child: give the whole ones their names, remove the others. */
struct error *outputs_finish(struct outputs *outputs);

/** In the parent: remove what has no name yet. */
void outputs_abandon(struct outputs *outputs);

/** In the child: let go of them. */
void outputs_close(struct outputs *outputs);

#endif
