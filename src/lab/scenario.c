// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/scenario.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "util/cleanup.h"

const char *const vendor_names[] = {"vmx", "svm", NULL};
const char *const case_reboots[] = {"restart", "sysrq-b", NULL};
const char *const case_triggers[] = {"sysrq-c", "crash-kexec", NULL};
const char *const case_loads[] = {"spin", NULL};

#define WORD_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
#define CPUS_MAX 64

/** How the value of one key is read into a field of struct case_spec. */
struct key {
	const char *name;
	size_t offset, size; /* of the field */
	struct error *(*parse)(const struct key *key, const char *value, void *field);
	const char *const *choices; /* parse_choice: what is allowed */
	unsigned min, max; /* parse_number */
	const char *chars; /* parse_word: allowed characters */
	bool required;
};

static struct error *parse_number(const struct key *key, const char *value, void *field)
{
	char *end;

	errno = 0;
	unsigned long number = strtoul(value, &end, 10);
	if (!isdigit((unsigned char)value[0]) || *end || errno || number < key->min ||
	    number > key->max)
		return error_new(ERROR_USAGE, "%s: \"%s\" is not a number from %u to %u", key->name,
				 value, key->min, key->max);
	*(unsigned *)field = number;
	return NULL;
}

static struct error *parse_choice(const struct key *key, const char *value, void *field)
{
	char allowed[256] = "";

	for (unsigned i = 0; key->choices[i]; i++) {
		if (!strcmp(value, key->choices[i])) {
			*(unsigned *)field = i;
			return NULL;
		}
		size_t used = strlen(allowed);
		snprintf(allowed + used, sizeof(allowed) - used, "%s%s", used ? ", " : "",
			 key->choices[i]);
	}
	return error_new(ERROR_USAGE, "%s: \"%s\" is none of: %s", key->name, value, allowed);
}

static struct error *parse_word(const struct key *key, const char *value, void *field)
{
	size_t length = strlen(value);

	if (!length || length >= key->size)
		return error_new(ERROR_USAGE, "%s: needs 1 to %zu characters", key->name,
				 key->size - 1);
	if (value[strspn(value, key->chars)])
		return error_new(ERROR_USAGE, "%s: \"%s\" has a character that is not allowed here",
				 key->name, value);
	memcpy(field, value, length + 1);
	return NULL;
}

#define NUMBER(key, member, low, high)                                                          \
	{                                                                                       \
		.name = key, FIELD_INIT(member), .parse = parse_number, .min = low, .max = high \
	}
#define CHOICE(key, member, list, need)                                                  \
	{                                                                                \
		.name = key, FIELD_INIT(member), .parse = parse_choice, .choices = list, \
		.required = need                                                         \
	}
#define WORD(key, member, allowed, need)                                                \
	{                                                                               \
		.name = key, FIELD_INIT(member), .parse = parse_word, .chars = allowed, \
		.required = need                                                        \
	}
#define FIELD_INIT(member)                            \
	.offset = offsetof(struct case_spec, member), \
	.size = sizeof(((struct case_spec *)NULL)->member)

static const struct key keys[] = {
	CHOICE("vendor", vendor, vendor_names, true),
	CHOICE("reboot", reboot, case_reboots, true),
	CHOICE("trigger", trigger, case_triggers, false),
	WORD("window", window, WORD_CHARS "+", true),
	NUMBER("cpus", cpus, 1, CPUS_MAX),
	NUMBER("panic_cpu", panic_cpu, 0, CPUS_MAX - 1),
	NUMBER("reboot_cpu", reboot_cpu, 0, CPUS_MAX - 1),
	NUMBER("hold_us", hold_us, 0, 10000000),
	NUMBER("delay_us", delay_us, 0, 10000000),
	CHOICE("load", load, case_loads, false),
	WORD("break", broken, WORD_CHARS, false),
	NUMBER("break_cpu", break_cpu, 0, CPUS_MAX - 1),
	WORD("images", images, WORD_CHARS, false),
	CHOICE("expect", expect, outcome_names, false),
	NUMBER("expect_cpu", expect_cpu, 0, CPUS_MAX - 1),
};

#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))

static const struct case_spec built_in = {
	.cpus = 2,
	.panic_cpu = 1,
	.reboot_cpu = 0,
	.hold_us = 900000,
	.broken = "none",
	.expect = OUTCOME_PASS,
	.expect_cpu = -1,
};

/** State while a file is read. */
struct reader {
	FILE *stream;
	const char *name;
	unsigned line;
	struct scenario *scenario;
	struct case_spec defaults;
	struct case_spec *current; /* what keys go to; NULL before the first section */
	uint64_t given; /* bit i: keys[i] was given in this section */
	uint64_t given_default;
	struct error *err; /* the first one */
};

static void reader_fail(struct reader *reader, unsigned line, struct error *err)
{
	if (reader->err)
		error_free(err);
	else
		reader->err = error_wrap(err, "%s:%u", reader->name, line);
}

static struct error *check_case(const struct case_spec *spec, uint64_t given)
{
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (keys[i].required && !(given & 1ULL << i))
			return error_new(ERROR_USAGE, "case %s has no \"%s\"", spec->name,
					 keys[i].name);
	}
	if (spec->panic_cpu >= spec->cpus || spec->reboot_cpu >= spec->cpus)
		return error_new(ERROR_USAGE, "case %s: panic_cpu and reboot_cpu must be below %u",
				 spec->name, spec->cpus);
	if (spec->panic_cpu == spec->reboot_cpu)
		return error_new(ERROR_USAGE, "case %s: panic_cpu and reboot_cpu must differ",
				 spec->name);
	if (strcmp(spec->broken, "none") && spec->break_cpu >= spec->cpus)
		return error_new(ERROR_USAGE, "case %s: break_cpu must be below %u", spec->name,
				 spec->cpus);
	if (spec->expect_cpu >= (int)spec->cpus)
		return error_new(ERROR_USAGE, "case %s: expect_cpu must be below %u", spec->name,
				 spec->cpus);
	return NULL;
}

static void section_end(struct reader *reader)
{
	if (reader->current == &reader->defaults)
		reader->given_default = reader->given;
	else if (reader->current)
		reader_fail(reader, reader->current->line,
			    check_case(reader->current, reader->given | reader->given_default));
}

static struct error *case_begin(struct reader *reader, const char *name)
{
	struct scenario *scenario = reader->scenario;
	static const struct key rule = {
		.name = "case name", .size = CASE_NAME_MAX, .chars = WORD_CHARS};
	char checked[CASE_NAME_MAX];

	try(parse_word(&rule, name, checked));
	for (size_t i = 0; i < scenario->count; i++) {
		if (!strcmp(scenario->cases[i].name, name))
			return error_new(ERROR_USAGE, "case %s is there already, in line %u", name,
					 scenario->cases[i].line);
	}
	struct case_spec *cases =
		reallocarray(scenario->cases, scenario->count + 1, sizeof(*cases));
	if (!cases)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	scenario->cases = cases;
	reader->current = &cases[scenario->count++];
	*reader->current = reader->defaults;
	strcpy(reader->current->name, checked);
	reader->current->line = reader->line;
	return NULL;
}

static struct error *section_begin(struct reader *reader, const char *text)
{
	section_end(reader);
	reader->given = 0;
	reader->current = NULL;
	if (!strcmp(text, "defaults")) {
		if (reader->scenario->count)
			return error_new(ERROR_USAGE, "[defaults] must come before the cases");
		reader->current = &reader->defaults;
		return NULL;
	}
	if (!strncmp(text, "case ", 5))
		return case_begin(reader, text + 5);
	return error_new(ERROR_USAGE, "unknown section [%s]", text);
}

/* inih tells neither line numbers nor empty sections, so both are taken from the lines themselves.
 */
static char *read_line(char *buffer, int size, void *stream)
{
	struct reader *reader = stream;

	if (reader->err || !fgets(buffer, size, reader->stream))
		return NULL;
	reader->line++;
	if (!strchr(buffer, '\n') && !feof(reader->stream)) {
		reader_fail(reader, reader->line, error_new(ERROR_USAGE, "line is too long"));
		return NULL;
	}
	const char *text = buffer + strspn(buffer, " \t");
	if (*text != '[')
		return buffer;
	size_t length = strcspn(text + 1, "]");
	_cleanup_free_ char *section = strndup(text + 1, length);
	struct error *err = section ? section_begin(reader, section)
				    : error_new(ERROR_NO_MEMORY, "out of memory");
	if (err)
		reader_fail(reader, reader->line, err);
	return reader->err ? NULL : buffer;
}

static struct error *set_key(struct reader *reader, const char *name, const char *value)
{
	if (!reader->current)
		return error_new(ERROR_USAGE, "\"%s\" stands outside any section", name);
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (strcmp(keys[i].name, name))
			continue;
		if (reader->given & 1ULL << i)
			return error_new(ERROR_USAGE, "\"%s\" is given twice", name);
		reader->given |= 1ULL << i;
		return keys[i].parse(&keys[i], value, (char *)reader->current + keys[i].offset);
	}
	return error_new(ERROR_USAGE, "unknown key \"%s\"", name);
}

static int handle_key(void *user, const char *section, const char *name, const char *value)
{
	struct reader *reader = user;

	(void)section;
	struct error *err = set_key(reader, name, value ? value : "");
	if (err)
		reader_fail(reader, reader->line, err);
	return !err;
}

struct error *scenario_read(FILE *stream, const char *name, struct scenario *ret)
{
	struct reader reader = {
		.stream = stream, .name = name, .scenario = ret, .defaults = built_in};

	*ret = (struct scenario){};
	int bad_line = ini_parse_stream(read_line, &reader, handle_key, &reader);
	if (bad_line && !reader.err)
		reader_fail(&reader, bad_line > 0 ? (unsigned)bad_line : reader.line,
			    error_new(ERROR_USAGE, "neither [section] nor key = value"));
	if (!reader.err)
		section_end(&reader);
	if (!reader.err && ferror(stream))
		reader.err = error_new(ERROR_SYSTEM, "%s: cannot be read", name);
	if (!reader.err && !ret->count)
		reader.err = error_new(ERROR_USAGE, "%s: declares no case", name);
	if (reader.err)
		scenario_deinit(ret);
	return reader.err;
}

struct error *scenario_load(const char *path, struct scenario *ret)
{
	_cleanup_fclose_ FILE *stream = fopen(path, "re");

	*ret = (struct scenario){};
	if (!stream)
		return error_errno(errno, "%s", path);
	return scenario_read(stream, path, ret);
}

void scenario_deinit(struct scenario *scenario)
{
	free(scenario->cases);
	*scenario = (struct scenario){};
}

bool case_has_window(const struct case_spec *spec)
{
	return strcmp(spec->window, "none");
}
