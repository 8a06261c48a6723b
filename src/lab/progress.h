/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_PROGRESS_H
#define CRASHLAB_LAB_PROGRESS_H

#include <stdio.h>

#include "lab/event.h"

/**
 * Tells how far the cases are: on a terminal in one line that is rewritten, elsewhere one line for
 * each notable stage. May be told from several threads.
 */
struct progress;

/** For @total cases, on @out. */
struct progress *progress_create(FILE *out, unsigned total);

/** Case @index, called @name, started on @backend. */
void progress_start(struct progress *progress, unsigned index, const char *name,
		    const char *backend);

/** Case @index has reached @stage. */
void progress_stage(struct progress *progress, unsigned index, enum stage stage);

/** Case @index has ended with @outcome; @detail may be NULL. */
void progress_end(struct progress *progress, unsigned index, const char *name, const char *outcome,
		  const char *detail);

/** Bring the line on a terminal up to date; to be called now and then. */
void progress_tick(struct progress *progress);

/** Wipe the line and free. */
void progress_destroy(struct progress *progress);

#endif
