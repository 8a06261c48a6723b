// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/link.h"

#include <libvirt/virterror.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_t loop;
static bool started, runs;
static atomic_bool loop_ends;
static int wake_timer = -1;

struct error *link_error(const char *what)
{
	const char *message = virGetLastErrorMessage();

	return error_new(ERROR_SYSTEM, "%s: %s", what, message);
}

static void ignore_error(void *opaque, virErrorPtr err)
{
	(void)opaque;
	(void)err;
}

static void ignore_timer(int timer, void *opaque)
{
	(void)timer;
	(void)opaque;
}

static void *run_loop(void *arg)
{
	while (!atomic_load(&loop_ends))
		virEventRunDefaultImpl();
	return arg;
}

static struct error *start_locked(void)
{
	if (!started) {
		if (virInitialize() < 0 || virEventRegisterDefaultImpl() < 0)
			return link_error("libvirt");
		virSetErrorFunc(NULL, ignore_error);
		wake_timer = virEventAddTimeout(-1, ignore_timer, NULL, NULL);
		started = true;
	}
	atomic_store(&loop_ends, false);
	int status = pthread_create(&loop, NULL, run_loop, NULL);
	if (status)
		return error_errno(status, "libvirt's event thread");
	runs = true;
	return NULL;
}

struct error *link_start(void)
{
	struct error *err = NULL;

	pthread_mutex_lock(&lock);
	if (!runs)
		err = start_locked();
	pthread_mutex_unlock(&lock);
	return err;
}

void link_end(void)
{
	pthread_mutex_lock(&lock);
	if (runs) {
		atomic_store(&loop_ends, true);
		virEventUpdateTimeout(wake_timer, 0);
		pthread_join(loop, NULL);
		virEventUpdateTimeout(wake_timer, -1);
		runs = false;
	}
	pthread_mutex_unlock(&lock);
}
