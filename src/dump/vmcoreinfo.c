// SPDX-License-Identifier: GPL-2.0-only
#include "dump/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

/* VMCOREINFO_BYTES is one page (include/linux/vmcore_info.h); leave it room to grow. */
#define VMCOREINFO_MAX (1024 * 1024)

static size_t count_lines(const char *text, size_t length)
{
	size_t lines = 1;

	for (size_t i = 0; i < length; i++)
		lines += text[i] == '\n';
	return lines;
}

struct error *vmcoreinfo_init(struct dump *dump, const char *text, size_t length)
{
	char *rest, *line;

	if (length > VMCOREINFO_MAX)
		return error_new(ERROR_FORMAT, "VMCOREINFO of %zu bytes is too long", length);
	dump->vmcoreinfo = strndup(text, length);
	dump->vmcoreinfo_text = strndup(text, length);
	dump->entries = calloc(count_lines(text, length), sizeof(*dump->entries));
	if (!dump->vmcoreinfo || !dump->vmcoreinfo_text || !dump->entries)
		return error_new(ERROR_NO_MEMORY, "out of memory for VMCOREINFO");

	rest = dump->vmcoreinfo;
	while ((line = strsep(&rest, "\n"))) {
		char *equals = strchr(line, '=');

		if (!equals)
			continue;
		*equals = '\0';
		dump->entries[dump->entry_count].key = line;
		dump->entries[dump->entry_count++].value = equals + 1;
	}
	return NULL;
}

void vmcoreinfo_deinit(struct dump *dump)
{
	free(take(dump->entries));
	free(take(dump->vmcoreinfo));
	free(take(dump->vmcoreinfo_text));
	dump->entry_count = 0;
}

const char *dump_vmcoreinfo(const struct dump *dump, const char *key)
{
	for (size_t i = 0; i < dump->entry_count; i++) {
		if (!strcmp(dump->entries[i].key, key))
			return dump->entries[i].value;
	}
	return NULL;
}

bool dump_vmcoreinfo_line(const struct dump *dump, size_t index, const char **ret_key,
			  const char **ret_value)
{
	if (index >= dump->entry_count)
		return false;
	*ret_key = dump->entries[index].key;
	*ret_value = dump->entries[index].value;
	return true;
}

struct error *dump_vmcoreinfo_number(const struct dump *dump, const char *key, int base,
				     uint64_t *ret)
{
	const char *value = dump_vmcoreinfo(dump, key);
	char *end;

	if (!value)
		return error_new(ERROR_NOT_FOUND, "VMCOREINFO has no %s", key);
	errno = 0;
	/* NUMBER() lines are printed signed: strtoull() takes "-N" as the two's complement. */
	*ret = strtoull(value, &end, base);
	if (errno || end == value || *end)
		return error_new(ERROR_FORMAT, "VMCOREINFO: %s is no number: \"%s\"", key, value);
	return NULL;
}
