// SPDX-License-Identifier: GPL-2.0-only
#include "lab/results_json.h"

#include "lab/verdict_file.h"

void json_add_text(json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, text ? json_object_new_string(text) : NULL);
}

json_object *record_to_json(const struct record *record, bool with_verdict)
{
	json_object *object = fields_to_json(record_fields, record_field_count, record);

	json_add_text(object, "hit", record->hit);
	json_add_text(object, "signature", record->signature);
	json_add_text(object, "failure", record->failure);
	json_add_text(object, "directory", record->directory);
	json_object_object_add(object, "vmcore", json_object_new_int64(record->vmcore));
	if (with_verdict)
		json_object_object_add(object, "verdict", record_verdict(record));
	return object;
}

void json_print(FILE *out, json_object *object)
{
	fputs(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
							     JSON_C_TO_STRING_NOSLASHESCAPE),
	      out);
	fputc('\n', out);
	json_object_put(object);
}

json_object *results_to_json(const struct run_record *run, const struct record_list *cases)
{
	json_object *object = json_object_new_object(), *list = json_object_new_array();

	json_add_text(object, "schema", RUN_SCHEMA);
	json_object_object_add(object, "run", fields_to_json(run_fields, run_field_count, run));
	for (size_t i = 0; i < cases->count; i++)
		json_object_array_add(list, record_to_json(&cases->items[i], true));
	json_object_object_add(object, "cases", list);
	return object;
}

void results_print_json(FILE *out, const struct run_record *run, const struct record_list *cases)
{
	json_print(out, results_to_json(run, cases));
}
