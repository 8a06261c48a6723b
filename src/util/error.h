/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_UTIL_ERROR_H
#define CRASHLAB_UTIL_ERROR_H

/**
 * What kind of thing went wrong, for callers that act on it. The message is for people.
 */
enum error_code {
	ERROR_USAGE, /* the caller's (user's) input is wrong */
	ERROR_SYSTEM, /* a system call or a library failed */
	ERROR_FORMAT, /* a file or a structure in a dump is damaged or foreign */
	ERROR_NO_DATA, /* the page is not in the dump: the answer is UNKNOWN, never OFF */
	ERROR_NOT_FOUND, /* no such symbol, type, member, key */
	ERROR_UNSUPPORTED, /* understood, but not something this program can do */
	ERROR_NO_MEMORY,
};

/**
 * An error; NULL means success. The one who receives it owns it: pass it on, or error_free() it.
 */
struct error {
	enum error_code code;
	char *message; /* one line, no trailing newline */
};

/** Make an error with a printf-style message. Never returns NULL. */
struct error *error_new(enum error_code code, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** As error_new(ERROR_SYSTEM), with ": strerror(errno_value)" at the end. */
struct error *error_errno(int errno_value, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** Put "text: " before the message of @err, keep its code. Returns @err; NULL stays NULL. */
struct error *error_wrap(struct error *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** Free an error; NULL is fine. */
void error_free(struct error *err);

/** Free *@err if any and make it NULL; for the places where a failure is an answer in itself. */
void error_clear(struct error **err);

/** True when @err is an error of kind @code. */
static inline int error_is(const struct error *err, enum error_code code)
{
	return err && err->code == code;
}

#endif
