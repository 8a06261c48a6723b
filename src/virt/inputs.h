/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_VIRT_INPUTS_H
#define CRASHLAB_VIRT_INPUTS_H

#include <argp.h>

#include "kernel/kernel.h"
#include "virt/calibration.h"
#include "virt/host_regs.h"
#include "virt/report.h"

/**
 * What is known from outside the dump: files that options name. They are read as a whole before
 * the dump is opened, and judged against it afterwards.
 */
struct inputs {
	struct input_file {
		const struct input_kind *kind;
		const char *value; /* as the option was given */
		struct evidence_list evidence; /* that is in it */
	} * files;
	size_t count;
	struct kernel_files kernel;
	struct calibrations calibrations;
	const char *host_regs_path; /* NULL: none */
	struct host_regs host_regs;
};

/** The options, for argp_child; the child's input is a struct inputs of zeroes. */
extern const struct argp inputs_argp;

/**
 * Read all files that were named. ERROR_USAGE names the file and says what is wrong with it.
 */
struct error *inputs_read(struct inputs *inputs);
void inputs_deinit(struct inputs *inputs);

/** The first option given that only a dump can use, not a verdict made earlier; or NULL. */
const char *inputs_need_dump(const struct inputs *inputs);

/** Add to the report's evidence. ERROR_USAGE when it is of CPUs that the report does not have. */
struct error *inputs_apply(const struct inputs *inputs, struct report *report);

/** The whole of a file as text, to be freed; ERROR_USAGE when it is none, or too large. */
struct error *input_text(const char *path, char **ret);

/** The same of a file that is open as @fd; @name is for messages. */
struct error *input_read_text(int fd, const char *name, char **ret);

#endif
