// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/files.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "util/cleanup.h"

#define TAIL_BYTES 16384

char *format_string(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	int length = vasprintf(&text, format, args);
	va_end(args);
	if (length < 0)
		abort();
	return text;
}

uint32_t random_number(void)
{
	uint32_t number;

	while (getrandom(&number, sizeof(number), 0) != sizeof(number))
		;
	return number;
}

struct error *make_directories(const char *path)
{
	_cleanup_free_ char *part = format_string("%s", path);

	for (char *p = part + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(part, 0755) && errno != EEXIST)
			return error_errno(errno, "%s", part);
		*p = '/';
	}
	if (mkdir(part, 0755) && errno != EEXIST)
		return error_errno(errno, "%s", part);
	return NULL;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *ftw)
{
	(void)status;
	(void)kind;
	(void)ftw;
	remove(path);
	return 0;
}

void remove_tree(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

struct error *read_text(const char *path, size_t limit, char **ret)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");

	if (!file)
		return error_errno(errno, "%s", path);
	_cleanup_free_ char *text = malloc(limit + 1);
	if (!text)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	size_t length = fread(text, 1, limit, file);
	if (ferror(file))
		return error_errno(errno, "%s", path);
	text[length] = '\0';
	*ret = take(text);
	return NULL;
}

static struct error *write_all(int fd, const char *path, const char *text)
{
	for (size_t left = strlen(text); left;) {
		ssize_t written = write(fd, text, left);
		if (written < 0)
			return error_errno(errno, "writing %s", path);
		text += written;
		left -= written;
	}
	return fsync(fd) ? error_errno(errno, "writing %s", path) : NULL;
}

struct error *write_text(const char *path, const char *text)
{
	_cleanup_free_ char *temporary = format_string("%s.part", path);
	_cleanup_close_ int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		return error_errno(errno, "%s", temporary);
	struct error *err = write_all(fd, temporary, text);
	if (!err && rename(temporary, path))
		err = error_errno(errno, "%s", path);
	if (err)
		unlink(temporary);
	return err;
}

static void print_line(FILE *out, const char *line, size_t length, const char *prefix)
{
	fputs(prefix, out);
	for (size_t i = 0; i < length; i++) {
		if (isprint((unsigned char)line[i]))
			fputc(line[i], out);
	}
	fputc('\n', out);
}

bool print_tail(FILE *out, const char *path, unsigned lines, const char *prefix)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	char text[TAIL_BYTES];

	if (!file)
		return false;
	if (fseek(file, -TAIL_BYTES, SEEK_END))
		rewind(file);
	size_t length = fread(text, 1, sizeof(text), file);
	while (length && isspace((unsigned char)text[length - 1]))
		length--;
	size_t start = length;
	while (start && lines) {
		start--;
		if (text[start] == '\n' && !--lines)
			start++;
		if (!lines)
			break;
	}
	for (size_t end; start < length; start = end + 1) {
		const char *newline = memchr(text + start, '\n', length - start);
		end = newline ? (size_t)(newline - text) : length;
		print_line(out, text + start, end - start, prefix);
	}
	return length;
}
