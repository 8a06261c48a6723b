// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "lab/files.h"
#include "lab/process.h"
#include "util/cleanup.h"

#define MAKE_SECONDS 60
#define EXTRACT_SECONDS 300 /* a whole vmcore may be on it */

static struct error *make_sparse(const char *path, uint64_t bytes)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || ftruncate(fd, bytes))
		return error_errno(errno, "%s", path);
	return NULL;
}

struct error *disk_create(const char *path, uint64_t bytes, const char *case_file)
{
	char serial[9];
	char *const format[] = {"mkfs.vfat", "-F",   "32",         "-n", "CRASHLAB",
				"-i",        serial, (char *)path, NULL};
	char *const put[] = {"mcopy", "-i", (char *)path, (char *)case_file, "::case", NULL};

	snprintf(serial, sizeof(serial), "%08x", random_number());
	try(make_sparse(path, bytes));
	try(process_check(format, MAKE_SECONDS));
	return process_check(put, MAKE_SECONDS);
}

struct error *disk_extract(const char *path, const char *folder)
{
	char *const get[] = {"mcopy",      "-s",   "-n",           "-Q", "-i",
			     (char *)path, "::/*", (char *)folder, NULL};

	return process_check(get, EXTRACT_SECONDS);
}
