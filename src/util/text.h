/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_UTIL_TEXT_H
#define CRASHLAB_UTIL_TEXT_H

#include <stddef.h>

#include "util/error.h"

/** A list of lines of text that it owns. All zeroes is the empty list. */
struct text_list {
	char **items;
	size_t count;
};

void text_list_deinit(struct text_list *list);

/** Add a line, made as by printf. */
struct error *text_list_add(struct text_list *list, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** Replace the string *@ret (freed) by one made as by printf. */
struct error *text_set(char **ret, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Append to the string *@ret (NULL: empty), with @separator between when it was not empty. */
struct error *text_join(char **ret, const char *separator, const char *text);

/**
 * Make room for one more element in the array *@items of *@count elements of @size bytes; the new
 * element is zeroed and *@count is one more.
 */
struct error *array_grow(void **items, size_t *count, size_t size);

#endif
