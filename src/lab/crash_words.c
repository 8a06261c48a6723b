// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/crash_words.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lab/files.h"
#include "util/cleanup.h"

/* What the first line of an oops or a panic has (arch/x86/mm/fault.c, traps.c, kernel/panic.c). */
static const char *const beginnings[] = {
	"BUG: ",        "kernel BUG at", "general protection fault",
	"Oops: ",       "divide error",  "stack segment",
	"double fault", "Machine check", "Kernel panic",
};

static bool begins_crash(const char *line)
{
	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
		if (strstr(line, beginnings[i]))
			return true;
	}
	return false;
}

/* @line without its end and the time in brackets before it. */
static char *without_time(char *line)
{
	char *end = line[0] == '[' ? strchr(line, ']') : NULL;

	line[strcspn(line, "\n")] = '\0';
	return end ? end + 1 + strspn(end + 1, " ") : line;
}

char *crash_words(const char *path)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	_cleanup_free_ char *line = NULL;
	char *words = NULL;
	size_t size = 0;

	while (file && getline(&line, &size, file) > 0) {
		char *text = without_time(line);
		if (!words && begins_crash(text)) {
			words = format_string("%s", text);
		} else if (words && !strncmp(text, "RIP: 0010:", 10)) {
			char *both = format_string("%s, %s", words, text);
			free(words);
			return both;
		}
	}
	return words;
}
