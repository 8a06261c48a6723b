// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "util/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

static struct error *no_memory(void)
{
	return error_new(ERROR_NO_MEMORY, "out of memory");
}

void text_list_deinit(struct text_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct text_list){};
}

struct error *array_grow(void **items, size_t *count, size_t size)
{
	/* Grown in powers of two, so that many small lists cost little and long ones are linear. */
	if (!(*count & (*count - 1))) {
		size_t room = *count ? *count * 2 : 1;

		if (room > SIZE_MAX / size)
			return no_memory();
		void *grown = realloc(*items, room * size);
		if (!grown)
			return no_memory();
		*items = grown;
	}
	memset((char *)*items + *count * size, 0, size);
	(*count)++;
	return NULL;
}

struct error *text_list_add(struct text_list *list, const char *format, ...)
{
	_cleanup_free_ char *line = NULL;
	va_list args;

	va_start(args, format);
	int length = vasprintf(&line, format, args);
	va_end(args);
	if (length < 0) {
		line = NULL;
		return no_memory();
	}
	try(array_grow((void **)&list->items, &list->count, sizeof(*list->items)));
	list->items[list->count - 1] = take(line);
	return NULL;
}

struct error *text_set(char **ret, const char *format, ...)
{
	char *made;
	va_list args;

	va_start(args, format);
	int length = vasprintf(&made, format, args);
	va_end(args);
	if (length < 0)
		return no_memory();
	free(*ret);
	*ret = made;
	return NULL;
}

struct error *text_join(char **ret, const char *separator, const char *text)
{
	if (!*ret || !**ret)
		return text_set(ret, "%s", text);
	return text_set(ret, "%s%s%s", *ret, separator, text);
}
