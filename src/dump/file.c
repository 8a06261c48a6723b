// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "dump/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>

#include "util/cleanup.h"

static bool fd_is_live_vmcore(int fd, const char *path)
{
	_cleanup_free_ char *resolved = realpath(path, NULL);
	struct statfs fs;

	return resolved && !strcmp(resolved, "/proc/vmcore") && !fstatfs(fd, &fs) &&
	       fs.f_type == PROC_SUPER_MAGIC;
}

static int open_temporary(void)
{
	const char *directory = getenv("TMPDIR");

	if (!directory || !*directory)
		directory = "/var/tmp";
	return open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

struct error *dump_file_open(const char *path, struct dump_file *ret)
{
	bool standard_input = !strcmp(path, "-");

	*ret = (struct dump_file){
		.name = standard_input ? "standard input" : path, .temporary = -1, .msr = -1};
	ret->fd = standard_input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
				 : open(path, O_RDONLY | O_CLOEXEC);
	if (ret->fd < 0)
		return error_errno(errno, "%s: open", ret->name);
	ret->live = fd_is_live_vmcore(ret->fd, path);
	if (ret->live) {
		ret->msr = open("/dev/cpu/0/msr", O_RDONLY | O_CLOEXEC);
		return NULL;
	}
	ret->temporary = open_temporary();
	ret->temporary_errno = errno;
	return NULL;
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void dump_file_close(struct dump_file *file)
{
	close_one(&file->fd);
	close_one(&file->temporary);
	close_one(&file->msr);
}
