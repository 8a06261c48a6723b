/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_UTIL_CLEANUP_H
#define CRASHLAB_UTIL_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "util/error.h"

/* What a variable owns is released when it goes out of scope. */

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_fclose(FILE **file)
{
	if (*file)
		fclose(*file);
}

static inline void cleanup_error(struct error **err)
{
	error_free(*err);
}

#define _cleanup_(function) __attribute__((cleanup(function)))
#define _cleanup_free_ _cleanup_(cleanup_free)
#define _cleanup_close_ _cleanup_(cleanup_close)
#define _cleanup_fclose_ _cleanup_(cleanup_fclose)
#define _cleanup_error_ _cleanup_(cleanup_error)

/** Hand ownership of pointer variable @p to the caller: yields its value and leaves NULL. */
#define take(p)                             \
	({                                  \
		__typeof__(p) taken_ = (p); \
		(p) = NULL;                 \
		taken_;                     \
	})

/** Return from the function with the error of @expression if it has one. */
#define try(expression)                                \
	do {                                           \
		struct error *try_err_ = (expression); \
		if (try_err_)                          \
			return try_err_;               \
	} while (0)

#endif
