// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/table.h"

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

/** A case, and its verdict taken apart, which may be NULL. */
struct stored_case {
	const struct record *record;
	json_object *verdict;
};

/* "1 clear", "1 clear, 1 ACTIVE", "none". */
static char *describe_vmcs(json_object *cpu)
{
	static const char *const states[] = {"clear", "active", "unknown"};
	static const char *const shown[] = {"clear", "ACTIVE", "unknown"};
	size_t count = json_count(cpu, "vmcs");
	char *text = format_string("%s", "");

	for (size_t state = 0; state < 3; state++) {
		unsigned number = 0;
		for (size_t i = 0; i < count; i++)
			number += !strcmp(json_text(json_item(cpu, "vmcs", i), "state"),
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
	size_t count = json_count(verdict, "evidence");
	char *text = NULL;

	for (size_t i = 0; i < count; i++) {
		json_object *item = json_item(verdict, "evidence", i);
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
	const struct record *record = stored->record;
	_cleanup_free_ char *shown =
		format_string("%s%s", record->outcome, record->as_expected ? "" : " (!)");
	_cleanup_free_ char *name =
		record->iteration > 1
			? format_string("%s #%lld", record->name, (long long)record->iteration)
			: format_string("%s", record->name);

	set(line, COL_CASE, name);
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
	size_t count = json_count(stored->verdict, "cpus");
	struct libscols_line *line = scols_table_new_line(table, NULL);

	add_case_cells(line, stored);
	for (size_t i = 0; i < count; i++) {
		if (i)
			line = scols_table_new_line(table, NULL);
		if (i == 1)
			add_hold(line, stored);
		add_cpu_cells(line, stored->verdict, json_item(stored->verdict, "cpus", i));
	}
}

static void print_list(FILE *out, json_object *verdict, const char *key, const char *prefix)
{
	for (size_t i = 0; i < json_count(verdict, key); i++)
		fprintf(out, "%s%s\n", prefix, json_object_get_string(json_item(verdict, key, i)));
}

static void print_console(FILE *out, const char *console)
{
	size_t lines = 0, length = strlen(console);
	const char *start = console + length;

	while (start > console && lines <= CONSOLE_LINES)
		lines += *--start == '\n';
	for (start += *start == '\n'; *start;) {
		size_t line = strcspn(start, "\n");
		fprintf(out, "  | %.*s\n", (int)line, start);
		start += line + !!start[line];
	}
}

/* What does not fit a table: why it is no PASS, and how far a case without a verdict got. */
static void print_words(FILE *out, const struct stored_case *stored)
{
	const struct record *record = stored->record;
	const char *detail = record->detail ? record->detail : "";
	enum outcome outcome = record_outcome(record);

	if (outcome == OUTCOME_PASS && record->as_expected)
		return;
	fprintf(out, "\n%s: %s (expected %s)%s%s\n", record->name, record->outcome,
		record->expected, *detail ? ": " : "", detail);
	print_list(out, stored->verdict, "conflicts", "  DISAGREEMENT: ");
	print_list(out, stored->verdict, "reasons", "  ");
	if (!stored->verdict && outcome != OUTCOME_SKIPPED) {
		const char *console = record->console ? record->console : "";
		fprintf(out, "  reached \"%s\"; the console's last lines:\n", record->stage);
		print_console(out, *console ? console : "(nothing)");
	}
	fprintf(out, "  all of it: %s\n", record->directory);
}

static void print_totals(FILE *out, const struct record_list *list)
{
	unsigned counts[OUTCOME_COUNT + 1] = {}, expected = 0;

	for (size_t i = 0; i < list->count; i++) {
		counts[record_outcome(&list->items[i])]++;
		expected += list->items[i].outcome && list->items[i].as_expected;
	}
	size_t ended = list->count - counts[OUTCOME_COUNT];
	fprintf(out, "\n%zu case%s, %u as expected:", ended, ended == 1 ? "" : "s", expected);
	for (unsigned outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
		if (counts[outcome])
			fprintf(out, " %u %s", counts[outcome], outcome_names[outcome]);
	}
	fputc('\n', out);
}

struct libscols_table *table_new(FILE *out, const char *const *titles)
{
	struct libscols_table *table = scols_new_table();

	if (!table)
		abort();
	for (; *titles; titles++)
		scols_table_new_column(table, *titles, 0, 0);
	scols_table_set_stream(table, out);
	return table;
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

static bool is_plain(const struct record *record)
{
	return record_outcome(record) == OUTCOME_PASS && record->as_expected;
}

void table_print(FILE *out, const struct record_list *list, size_t most)
{
	struct stored_case *cases = calloc(list->count + 1, sizeof(*cases));
	size_t count = 0;

	if (!cases)
		abort();
	for (size_t i = 0; i < list->count; i++) {
		const struct record *record = &list->items[i];
		if (record->outcome && (list->count <= most || !is_plain(record)))
			cases[count++] = (struct stored_case){record, record_verdict(record)};
	}
	if (count || list->count <= most)
		print_table(out, cases, count);
	for (size_t i = 0; i < count; i++)
		print_words(out, &cases[i]);
	print_totals(out, list);
	for (size_t i = 0; i < count; i++)
		json_object_put(cases[i].verdict);
	free(cases);
}
