// SPDX-License-Identifier: GPL-2.0-only
/* What scripts/list-kernels.sh found, as a table or as JSON. */
#define _GNU_SOURCE
#include <libsmartcols/libsmartcols.h>
#include <string.h>

#include "lab/files.h"
#include "lab/kernels.h"
#include "lab/results_json.h"
#include "lab/script.h"
#include "lab/table.h"
#include "lab/verdict_file.h"
#include "util/cleanup.h"

#define LIST_MOST (4 << 20)
#define FIELDS 5
#define LOCAL "local"

/* The fields of @line, which is cut up; what is not there is "". */
static void split(char *line, char *fields[FIELDS])
{
	for (unsigned i = 0; i < FIELDS; i++) {
		char *field = strsep(&line, "\t");
		fields[i] = field ? field : "";
	}
}

static void add_text(json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, *text ? json_object_new_string(text) : NULL);
}

/* Its packages that the archive has not, blanks between. */
static json_object *missing_packages(char *names)
{
	json_object *list = json_object_new_array();

	for (char *name; (name = strsep(&names, " "));) {
		if (*name)
			json_object_array_add(list, json_object_new_string(name));
	}
	return list;
}

static json_object *new_kernel(char *fields[FIELDS])
{
	json_object *kernel = json_object_new_object();

	add_text(kernel, "name", fields[1]);
	add_text(kernel, "from", fields[0]);
	add_text(kernel, "version", fields[2]);
	if (strcmp(fields[0], LOCAL)) {
		json_object_object_add(kernel, "missing", missing_packages(fields[3]));
		return kernel;
	}
	add_text(kernel, "hash", fields[3]);
	json_object_object_add(kernel, "images",
			       json_object_new_boolean(!strcmp(fields[4], "yes")));
	json_object_object_add(kernel, "lacks", json_object_new_array());
	return kernel;
}

/* A list with an object for each line of @text; `lacks` goes into that of the line before. */
static json_object *parse(char *text)
{
	json_object *list = json_object_new_array(), *kernel = NULL;
	char *fields[FIELDS];

	for (char *line; (line = strsep(&text, "\n"));) {
		if (!*line)
			continue;
		split(line, fields);
		if (strcmp(fields[0], "lacks")) {
			kernel = new_kernel(fields);
			json_object_array_add(list, kernel);
		} else if (kernel) {
			json_object *lack = json_object_new_object();
			add_text(lack, "who", fields[2]);
			add_text(lack, "what", fields[3]);
			json_object_array_add(json_member(kernel, "lacks"), lack);
		}
	}
	return list;
}

static char *last_column(json_object *kernel)
{
	size_t missing = json_count(kernel, "missing"), lacks = json_count(kernel, "lacks");

	if (missing)
		return format_string("not in the archive: %s",
				     json_object_get_string(json_item(kernel, "missing", 0)));
	return lacks ? format_string("lacks %zu, see below", lacks) : format_string("%s", "");
}

static void print_lacks(json_object *kernel, FILE *out)
{
	for (size_t i = 0; i < json_count(kernel, "lacks"); i++) {
		json_object *lack = json_item(kernel, "lacks", i);
		fprintf(out, "%s: %s (%s)\n", json_text(kernel, "name"), json_text(lack, "what"),
			json_text(lack, "who"));
	}
}

static void print_text(json_object *list, FILE *out)
{
	static const char *const titles[] = {"KERNEL", "FROM", "VERSION", "HASH",
					     "IMAGES", "",     NULL};
	struct libscols_table *table = table_new(out, titles);

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		json_object *kernel = json_object_array_get_idx(list, i);
		struct libscols_line *line = scols_table_new_line(table, NULL);
		scols_line_set_data(line, 0, json_text(kernel, "name"));
		scols_line_set_data(line, 1, json_text(kernel, "from"));
		scols_line_set_data(line, 2, json_text(kernel, "version"));
		scols_line_refer_data(line, 3, format_string("%.12s", json_text(kernel, "hash")));
		scols_line_set_data(line, 4,
				    json_object_get_boolean(json_member(kernel, "images")) ? "yes"
											   : "");
		scols_line_refer_data(line, 5, last_column(kernel));
	}
	scols_print_table(table);
	scols_unref_table(table);
	for (size_t i = 0; i < json_object_array_length(list); i++)
		print_lacks(json_object_array_get_idx(list, i), out);
}

struct error *kernels_list(const struct lab_paths *paths, const struct kernels_request *request,
			   FILE *out)
{
	const char *argv[2 + sizeof(request->suites) / sizeof(request->suites[0])] = {
		"list-kernels.sh"};
	_cleanup_free_ char *text = NULL;
	unsigned count = 1;

	if (request->local || request->fresh)
		argv[count++] = request->local ? "--local" : "--fresh";
	for (unsigned i = 0; request->suites[i]; i++)
		argv[count++] = request->suites[i];
	try(script_read(paths, argv, LIST_MOST, &text));
	json_object *list = parse(text);
	if (!request->json) {
		print_text(list, out);
		json_object_put(list);
		return NULL;
	}
	json_object *object = json_object_new_object();
	json_object_object_add(object, "schema", json_object_new_string("crashlab-kernels/1"));
	json_object_object_add(object, "kernels", list);
	json_print(out, object);
	return NULL;
}
