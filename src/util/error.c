// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "util/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct error out_of_memory = {ERROR_NO_MEMORY, (char[]){"out of memory"}};

static struct error *error_create(enum error_code code, char *message)
{
	struct error *err = malloc(sizeof(*err));

	if (!err || !message) {
		free(err);
		free(message);
		return &out_of_memory;
	}
	err->code = code;
	err->message = message;
	return err;
}

static char *format_message(const char *format, va_list args)
{
	char *message;

	return vasprintf(&message, format, args) < 0 ? NULL : message;
}

struct error *error_new(enum error_code code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	char *message = format_message(format, args);
	va_end(args);
	return error_create(code, message);
}

struct error *error_errno(int errno_value, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	char *message = format_message(format, args);
	va_end(args);
	struct error *err = error_new(ERROR_SYSTEM, "%s: %s", message ? message : "system",
				      strerror(errno_value));
	free(message);
	return err;
}

struct error *error_wrap(struct error *err, const char *format, ...)
{
	va_list args;
	char *joined;

	if (!err || err == &out_of_memory)
		return err;
	va_start(args, format);
	char *prefix = format_message(format, args);
	va_end(args);
	if (!prefix || asprintf(&joined, "%s: %s", prefix, err->message) < 0) {
		free(prefix);
		return err;
	}
	free(prefix);
	free(err->message);
	err->message = joined;
	return err;
}

void error_free(struct error *err)
{
	if (!err || err == &out_of_memory)
		return;
	free(err->message);
	free(err);
}

void error_clear(struct error **err)
{
	error_free(*err);
	*err = NULL;
}
