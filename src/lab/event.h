/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_EVENT_H
#define CRASHLAB_LAB_EVENT_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

/** The stages of a case, in order; from STAGE_BOOT to STAGE_DONE each is announced by an event. */
enum stage {
	STAGE_START, /* the machine was started */
	STAGE_BOOT,
	STAGE_CASE,
	STAGE_KVM,
	STAGE_ARMED,
	STAGE_GUESTS,
	STAGE_READY, /* to be saved: of a snapshot's machine only */
	STAGE_STRIKE,
	STAGE_CAPTURE,
	STAGE_VERDICT,
	STAGE_SAVED,
	STAGE_DONE,
	STAGE_ERROR, /* not a stage: the event `error` */
	STAGE_SKIPPED, /* nor this: the event `skipped` */
	STAGE_NMI, /* nor this: the event `nmi`, which asks the host for one */
	STAGE_COUNT
};

/** "start", "boot", …, in the order of enum stage; ends with NULL. */
extern const char *const stage_names[];

#define EVENT_LINE_MAX 512
#define EVENT_KEYS_MAX 8

/** One event line, taken apart. The strings lie in @text. */
struct event {
	enum stage stage;
	size_t count;
	struct event_key {
		const char *key, *value;
	} keys[EVENT_KEYS_MAX];
	char text[EVENT_LINE_MAX];
};

/**
 * Take @line (no newline; a carriage return and NULs at its ends are dropped) apart into *@ret.
 * False when it is not a line "crashlab <known event> key=value …"; what is before "crashlab "
 * on the line is skipped (a serial port may start with noise).
 */
bool event_parse(const char *line, struct event *ret);

/** The value of @key, or "". */
const char *event_value(const struct event *event, const char *key);

/** A growing file of event lines, woken by inotify. */
struct event_log {
	int file,
		watch; /* poll @watch for POLLIN, then call event_log_next() until it says false */
	char line[EVENT_LINE_MAX]; /* an unfinished one */
	size_t used;
	char buffer[1024];
	size_t next, filled; /* of @buffer */
};

/** Open @path, which must exist. */
struct error *event_log_open(struct event_log *log, const char *path);

/** The next event that the file holds by now; false when there is none. */
bool event_log_next(struct event_log *log, struct event *ret);

void event_log_close(struct event_log *log);

#endif
