// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/event.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define PREFIX "crashlab "

const char *const stage_names[] = {
	[STAGE_START] = "start",     [STAGE_BOOT] = "boot",       [STAGE_CASE] = "case",
	[STAGE_KVM] = "kvm",         [STAGE_ARMED] = "armed",     [STAGE_GUESTS] = "guests",
	[STAGE_READY] = "ready",     [STAGE_STRIKE] = "strike",   [STAGE_CAPTURE] = "capture",
	[STAGE_VERDICT] = "verdict", [STAGE_SAVED] = "saved",     [STAGE_DONE] = "done",
	[STAGE_ERROR] = "error",     [STAGE_SKIPPED] = "skipped", [STAGE_NMI] = "nmi",
	[STAGE_COUNT] = NULL,
};

static bool find_stage(const char *name, enum stage *ret)
{
	for (enum stage stage = STAGE_BOOT; stage < STAGE_COUNT; stage++) {
		if (!strcmp(name, stage_names[stage])) {
			*ret = stage;
			return true;
		}
	}
	return false;
}

static void parse_keys(char *text, struct event *ret)
{
	while (ret->count < EVENT_KEYS_MAX) {
		text += strspn(text, " ");
		char *equals = strchr(text, '=');
		if (!equals)
			return;
		*equals = '\0';
		char *value = equals + 1;
		/* text= goes to the end of the line */
		size_t length = strcmp(text, "text") ? strcspn(value, " ") : strlen(value);
		bool last = !value[length];
		value[length] = '\0';
		ret->keys[ret->count++] = (struct event_key){text, value};
		if (last)
			return;
		text = value + length + 1;
	}
}

bool event_parse(const char *line, struct event *ret)
{
	const char *start = strstr(line, PREFIX);

	if (!start)
		return false;
	start += strlen(PREFIX);
	size_t length = strcspn(start, "\r\n");
	if (length >= sizeof(ret->text))
		return false;
	memcpy(ret->text, start, length);
	ret->text[length] = '\0';
	ret->count = 0;
	size_t name_length = strcspn(ret->text, " ");
	bool more = ret->text[name_length];
	ret->text[name_length] = '\0';
	if (!find_stage(ret->text, &ret->stage))
		return false;
	if (more)
		parse_keys(ret->text + name_length + 1, ret);
	return true;
}

const char *event_value(const struct event *event, const char *key)
{
	for (size_t i = 0; i < event->count; i++) {
		if (!strcmp(event->keys[i].key, key))
			return event->keys[i].value;
	}
	return "";
}

struct error *event_log_open(struct event_log *log, const char *path)
{
	*log = (struct event_log){.file = -1, .watch = -1};
	log->file = open(path, O_RDONLY | O_CLOEXEC);
	if (log->file < 0)
		return error_errno(errno, "%s", path);
	log->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (log->watch < 0 || inotify_add_watch(log->watch, path, IN_MODIFY) < 0) {
		struct error *err = error_errno(errno, "watching %s", path);
		event_log_close(log);
		return err;
	}
	return NULL;
}

static bool fill(struct event_log *log)
{
	char notices[4096];

	/* Empty the watch first: what is written after the read below wakes the next poll. */
	while (read(log->watch, notices, sizeof(notices)) > 0)
		;
	ssize_t got = read(log->file, log->buffer, sizeof(log->buffer));
	log->next = 0;
	log->filled = got > 0 ? got : 0;
	return got > 0;
}

bool event_log_next(struct event_log *log, struct event *ret)
{
	while (log->next < log->filled || fill(log)) {
		char c = log->buffer[log->next++];
		if (c == '\n') {
			log->line[log->used] = '\0';
			log->used = 0;
			if (event_parse(log->line, ret))
				return true;
		} else if (c && log->used < sizeof(log->line) - 1) {
			log->line[log->used++] = c;
		}
	}
	return false;
}

void event_log_close(struct event_log *log)
{
	if (log->file >= 0)
		close(log->file);
	if (log->watch >= 0)
		close(log->watch);
	log->file = log->watch = -1;
}
