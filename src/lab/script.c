// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/script.h"

#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "lab/files.h"
#include "lab/process.h"
#include "util/cleanup.h"

#define ARGUMENTS 40
#define USAGE 64

struct error *script_run(const struct lab_paths *paths, const char *const *argv, int output)
{
	_cleanup_free_ char *path = format_string("%s/scripts/%s", paths->root, argv[0]);
	char *words[ARGUMENTS] = {path};
	struct process_setup setup = {
		.argv = words, .input = -1, .output = output, .errors = STDERR_FILENO};
	struct process process;

	for (unsigned i = 1; argv[i] && i < ARGUMENTS - 1; i++)
		words[i] = (char *)argv[i];
	try(process_start(&setup, &process));
	struct pollfd end = {.fd = process.pidfd, .events = POLLIN};
	while (poll(&end, 1, -1) < 0 && errno == EINTR)
		;
	int status = process_stop(&process);
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return NULL;
	bool usage = WIFEXITED(status) && WEXITSTATUS(status) == USAGE;
	return error_new(usage ? ERROR_USAGE : ERROR_SYSTEM, "%s failed, see above", path);
}

struct error *script_read(const struct lab_paths *paths, const char *const *argv, size_t limit,
			  char **ret)
{
	_cleanup_close_ int said = memfd_create("output", MFD_CLOEXEC);
	_cleanup_free_ char *file = format_string("/proc/self/fd/%d", said);

	try(script_run(paths, argv, said));
	return read_text(file, limit, ret);
}

void script_print(const struct lab_paths *paths, const char *const *argv, FILE *out)
{
	fprintf(out, "%s/scripts/%s", paths->root, argv[0]);
	for (unsigned i = 1; argv[i]; i++)
		fprintf(out, " %s", argv[i]);
	fputc('\n', out);
}
