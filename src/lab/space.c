// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/space.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "lab/files.h"
#include "util/cleanup.h"

#define LOG_LIMIT (2ULL * (LOG_HEAD + LOG_TAIL))

struct error *space_check(const char *directory, unsigned mib)
{
	struct statvfs status;

	if (statvfs(directory, &status))
		return error_errno(errno, "%s", directory);
	uint64_t left = (uint64_t)status.f_bavail * status.f_frsize >> 20;
	if (left >= mib)
		return NULL;
	return error_new(ERROR_SYSTEM, "no space left in %s: %llu MiB, it takes %u", directory,
			 (unsigned long long)left, mib);
}

static uint64_t size_of(int fd)
{
	struct stat status;

	return fstat(fd, &status) ? 0 : status.st_size;
}

void log_punch(const char *path)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
	uint64_t size = fd < 0 ? 0 : size_of(fd);
	struct stat status;

	/* What was freed before does not count. */
	if (size <= LOG_LIMIT || fstat(fd, &status) ||
	    (uint64_t)status.st_blocks * 512 <= LOG_LIMIT)
		return;
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, LOG_HEAD,
		      size - LOG_HEAD - LOG_TAIL))
		return; /* a file system without holes */
}

static struct error *copy(int from, int to, uint64_t offset, uint64_t length, const char *path)
{
	char buffer[65536];

	while (length) {
		size_t part = length < sizeof(buffer) ? length : sizeof(buffer);
		ssize_t got = pread(from, buffer, part, offset);
		if (got <= 0 || write(to, buffer, got) != got)
			return error_errno(errno, "shortening %s", path);
		offset += got;
		length -= got;
	}
	return NULL;
}

static struct error *copy_ends(int from, int to, uint64_t size, const char *path)
{
	uint64_t left_out = size - LOG_HEAD - LOG_TAIL;

	try(copy(from, to, 0, LOG_HEAD, path));
	dprintf(to, "\n[crashlab left out %llu bytes here]\n", (unsigned long long)left_out);
	return copy(from, to, size - LOG_TAIL, LOG_TAIL, path);
}

struct error *log_compact(const char *path)
{
	_cleanup_free_ char *part = format_string("%s.part", path);
	_cleanup_close_ int from = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t size = from < 0 ? 0 : size_of(from);

	if (size <= LOG_LIMIT)
		return NULL;
	_cleanup_close_ int to = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	struct error *err =
		to < 0 ? error_errno(errno, "%s", part) : copy_ends(from, to, size, path);
	if (!err && rename(part, path))
		err = error_errno(errno, "%s", path);
	if (err)
		unlink(part);
	return err;
}
