// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/fields.h"

#include <stdio.h>
#include <stdlib.h>

#include "lab/files.h"
#include "lab/verdict_file.h"

static void *at(const struct field *field, const void *object)
{
	return (char *)object + field->offset;
}

char **field_text(const struct field *field, const void *object)
{
	return at(field, object);
}

int64_t *field_integer(const struct field *field, const void *object)
{
	return at(field, object);
}

double *field_real(const struct field *field, const void *object)
{
	return at(field, object);
}

json_object *json_seconds(double seconds)
{
	char text[32];

	snprintf(text, sizeof(text), "%.3f", seconds);
	return json_object_new_double_s(seconds, text);
}

static json_object *value_to_json(const struct field *field, const void *object)
{
	switch (field->type) {
	case FIELD_TEXT:
		return json_object_new_string(*field_text(field, object));
	case FIELD_JSON:
		return json_tokener_parse(*field_text(field, object));
	case FIELD_INTEGER:
		return json_object_new_int64(*field_integer(field, object));
	case FIELD_BOOL:
		return json_object_new_boolean(*field_integer(field, object));
	case FIELD_REAL:
		return json_seconds(*field_real(field, object));
	}
	return NULL;
}

static bool is_text(const struct field *field)
{
	return field->type == FIELD_TEXT || field->type == FIELD_JSON;
}

json_object *fields_to_json(const struct field *fields, size_t count, const void *object)
{
	json_object *json = json_object_new_object();

	for (size_t i = 0; i < count; i++) {
		const struct field *field = &fields[i];
		if (field->json && (!is_text(field) || *field_text(field, object)))
			json_object_object_add(json, field->json, value_to_json(field, object));
	}
	return json;
}

static void value_from_json(const struct field *field, json_object *value, void *object)
{
	switch (field->type) {
	case FIELD_TEXT:
		if (json_object_is_type(value, json_type_string))
			*field_text(field, object) =
				format_string("%s", json_object_get_string(value));
		break;
	case FIELD_JSON:
		*field_text(field, object) =
			format_string("%s", json_object_to_json_string_ext(
						    value, JSON_C_TO_STRING_PLAIN |
								   JSON_C_TO_STRING_NOSLASHESCAPE));
		break;
	case FIELD_INTEGER:
	case FIELD_BOOL:
		*field_integer(field, object) = json_object_get_int64(value);
		break;
	case FIELD_REAL:
		*field_real(field, object) = json_object_get_double(value);
		break;
	}
}

void fields_from_json(const struct field *fields, size_t count, json_object *json, void *object)
{
	for (size_t i = 0; i < count; i++) {
		json_object *value = fields[i].json ? json_member(json, fields[i].json) : NULL;
		if (value)
			value_from_json(&fields[i], value, object);
	}
}

void fields_deinit(const struct field *fields, size_t count, void *object)
{
	for (size_t i = 0; i < count; i++) {
		if (!is_text(&fields[i]))
			continue;
		free(*field_text(&fields[i], object));
		*field_text(&fields[i], object) = NULL;
	}
}
