// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/select.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "lab/files.h"
#include "lab/plan.h"
#include "util/cleanup.h"
#include "util/text.h"

static struct error *select_run(struct selection *selection, const char *name)
{
	try(db_find_run(selection->db, name, &selection->run));
	return db_cases(selection->db, selection->run.run, &selection->cases);
}

/* The place of one more case. */
static struct error *make_room(struct selection *selection, struct record **ret)
{
	struct record_list *cases = &selection->cases;

	try(array_grow((void **)&cases->items, &cases->count, sizeof(*cases->items)));
	selection->one = true;
	*ret = &cases->items[cases->count - 1];
	return NULL;
}

static struct error *select_case(struct selection *selection, const char *id)
{
	struct record *record;

	try(make_room(selection, &record));
	try(db_find_case(selection->db, id, record));
	return db_find_run(selection->db, record->run, &selection->run);
}

static struct error *select_word(struct selection *selection, const char *name)
{
	struct error *no_run = select_run(selection, name);

	if (!error_is(no_run, ERROR_NOT_FOUND) || !name)
		return no_run;
	struct error *no_case = select_case(selection, name);
	if (!error_is(no_case, ERROR_NOT_FOUND)) {
		error_free(no_run);
		return no_case;
	}
	error_free(no_run);
	error_free(no_case);
	return error_new(ERROR_NOT_FOUND, "no run and no case \"%s\" in %s (crashlab list)", name,
			 db_results(selection->db));
}

/* <results>/<run>, or <results>/<run>/<case>, which may have been taken away from its database. */
static struct error *select_directory(struct selection *selection, const char *path)
{
	_cleanup_free_ char *outcome = format_string("%s/outcome.json", path);
	_cleanup_free_ char *above = format_string("%s/..", path);
	_cleanup_free_ char *results = realpath(above, NULL);
	struct record *record;

	if (!access(outcome, R_OK)) {
		try(make_room(selection, &record));
		return record_load(path, record);
	}
	try(db_open(results ? results : above, false, &selection->db));
	return select_run(selection, strrchr(path, '/') + 1);
}

static struct error *find(const struct lab_paths *paths, const char *results, const char *name,
			  struct selection *selection)
{
	_cleanup_free_ char *path = name && strchr(name, '/') ? realpath(name, NULL) : NULL;
	_cleanup_free_ char *directory = results_directory(paths, results);

	if (path)
		return select_directory(selection, path);
	try(db_open(directory, false, &selection->db));
	return select_word(selection, name);
}

struct error *select_named(const struct lab_paths *paths, const char *results, const char *name,
			   struct selection *ret)
{
	*ret = (struct selection){};
	struct error *err = find(paths, results, name, ret);
	if (err)
		selection_deinit(ret);
	return err;
}

void selection_deinit(struct selection *selection)
{
	db_close(selection->db);
	run_record_deinit(&selection->run);
	record_list_deinit(&selection->cases);
	*selection = (struct selection){};
}
