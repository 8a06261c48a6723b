// SPDX-License-Identifier: GPL-2.0-only
/* When what happened on which CPU, as a picture: what a recorder left, else crashtrigger's marker.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "lab/files.h"
#include "lab/html.h"
#include "lab/report.h"
#include "lab/verdict_file.h"
#include "util/cleanup.h"

#define WIDTH 1000.0
#define LEFT 62.0
#define LANE 46.0
#define TOP 8.0
#define LABEL_PITCH 6.2 /* of a character, about */
#define CPUS_MAX 64
#define EVENTS_MAX 2000

struct event_point {
	int64_t time; /* ns */
	int64_t cpu;
	const char *event, *function;
};

struct timeline {
	struct event_point points[EVENTS_MAX];
	size_t count;
	int64_t first, last;
	int lanes[CPUS_MAX], lane_count; /* lanes[cpu]: from 1, 0: none */
};

static void add_point(struct timeline *self, int64_t time, int64_t cpu, const char *event,
		      const char *function)
{
	if (self->count < EVENTS_MAX && time > 0 && cpu >= 0 && cpu < CPUS_MAX)
		self->points[self->count++] = (struct event_point){time, cpu, event, function};
}

static void add_recorded(struct timeline *self, json_object *verdict)
{
	for (size_t i = 0; i < json_count(verdict, "timeline"); i++) {
		json_object *item = json_item(verdict, "timeline", i);
		add_point(self, json_object_get_int64(json_member(item, "t_ns")),
			  json_object_get_int64(json_member(item, "cpu")), json_text(item, "event"),
			  json_text(item, "function"));
	}
}

static void add_marker(struct timeline *self, json_object *verdict)
{
	static const struct {
		const char *key, *cpu, *event;
	} times[] = {
		{"t_armed", "reboot_cpu", "armed"},
		{"t_hit", "reboot_cpu", "hold begins"},
		{"t_seen", "panic_cpu", "sees the hold, will panic"},
		{"t_last", "reboot_cpu", "last turn before the NMI"},
		{"t_end", "reboot_cpu", "hold ends"},
	};
	json_object *marker = json_member(verdict, "case");

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		add_point(self, json_object_get_int64(json_member(marker, times[i].key)),
			  json_object_get_int64(json_member(marker, times[i].cpu)), times[i].event,
			  "");
}

static int compare(const void *a, const void *b)
{
	const struct event_point *left = a, *right = b;

	return left->time < right->time ? -1 : left->time > right->time;
}

/* The lanes from top to bottom are the CPUs that did something, by number. */
static void lay_out(struct timeline *self)
{
	qsort(self->points, self->count, sizeof(self->points[0]), compare);
	self->first = self->points[0].time;
	self->last = MAX(self->points[self->count - 1].time, self->first + 1);
	for (size_t i = 0; i < self->count; i++)
		self->lanes[self->points[i].cpu] = 1;
	for (unsigned cpu = 0; cpu < CPUS_MAX; cpu++) {
		if (self->lanes[cpu])
			self->lanes[cpu] = ++self->lane_count;
	}
}

static double x_of(const struct timeline *self, int64_t time)
{
	return LEFT + 12 + (WIDTH - LEFT - 36) * (time - self->first) / (self->last - self->first);
}

static void put_axis(FILE *out, const struct timeline *self)
{
	double bottom = TOP + self->lane_count * LANE;

	for (unsigned i = 0; i <= 5; i++) {
		int64_t time = self->first + (self->last - self->first) / 5 * i;
		double x = x_of(self, time);
		html(out, "<line class=axis x1=\"%.1f\" x2=\"%.1f\" y1=\"%.0f\" y2=\"%.0f\" />", x,
		     x, TOP, bottom);
		html(out,
		     "<text class=\"soft small\" text-anchor=middle x=\"%.1f\" y=\"%.0f\">"
		     "%.2f ms</text>\n",
		     x, bottom + 14, (time - self->first) / 1e6);
	}
	for (unsigned cpu = 0; cpu < CPUS_MAX; cpu++) {
		double y = TOP + self->lanes[cpu] * LANE - 14;
		if (self->lanes[cpu])
			html(out,
			     "<text x=\"0\" y=\"%.0f\">CPU %u</text><line class=axis "
			     "x1=\"%.0f\" x2=\"%.0f\" y1=\"%.0f\" y2=\"%.0f\" />\n",
			     y + 4, cpu, LEFT, WIDTH, y, y);
	}
}

/* Texts of one lane stand in two rows; one that would cover another is left to its tooltip. */
static void put_points(FILE *out, const struct timeline *self)
{
	double free_from[CPUS_MAX][2] = {};

	for (size_t i = 0; i < self->count; i++) {
		const struct event_point *point = &self->points[i];
		double x = x_of(self, point->time);
		double y = TOP + self->lanes[point->cpu] * LANE - 14;
		_cleanup_free_ char *text = format_string(
			"%s%s%s", point->event, *point->function ? " " : "", point->function);
		double width = strlen(text) * LABEL_PITCH;
		double start = MIN(x - 3, WIDTH - width);
		html(out,
		     "<g class=race-missed><circle class=fill cx=\"%.1f\" cy=\"%.1f\" r=\"4\">"
		     "<title>%.6f ms: %s</title></circle>",
		     x, y, (point->time - self->first) / 1e6, text);
		for (unsigned row = 0; row < 2; row++) {
			if (start < free_from[point->cpu][row])
				continue;
			html(out, "<text class=small x=\"%.1f\" y=\"%.1f\">%s</text>", start,
			     y - 8 - row * 12, text);
			free_from[point->cpu][row] = start + width + 8;
			break;
		}
		html(out, "</g>\n");
	}
}

void report_put_timeline(FILE *out, json_object *verdict)
{
	_cleanup_free_ struct timeline *self = calloc(1, sizeof(*self));

	if (!self)
		abort();
	add_recorded(self, verdict);
	if (!self->count)
		add_marker(self, verdict);
	if (self->count < 2)
		return;
	lay_out(self);
	html(out,
	     "<div class=chart><h3>Timeline</h3>\n<svg role=img width=\"%.0f\" "
	     "viewBox=\"0 0 %.0f %.0f\">\n",
	     WIDTH, WIDTH, TOP + self->lane_count * LANE + 18);
	put_axis(out, self);
	put_points(out, self);
	html(out, "</svg></div>\n");
}
