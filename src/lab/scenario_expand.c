// SPDX-License-Identifier: GPL-2.0-only
/* From a section of a scenario file to its cases: the product of all keys with several values. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "lab/files.h"
#include "lab/scenario_keys.h"
#include "util/cleanup.h"
#include "util/text.h"

#define CASES_MAX 100000

/** State while a section is expanded: key after key, each value of one with all of the others. */
struct expansion {
	const struct section *section;
	struct scenario *scenario;
	uint64_t seed;
	unsigned iteration;
	bool axes; /* a combination that cannot be is left out, instead of an error */
};

/* splitmix64 (Steele, Lea, Flood 2014): the same numbers whatever the order of the cases. */
static uint64_t mix(uint64_t value)
{
	value += 0x9e3779b97f4a7c15;
	value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
	value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
	return value ^ (value >> 31);
}

static uint64_t draw(const struct expansion *expansion, const struct key *key, const char *name)
{
	uint64_t value = mix(expansion->seed) + expansion->iteration;

	for (; *name; name++)
		value = mix(value) + (unsigned char)*name;
	for (const char *text = key->name; *text; text++)
		value = mix(value) + (unsigned char)*text;
	return mix(value);
}

static struct error *parse_range(const struct key *key, const char *text, unsigned ret[2])
{
	_cleanup_free_ char *low = format_string("%s", text);
	char *high = strstr(low, "..");

	*high = '\0';
	try(key->parse(key, low, &ret[0]));
	try(key->parse(key, high + 2, &ret[1]));
	if (ret[0] > ret[1])
		return error_new(ERROR_USAGE, "%s: %s is not below %s", key->name, low, high + 2);
	return NULL;
}

static bool is_range(const struct key *key, const char *value)
{
	return key->drawn && strstr(value, "..");
}

static bool is_all(const struct key *key, const char *value)
{
	return key->cpu && !strcmp(value, "all");
}

static char *next_value(char **rest)
{
	char *value = strsep(rest, ",");

	if (!value)
		return NULL;
	value += strspn(value, " \t");
	for (size_t end = strlen(value); end && isspace((unsigned char)value[end - 1]);)
		value[--end] = '\0';
	return value;
}

struct error *scenario_check_values(const struct key *key, const char *text, bool *ret_many)
{
	_cleanup_free_ char *copy = format_string("%s", text);
	struct case_spec spec;
	char *rest = copy;
	unsigned range[2], count = 0;

	*ret_many = false;
	for (char *value; (value = next_value(&rest)); count++) {
		if (is_all(key, value))
			*ret_many = true;
		else if (is_range(key, value))
			try(parse_range(key, value, range));
		else
			try(key->parse(key, value, (char *)&spec + key->offset));
	}
	if (count > 1 && !key->tag)
		return error_new(ERROR_USAGE, "%s: takes one value", key->name);
	*ret_many |= count > 1;
	return NULL;
}

static struct error *check_term(char *term)
{
	char *equals = strchr(term, '=');
	bool many = false;

	if (equals)
		*equals = '\0';
	size_t index = scenario_key_find(term);
	if (!equals || index == scenario_key_count)
		return error_new(ERROR_USAGE, "without: \"%s\" is not key=value", term);
	try(scenario_check_values(&scenario_keys[index], equals + 1, &many));
	return NULL;
}

struct error *scenario_check_without(const char *text)
{
	_cleanup_free_ char *copy = format_string("%s", text);
	char *rest = copy;

	for (char *group; (group = next_value(&rest));) {
		char *terms = group;
		if (!*group)
			return error_new(ERROR_USAGE, "without: needs key=value key=value, …");
		for (char *term; (term = strsep(&terms, " \t"));) {
			if (*term)
				try(check_term(term));
		}
	}
	return NULL;
}

/* Whether @spec has the value that @term, "key=value", names. */
static bool term_holds(const struct case_spec *spec, char *term)
{
	char *equals = strchr(term, '=');
	struct case_spec other = *spec;

	*equals = '\0';
	const struct key *key = &scenario_keys[scenario_key_find(term)];
	_cleanup_error_ struct error *err =
		key->parse(key, equals + 1, (char *)&other + key->offset);
	const char *a = (char *)spec + key->offset, *b = (char *)&other + key->offset;
	return !err && !(key->chars ? strcmp(a, b) : memcmp(a, b, key->size));
}

static bool is_left_out(const struct expansion *expansion, const struct case_spec *spec)
{
	_cleanup_free_ char *copy =
		format_string("%s", expansion->section->without ? expansion->section->without : "");
	char *rest = copy;

	for (char *group; (group = next_value(&rest));) {
		char *terms = group;
		bool all = *group;
		for (char *term; (term = strsep(&terms, " \t"));)
			all = all && (!*term || term_holds(spec, term));
		if (all)
			return true;
	}
	return false;
}

static struct error *check_case(const struct case_spec *spec)
{
	if (spec->panic_cpu >= spec->cpus || spec->reboot_cpu >= spec->cpus)
		return error_new(ERROR_USAGE, "case %s: panic_cpu and reboot_cpu must be below %u",
				 spec->name, spec->cpus);
	bool self = !strcmp(case_triggers[spec->trigger], "crash-self");
	if ((spec->panic_cpu == spec->reboot_cpu) != self)
		return error_new(
			ERROR_USAGE, "case %s: panic_cpu and reboot_cpu must %s", spec->name,
			self ? "be the same for crash-self" : "differ, but for crash-self");
	if (strcmp(spec->broken, "none") && spec->break_cpu >= spec->cpus)
		return error_new(ERROR_USAGE, "case %s: break_cpu must be below %u", spec->name,
				 spec->cpus);
	if (spec->expect_cpu >= (int)spec->cpus)
		return error_new(ERROR_USAGE, "case %s: expect_cpu must be below %u", spec->name,
				 spec->cpus);
	return NULL;
}

static struct error *add_case(const struct expansion *expansion, const struct case_spec *spec)
{
	struct scenario *scenario = expansion->scenario;
	_cleanup_error_ struct error *err = check_case(spec);

	if (err)
		return expansion->axes ? NULL : take(err);
	if (is_left_out(expansion, spec))
		return NULL;
	for (size_t i = scenario->count; expansion->iteration == 1 && i-- > 0;) {
		if (scenario->cases[i].line != spec->line &&
		    !strcmp(scenario->cases[i].name, spec->name))
			return error_new(ERROR_USAGE, "case %s is there already, in line %u",
					 spec->name, scenario->cases[i].line);
	}
	if (scenario->count >= CASES_MAX)
		return error_new(ERROR_USAGE, "more than %d cases", CASES_MAX);
	try(array_grow((void **)&scenario->cases, &scenario->count, sizeof(*scenario->cases)));
	scenario->cases[scenario->count - 1] = *spec;
	return NULL;
}

static struct error *add_to_name(struct case_spec *spec, const struct key *key, const char *value)
{
	size_t length = strlen(spec->name);
	int added = snprintf(spec->name + length, sizeof(spec->name) - length, "-%s%s", key->tag,
			     value);

	if (length + added >= sizeof(spec->name))
		return error_new(ERROR_USAGE,
				 "case %s: its name with all values is longer than %d characters",
				 spec->name, CASE_NAME_MAX - 1);
	for (char *c = spec->name + length; *c; c++) {
		if (!isalnum((unsigned char)*c) && !strchr("._-", *c))
			*c = '_'; /* it names files and machines */
	}
	return NULL;
}

static struct error *expand_from(const struct expansion *expansion, size_t index,
				 const struct case_spec *spec);

/* All cases of @spec with @value of key @index. */
static struct error *expand_value(const struct expansion *expansion, size_t index,
				  const struct case_spec *spec, const char *value, bool many)
{
	const struct key *key = &scenario_keys[index];
	struct case_spec with = *spec;
	unsigned range[2];

	if (is_range(key, value)) {
		try(parse_range(key, value, range));
		uint64_t span = (uint64_t)range[1] - range[0] + 1;
		*(unsigned *)((char *)&with + key->offset) =
			range[0] + draw(expansion, key, spec->name) % span;
	} else {
		try(key->parse(key, value, (char *)&with + key->offset));
	}
	if (many && !key->unnamed)
		try(add_to_name(&with, key, value));
	return expand_from(expansion, index + 1, &with);
}

static struct error *expand_all(const struct expansion *expansion, size_t index,
				const struct case_spec *spec)
{
	for (unsigned cpu = 0; cpu < spec->cpus; cpu++) {
		_cleanup_free_ char *value = format_string("%u", cpu);
		try(expand_value(expansion, index, spec, value, true));
	}
	return NULL;
}

static struct error *expand_from(const struct expansion *expansion, size_t index,
				 const struct case_spec *spec)
{
	const struct key *key = &scenario_keys[index];

	if (index == scenario_key_count)
		return add_case(expansion, spec);
	const char *text = expansion->section->values[index];
	if (!text)
		return expand_from(expansion, index + 1, spec);
	_cleanup_free_ char *copy = format_string("%s", text);
	char *rest = copy;
	bool many = strchr(text, ',');
	for (char *value; (value = next_value(&rest));)
		try(is_all(key, value) ? expand_all(expansion, index, spec)
				       : expand_value(expansion, index, spec, value, many));
	return NULL;
}

static struct error *check_section(const struct section *section, bool *ret_axes)
{
	*ret_axes = section->without;
	for (size_t i = 0; i < scenario_key_count; i++) {
		bool many = false;
		if (section->values[i])
			try(scenario_check_values(&scenario_keys[i], section->values[i], &many));
		else if (scenario_keys[i].required)
			return error_new(ERROR_USAGE, "case %s has no \"%s\"", section->name,
					 scenario_keys[i].name);
		*ret_axes |= many;
	}
	return NULL;
}

struct error *scenario_expand(const struct section *section, uint64_t seed, struct scenario *ret)
{
	struct case_spec spec = case_built_in;
	struct expansion expansion = {
		.section = section, .scenario = ret, .seed = seed, .iteration = 1};
	const char *repeat = section->values[scenario_key_find("repeat")];
	size_t before = ret->count;

	try(check_section(section, &expansion.axes));
	snprintf(spec.name, sizeof(spec.name), "%s", section->name);
	spec.line = section->line;
	unsigned iterations = repeat ? strtoul(repeat, NULL, 10) : 1;
	for (; expansion.iteration <= iterations; expansion.iteration++) {
		spec.iteration = expansion.iteration;
		try(expand_from(&expansion, 0, &spec));
	}
	if (ret->count == before)
		return error_new(ERROR_USAGE, "case %s: no combination of its values can be",
				 section->name);
	return NULL;
}
