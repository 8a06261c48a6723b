/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_DB_H
#define CRASHLAB_LAB_DB_H

#include <stdbool.h>

#include "lab/record.h"

#define DB_FILE "crashlab.db"
#define DB_VERSION 5 /* user_version; docs/interfaces.md, section 7, has the schema */

/**
 * The database of a results directory: its runs, and their cases. Several labs may use it at a
 * time, each by its own struct db, which is used by one thread at a time.
 */
struct db;

/**
 * Open the one in directory @results. With @create it is made when it is missing, else that is an
 * ERROR_NOT_FOUND. One of a later version is an ERROR_UNSUPPORTED.
 */
struct error *db_open(const char *results, bool create, struct db **ret);

void db_close(struct db *db);

static inline void cleanup_db(struct db **db)
{
	db_close(*db);
}

#define _cleanup_db_ __attribute__((cleanup(cleanup_db)))

/** The results directory, as given to db_open(). */
const char *db_results(const struct db *db);

/** Add @run and the @count cases that it will have, none of which has ended, in one transaction. */
struct error *db_add_run(struct db *db, const struct run_record *run, const struct record *cases,
			 size_t count);

/** The run of the plan whose fingerprint is @plan. ERROR_NOT_FOUND: there is none. */
struct error *db_find_plan(struct db *db, const char *plan, struct run_record *ret);

/**
 * Keep what @record holds now, in one transaction that is on the disk when this returns. A case
 * that has its outcome is never changed: that is an error, and means that it was run twice.
 */
struct error *db_store(struct db *db, const struct record *record);

/** Forget the cases of the run called @name that have not ended: they will never be run. */
struct error *db_forget_planned(struct db *db, const char *name);

/** Write down that the run called @name has ended, now; unless it lacks cases of its plan that no
 * shard of it brought. */
struct error *db_end_run(struct db *db, const char *name);

/** @record, which has ended, has no vmcore any more. */
struct error *db_forget_vmcore(struct db *db, const struct record *record);

/** Remove the run called @name and its cases. */
struct error *db_remove_run(struct db *db, const char *name);

/** The run called @name, or the newest when that is NULL. ERROR_NOT_FOUND: there is none. */
struct error *db_find_run(struct db *db, const char *name, struct run_record *ret);

/** All runs, the oldest first; *@ret is freed by the caller, with run_record_deinit() of each. */
struct error *db_runs(struct db *db, struct run_record **ret, size_t *ret_count);

/** The cases of the run called @run, in the order in which it was to run them. */
struct error *db_cases(struct db *db, const char *run, struct record_list *ret);

/** The case whose id is @id. ERROR_NOT_FOUND: there is none. */
struct error *db_find_case(struct db *db, const char *id, struct record *ret);

/** Whether another case with @record's signature still has its vmcore. */
struct error *db_vmcore_kept(struct db *db, const struct record *record, bool *ret);

/**
 * Seconds that ended cases like @record took (backend, vendor, CPUs), of those that booted or, with
 * @saved, that went on from a saved machine: the median of the newest 50; 0 when there was none.
 */
struct error *db_typical_seconds(struct db *db, const struct record *record, bool saved,
				 double *ret);

#endif
