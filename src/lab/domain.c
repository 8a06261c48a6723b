// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/domain.h"

#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"

#define NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"

static void put_escaped(FILE *out, const char *value)
{
	static const struct {
		char c;
		const char *entity;
	} special[] = {
		{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'\'', "&apos;"}, {'"', "&quot;"}};

	for (; *value; value++) {
		const char *entity = NULL;
		for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
			if (special[i].c == *value)
				entity = special[i].entity;
		}
		if (entity)
			fputs(entity, out);
		else
			fputc(*value, out);
	}
}

static struct error *put_value(FILE *out, const struct placeholder *values, const char *name,
			       size_t length)
{
	for (; values->name; values++) {
		if (strlen(values->name) != length || memcmp(values->name, name, length))
			continue;
		if (values->xml)
			fputs(values->value, out);
		else
			put_escaped(out, values->value);
		return NULL;
	}
	return error_new(ERROR_FORMAT, "unknown placeholder @%.*s@", (int)length, name);
}

static struct error *fill(FILE *out, const char *template, const struct placeholder *values)
{
	while (*template) {
		size_t length = *template == '@' ? strspn(template + 1, NAME_CHARS) : 0;
		if (length && template[length + 1] == '@') {
			try(put_value(out, values, template + 1, length));
			template += length + 2;
		} else {
			fputc(*template ++, out);
		}
	}
	return NULL;
}

struct error *domain_fill(const char *template, const struct placeholder *values, char **ret)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	struct error *err = fill(out, template, values);
	fclose(out);
	if (err)
		return err;
	*ret = take(text);
	return NULL;
}
