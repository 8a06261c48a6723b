// SPDX-License-Identifier: GPL-2.0-only
#include "lab/verdict_file.h"

#include <string.h>

#include "lab/files.h"
#include "util/cleanup.h"

#define FILE_LIMIT (16 << 20)

json_object *json_member(json_object *object, const char *key)
{
	json_object *member = NULL;

	if (object && json_object_is_type(object, json_type_object))
		json_object_object_get_ex(object, key, &member);
	return member;
}

const char *json_text(json_object *object, const char *key)
{
	json_object *member = json_member(object, key);

	return json_object_is_type(member, json_type_string) ? json_object_get_string(member) : "";
}

size_t json_count(json_object *object, const char *key)
{
	json_object *list = json_member(object, key);

	return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

json_object *json_item(json_object *object, const char *key, size_t index)
{
	return json_object_array_get_idx(json_member(object, key), index);
}

struct error *json_load(const char *path, const char *schema, json_object **ret)
{
	_cleanup_free_ char *text = NULL;

	try(read_text(path, FILE_LIMIT, &text));
	_cleanup_json_ json_object *object = json_tokener_parse(text);
	if (!object)
		return error_new(ERROR_FORMAT, "%s is no JSON", path);
	if (strcmp(json_text(object, "schema"), schema))
		return error_new(ERROR_FORMAT, "%s has schema \"%s\", not \"%s\"", path,
				 json_text(object, "schema"), schema);
	*ret = take(object);
	return NULL;
}

enum hit hit_from_name(const char *name)
{
	static const char *const names[] = {[HIT_UNKNOWN] = "unknown",
					    [HIT_HIT] = "hit",
					    [HIT_MISSED] = "missed",
					    [HIT_NONE] = "none"};

	for (unsigned hit = 0; hit < sizeof(names) / sizeof(names[0]); hit++) {
		if (!strcmp(name, names[hit]))
			return hit;
	}
	return HIT_UNKNOWN;
}

static bool is_bad(json_object *cpu)
{
	if (!strcmp(json_text(json_member(cpu, "virtualization"), "state"), "on"))
		return true;
	for (size_t i = 0; i < json_count(cpu, "vmcs"); i++) {
		if (!strcmp(json_text(json_item(cpu, "vmcs", i), "state"), "active"))
			return true;
	}
	return false;
}

struct error *verdict_summarize(json_object *verdict, struct verdict_summary *ret)
{
	const char *word = json_text(verdict, "verdict");
	json_object *cpus = json_member(verdict, "cpus");
	json_object *conflicts = json_member(verdict, "conflicts");

	*ret = (struct verdict_summary){.verdict = outcome_from_name(word)};
	if (ret->verdict > OUTCOME_INCONCLUSIVE)
		return error_new(ERROR_FORMAT, "verdict is \"%s\"", word);
	if (!json_object_is_type(cpus, json_type_array) ||
	    !json_object_is_type(conflicts, json_type_array))
		return error_new(ERROR_FORMAT, "no list of cpus or of conflicts");
	ret->hit = hit_from_name(json_text(json_member(verdict, "hit"), "state"));
	ret->conflicts = json_object_array_length(conflicts);
	for (size_t i = 0; i < json_object_array_length(cpus); i++) {
		json_object *cpu = json_object_array_get_idx(cpus, i);
		int64_t number = json_object_get_int64(json_member(cpu, "cpu"));
		if (number >= 0 && number < 64 && is_bad(cpu))
			ret->bad_cpus |= 1ULL << number;
	}
	return NULL;
}
