// SPDX-License-Identifier: GPL-2.0-only
#include "virt/json_get.h"

#include <errno.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/text.h"

/* More than any machine has; a file that says otherwise is not ours. */
#define MAX_ITEMS 65536

struct error *foreign(const char *key, const char *want)
{
	return error_new(ERROR_FORMAT, "\"%s\" is missing or is not %s", key, want);
}

struct error *get(struct json_object *object, const char *key, enum json_type type,
		  const char *want, struct json_object **ret)
{
	if (!json_object_object_get_ex(object, key, ret) || !json_object_is_type(*ret, type))
		return foreign(key, want);
	return NULL;
}

struct error *get_text(struct json_object *object, const char *key, char **ret)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value))
		return foreign(key, "a text");
	if (!value)
		return NULL;
	if (!json_object_is_type(value, json_type_string))
		return foreign(key, "a text");
	return text_set(ret, "%s", json_object_get_string(value));
}

struct error *get_word(struct json_object *object, const char *key, const char **ret)
{
	struct json_object *value;

	try(get(object, key, json_type_string, "a text", &value));
	*ret = json_object_get_string(value);
	return NULL;
}

struct error *get_bool(struct json_object *object, const char *key, bool *ret)
{
	struct json_object *value;

	try(get(object, key, json_type_boolean, "true or false", &value));
	*ret = json_object_get_boolean(value);
	return NULL;
}

struct error *get_number(struct json_object *object, const char *key, uint64_t limit, uint64_t *ret)
{
	struct json_object *value;

	try(get(object, key, json_type_int, "a number", &value));
	errno = 0;
	*ret = json_object_get_uint64(value);
	if (json_object_get_int64(value) < 0 || *ret > limit)
		return foreign(key, "a number in its range");
	return NULL;
}

struct error *get_cpu(struct json_object *object, const char *key, unsigned *ret)
{
	uint64_t number;

	try(get_number(object, key, MAX_ITEMS, &number));
	*ret = number;
	return NULL;
}

struct error *get_address(struct json_object *object, const char *key, uint64_t *ret)
{
	const char *text;
	char *end;

	try(get_word(object, key, &text));
	if (strncmp(text, "0x", 2))
		return foreign(key, "an address");
	errno = 0;
	*ret = strtoull(text, &end, 16);
	return errno || *end || end == text + 2 ? foreign(key, "an address") : NULL;
}

struct error *get_array(struct json_object *object, const char *key, struct json_object **ret)
{
	try(get(object, key, json_type_array, "a list", ret));
	if (json_object_array_length(*ret) > MAX_ITEMS)
		return foreign(key, "a list of sensible length");
	return NULL;
}

struct error *get_array_object(struct json_object *array, size_t index, const char *key,
			       struct json_object **ret)
{
	*ret = json_object_array_get_idx(array, index);
	return json_object_is_type(*ret, json_type_object) ? NULL
							   : foreign(key, "a list of objects");
}

struct error *json_parse(const char *text, struct json_object **ret)
{
	enum json_tokener_error broken;

	*ret = json_tokener_parse_verbose(text, &broken);
	return *ret ? NULL
		    : error_new(ERROR_FORMAT, "not JSON: %s", json_tokener_error_desc(broken));
}
