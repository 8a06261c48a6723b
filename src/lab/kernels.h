/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_KERNELS_H
#define CRASHLAB_LAB_KERNELS_H

#include "lab/backend.h"

/** A kernel and the images that are wanted of it. NULL: not given. */
struct kernel_order {
	const char *kernel; /* whatever scripts/fetch-kernel.sh takes */
	const char *suite; /* of Debian, where it is */
	const char *overlay, *suffix; /* files on top of the appliance's; of the images so made */
	const char *flavour; /* of what is made (docs/interfaces.md) */
	const char *const *stick; /* make what a real machine boots instead, with these arguments of
				     scripts/build-stick.sh; ends with NULL */
};

/**
 * Get the kernel, what runs it, and build its images, by the project's scripts, whose progress goes
 * to stderr. *@ret is the kernel's name, for the caller to free. The names of a stick's files go to
 * standard output.
 */
struct error *kernel_make(const struct lab_paths *paths, const struct kernel_order *order,
			  char **ret);

/** Print to @out what kernel_make() would run. */
void kernel_describe(const struct lab_paths *paths, const struct kernel_order *order, FILE *out);

/**
 * Make of a list of kernels, with commas between, the list of their names. One that has images in
 * @paths is a name already, any other is an order for kernel_make(). The caller frees *@ret.
 */
struct error *kernels_resolve(const struct lab_paths *paths, const char *list, char **ret);

/**
 * What a case of @spec on @backend needs and the kernel of @images has not, as the lines `lacks=`
 * of its manifest say (docs/interfaces.md, section 1); NULL when it lacks nothing, or when there is
 * no manifest. The caller frees it.
 */
char *kernel_lacks(const char *images, const struct case_spec *spec, const struct backend *backend);

/**
 * NULL when @images were made of the programs and scripts that are here, or by someone else (no
 * manifest); an ERROR_USAGE names what has changed since.
 */
struct error *kernel_images_fit(const struct lab_paths *paths, const char *images);

/** What scripts/list-kernels.sh is asked for. */
struct kernels_request {
	const char *suites[32]; /* ends with NULL; none: all */
	bool local, fresh, json;
};

/** Print to @out the kernels that there are and that can be had. */
struct error *kernels_list(const struct lab_paths *paths, const struct kernels_request *request,
			   FILE *out);

#endif
