/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_UTIL_NUMBER_H
#define CRASHLAB_UTIL_NUMBER_H

#include <stdint.h>

#include "util/error.h"

/**
 * Read the whole of @text as a number from @min to @max: decimal, or hexadecimal with 0x. @what
 * names it in the message ("--hold-us"). ERROR_USAGE for anything else: signs, blanks, leftovers.
 */
struct error *number_parse(const char *what, const char *text, uint64_t min, uint64_t max,
			   uint64_t *ret);

#endif
