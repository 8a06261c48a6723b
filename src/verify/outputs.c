// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "verify/outputs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "util/cleanup.h"
#include "util/text.h"

/* One in place of the dump that it is made of would destroy evidence. */
static struct error *refuse_input(const char *path, const char *input)
{
	struct stat ours, theirs;

	int missing = strcmp(input, "-") ? stat(input, &theirs) : fstat(STDIN_FILENO, &theirs);

	if (!missing && !stat(path, &ours) && ours.st_dev == theirs.st_dev &&
	    ours.st_ino == theirs.st_ino)
		return error_new(ERROR_USAGE, "that is the dump itself");
	return NULL;
}

static bool is_in_place(const char *path)
{
	struct stat st;

	return !lstat(path, &st) && !S_ISREG(st.st_mode);
}

/* As fopen() makes them, unless it is its owner's alone. */
static void set_mode(int fd, bool private)
{
	mode_t mask;

	if (private)
		return;
	mask = umask(0);
	umask(mask);
	/* A file system without modes does not mind. */
	if (fchmod(fd, 0666 & ~mask))
		return;
}

static struct error *open_output(struct output *output, bool private)
{
	int fd;

	if (is_in_place(output->path)) {
		fd = open(output->path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY);
	} else {
		try(text_set(&output->temporary, "%s.XXXXXX", output->path));
		fd = mkostemp(output->temporary, O_CLOEXEC);
	}
	if (fd < 0) {
		int why = errno;

		free(take(output->temporary));
		return error_errno(why, "create");
	}
	if (output->temporary)
		set_mode(fd, private);
	output->file = fdopen(fd, "w");
	if (!output->file) {
		close(fd);
		return error_errno(errno, "create");
	}
	return NULL;
}

static struct error *output_create(struct output *output, const char *path, bool private,
				   const struct options *options)
{
	if (!path)
		return NULL;
	output->path = path;
	output->whole = mmap(NULL, sizeof(*output->whole), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (output->whole == MAP_FAILED) {
		output->whole = NULL;
		return error_errno(errno, "mmap");
	}
	for (size_t i = 0; i < options->dump_count; i++)
		try(error_wrap(refuse_input(path, options->dumps[i]), "%s", path));
	return error_wrap(open_output(output, private), "%s", path);
}

struct error *outputs_create(const struct options *options, struct outputs *ret)
{
	*ret = (struct outputs){};
	struct error *err = output_create(&ret->json, options->json_file, false, options);

	if (!err)
		err = output_create(&ret->capsule, options->capsule, true, options);
	if (err)
		outputs_abandon(ret);
	return err;
}

struct error *output_done(struct output *output)
{
	if (output->path && fflush(output->file))
		return error_errno(errno, "%s", output->path);
	if (output->path)
		*output->whole = true;
	return NULL;
}

static void output_close(struct output *output)
{
	if (output->file)
		fclose(output->file);
	free(output->temporary);
	if (output->whole)
		munmap(output->whole, sizeof(*output->whole));
	*output = (struct output){};
}

void outputs_close(struct outputs *outputs)
{
	output_close(&outputs->json);
	output_close(&outputs->capsule);
}

void outputs_abandon(struct outputs *outputs)
{
	if (outputs->json.temporary)
		unlink(outputs->json.temporary);
	if (outputs->capsule.temporary)
		unlink(outputs->capsule.temporary);
	outputs_close(outputs);
}

static struct error *output_finish(struct output *output)
{
	if (!output->temporary || !*output->whole)
		return NULL;
	if (fsync(fileno(output->file)) || rename(output->temporary, output->path))
		return error_errno(errno, "%s", output->path);
	free(take(output->temporary));
	return NULL;
}

struct error *outputs_finish(struct outputs *outputs)
{
	struct error *json = output_finish(&outputs->json);
	struct error *capsule = output_finish(&outputs->capsule);

	outputs_abandon(outputs);
	if (json && capsule)
		error_clear(&capsule);
	return json ? json : capsule;
}
