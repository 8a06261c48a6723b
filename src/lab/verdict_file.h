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

#define VERDICT_SCHEMA "crashlab-verdict/1"
#define OUTCOME_SCHEMA "crashlab-outcome/1"

static inline void cleanup_json(json_object **object)
{
	json_object_put(*object);
}

#define _cleanup_json_ __attribute__((cleanup(cleanup_json)))

#endif
