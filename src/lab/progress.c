// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/progress.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lab/clock.h"
#include "lab/estimate.h"

struct row {
	bool running;
	char name[48], backend[16];
	enum stage stage;
	double start;
};

struct progress {
	FILE *out;
	bool terminal;
	pthread_mutex_t lock;
	unsigned total, ended, unexpected, hits, windows;
	double start;
	struct row rows[];
};

/* Stages worth a line where lines stay. */
static const bool notable[STAGE_COUNT] = {
	[STAGE_BOOT] = true,    [STAGE_GUESTS] = true,  [STAGE_STRIKE] = true,
	[STAGE_CAPTURE] = true, [STAGE_VERDICT] = true,
};

struct progress *progress_create(FILE *out, unsigned total)
{
	struct progress *progress = calloc(1, sizeof(*progress) + total * sizeof(struct row));

	if (!progress)
		abort();
	progress->out = out;
	progress->terminal = isatty(fileno(out));
	progress->total = total;
	progress->start = monotonic_seconds();
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

/* The part of the line that is about all cases. */
static void put_totals(FILE *line, const struct progress *progress)
{
	unsigned left = progress->total - progress->ended;

	fprintf(line, "[%u/%u]", progress->ended, progress->total);
	if (progress->windows)
		fprintf(line, " hit %u/%u", progress->hits, progress->windows);
	if (progress->unexpected)
		fprintf(line, " unexpected %u", progress->unexpected);
	if (progress->ended && left) {
		char *words = estimate_words((monotonic_seconds() - progress->start) /
					     progress->ended * left);
		fprintf(line, " left %s", words);
		free(words);
	}
}

static void draw(struct progress *progress)
{
	char *text = NULL;
	size_t size;
	FILE *line = progress->terminal ? open_memstream(&text, &size) : NULL;

	if (!line)
		return;
	put_totals(line, progress);
	for (unsigned i = 0; i < progress->total; i++) {
		struct row *row = &progress->rows[i];
		if (row->running)
			fprintf(line, "  %s %s %.0f s", row->name, stage_names[row->stage],
				monotonic_seconds() - row->start);
	}
	fclose(line);
	fprintf(progress->out, "\r%.*s\033[K", (int)width(progress) - 1, text);
	fflush(progress->out);
	free(text);
}

void progress_start(struct progress *progress, unsigned index, const char *name,
		    const char *backend)
{
	struct row *row = &progress->rows[index];

	pthread_mutex_lock(&progress->lock);
	*row = (struct row){.running = true, .start = monotonic_seconds()};
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
			monotonic_seconds() - row->start);
	draw(progress);
	fflush(progress->out);
	pthread_mutex_unlock(&progress->lock);
}

void progress_end(struct progress *progress, unsigned index, const struct progress_end *end)
{
	struct row *row = &progress->rows[index];
	double seconds = row->running ? monotonic_seconds() - row->start : 0;

	pthread_mutex_lock(&progress->lock);
	row->running = false;
	progress->ended++;
	progress->unexpected += end->unexpected;
	progress->hits += end->hit == HIT_HIT;
	progress->windows += end->hit != HIT_NONE;
	wipe(progress);
	fprintf(progress->out, "%-24s %s %5.1f s%s%s\n", end->name, end->outcome, seconds,
		end->detail ? "  " : "", end->detail ? end->detail : "");
	draw(progress);
	fflush(progress->out);
	pthread_mutex_unlock(&progress->lock);
}

void progress_note(struct progress *progress, const char *text)
{
	pthread_mutex_lock(&progress->lock);
	wipe(progress);
	fprintf(progress->out, "%s\n", text);
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
