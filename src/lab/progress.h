/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_PROGRESS_H
#define CRASHLAB_LAB_PROGRESS_H

#include <stdbool.h>
#include <stdio.h>

#include "lab/event.h"
#include "lab/outcome.h"

/**
 * Tells how far the cases are: on a terminal in one line that is rewritten (done, windows hit,
 * unexpected outcomes, time left, what runs), elsewhere one line for each notable stage. May be
 * told from several threads.
 */
struct progress;

/** For @total cases, on @out. */
struct progress *progress_create(FILE *out, unsigned total);

/** Case @index, called @name, started on @backend. */
void progress_start(struct progress *progress, unsigned index, const char *name,
		    const char *backend);

/** Case @index has reached @stage. */
void progress_stage(struct progress *progress, unsigned index, enum stage stage);

/** What is told of a case that has ended. */
struct progress_end {
	const char *name, *outcome;
	const char *detail; /* may be NULL */
	bool unexpected;
	enum hit hit;
};

/** Case @index has ended. */
void progress_end(struct progress *progress, unsigned index, const struct progress_end *end);

/** Something that is not about one case's stages: one line. */
void progress_note(struct progress *progress, const char *text);

/** Bring the line on a terminal up to date; to be called now and then. */
void progress_tick(struct progress *progress);

/** Wipe the line and free. */
void progress_destroy(struct progress *progress);

#endif
