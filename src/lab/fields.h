/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_FIELDS_H
#define CRASHLAB_LAB_FIELDS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** How one member of a struct is written down: the same for a database column and for JSON. */
struct field {
	const char *column;
	const char *json; /* key; NULL: not in the struct's own JSON */
	enum field_type {
		FIELD_TEXT, /* char *, NULL is null */
		FIELD_INTEGER, /* int64_t */
		FIELD_BOOL, /* int64_t; true or false in JSON */
		FIELD_REAL, /* double, three digits in JSON */
		FIELD_JSON, /* char *, the text of a JSON value, NULL is null */
	} type;
	size_t offset;
};

#define FIELD(kind, type_, member, column_, json_)                                                \
	{                                                                                         \
		.column = column_, .json = json_, .type = type_, .offset = offsetof(kind, member) \
	}

/** The text of the field, or NULL; for FIELD_TEXT and FIELD_JSON. */
char **field_text(const struct field *field, const void *object);

/** The number of the field; for FIELD_INTEGER and FIELD_BOOL. */
int64_t *field_integer(const struct field *field, const void *object);

/** The number of the field; for FIELD_REAL. */
double *field_real(const struct field *field, const void *object);

/** An object with what has a key among the @count @fields; NULL texts are left out. */
json_object *fields_to_json(const struct field *fields, size_t count, const void *object);

/** Fill @object, whose fields are unset, from @json; what is missing or of another type is left. */
void fields_from_json(const struct field *fields, size_t count, json_object *json, void *object);

/** Free the texts. */
void fields_deinit(const struct field *fields, size_t count, void *object);

/** @seconds as JSON, to the millisecond. */
json_object *json_seconds(double seconds);

#endif
