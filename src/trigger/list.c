// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/windows.h"
#include "trigger/combine.h"
#include "trigger/find.h"
#include "trigger/list.h"
#include "util/cleanup.h"

#define MAX 32

/** Why each entry of the three tables is not to be had here; NULL: it is. */
struct lacks {
	char *hold, *panics[MAX], *reboots[MAX], *windows[MAX];
};

static char *take_message(struct error *err)
{
	char *message = err ? strdup(err->message) : NULL;

	error_free(err);
	return message;
}

static void look_at_panics(struct lacks *lacks, struct plant *plant, unsigned panic_cpu,
			   unsigned reboot_cpu)
{
	for (size_t i = 0; panic_ways[i].name; i++) {
		_cleanup_(panic_means_close) struct panic_means means = {
			.panic_cpu = panic_ways[i].self ? reboot_cpu : panic_cpu,
			.reboot_cpu = reboot_cpu,
			.plant = plant,
			.fd = -1,
			.second_fd = -1,
		};

		lacks->panics[i] = take_message(panic_ways[i].open(&means));
	}
}

static void look_at_reboots(struct lacks *lacks, unsigned reboot_cpu)
{
	for (size_t i = 0; reboot_ways[i].name; i++) {
		_cleanup_close_ int fd = -1;

		lacks->reboots[i] = take_message(reboot_ways[i].open(reboot_cpu, &fd));
	}
}

static void look_at_windows(struct lacks *lacks, struct plant *plant)
{
	for (size_t i = 0; windows[i].name; i++) {
		struct probe probe;

		lacks->windows[i] = take_message(find_probe(plant, windows[i].name, &probe));
	}
}

static void look(struct lacks *lacks, unsigned panic_cpu, unsigned reboot_cpu)
{
	_cleanup_(plant_deinit) struct plant plant = {};

	look_at_reboots(lacks, reboot_cpu);
	lacks->hold = take_message(plant_init(&plant, true));
	if (lacks->hold)
		return;
	look_at_panics(lacks, &plant, panic_cpu, reboot_cpu);
	look_at_windows(lacks, &plant);
}

static void lacks_free(struct lacks *lacks)
{
	free(lacks->hold);
	for (size_t i = 0; i < MAX; i++) {
		free(lacks->panics[i]);
		free(lacks->reboots[i]);
		free(lacks->windows[i]);
	}
}

static const char *judge(const struct lacks *lacks, size_t panic, size_t reboot, size_t window,
			 const char **ret_why)
{
	enum combination combination =
		combine(&panic_ways[panic], &reboot_ways[reboot], windows[window].name, ret_why);
	const char *const missing[] = {lacks->hold, lacks->panics[panic], lacks->reboots[reboot],
				       lacks->windows[window]};

	if (combination == COMBINATION_NONE)
		return "skipped";
	for (size_t i = 0; i < sizeof(missing) / sizeof(*missing); i++) {
		if (missing[i]) {
			*ret_why = missing[i];
			return "skipped";
		}
	}
	return combination == COMBINATION_WORKS ? "works" : "no-dump";
}

static void add_lines(struct libscols_table *table, const struct lacks *lacks, size_t panic,
		      size_t reboot)
{
	for (size_t window = 0; windows[window].name; window++) {
		struct libscols_line *line;
		const char *why;

		if (!window_is_passed(&windows[window], reboot_ways[reboot].name))
			continue;
		line = scols_table_new_line(table, NULL);
		scols_line_set_data(line, 0, panic_ways[panic].name);
		scols_line_set_data(line, 1, reboot_ways[reboot].name);
		scols_line_set_data(line, 2, windows[window].name);
		scols_line_set_data(line, 3, judge(lacks, panic, reboot, window, &why));
		scols_line_set_data(line, 4, why ? why : "");
	}
}

/* A way of rebooting that passes no window has one line, without. */
static void add_pathless(struct libscols_table *table, const struct lacks *lacks, size_t reboot)
{
	struct libscols_line *line;

	for (size_t window = 0; windows[window].name; window++)
		if (window_is_passed(&windows[window], reboot_ways[reboot].name))
			return;
	line = scols_table_new_line(table, NULL);
	scols_line_set_data(line, 0, "any");
	scols_line_set_data(line, 1, reboot_ways[reboot].name);
	scols_line_set_data(line, 2, "none");
	scols_line_set_data(line, 3, lacks->reboots[reboot] ? "skipped" : "works");
	scols_line_set_data(line, 4, lacks->reboots[reboot] ? lacks->reboots[reboot] : "");
}

struct error *list_print(unsigned panic_cpu, unsigned reboot_cpu, bool json)
{
	static const char *const titles[] = {"trigger", "reboot", "window", "state", "reason"};
	_cleanup_(lacks_free) struct lacks lacks = {};
	struct libscols_table *table = scols_new_table();

	if (!table)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	scols_table_set_name(table, "ways");
	scols_table_enable_json(table, json);
	for (size_t i = 0; i < sizeof(titles) / sizeof(*titles); i++)
		scols_table_new_column(table, titles[i], 0, 0);
	look(&lacks, panic_cpu, reboot_cpu);
	for (size_t reboot = 0; reboot_ways[reboot].name; reboot++) {
		for (size_t panic = 0; panic_ways[panic].name; panic++)
			add_lines(table, &lacks, panic, reboot);
		add_pathless(table, &lacks, reboot);
	}
	scols_print_table(table);
	scols_unref_table(table);
	return NULL;
}
