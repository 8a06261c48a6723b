// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/db.h"

#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#include "lab/files.h"
#include "util/cleanup.h"
#include "util/text.h"

#define BUSY_MS 60000 /* another lab writes for a moment only */

struct db {
	sqlite3 *handle;
	char *results;
};

static const char schema[] =
	"CREATE TABLE run ("
	" run TEXT PRIMARY KEY NOT NULL, started TEXT NOT NULL, ended TEXT,"
	" command TEXT NOT NULL, host TEXT NOT NULL, scenario TEXT NOT NULL, images TEXT NOT NULL,"
	" save TEXT NOT NULL, timeout_factor REAL NOT NULL, timeout REAL NOT NULL,"
	" seed INTEGER NOT NULL"
	") STRICT;"
	"CREATE TABLE cases ("
	" run TEXT NOT NULL REFERENCES run ON DELETE CASCADE,"
	" name TEXT NOT NULL, kernel TEXT NOT NULL, iteration INTEGER NOT NULL,"
	" id TEXT NOT NULL UNIQUE, spec TEXT NOT NULL, backend TEXT NOT NULL, vendor TEXT NOT NULL,"
	" reboot TEXT NOT NULL, trigger TEXT NOT NULL, \"window\" TEXT NOT NULL,"
	" load TEXT NOT NULL, break TEXT NOT NULL, images TEXT NOT NULL, cpus INTEGER NOT NULL,"
	" panic_cpu INTEGER NOT NULL, reboot_cpu INTEGER NOT NULL, hold_us INTEGER NOT NULL,"
	" delay_us INTEGER NOT NULL, expected TEXT NOT NULL,"
	" outcome TEXT, stage TEXT, detail TEXT, hit TEXT, stages TEXT,"
	" as_expected INTEGER NOT NULL, seconds REAL NOT NULL, signature TEXT, failure TEXT,"
	" vmcore INTEGER NOT NULL, verdict TEXT, console TEXT,"
	" UNIQUE (run, name, kernel, iteration)"
	") STRICT;"
	"CREATE INDEX cases_signature ON cases (signature) WHERE signature IS NOT NULL;"
	"CREATE VIEW cpu AS"
	" SELECT run, name, kernel, iteration, cases.id AS id, c.value ->> '$.cpu' AS cpu,"
	"  c.value ->> '$.role' AS role, c.value ->> '$.where' AS place,"
	"  c.value ->> '$.virtualization.state' AS virtualization,"
	"  c.value ->> '$.virtualization.strength' AS strength,"
	"  json_array_length(c.value, '$.vmcs') AS vmcs"
	" FROM cases, json_each(cases.verdict, '$.cpus') AS c;"
	"PRAGMA user_version = 1;";

/* What makes a database of version i one of version i + 1. */
static const char *const upgrades[DB_VERSION] = {
	schema,
	"ALTER TABLE cases ADD COLUMN snapshot TEXT;"
	"ALTER TABLE cases ADD COLUMN truth TEXT;"
	"PRAGMA user_version = 2;",
	"ALTER TABLE run ADD COLUMN shard TEXT;"
	"ALTER TABLE run ADD COLUMN plan TEXT;"
	"ALTER TABLE run ADD COLUMN planned INTEGER NOT NULL DEFAULT 0;"
	"PRAGMA user_version = 3;",
	"ALTER TABLE cases ADD COLUMN cpu_seconds REAL NOT NULL DEFAULT 0;"
	"ALTER TABLE cases ADD COLUMN cpu_stages TEXT;"
	"PRAGMA user_version = 4;",
	"ALTER TABLE run ADD COLUMN connect TEXT;"
	"ALTER TABLE run ADD COLUMN pool TEXT;"
	"ALTER TABLE run ADD COLUMN emulator TEXT;"
	"PRAGMA user_version = 5;",
};

static struct error *db_error(const struct db *db, const char *what)
{
	return error_new(ERROR_SYSTEM, "%s/" DB_FILE ": %s: %s", db->results, what,
			 sqlite3_errmsg(db->handle));
}

static struct error *execute(struct db *db, const char *sql)
{
	return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK
		       ? NULL
		       : db_error(db, "cannot be written");
}

/* Undo what a transaction did when @err, which is returned, keep it otherwise. */
static struct error *finish(struct db *db, struct error *err)
{
	if (!err)
		err = execute(db, "COMMIT");
	if (err)
		sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

static struct error *prepare(struct db *db, const char *sql, sqlite3_stmt **ret)
{
	*ret = NULL;
	if (sqlite3_prepare_v2(db->handle, sql, -1, ret, NULL) != SQLITE_OK)
		return db_error(db, "cannot be read");
	return NULL;
}

/* Run a statement that yields no rows, and be done with it. */
static struct error *run_statement(struct db *db, sqlite3_stmt *statement)
{
	int status = sqlite3_step(statement);
	struct error *err = status == SQLITE_DONE ? NULL : db_error(db, "cannot be written");

	sqlite3_finalize(statement);
	return err;
}

static struct error *read_version(struct db *db, int *ret)
{
	sqlite3_stmt *statement;

	try(prepare(db, "PRAGMA user_version", &statement));
	int status = sqlite3_step(statement);
	*ret = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return status == SQLITE_ROW ? NULL : db_error(db, "cannot be read");
}

/* Of two labs that start at a time in a new directory, the second finds the schema there. */
static struct error *make_schema(struct db *db)
{
	int version = 0;

	try(execute(db, "BEGIN IMMEDIATE"));
	struct error *err = read_version(db, &version);
	for (int next = version; !err && next < DB_VERSION; next++)
		err = execute(db, upgrades[next]);
	try(finish(db, err));
	if (version > DB_VERSION)
		return error_new(ERROR_UNSUPPORTED,
				 "%s/" DB_FILE " has version %d, this crashlab knows %d: take a "
				 "newer one",
				 db->results, version, DB_VERSION);
	return NULL;
}

static struct error *set_up(struct db *db, const char *path)
{
	if (sqlite3_open_v2(path, &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) !=
	    SQLITE_OK)
		return db_error(db, "cannot be opened");
	sqlite3_busy_timeout(db->handle, BUSY_MS);
	/* FULL: a case that was written is there after a power cut, too. */
	try(execute(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
			"PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF"));
	return make_schema(db);
}

struct error *db_open(const char *results, bool create, struct db **ret)
{
	_cleanup_free_ char *path = format_string("%s/" DB_FILE, results);

	*ret = NULL;
	if (!create && access(path, F_OK))
		return error_new(ERROR_NOT_FOUND,
				 "no " DB_FILE " in %s: no run was made there (--results DIR)",
				 results);
	struct db *db = calloc(1, sizeof(*db));
	if (!db)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	db->results = format_string("%s", results);
	struct error *err = set_up(db, path);
	if (err) {
		db_close(db);
		return err;
	}
	*ret = db;
	return NULL;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	sqlite3_close(db->handle);
	free(db->results);
	free(db);
}

const char *db_results(const struct db *db)
{
	return db->results;
}

/** A table that a struct is kept in. */
struct table {
	const char *name, *key; /* @key: what makes a row unique */
	const struct field *fields;
	size_t count;
};

static struct table table_of_cases(void)
{
	return (struct table){"cases", "run, name, kernel, iteration", record_fields,
			      record_field_count};
}

static struct table table_of_runs(void)
{
	return (struct table){"run", "run", run_fields, run_field_count};
}

/* INSERT of all columns; one that is there is replaced where @condition holds. */
static char *upsert_text(const struct table *table, const char *condition)
{
	_cleanup_free_ char *names = NULL, *marks = NULL, *updates = NULL;

	for (size_t i = 0; i < table->count; i++) {
		_cleanup_free_ char *name = format_string("\"%s\"", table->fields[i].column);
		_cleanup_free_ char *update = format_string("%s = excluded.%s", name, name);
		if (text_join(&names, ", ", name) || text_join(&marks, ", ", "?") ||
		    text_join(&updates, ", ", update))
			abort();
	}
	return format_string("INSERT INTO %s (%s) VALUES (%s) ON CONFLICT (%s) DO UPDATE SET %s "
			     "WHERE %s",
			     table->name, names, marks, table->key, updates, condition);
}

static void bind(sqlite3_stmt *statement, int number, const struct field *field, const void *object)
{
	switch (field->type) {
	case FIELD_TEXT:
	case FIELD_JSON:
		sqlite3_bind_text(statement, number, *field_text(field, object), -1, SQLITE_STATIC);
		break;
	case FIELD_INTEGER:
	case FIELD_BOOL:
		sqlite3_bind_int64(statement, number, *field_integer(field, object));
		break;
	case FIELD_REAL:
		sqlite3_bind_double(statement, number, *field_real(field, object));
		break;
	}
}

static struct error *put(struct db *db, const struct table *table, const char *condition,
			 const void *object)
{
	_cleanup_free_ char *sql = upsert_text(table, condition);
	sqlite3_stmt *statement;

	try(prepare(db, sql, &statement));
	for (size_t i = 0; i < table->count; i++)
		bind(statement, i + 1, &table->fields[i], object);
	return run_statement(db, statement);
}

static struct error *put_case(struct db *db, const struct record *record)
{
	const struct table table = table_of_cases();

	try(put(db, &table, "outcome IS NULL", record));
	if (sqlite3_changes(db->handle) == 1)
		return NULL;
	return error_new(ERROR_SYSTEM, "case %s (%s, iteration %lld) has its outcome already",
			 record->name, record->kernel, (long long)record->iteration);
}

static struct error *put_run(struct db *db, const struct run_record *run,
			     const struct record *cases, size_t count)
{
	const struct table table = table_of_runs();

	try(put(db, &table, "0", run));
	for (size_t i = 0; i < count; i++)
		try(put_case(db, &cases[i]));
	return NULL;
}

struct error *db_add_run(struct db *db, const struct run_record *run, const struct record *cases,
			 size_t count)
{
	try(execute(db, "BEGIN IMMEDIATE"));
	return finish(db, put_run(db, run, cases, count));
}

struct error *db_store(struct db *db, const struct record *record)
{
	try(execute(db, "BEGIN IMMEDIATE"));
	return finish(db, put_case(db, record));
}

/* A statement with one text to fill in, and no rows. */
static struct error *change(struct db *db, const char *sql, const char *text)
{
	sqlite3_stmt *statement;

	try(prepare(db, sql, &statement));
	sqlite3_bind_text(statement, 1, text, -1, SQLITE_STATIC);
	return run_statement(db, statement);
}

struct error *db_end_run(struct db *db, const char *name)
{
	/* One that was merged has not while shards are missing. */
	return change(db,
		      "UPDATE run SET ended = strftime('%Y-%m-%dT%H:%M:%SZ', 'now') "
		      "WHERE run.run = ? AND (ifnull(shard, '') <> '' OR planned <= "
		      "(SELECT count(*) FROM cases WHERE cases.run = run.run))",
		      name);
}

struct error *db_forget_planned(struct db *db, const char *name)
{
	return change(db, "DELETE FROM cases WHERE run = ? AND outcome IS NULL", name);
}

struct error *db_forget_vmcore(struct db *db, const struct record *record)
{
	return change(db, "UPDATE cases SET vmcore = 0 WHERE id = ?", record->id);
}

struct error *db_remove_run(struct db *db, const char *name)
{
	return change(db, "DELETE FROM run WHERE run = ?", name);
}

static void fetch(sqlite3_stmt *statement, int number, const struct field *field, void *object)
{
	const char *text;

	switch (field->type) {
	case FIELD_TEXT:
	case FIELD_JSON:
		text = (const char *)sqlite3_column_text(statement, number);
		*field_text(field, object) = text ? format_string("%s", text) : NULL;
		break;
	case FIELD_INTEGER:
	case FIELD_BOOL:
		*field_integer(field, object) = sqlite3_column_int64(statement, number);
		break;
	case FIELD_REAL:
		*field_real(field, object) = sqlite3_column_double(statement, number);
		break;
	}
}

static char *select_text(const struct table *table, const char *rest)
{
	_cleanup_free_ char *names = NULL;

	for (size_t i = 0; i < table->count; i++) {
		_cleanup_free_ char *name = format_string("\"%s\"", table->fields[i].column);
		if (text_join(&names, ", ", name))
			abort();
	}
	return format_string("SELECT %s FROM %s %s", names, table->name, rest);
}

/* The rows of @table, objects of @size bytes, that "… @rest", with @text filled in, yields. */
static struct error *get(struct db *db, const struct table *table, const char *rest,
			 const char *text, size_t size, void **ret, size_t *ret_count)
{
	_cleanup_free_ char *sql = select_text(table, rest);
	sqlite3_stmt *statement;
	struct error *err = NULL;
	int status;

	*ret = NULL;
	*ret_count = 0;
	try(prepare(db, sql, &statement));
	sqlite3_bind_text(statement, 1, text, -1, SQLITE_STATIC);
	while (!err && (status = sqlite3_step(statement)) == SQLITE_ROW) {
		err = array_grow(ret, ret_count, size);
		for (size_t i = 0; !err && i < table->count; i++)
			fetch(statement, i, &table->fields[i],
			      (char *)*ret + (*ret_count - 1) * size);
	}
	if (!err && status != SQLITE_DONE)
		err = db_error(db, "cannot be read");
	sqlite3_finalize(statement);
	return err;
}

struct error *db_runs(struct db *db, struct run_record **ret, size_t *ret_count)
{
	const struct table table = table_of_runs();

	return get(db, &table, "ORDER BY started, run", NULL, sizeof(**ret), (void **)ret,
		   ret_count);
}

struct error *db_find_run(struct db *db, const char *name, struct run_record *ret)
{
	const struct table table = table_of_runs();
	struct run_record *runs;
	size_t count;

	*ret = (struct run_record){};
	try(get(db, &table,
		name ? "WHERE run = ?" : "WHERE ? IS NULL ORDER BY started DESC, run DESC LIMIT 1",
		name, sizeof(*runs), (void **)&runs, &count));
	if (count)
		*ret = runs[0];
	free(runs);
	if (count)
		return NULL;
	return name ? error_new(ERROR_NOT_FOUND, "no run \"%s\" in %s (crashlab list)", name,
				db->results)
		    : error_new(ERROR_NOT_FOUND, "no run in %s", db->results);
}

struct error *db_find_plan(struct db *db, const char *plan, struct run_record *ret)
{
	const struct table table = table_of_runs();
	struct run_record *runs;
	size_t count;

	*ret = (struct run_record){};
	try(get(db, &table, "WHERE plan = ? ORDER BY started LIMIT 1", plan, sizeof(*runs),
		(void **)&runs, &count));
	if (count)
		*ret = runs[0];
	free(runs);
	return count ? NULL : error_new(ERROR_NOT_FOUND, "no run of that plan in %s", db->results);
}

static struct error *get_cases(struct db *db, const char *rest, const char *text,
			       struct record_list *ret)
{
	const struct table table = table_of_cases();
	struct error *err =
		get(db, &table, rest, text, sizeof(*ret->items), (void **)&ret->items, &ret->count);

	for (size_t i = 0; i < ret->count; i++) {
		struct record *record = &ret->items[i];
		record->directory = format_string("%s/%s/%s", db->results, record->run, record->id);
	}
	if (err)
		record_list_deinit(ret);
	return err;
}

struct error *db_cases(struct db *db, const char *run, struct record_list *ret)
{
	return get_cases(db, "WHERE run = ? ORDER BY rowid", run, ret);
}

struct error *db_find_case(struct db *db, const char *id, struct record *ret)
{
	struct record_list list;

	*ret = (struct record){};
	try(get_cases(db, "WHERE id = ?", id, &list));
	if (list.count)
		*ret = list.items[0];
	free(list.items);
	return ret->id ? NULL
		       : error_new(ERROR_NOT_FOUND, "no case \"%s\" in %s (crashlab list RUN)", id,
				   db->results);
}

struct error *db_vmcore_kept(struct db *db, const struct record *record, bool *ret)
{
	sqlite3_stmt *statement;

	*ret = false;
	if (!record->signature)
		return NULL;
	try(prepare(db, "SELECT 1 FROM cases WHERE signature = ? AND id <> ? AND vmcore > 0",
		    &statement));
	sqlite3_bind_text(statement, 1, record->signature, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, record->id, -1, SQLITE_STATIC);
	*ret = sqlite3_step(statement) == SQLITE_ROW;
	sqlite3_finalize(statement);
	return NULL;
}

struct error *db_typical_seconds(struct db *db, const struct record *record, bool saved,
				 double *ret)
{
	static const char sql[] =
		"WITH past AS (SELECT seconds FROM cases WHERE backend = ? AND vendor = ? "
		"AND cpus = ? AND (coalesce(snapshot, '') <> '') = ? AND outcome IN ('PASS', "
		"'FAIL', 'INCONCLUSIVE', 'race-missed') "
		"ORDER BY rowid DESC LIMIT 50) "
		"SELECT seconds FROM past ORDER BY seconds "
		"LIMIT 1 OFFSET (SELECT count(*) / 2 FROM past)";
	sqlite3_stmt *statement;

	try(prepare(db, sql, &statement));
	sqlite3_bind_text(statement, 1, record->backend, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, record->vendor, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 3, record->cpus);
	sqlite3_bind_int(statement, 4, saved);
	*ret = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_double(statement, 0) : 0;
	sqlite3_finalize(statement);
	return NULL;
}
