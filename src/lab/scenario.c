// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/scenario.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lab/files.h"
#include "lab/scenario_keys.h"
#include "util/cleanup.h"
#include "util/text.h"

const char *const vendor_names[] = {"vmx", "svm", NULL};
/* The names in src/trigger/reboot.c and src/trigger/panic.c, the usual one first. */
const char *const case_reboots[] = {"restart", "sysrq-b",     "halt",          "power-off",
				    "kexec",   "cpu-hotplug", "panic-timeout", NULL};
const char *const case_triggers[] = {"sysrq-c",         "crash-kexec", "crash-self", "oops",
				     "panic-irq",       "panic-nmi",   "host-nmi",   "host-nmi-off",
				     "soft-lockup",     "hard-lockup", "hung-task",  "second-panic",
				     "panic-overtaken", NULL};
const char *const case_loads[] = {"spin", "halt", "many", "hop", "churn", "nested", "linux", NULL};
const char *const case_records[] = {"yes", "no", NULL};
const char *const case_lockdowns[] = {"none", "integrity", "confidentiality", NULL};
const char *const case_switches[] = {"no", "yes", NULL};

#define WORD_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
#define CPUS_MAX 64
#define LOAD_VCPUS_MAX 1024 /* what guestload takes */
#define MEMORY_MAX_MB 65536

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

static void print_number(const struct key *key, const void *field, FILE *out)
{
	if (*(const int *)field >= 0) /* -1: not given */
		fprintf(out, "%s = %u\n", key->name, *(const unsigned *)field);
}

static void print_choice(const struct key *key, const void *field, FILE *out)
{
	fprintf(out, "%s = %s\n", key->name, key->choices[*(const unsigned *)field]);
}

static void print_word(const struct key *key, const void *field, FILE *out)
{
	if (*(const char *)field)
		fprintf(out, "%s = %s\n", key->name, (const char *)field);
}

#define FIELD_INIT(member)                            \
	.offset = offsetof(struct case_spec, member), \
	.size = sizeof(((struct case_spec *)NULL)->member)
#define NUMBER(key, member, low, high)                                                             \
	.name = key, FIELD_INIT(member), .parse = parse_number, .print = print_number, .min = low, \
	.max = high
#define CHOICE(key, member, list)                                                      \
	.name = key, FIELD_INIT(member), .parse = parse_choice, .print = print_choice, \
	.choices = list
#define WORD(key, member, allowed) \
	.name = key, FIELD_INIT(member), .parse = parse_word, .print = print_word, .chars = allowed

/* "cpus" comes before the CPUs, which may be "all" of them. */
const struct key scenario_keys[] = {
	{WORD("kernel", kernel, WORD_CHARS "+~"), .unnamed = true, .tag = ""},
	{CHOICE("vendor", vendor, vendor_names), .required = true, .tag = ""},
	{CHOICE("reboot", reboot, case_reboots), .required = true, .tag = ""},
	{CHOICE("trigger", trigger, case_triggers), .tag = ""},
	{WORD("window", window, WORD_CHARS "+"), .required = true, .tag = ""},
	{NUMBER("cpus", cpus, 1, CPUS_MAX), .tag = "c"},
	{NUMBER("panic_cpu", panic_cpu, 0, CPUS_MAX - 1), .cpu = true, .tag = "p"},
	{NUMBER("reboot_cpu", reboot_cpu, 0, CPUS_MAX - 1), .cpu = true, .tag = "r"},
	{NUMBER("hold_us", hold_us, 0, 10000000), .drawn = true, .tag = "h"},
	{NUMBER("delay_us", delay_us, 0, 10000000), .drawn = true, .tag = "d"},
	{WORD("seed", seed, "0123456789"), .tag = "seed"},
	{WORD("frequency", frequency, "0123456789."), .tag = "f"},
	{NUMBER("printk", printk, 0, 8), .tag = "k"},
	{CHOICE("load", load, case_loads), .tag = ""},
	{NUMBER("load_per_cpu", load_per_cpu, 0, LOAD_VCPUS_MAX), .tag = "n"},
	{NUMBER("load_vcpus", load_vcpus, 0, LOAD_VCPUS_MAX), .tag = "v"},
	{CHOICE("record", record, case_records), .tag = ""},
	{CHOICE("calibrate", calibrate, case_switches), .tag = ""},
	{CHOICE("lockdown", lockdown, case_lockdowns), .tag = ""},
	{CHOICE("init_test", init_test, case_switches), .tag = ""},
	{NUMBER("memory", memory_mb, 0, MEMORY_MAX_MB), .tag = "m"},
	{WORD("break", broken, WORD_CHARS), .tag = ""},
	{NUMBER("break_cpu", break_cpu, 0, CPUS_MAX - 1), .tag = "b"},
	{WORD("images", images, WORD_CHARS)},
	{CHOICE("expect", expect, outcome_names)},
	{NUMBER("expect_cpu", expect_cpu, 0, CPUS_MAX - 1)},
	{.name = "repeat", FIELD_INIT(repeat), .parse = parse_number, .min = 1, .max = 100000},
};
const size_t scenario_key_count = sizeof(scenario_keys) / sizeof(scenario_keys[0]);

const struct case_spec case_built_in = {
	.cpus = 2,
	.panic_cpu = 1,
	.reboot_cpu = 0,
	.iteration = 1,
	.hold_us = 900000,
	.broken = "none",
	.expect = OUTCOME_PASS,
	.expect_cpu = -1,
};

size_t scenario_key_find(const char *name)
{
	size_t index = 0;

	while (index < scenario_key_count && strcmp(scenario_keys[index].name, name))
		index++;
	return index;
}

/** State while a file is read. */
struct reader {
	FILE *stream;
	const char *name;
	unsigned line;
	const struct scenario_options *options;
	struct scenario *scenario;
	struct section defaults, section;
	struct section *current; /* what keys go to; NULL before the first section */
	bool cases; /* there was a section [case] */
	struct error *err; /* the first one */
};

static void reader_fail(struct reader *reader, unsigned line, struct error *err)
{
	if (reader->err)
		error_free(err);
	else
		reader->err = error_wrap(err, "%s:%u", reader->name, line);
}

void section_deinit(struct section *section)
{
	for (size_t i = 0; i < KEYS_MAX; i++)
		free(section->values[i]);
	free(section->name);
	free(section->without);
	*section = (struct section){};
}

static void inherit(char **value, const char *from)
{
	if (!*value && from)
		*value = format_string("%s", from);
}

struct error *scenario_check_override(const char *key, const char *value)
{
	bool many;

	return scenario_check_values(&scenario_keys[scenario_key_find(key)], value, &many);
}

static struct error *apply_overrides(struct section *section,
				     const struct scenario_options *options)
{
	for (const char *const *set = options ? options->set : NULL; set && set[0]; set += 2) {
		try(scenario_check_override(set[0], set[1]));
		try(text_set(&section->values[scenario_key_find(set[0])], "%s", set[1]));
	}
	return NULL;
}

static struct error *section_cases(struct reader *reader)
{
	struct section *section = &reader->section;

	for (size_t i = 0; i < scenario_key_count; i++)
		inherit(&section->values[i], reader->defaults.values[i]);
	inherit(&section->without, reader->defaults.without);
	try(apply_overrides(section, reader->options));
	return scenario_expand(section, reader->options ? reader->options->seed : 0,
			       reader->scenario);
}

static void section_end(struct reader *reader)
{
	if (reader->current != &reader->section)
		return;
	struct error *err = section_cases(reader);
	if (err)
		reader_fail(reader, reader->section.line, err);
	section_deinit(&reader->section);
	reader->current = NULL;
}

static struct error *case_begin(struct reader *reader, const char *name)
{
	static const struct key rule = {
		.name = "case name", .size = CASE_NAME_MAX, .chars = WORD_CHARS};
	char checked[CASE_NAME_MAX];

	try(parse_word(&rule, name, checked));
	reader->section.name = format_string("%s", checked);
	reader->section.line = reader->line;
	reader->current = &reader->section;
	reader->cases = true;
	return NULL;
}

static struct error *section_begin(struct reader *reader, const char *text)
{
	section_end(reader);
	if (reader->err)
		return NULL;
	reader->current = NULL;
	if (!strcmp(text, "defaults")) {
		if (reader->cases)
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

static struct error *set_value(char **ret, const char *name, const char *value)
{
	if (*ret)
		return error_new(ERROR_USAGE, "\"%s\" is given twice", name);
	*ret = format_string("%s", value);
	return NULL;
}

static struct error *set_key(struct reader *reader, const char *name, const char *value)
{
	size_t index = scenario_key_find(name);
	bool many;

	if (!reader->current)
		return error_new(ERROR_USAGE, "\"%s\" stands outside any section", name);
	if (!strcmp(name, "without")) {
		try(scenario_check_without(value));
		return set_value(&reader->current->without, name, value);
	}
	if (index == scenario_key_count)
		return error_new(ERROR_USAGE, "unknown key \"%s\"", name);
	try(set_value(&reader->current->values[index], name, value));
	return scenario_check_values(&scenario_keys[index], value, &many);
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

struct error *scenario_read(FILE *stream, const char *name, const struct scenario_options *options,
			    struct scenario *ret)
{
	struct reader reader = {
		.stream = stream, .name = name, .options = options, .scenario = ret};

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
	section_deinit(&reader.section);
	section_deinit(&reader.defaults);
	if (reader.err)
		scenario_deinit(ret);
	return reader.err;
}

struct error *scenario_load(const char *path, const struct scenario_options *options,
			    struct scenario *ret)
{
	_cleanup_fclose_ FILE *stream = fopen(path, "re");

	*ret = (struct scenario){};
	if (!stream)
		return error_errno(errno, "%s", path);
	return scenario_read(stream, path, options, ret);
}

void scenario_print_case(const struct case_spec *spec, FILE *out)
{
	fprintf(out, "[case %s]\n", spec->name);
	for (size_t i = 0; i < scenario_key_count; i++) {
		const struct key *key = &scenario_keys[i];
		if (key->print)
			key->print(key, (const char *)spec + key->offset, out);
	}
}

struct error *scenario_read_case(const char *text, struct case_spec *ret)
{
	_cleanup_fclose_ FILE *stream = fmemopen((void *)text, strlen(text), "r");
	struct scenario scenario;

	if (!stream)
		return error_errno(errno, "the stored case");
	try(scenario_read(stream, "the stored case", NULL, &scenario));
	*ret = scenario.cases[0];
	scenario_deinit(&scenario);
	return NULL;
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
