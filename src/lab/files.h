/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_FILES_H
#define CRASHLAB_LAB_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "util/error.h"

/** printf into a new string; aborts only when memory is out. The caller frees it. */
char *format_string(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** A number that nobody can foretell. */
uint32_t random_number(void);

/** Make directory @path and its parents; one that exists is fine. */
struct error *make_directories(const char *path);

/** Remove @path and, when it is a directory, all below it; one that is missing is fine. */
void remove_tree(const char *path);

/** The text of the file at @path, NUL-terminated, at most @limit bytes; the caller frees it. */
struct error *read_text(const char *path, size_t limit, char **ret);

/** Replace the file at @path by @text as a whole: whoever reads it sees the old one or the new. */
struct error *write_text(const char *path, const char *text);

/**
 * Print the last @lines lines of the file at @path to @out, each after @prefix, without control
 * characters. False when the file is missing or empty.
 */
bool print_tail(FILE *out, const char *path, unsigned lines, const char *prefix);

#endif
