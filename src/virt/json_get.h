/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_VIRT_JSON_GET_H
#define CRASHLAB_VIRT_JSON_GET_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

/* Reading JSON that may be foreign or damaged. What is missing or of another kind than wanted is
 * ERROR_FORMAT, and the message names the key. */

/** Parse @text; the caller puts *@ret. */
struct error *json_parse(const char *text, struct json_object **ret);

/** The error itself: @key is missing or is not @want ("a number"). */
struct error *foreign(const char *key, const char *want);

/** The value of @key, of @type, which @want names; owned by @object. */
struct error *get(struct json_object *object, const char *key, enum json_type type,
		  const char *want, struct json_object **ret);

/** A text, copied into *@ret; null gives NULL. */
struct error *get_text(struct json_object *object, const char *key, char **ret);

/** A text that must be there, owned by @object. */
struct error *get_word(struct json_object *object, const char *key, const char **ret);

struct error *get_bool(struct json_object *object, const char *key, bool *ret);

/** A number from 0 to @limit. */
struct error *get_number(struct json_object *object, const char *key, uint64_t limit,
			 uint64_t *ret);
struct error *get_cpu(struct json_object *object, const char *key, unsigned *ret);

/** A number as a text, "0x…". */
struct error *get_address(struct json_object *object, const char *key, uint64_t *ret);

/** A list of at most 65536 elements, and the object at @index of it. */
struct error *get_array(struct json_object *object, const char *key, struct json_object **ret);
struct error *get_array_object(struct json_object *array, size_t index, const char *key,
			       struct json_object **ret);

#endif
