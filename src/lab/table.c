// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/table.h"

#include <dirent.h>
#include <errno.h>
#include <libsmartcols/libsmartcols.h>
#include <string.h>

#include "lab/files.h"
#include "lab/verdict_file.h"
#include "util/cleanup.h"

#define CONSOLE_LINES 12

enum column {
	COL_CASE,
	COL_OUTCOME,
	COL_HIT,
	COL_CPU,
	COL_ROLE,
	COL_WHERE,
	COL_VIRT,
	COL_VMCS,
	COL_WHY
};

static const struct {
	const char *title;
	int flags;
} columns[] = {
	[COL_CASE] = {"CASE", 0},
	[COL_OUTCOME] = {"OUTCOME", 0},
	[COL_HIT] = {"WINDOW HIT", 0},
	[COL_CPU] = {"CPU", SCOLS_FL_RIGHT},
	[COL_ROLE] = {"ROLE", 0},
	[COL_WHERE] = {"WHERE IT WAS", SCOLS_FL_TRUNC},
	[COL_VIRT] = {"VIRT", 0},
	[COL_VMCS] = {"VMCS", 0},
	[COL_WHY] = {"BELIEVED BECAUSE OF", SCOLS_FL_WRAP},
};

/** A case as it lies on disk. */
struct stored_case {
	const char *directory;
	json_object *outcome, *verdict; /* the latter may be NULL */
};

/* "1 clear", "1 clear, 1 ACTIVE", "none". */
static char *describe_vmcs(json_object *cpu)
{
	static const char *const states[] = {"clear", "active", "unknown"};
	static const char *const shown[] = {"clear", "ACTIVE", "unknown"};
	json_object *list = json_member(cpu, "vmcs");
	size_t count =
		json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
	char *text = format_string("%s", "");

	for (size_t state = 0; state < 3; state++) {
		unsigned number = 0;
		for (size_t i = 0; i < count; i++)
			number += !strcmp(json_text(json_object_array_get_idx(list, i), "state"),
					  states[state]);
		if (!number)
			continue;
		char *longer =
			format_string("%s%s%u %s", text, *text ? ", " : "", number, shown[state]);
		free(text);
		text = longer;
	}
	return text;
}

/* The sources of @strength that speak of @cpu, each once: "cr4-shadow, host-registers (direct)". */
static char *list_sources(json_object *verdict, int64_t cpu, const char *strength)
{
	json_object *list = json_member(verdict, "evidence");
	size_t count =
		json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
	char *text = NULL;

	for (size_t i = 0; i < count; i++) {
		json_object *item = json_object_array_get_idx(list, i);
		const char *source = json_text(item, "source");
		if (json_object_get_int64(json_member(item, "cpu")) != cpu ||
		    strcmp(json_text(item, "strength"), strength) ||
		    !strcmp(json_text(item, "state"), "unknown") || (text && strstr(text, source)))
			continue;
		char *longer = format_string("%s%s%s", text ? text : "", text ? ", " : "", source);
		free(text);
		text = longer;
	}
	if (!text)
		return NULL;
	char *whole = format_string("%s (%s)", text, strength);
	free(text);
	return whole;
}

/* What is inferred is told only where nothing direct is known. */
static char *describe_sources(json_object *verdict, int64_t cpu)
{
	char *direct = list_sources(verdict, cpu, "direct");

	return direct ? direct : list_sources(verdict, cpu, "inferred");
}

/* "a+0x1/0x2 [module] > b+0x3/0x4", a place and what ran on top of it: "a+0x1 [module]". */
static char *shorten(const char *where)
{
	const char *deeper = strstr(where, " > ");
	char *text =
		format_string("%.*s", deeper ? (int)(deeper - where) : (int)strlen(where), where);
	char *slash = strstr(text, "/0x");

	if (slash) {
		const char *rest = slash + 1 + strcspn(slash + 1, " /");
		memmove(slash, rest, strlen(rest) + 1);
	}
	return text;
}

static void set(struct libscols_line *line, enum column column, const char *text)
{
	scols_line_set_data(line, column, text);
}

static void add_case_cells(struct libscols_line *line, const struct stored_case *stored)
{
	const char *name = json_text(stored->outcome, "name");
	const char *outcome = json_text(stored->outcome, "outcome");
	bool as_expected = json_object_get_boolean(json_member(stored->outcome, "as_expected"));
	_cleanup_free_ char *shown = format_string("%s%s", outcome, as_expected ? "" : " (!)");

	set(line, COL_CASE, *name ? name : json_text(stored->outcome, "case"));
	set(line, COL_OUTCOME, shown);
	if (stored->verdict) {
		json_object *hit = json_member(stored->verdict, "hit");
		const char *state = json_text(hit, "state");
		_cleanup_free_ char *proof =
			format_string("%s: %s", json_text(hit, "window"), state);
		set(line, COL_HIT, proof);
	}
}

/* How long it was held there when the NMI came: goes below the window, beside the second CPU. */
static void add_hold(struct libscols_line *line, const struct stored_case *stored)
{
	json_object *marker = json_member(stored->verdict, "case");
	int64_t hit = json_object_get_int64(json_member(marker, "t_hit"));
	int64_t last = json_object_get_int64(json_member(marker, "t_last"));

	if (hit <= 0 || last < hit)
		return;
	_cleanup_free_ char *held = format_string("held for %.1f ms", (last - hit) / 1e6);
	set(line, COL_HIT, held);
}

static void add_cpu_cells(struct libscols_line *line, json_object *verdict, json_object *cpu)
{
	json_object *virtualization = json_member(cpu, "virtualization");
	int64_t number = json_object_get_int64(json_member(cpu, "cpu"));
	const char *state = json_text(virtualization, "state");
	_cleanup_free_ char *index = format_string("%d", (int)number);
	_cleanup_free_ char *where = shorten(json_text(cpu, "where"));
	_cleanup_free_ char *vmcs = describe_vmcs(cpu);
	_cleanup_free_ char *sources = describe_sources(verdict, number);

	set(line, COL_CPU, index);
	set(line, COL_ROLE, json_text(cpu, "role"));
	set(line, COL_WHERE, where);
	set(line, COL_VIRT, strcmp(state, "on") ? state : "ON");
	set(line, COL_VMCS, vmcs);
	set(line, COL_WHY, sources);
}

static void add_case(struct libscols_table *table, const struct stored_case *stored)
{
	json_object *cpus = json_member(stored->verdict, "cpus");
	size_t count =
		json_object_is_type(cpus, json_type_array) ? json_object_array_length(cpus) : 0;
	struct libscols_line *line = scols_table_new_line(table, NULL);

	add_case_cells(line, stored);
	for (size_t i = 0; i < count; i++) {
		if (i)
			line = scols_table_new_line(table, NULL);
		if (i == 1)
			add_hold(line, stored);
		add_cpu_cells(line, stored->verdict, json_object_array_get_idx(cpus, i));
	}
}

static void print_list(FILE *out, json_object *verdict, const char *key, const char *prefix)
{
	json_object *list = json_member(verdict, key);
	size_t count =
		json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s%s\n", prefix,
			json_object_get_string(json_object_array_get_idx(list, i)));
}

/* What does not fit a table: why it is no PASS, and how far a case without a verdict got. */
static void print_words(FILE *out, const struct stored_case *stored)
{
	const char *outcome = json_text(stored->outcome, "outcome");
	const char *detail = json_text(stored->outcome, "detail");
	bool as_expected = json_object_get_boolean(json_member(stored->outcome, "as_expected"));
	_cleanup_free_ char *console = format_string("%s/console.log", stored->directory);

	if (!strcmp(outcome, "PASS") && as_expected)
		return;
	fprintf(out, "\n%s: %s (expected %s)%s%s\n", json_text(stored->outcome, "name"), outcome,
		json_text(stored->outcome, "expected"), *detail ? ": " : "", detail);
	print_list(out, stored->verdict, "conflicts", "  DISAGREEMENT: ");
	print_list(out, stored->verdict, "reasons", "  ");
	if (!stored->verdict && strcmp(outcome, "skipped")) {
		fprintf(out, "  reached \"%s\"; the console's last lines:\n",
			json_text(stored->outcome, "stage"));
		if (!print_tail(out, console, CONSOLE_LINES, "  | "))
			fprintf(out, "  | (nothing)\n");
	}
	fprintf(out, "  all of it: %s\n", stored->directory);
}

static void print_totals(FILE *out, const struct stored_case *cases, size_t count)
{
	unsigned counts[OUTCOME_COUNT] = {}, expected = 0;

	for (size_t i = 0; i < count; i++) {
		enum outcome outcome = outcome_from_name(json_text(cases[i].outcome, "outcome"));
		if (outcome < OUTCOME_COUNT)
			counts[outcome]++;
		expected += json_object_get_boolean(json_member(cases[i].outcome, "as_expected"));
	}
	fprintf(out, "\n%zu case%s, %u as expected:", count, count == 1 ? "" : "s", expected);
	for (unsigned outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
		if (counts[outcome])
			fprintf(out, " %u %s", counts[outcome], outcome_names[outcome]);
	}
	fputc('\n', out);
}

static struct error *load(const char *directory, struct stored_case *ret)
{
	_cleanup_free_ char *outcome = format_string("%s/outcome.json", directory);
	_cleanup_free_ char *verdict = format_string("%s/verdict.json", directory);

	*ret = (struct stored_case){.directory = directory};
	try(json_load(outcome, OUTCOME_SCHEMA, &ret->outcome));
	error_free(json_load(verdict, VERDICT_SCHEMA, &ret->verdict)); /* it may be missing */
	return NULL;
}

static void print_table(FILE *out, const struct stored_case *cases, size_t count)
{
	struct libscols_table *table = scols_new_table();

	if (!table)
		abort();
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		scols_table_new_column(table, columns[i].title, 0, columns[i].flags);
	scols_table_set_stream(table, out);
	for (size_t i = 0; i < count; i++)
		add_case(table, &cases[i]);
	scols_print_table(table);
	scols_unref_table(table);
}

struct error *table_print(FILE *out, char *const *directories)
{
	struct error *err = NULL;
	size_t count = 0, loaded = 0;

	while (directories[count])
		count++;
	_cleanup_free_ struct stored_case *cases = calloc(count + 1, sizeof(*cases));
	if (!cases)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	while (!err && loaded < count) {
		err = load(directories[loaded], &cases[loaded]);
		loaded++;
	}
	if (!err) {
		print_table(out, cases, count);
		for (size_t i = 0; i < count; i++)
			print_words(out, &cases[i]);
		print_totals(out, cases, count);
	}
	for (size_t i = 0; i < loaded; i++) {
		json_object_put(cases[i].outcome);
		json_object_put(cases[i].verdict);
	}
	return err;
}

static bool is_case(const char *path)
{
	_cleanup_free_ char *outcome = format_string("%s/outcome.json", path);

	return !access(outcome, R_OK);
}

static int no_dots(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

struct error *table_find(const char *path, char ***ret)
{
	struct dirent **entries = NULL;
	int count = is_case(path) ? 0 : scandir(path, &entries, no_dots, versionsort);
	size_t found = 0;

	if (count < 0)
		return error_errno(errno, "%s", path);
	char **list = calloc(count + 2, sizeof(*list));
	if (!list)
		abort();
	if (!entries)
		list[found++] = format_string("%s", path);
	for (int i = 0; i < count; i++) {
		_cleanup_free_ char *child = format_string("%s/%s", path, entries[i]->d_name);
		if (is_case(child))
			list[found++] = take(child);
		free(entries[i]);
	}
	free(entries);
	if (!found) {
		free(list);
		return error_new(ERROR_NOT_FOUND, "%s: no case in it", path);
	}
	*ret = list;
	return NULL;
}

void table_free(char **directories)
{
	for (size_t i = 0; directories && directories[i]; i++)
		free(directories[i]);
	free(directories);
}
