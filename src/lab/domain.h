/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_DOMAIN_H
#define CRASHLAB_LAB_DOMAIN_H

#include "util/error.h"

/** A value for a @PLACEHOLDER@ of a template. */
struct placeholder {
	const char *name; /* "MEMORY" stands for @MEMORY@; NULL ends a list */
	const char *value;
	int xml; /* the value is XML already: put it in as it is */
};

/**
 * Fill in @template: every @NAME@ in it becomes the value of that name, with XML's special
 * characters escaped. A name that is not in @values is an ERROR_FORMAT. The caller frees *@ret.
 */
struct error *domain_fill(const char *template, const struct placeholder *values, char **ret);

#endif
