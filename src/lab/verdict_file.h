/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_VERDICT_FILE_H
#define CRASHLAB_LAB_VERDICT_FILE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "lab/outcome.h"
#include "util/error.h"

/** What the lab decides from in a verdict.json; people get the rest from the file. */
struct verdict_summary {
	enum outcome verdict; /* PASS, FAIL, INCONCLUSIVE */
	enum hit hit;
	unsigned conflicts;
	uint64_t bad_cpus; /* bit N: CPU N has virtualization on, or an active VMCS */
};

/** Read JSON file @path whose "schema" is @schema; release it with json_object_put(). */
struct error *json_load(const char *path, const char *schema, json_object **ret);

/** Take what the lab needs out of @verdict; an ERROR_FORMAT names what is not as agreed. */
struct error *verdict_summarize(json_object *verdict, struct verdict_summary *ret);

/** The string at @key of @object, or "" when it is missing or no string. */
const char *json_text(json_object *object, const char *key);

/** The member @key of @object, or NULL; @object may be NULL. */
json_object *json_member(json_object *object, const char *key);

/** The items of array @key of @object; 0 when there is no such array. */
size_t json_count(json_object *object, const char *key);

/** Item @index of array @key of @object, which has it. */
json_object *json_item(json_object *object, const char *key, size_t index);

/** The word of verdict.json's hit.state; HIT_UNKNOWN for one that is none. */
enum hit hit_from_name(const char *name);

#define VERDICT_SCHEMA "crashlab-verdict/1"
#define OUTCOME_SCHEMA "crashlab-outcome/1"

static inline void cleanup_json(json_object **object)
{
	json_object_put(*object);
}

#define _cleanup_json_ __attribute__((cleanup(cleanup_json)))

#endif
