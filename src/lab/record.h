/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_RECORD_H
#define CRASHLAB_LAB_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "lab/fields.h"
#include "lab/outcome.h"
#include "util/error.h"

/**
 * One case as it is kept: a row of the database, an outcome.json. docs/interfaces.md (section 7)
 * says what each column holds. A case that is planned but has not ended has no @outcome.
 */
struct record {
	char *run, *name, *kernel;
	int64_t iteration; /* run, name, kernel, iteration: no two cases have the same */
	char *id;
	char *spec; /* its section of a scenario file: what it takes to run it again */
	char *directory; /* not kept: <results>/<run>/<id> */
	char *backend, *vendor, *reboot, *trigger, *window, *load, *broken, *images;
	int64_t cpus, panic_cpu, reboot_cpu, hold_us, delay_us;
	char *expected;
	/* of a case that has ended */
	char *outcome, *stage, *detail, *hit;
	char *stages,
		*cpu_stages; /* JSON: at what second of its time, and CPU second, it was there */
	char *truth; /* of truth_names[] */
	char *snapshot; /* id of the saved machine that it went on from; "": it booted */
	int64_t as_expected;
	double seconds;
	double cpu_seconds; /* of the host, that its machine used */
	char *signature, *failure; /* @failure: what the signature stands for, in words */
	int64_t vmcore; /* bytes of the vmcore that was kept; 0: none */
	char *verdict; /* JSON, as in verdict.json */
	char *console; /* its last lines */
};

/** Column by column; record_field_count of them. */
extern const struct field record_fields[];
extern const size_t record_field_count;

/** A run as it is kept. */
struct run_record {
	char *run; /* its directory's name */
	char *started,
		*ended; /* UTC, as 2026-11-24T13:00:00Z; no @ended: it was cut off, or runs */
	char *command, *host;
	char *scenario, *images, *save;
	double timeout_factor, timeout;
	int64_t seed;
	char *shard; /* which part of the plan, "2/8"; "": all of it. Merged: which parts there are
		      */
	char *plan; /* plan_fingerprint() */
	int64_t planned; /* cases of the whole plan */
	char *connect, *pool, *emulator; /* as in struct lab_paths; "": NULL there */
};

extern const struct field run_fields[];
extern const size_t run_field_count;

struct record_list {
	struct record *items;
	size_t count;
};

/** What `crashlab run` exits with after these cases. */
int record_list_status(const struct record_list *list);

/** How many of them have not ended. */
size_t record_list_left(const struct record_list *list);

/** The outcome as a number; OUTCOME_COUNT for a case that has not ended. */
enum outcome record_outcome(const struct record *record);

/** Whether the dump proves that its window was hit. HIT_NONE: it names none, or there is no dump.
 */
enum hit record_hit(const struct record *record);

/**
 * The verdict, parsed, or NULL. Release it with json_object_put().
 */
json_object *record_verdict(const struct record *record);

/** Add what the files in @record's directory tell: verdict, console, vmcore; and the signature. */
void record_add_files(struct record *record);

/** The record of the case in @directory, from its files. */
struct error *record_load(const char *directory, struct record *ret);

/** Write outcome.json into its directory. */
struct error *record_write_outcome(const struct record *record);

/** Remove its vmcore. */
void record_drop_vmcore(struct record *record);

void record_deinit(struct record *record);
void record_list_deinit(struct record_list *list);
void run_record_deinit(struct run_record *run);

#endif
