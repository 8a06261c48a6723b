/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_RESULTS_JSON_H
#define CRASHLAB_LAB_RESULTS_JSON_H

#include <stdio.h>

#include "lab/record.h"

#define RUN_SCHEMA "crashlab-run/1"

/** The case as outcome.json has it, with what the database adds: hit, signature, failure, vmcore.
 */
json_object *record_to_json(const struct record *record, bool with_verdict);

/** A run and its cases with their verdicts as JSON (docs/interfaces.md, section 8). */
json_object *results_to_json(const struct run_record *run, const struct record_list *cases);

/** Print results_to_json(). */
void results_print_json(FILE *out, const struct run_record *run, const struct record_list *cases);

/** Add @text, null for NULL, to @object as @key. */
void json_add_text(json_object *object, const char *key, const char *text);

/** Print @object and release it. */
void json_print(FILE *out, json_object *object);

#endif
