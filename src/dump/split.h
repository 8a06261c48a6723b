/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_DUMP_SPLIT_H
#define CRASHLAB_DUMP_SPLIT_H

#include <stddef.h>

#include "util/error.h"

/**
 * Check that the @count files, open as @fds, are one dump: a single one is no part of a split set
 * (makedumpfile --split), several are all the parts of one, whatever their order. libkdumpfile
 * 0.5.1 takes any files for parts of a set. ERROR_FORMAT names the part that is missing, doubled,
 * or of another dump; @paths are for that.
 */
struct error *split_check(const char *const *paths, const int *fds, size_t count);

#endif
