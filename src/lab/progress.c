// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/progress.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

struct row {
	bool running;
	char name[48], backend[8];
	enum stage stage;
	double start;
};

struct progress {
	FILE *out;
	bool terminal;
	pthread_mutex_t lock;
	unsigned total, ended;
	struct row rows[];
};

/* Stages worth a line where lines stay. */
static const bool notable[STAGE_COUNT] = {
	[STAGE_BOOT] = true,    [STAGE_GUESTS] = true,  [STAGE_STRIKE] = true,
	[STAGE_CAPTURE] = true, [STAGE_VERDICT] = true,
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

struct progress *progress_create(FILE *out, unsigned total)
{
	struct progress *progress = calloc(1, sizeof(*progress) + total * sizeof(struct row));

	if (!progress)
		abort();
	progress->out = out;
	progress->terminal = isatty(fileno(out));
	progress->total = total;
	pthread_mutex_init(&progress->lock, NULL);
	return progress;
}

static unsigned width(struct progress *progress)
{
	struct winsize size;

	if (ioctl(fileno(progress->out), TIOCGWINSZ, &size) || size.ws_col < 20)
		return 80;
	return size.ws_col;
}

static void wipe(struct progress *progress)
{
	if (progress->terminal)
		fputs("\r\033[K", progress->out);
}

static void draw(struct progress *progress)
{
	char line[512];
	size_t used;

	if (!progress->terminal)
		return;
	used = snprintf(line, sizeof(line), "[%u/%u]", progress->ended, progress->total);
	for (unsigned i = 0; i < progress->total && used < sizeof(line); i++) {
		struct row *row = &progress->rows[i];
		if (row->running)
			used += snprintf(line + used, sizeof(line) - used, "  %s %s %.0f s",
					 row->name, stage_names[row->stage], now() - row->start);
	}
	fprintf(progress->out, "\r%.*s\033[K", (int)width(progress) - 1, line);
	fflush(progress->out);
}

void progress_start(struct progress *progress, unsigned index, const char *name,
		    const char *backend)
{
	struct row *row = &progress->rows[index];

	pthread_mutex_lock(&progress->lock);
	*row = (struct row){.running = true, .start = now()};
	snprintf(row->name, sizeof(row->name), "%s", name);
	snprintf(row->backend, sizeof(row->backend), "%s", backend);
	if (!progress->terminal)
		fprintf(progress->out, "%-24s start    on %s\n", row->name, row->backend);
	draw(progress);
	fflush(progress->out);
	pthread_mutex_unlock(&progress->lock);
}

void progress_stage(struct progress *progress, unsigned index, enum stage stage)
{
	struct row *row = &progress->rows[index];

	pthread_mutex_lock(&progress->lock);
	row->stage = stage;
	if (!progress->terminal && notable[stage])
		fprintf(progress->out, "%-24s %-8s %5.1f s\n", row->name, stage_names[stage],
			now() - row->start);
	draw(progress);
	fflush(progress->out);
	pthread_mutex_unlock(&progress->lock);
}

void progress_end(struct progress *progress, unsigned index, const char *name, const char *outcome,
		  const char *detail)
{
	struct row *row = &progress->rows[index];
	double seconds = row->running ? now() - row->start : 0;

	pthread_mutex_lock(&progress->lock);
	row->running = false;
	progress->ended++;
	wipe(progress);
	fprintf(progress->out, "%-24s %s %5.1f s%s%s\n", name, outcome, seconds, detail ? "  " : "",
		detail ? detail : "");
	draw(progress);
	fflush(progress->out);
	pthread_mutex_unlock(&progress->lock);
}

void progress_tick(struct progress *progress)
{
	pthread_mutex_lock(&progress->lock);
	draw(progress);
	pthread_mutex_unlock(&progress->lock);
}

void progress_destroy(struct progress *progress)
{
	wipe(progress);
	fflush(progress->out);
	pthread_mutex_destroy(&progress->lock);
	free(progress);
}
