// SPDX-License-Identifier: GPL-2.0-only
#include "virt/inputs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "kernel/type_file.h"
#include "util/cleanup.h"
#include "virt/report_json.h"

/* Far more than a verdict.json or a list of symbols has. */
#define MAX_TEXT (64 << 20)

struct error *input_read_text(int fd, const char *name, char **ret)
{
	_cleanup_free_ char *text = NULL;
	size_t used = 0, room = 0;
	ssize_t part;

	do {
		if (room - used < 2) {
			room = room ? room * 2 : 65536;
			char *grown = room > MAX_TEXT ? NULL : realloc(text, room);
			if (!grown)
				return error_new(ERROR_USAGE, "%s: too large for a text", name);
			text = grown;
		}
		part = read(fd, text + used, room - used - 1);
		if (part < 0)
			return error_errno(errno, "%s", name);
		used += part;
	} while (part);
	text[used] = '\0';
	if (strlen(text) != used)
		return error_new(ERROR_USAGE, "%s: not a text", name);
	*ret = take(text);
	return NULL;
}

struct error *input_text(const char *path, char **ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? error_errno(errno, "%s", path) : input_read_text(fd, path, ret);
}

static struct error *read_host_regs(struct inputs *inputs, struct input_file *file)
{
	_cleanup_free_ char *text = NULL;
	const char *path = file->value;

	if (inputs->host_regs_path)
		return error_new(ERROR_USAGE, "%s: --host-regs was given before", path);
	try(input_text(path, &text));
	try(error_wrap(host_regs_parse(text, &inputs->host_regs), "%s", path));
	inputs->host_regs_path = path;
	return NULL;
}

static struct error *read_evidence(struct inputs *inputs, struct input_file *file)
{
	_cleanup_free_ char *text = NULL;

	(void)inputs;
	try(input_text(file->value, &text));
	return error_wrap(report_parse_outside(text, EVIDENCE_SCHEMA, &file->evidence), "%s",
			  file->value);
}

static struct error *read_symbols(struct inputs *inputs, struct input_file *file)
{
	if (inputs->kernel.symbols)
		return error_new(ERROR_USAGE, "%s: --symbols was given before", file->value);
	inputs->kernel.symbols_path = file->value;
	return input_text(file->value, &inputs->kernel.symbols);
}

static struct error *add_types(struct inputs *inputs, const char *value,
			       struct error *(*read)(const char *value, struct type_file *ret))
{
	struct kernel_files *files = &inputs->kernel;

	try(array_grow((void **)&files->types, &files->type_count, sizeof(*files->types)));
	return read(value, &files->types[files->type_count - 1]);
}

static struct error *read_btf(struct inputs *inputs, struct input_file *file)
{
	return add_types(inputs, file->value, type_file_read_btf);
}

static struct error *read_dwarf(struct inputs *inputs, struct input_file *file)
{
	return add_types(inputs, file->value, type_file_read_dwarf);
}

static struct error *read_calibration(struct inputs *inputs, struct input_file *file)
{
	_cleanup_free_ char *text = NULL;

	try(input_text(file->value, &text));
	return error_wrap(calibrations_add(&inputs->calibrations, file->value, text), "%s",
			  file->value);
}

enum {
	INPUT_HOST_REGS = 1024,
	INPUT_EVIDENCE,
	INPUT_SYMBOLS,
	INPUT_BTF,
	INPUT_VMLINUX,
	INPUT_CALIBRATION,
};

static const struct argp_option options[] = {
	{"host-regs", INPUT_HOST_REGS, "FILE", 0, "add the registers as QEMU's host sees them", 0},
	{"symbols", INPUT_SYMBOLS, "FILE", 0, "System.map or kallsyms, if the dump has none", 0},
	{"btf", INPUT_BTF, "[MODULE=]FILE", 0, "types of the kernel or a module, if it has none",
	 0},
	{"vmlinux", INPUT_VMLINUX, "FILE", 0, "types out of DWARF: vmlinux, MODULE.ko.debug", 0},
	{"calibration", INPUT_CALIBRATION, "FILE", 0, "how this CPU lays out a VMCS (JSON)", 0},
	{"evidence", INPUT_EVIDENCE, "FILE", 0, "add evidence from outside the dump (JSON)", 0},
	{},
};

static const struct input_kind {
	int key;
	bool needs_dump; /* it says nothing about a verdict made earlier */
	struct error *(*read)(struct inputs *inputs, struct input_file *file);
} kinds[] = {
	{INPUT_HOST_REGS, false, read_host_regs}, {INPUT_EVIDENCE, false, read_evidence},
	{INPUT_SYMBOLS, true, read_symbols},      {INPUT_BTF, true, read_btf},
	{INPUT_VMLINUX, true, read_dwarf},        {INPUT_CALIBRATION, true, read_calibration},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct inputs *inputs = state->input;
	const struct input_kind *kind = kinds, *end = kinds + sizeof(kinds) / sizeof(*kinds);

	while (kind < end && kind->key != key)
		kind++;
	if (kind == end)
		return ARGP_ERR_UNKNOWN;
	struct error *err =
		array_grow((void **)&inputs->files, &inputs->count, sizeof(*inputs->files));
	bool failed = err;

	error_clear(&err);
	if (failed)
		return ENOMEM;
	inputs->files[inputs->count - 1] = (struct input_file){.kind = kind, .value = arg};
	return 0;
}

const struct argp inputs_argp = {options, parse_option, NULL, NULL, NULL, NULL, NULL};

struct error *inputs_read(struct inputs *inputs)
{
	for (size_t i = 0; i < inputs->count; i++) {
		struct input_file *file = &inputs->files[i];
		struct error *err = file->kind->read(inputs, file);

		if (err && !error_is(err, ERROR_NO_MEMORY))
			err->code = ERROR_USAGE;
		if (err)
			return err;
	}
	return NULL;
}

void inputs_deinit(struct inputs *inputs)
{
	if (inputs->host_regs_path)
		host_regs_deinit(&inputs->host_regs);
	for (size_t i = 0; i < inputs->count; i++)
		evidence_list_deinit(&inputs->files[i].evidence);
	for (size_t i = 0; i < inputs->kernel.type_count; i++)
		type_file_deinit(&inputs->kernel.types[i]);
	calibrations_deinit(&inputs->calibrations);
	free(inputs->kernel.types);
	free(inputs->kernel.symbols);
	free(inputs->files);
	*inputs = (struct inputs){};
}

const char *inputs_need_dump(const struct inputs *inputs)
{
	for (size_t i = 0; i < inputs->count; i++) {
		const struct argp_option *option = options;

		if (!inputs->files[i].kind->needs_dump)
			continue;
		while (option->key != inputs->files[i].kind->key)
			option++;
		return option->name;
	}
	return NULL;
}

/** Judging again what was judged with the same file adds nothing. */
static bool is_known(const struct evidence_list *list, const struct evidence *evidence)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct evidence *known = &list->items[i];

		if (known->property == evidence->property && known->cpu == evidence->cpu &&
		    known->vmcs == evidence->vmcs && known->state == evidence->state &&
		    known->strength == evidence->strength &&
		    !strcmp(known->source, evidence->source) &&
		    !strcmp(known->reason, evidence->reason))
			return true;
	}
	return false;
}

static struct error *apply(const struct evidence *evidence, struct report *report)
{
	const struct cpu_finding *cpu = report_cpu(report, evidence->cpu);

	if (!cpu)
		return error_new(ERROR_USAGE,
				 "%s is of CPU %u, and no such CPU of this dump was ever online",
				 evidence->source, evidence->cpu);
	if (!(cpu->properties & 1u << evidence->property))
		return error_new(ERROR_USAGE, "%s is of %s, which CPU %u (%s) does not have",
				 evidence->source, property_name(evidence->property), cpu->cpu,
				 report->vendor);
	if (is_known(&report->evidence, evidence))
		return NULL;
	return evidence_add(&report->evidence, *evidence, "%s", evidence->reason);
}

struct error *inputs_apply(const struct inputs *inputs, struct report *report)
{
	if (inputs->host_regs_path)
		try(error_wrap(host_regs_apply(&inputs->host_regs, report), "%s",
			       inputs->host_regs_path));
	for (size_t i = 0; i < inputs->count; i++) {
		const struct input_file *file = &inputs->files[i];

		for (size_t e = 0; e < file->evidence.count; e++)
			try(error_wrap(apply(&file->evidence.items[e], report), "%s", file->value));
	}
	return NULL;
}
