// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/console.h"

#include <errno.h>
#include <fcntl.h>
#include <libvirt/virterror.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "lab/link.h"
#include "util/cleanup.h"

#define PART 65536 /* bytes at a time */

struct console {
	virStreamPtr stream;
	int file;
	pthread_mutex_t lock; /* of what follows, and of the stream */
	bool closed; /* or at its end */
	void (*ended)(void *);
	void *opaque;
	atomic_int users; /* the owner, and the callback */
};

static void console_put(void *opaque)
{
	struct console *self = opaque;

	if (atomic_fetch_sub(&self->users, 1) > 1)
		return;
	virStreamFree(self->stream);
	pthread_mutex_destroy(&self->lock);
	cleanup_close(&self->file);
	free(self);
}

/* A full disk is the lab's to notice (lab/space.h). */
static void keep(int file, const char *data, ssize_t length)
{
	while (length > 0) {
		ssize_t written = write(file, data, length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return;
		data += written;
		length -= written;
	}
}

/* Take what has come; true when nothing more can. */
static bool drain(struct console *self)
{
	char data[PART];
	int got;

	while ((got = virStreamRecv(self->stream, data, sizeof(data))) > 0)
		keep(self->file, data, got);
	return got != -2; /* -2: not now */
}

static void on_stream(virStreamPtr stream, int events, void *opaque)
{
	struct console *self = opaque;
	bool ends;

	pthread_mutex_lock(&self->lock);
	ends = !self->closed &&
	       (drain(self) || events & (VIR_STREAM_EVENT_ERROR | VIR_STREAM_EVENT_HANGUP));
	if (ends) {
		self->closed = true;
		virStreamEventRemoveCallback(stream);
		virStreamAbort(stream);
		self->ended(self->opaque); /* locked: its owner is there until console_close() */
	}
	pthread_mutex_unlock(&self->lock);
}

static struct error *begin(struct console *self, virConnectPtr connection, virDomainPtr domain,
			   const char *device, const char *path)
{
	self->file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (self->file < 0)
		return error_errno(errno, "%s", path);
	self->stream = virStreamNew(connection, VIR_STREAM_NONBLOCK);
	if (!self->stream || virDomainOpenConsole(domain, device, self->stream, 0) < 0)
		return link_error(device);
	atomic_fetch_add(&self->users, 1);
	if (virStreamEventAddCallback(self->stream,
				      VIR_STREAM_EVENT_READABLE | VIR_STREAM_EVENT_ERROR |
					      VIR_STREAM_EVENT_HANGUP,
				      on_stream, self, console_put) < 0) {
		atomic_fetch_sub(&self->users, 1);
		return link_error(device);
	}
	return NULL;
}

struct error *console_open(virConnectPtr connection, virDomainPtr domain, const char *device,
			   const char *path, void (*ended)(void *), void *opaque,
			   struct console **ret)
{
	struct console *self = calloc(1, sizeof(*self));

	if (!self)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	*self = (struct console){.file = -1, .ended = ended, .opaque = opaque};
	pthread_mutex_init(&self->lock, NULL);
	atomic_init(&self->users, 1);
	struct error *err = begin(self, connection, domain, device, path);
	if (err) {
		if (self->stream)
			virStreamAbort(self->stream);
		console_put(self);
		return err;
	}
	*ret = self;
	return NULL;
}

void console_close(struct console *self)
{
	if (!self)
		return;
	pthread_mutex_lock(&self->lock);
	if (!self->closed) {
		self->closed = true;
		virStreamEventRemoveCallback(self->stream);
		virStreamAbort(self->stream);
	}
	pthread_mutex_unlock(&self->lock);
	console_put(self);
}
