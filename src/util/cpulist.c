// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/cpulist.h"

static bool parse_cpu(const char **text, unsigned long *ret)
{
	char *end;

	if (!isdigit((unsigned char)**text))
		return false;
	*ret = strtoul(*text, &end, 10);
	*text = end;
	return *ret < CPU_SETSIZE;
}

struct error *cpulist_parse(const char *what, const char *text, cpu_set_t *ret)
{
	const char *p = text;
	unsigned long first, last;

	CPU_ZERO(ret);
	for (;; p++) {
		if (!parse_cpu(&p, &first))
			break;
		last = first;
		if (*p == '-' && (p++, !parse_cpu(&p, &last) || last < first))
			break;
		for (unsigned long cpu = first; cpu <= last; cpu++)
			CPU_SET(cpu, ret);
		if (!*p)
			return NULL;
		if (*p != ',')
			break;
	}
	return error_new(ERROR_USAGE, "%s: '%s' is not a list of CPUs such as 0-3,5", what, text);
}

struct error *cpulist_read(const char *path, cpu_set_t *ret)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	_cleanup_free_ char *line = NULL;
	size_t size = 0;

	if (!file)
		return error_errno(errno, "cannot open %s", path);
	if (getline(&line, &size, file) < 0)
		return error_new(ERROR_FORMAT, "%s is empty", path);
	line[strcspn(line, "\n")] = '\0';
	return cpulist_parse(path, line, ret);
}
