// SPDX-License-Identifier: GPL-2.0-only
/* The charts of the page: panic CPU x reboot CPU, window x kernel, delay against outcome. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "lab/html.h"
#include "lab/report.h"
#include "lab/stats.h"
#include "lab/verdict_file.h"
#include "util/cleanup.h"

#define CPUS_SHOWN 32

/** What became of the cases of one cell. */
struct cell {
	size_t of[OUTCOME_COUNT + 1], all, expected, hits, windows;
	const struct record *example[OUTCOME_COUNT + 1];
};

static void cell_add(struct cell *cell, const struct record *record)
{
	enum outcome outcome = record_outcome(record);

	cell->of[outcome]++;
	cell->all++;
	cell->example[outcome] = record;
	cell->expected += record->outcome && record->as_expected;
	cell->hits += record_hit(record) == HIT_HIT;
	cell->windows += record_hit(record) != HIT_NONE;
}

/* The class of the outcome that tells most: what was not expected before what was. */
static const char *cell_class(const struct cell *cell)
{
	static const enum outcome worst[] = {
		OUTCOME_FAIL,        OUTCOME_CAPTURE_HANG, OUTCOME_CAPTURE_STOPPED,
		OUTCOME_NO_DUMP,     OUTCOME_EARLY_CRASH,  OUTCOME_REBOOT_WON,
		OUTCOME_TIMEOUT,     OUTCOME_LAB_BROKEN,   OUTCOME_INCONCLUSIVE,
		OUTCOME_RACE_MISSED, OUTCOME_PASS,
	};

	for (size_t i = 0; i < sizeof(worst) / sizeof(worst[0]); i++) {
		if (cell->of[worst[i]])
			return report_class(cell->example[worst[i]]);
	}
	return "skipped";
}

/* The outcomes of the cell as one line of their colours, in SVG. */
static void put_bar(FILE *out, const struct cell *cell, double x, double y, double width)
{
	for (unsigned i = 0; i <= OUTCOME_COUNT; i++) {
		if (!cell->of[i])
			continue;
		double part = width * cell->of[i] / cell->all;
		html(out,
		     "<rect class=\"fill %s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
		     "height=\"5\" rx=\"1.5\"/>",
		     report_class(cell->example[i]), x, y, MAX(part - 1, 1));
		x += part;
	}
}

static void put_heat_cell(FILE *out, const struct cell *cell, unsigned panic, unsigned reboot)
{
	double x = 110 + panic * 78.0, y = 44 + reboot * 56.0;

	if (!cell->all) {
		html(out,
		     "<rect class=empty x=\"%.0f\" y=\"%.0f\" width=\"72\" height=\"50\" "
		     "rx=\"6\"/>",
		     x, y);
		return;
	}
	html(out,
	     "<g><title>panic CPU %u, reboot CPU %u: %zu of %zu as expected, %zu of %zu "
	     "windows hit</title>",
	     panic, reboot, cell->expected, cell->all, cell->hits, cell->windows);
	html(out,
	     "<rect class=\"tint %s\" x=\"%.0f\" y=\"%.0f\" width=\"72\" height=\"50\" "
	     "rx=\"6\"/>",
	     cell_class(cell), x, y);
	html(out, "<text class=big text-anchor=middle x=\"%.0f\" y=\"%.0f\">%zu/%zu</text>", x + 36,
	     y + 21, cell->expected, cell->all);
	html(out,
	     "<text class=\"soft small\" text-anchor=middle x=\"%.0f\" y=\"%.0f\">%zu hit</text>",
	     x + 36, y + 35, cell->hits);
	put_bar(out, cell, x + 6, y + 40, 60);
	html(out, "</g>\n");
}

void report_put_heat_map(FILE *out, const struct report *report)
{
	_cleanup_free_ struct cell *cells = calloc(CPUS_SHOWN * CPUS_SHOWN, sizeof(*cells));
	unsigned size = 2;

	if (!cells)
		abort();
	for (size_t i = 0; i < report->cases->count; i++) {
		const struct record *record = &report->cases->items[i];
		unsigned panic = record->panic_cpu, reboot = record->reboot_cpu;
		if (panic >= CPUS_SHOWN || reboot >= CPUS_SHOWN)
			continue;
		cell_add(&cells[reboot * CPUS_SHOWN + panic], record);
		size = MAX(size, MAX(panic, reboot) + 1);
	}
	html(out,
	     "<section class=\"card chart\">\n<h2>Panic CPU and reboot CPU</h2>\n"
	     "<p class=soft>Cases that ended as expected, of all; below, how many hit their "
	     "window.</p>\n<svg role=img width=\"%.0f\" viewBox=\"0 0 %.0f %.0f\">\n",
	     114 + size * 78.0, 114 + size * 78.0, 48 + size * 56.0);
	for (unsigned i = 0; i < size; i++) {
		html(out, "<text text-anchor=middle x=\"%.0f\" y=\"34\">CPU %u</text>",
		     146 + i * 78.0, i);
		html(out, "<text text-anchor=end x=\"98\" y=\"%.0f\">CPU %u</text>",
		     44 + i * 56.0 + 29, i);
	}
	html(out, "<text class=soft text-anchor=start x=\"110\" y=\"14\">panics</text>"
		  "<text class=soft x=\"0\" y=\"34\">reboots</text>\n");
	for (unsigned reboot = 0; reboot < size; reboot++)
		for (unsigned panic = 0; panic < size; panic++)
			put_heat_cell(out, &cells[reboot * CPUS_SHOWN + panic], panic, reboot);
	html(out, "</svg>\n</section>\n");
}

/** The different values of one text of the cases, in order of first appearance. */
struct values {
	const char **items;
	size_t count;
};

static size_t value_index(struct values *values, const char *text)
{
	size_t i = 0;

	while (i < values->count && strcmp(values->items[i], text))
		i++;
	if (i < values->count)
		return i;
	values->items = reallocarray(values->items, ++values->count, sizeof(*values->items));
	if (!values->items)
		abort();
	values->items[i] = text;
	return i;
}

static void put_interval(FILE *out, const struct cell *cell)
{
	struct rate rate = rate_make(cell->hits, cell->windows);
	double x = 4 + 132 * rate.low, width = MAX(132 * (rate.high - rate.low), 2);

	html(out,
	     "<svg class=neutral role=img width=\"140\" viewBox=\"0 0 140 14\"><title>%.0f to "
	     "%.0f %%</title><path class=frame d=\"M4 2v10M4 7h132M136 2v10\"/>",
	     100 * rate.low, 100 * rate.high);
	html(out,
	     "<rect class=fill fill-opacity=\".35\" x=\"%.1f\" y=\"4\" width=\"%.1f\" "
	     "height=\"6\" rx=\"3\"/><circle class=fill cx=\"%.1f\" cy=\"7\" r=\"3.5\"/></svg>",
	     x, width, 4 + 132.0 * rate.hits / rate.of);
}

static void put_window_cell(FILE *out, const struct cell *cell)
{
	html(out, "<td>");
	if (!cell->all) {
		html(out, "<span class=soft>-</span></td>");
		return;
	}
	if (cell->windows) {
		struct rate rate = rate_make(cell->hits, cell->windows);
		_cleanup_free_ char *words = rate_words(&rate);
		html(out, "<span class=num>hit %s</span>", words);
		put_interval(out, cell);
	} else {
		html(out, "<span class=soft>no dump tells</span><br>");
	}
	for (unsigned i = 0; i <= OUTCOME_COUNT; i++) {
		if (cell->of[i])
			html(out, "<span class=\"chip %s\">%s %zu</span> ",
			     report_class(cell->example[i]), report_outcome(cell->example[i]),
			     cell->of[i]);
	}
	html(out, "</td>");
}

void report_put_windows(FILE *out, const struct report *report)
{
	struct values windows = {}, kernels = {};

	for (size_t i = 0; i < report->cases->count; i++) {
		value_index(&windows, report->cases->items[i].window);
		value_index(&kernels, report->cases->items[i].kernel);
	}
	_cleanup_free_ struct cell *cells =
		calloc(windows.count * kernels.count + 1, sizeof(*cells));
	if (!cells)
		abort();
	for (size_t i = 0; i < report->cases->count; i++) {
		const struct record *record = &report->cases->items[i];
		size_t row = value_index(&windows, record->window);
		cell_add(&cells[row * kernels.count + value_index(&kernels, record->kernel)],
			 record);
	}
	html(out, "<section class=card>\n<h2>Windows and kernels</h2>\n<p class=soft>How often the "
		  "dump proves that the reboot CPU was in the window, and the 95 %% interval "
		  "of that rate.</p>\n<div class=scroll><table>\n<tr><th>window</th>");
	for (size_t i = 0; i < kernels.count; i++)
		html(out, "<th>%s</th>", kernels.items[i]);
	html(out, "</tr>\n");
	for (size_t row = 0; row < windows.count; row++) {
		html(out, "<tr><td class=mono>%s</td>", windows.items[row]);
		for (size_t i = 0; i < kernels.count; i++)
			put_window_cell(out, &cells[row * kernels.count + i]);
		html(out, "</tr>\n");
	}
	html(out, "</table></div>\n</section>\n");
	free(windows.items);
	free(kernels.items);
}

#define SWEEP_WIDTH 880.0
#define SWEEP_LEFT 120.0

static double sweep_x(int64_t delay, int64_t longest)
{
	return SWEEP_LEFT + (SWEEP_WIDTH - SWEEP_LEFT - 20) * delay / MAX(longest, 1);
}

/** One case of a sweep. */
struct sweep_point {
	const struct record *record;
	int64_t delay; /* microseconds; -1: not known */
};

/** The cases of the run's sweeps. */
struct sweep {
	struct sweep_point *points;
	size_t count;
	int64_t longest; /* delay */
	int rows[OUTCOME_COUNT], row_count; /* rows[outcome]: -1: none ended so */
};

/* Whether @point is one of a sweep: others of its name have another delay. */
static bool is_swept(const struct sweep *all, const struct sweep_point *point)
{
	for (size_t i = 0; i < all->count; i++) {
		if (!strcmp(all->points[i].record->name, point->record->name) &&
		    all->points[i].delay != point->delay)
			return true;
	}
	return false;
}

static void sweep_init(struct sweep *sweep, const struct record_list *cases)
{
	struct sweep all = {.points = calloc(cases->count + 1, sizeof(*all.points))};

	*sweep = (struct sweep){.points = calloc(cases->count + 1, sizeof(*sweep->points))};
	if (!sweep->points || !all.points)
		abort();
	memset(sweep->rows, -1, sizeof(sweep->rows));
	for (size_t i = 0; i < cases->count; i++) {
		const struct record *record = &cases->items[i];
		struct sweep_point point = {record, record->outcome ? record->delay_us : -1};
		if (point.delay >= 0)
			all.points[all.count++] = point;
	}
	for (size_t i = 0; i < all.count; i++) {
		if (!is_swept(&all, &all.points[i]))
			continue;
		sweep->points[sweep->count++] = all.points[i];
		sweep->longest = MAX(sweep->longest, all.points[i].delay);
		sweep->rows[record_outcome(all.points[i].record)] = 0;
	}
	for (unsigned i = 0; i < OUTCOME_COUNT; i++) {
		if (!sweep->rows[i])
			sweep->rows[i] = sweep->row_count++;
	}
	free(all.points);
}

static void put_sweep_points(FILE *out, const struct sweep *sweep)
{
	for (size_t i = 0; i < sweep->count; i++) {
		const struct record *record = sweep->points[i].record;
		int64_t delay = sweep->points[i].delay;
		/* Moved up and down a little, so that points of one delay can be told apart. */
		double y =
			20 + sweep->rows[record_outcome(record)] * 34.0 + (double)(i * 7 % 15) - 7;
		html(out,
		     "<circle class=\"fill %s\" fill-opacity=\".75\" cx=\"%.1f\" cy=\"%.1f\" "
		     "r=\"4.5\"><title>%s: %s after %lld us</title></circle>\n",
		     report_class(record), sweep_x(delay, sweep->longest), y, record->id,
		     report_outcome(record), (long long)record->delay_us);
	}
}

/* 1, 2 or 5 times a power of ten, at most six of which make up @longest. */
static int64_t round_step(int64_t longest)
{
	int64_t step = 1;

	for (unsigned i = 0; step * 6 < longest; i++)
		step = i % 3 == 1 ? step / 2 * 5 : step * 2;
	return step;
}

static void put_sweep_axis(FILE *out, const struct sweep *sweep, double bottom)
{
	int64_t step = round_step(MAX(sweep->longest, 6));

	for (int64_t delay = 0; delay <= sweep->longest; delay += step) {
		double x = sweep_x(delay, sweep->longest);
		html(out, "<line class=axis x1=\"%.1f\" x2=\"%.1f\" y1=\"6\" y2=\"%.0f\" />", x, x,
		     bottom);
		html(out,
		     "<text class=\"soft small\" text-anchor=middle x=\"%.1f\" y=\"%.0f\">%.1f "
		     "ms</text>\n",
		     x, bottom + 15, delay / 1000.0);
	}
}

void report_put_sweep(FILE *out, const struct report *report)
{
	struct sweep sweep;

	sweep_init(&sweep, report->cases);
	double bottom = 8 + sweep.row_count * 34.0;
	if (sweep.count) {
		html(out,
		     "<section class=\"card chart\">\n<h2>Delay and outcome</h2>\n<p class=soft>A "
		     "point for each case whose delay was varied: how long after the reboot began "
		     "the panic was due.</p>\n<svg role=img width=\"%.0f\" viewBox=\"0 0 %.0f "
		     "%.0f\">\n",
		     SWEEP_WIDTH, SWEEP_WIDTH, bottom + 22);
		put_sweep_axis(out, &sweep, bottom);
		for (unsigned i = 0; i < OUTCOME_COUNT; i++) {
			if (sweep.rows[i] >= 0)
				html(out, "<text text-anchor=end x=\"%.0f\" y=\"%.0f\">%s</text>\n",
				     SWEEP_LEFT - 16, 24 + sweep.rows[i] * 34.0, outcome_names[i]);
		}
		put_sweep_points(out, &sweep);
		html(out, "</svg>\n</section>\n");
	}
	free(sweep.points);
}
