/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_DUMP_FLATTENED_H
#define CRASHLAB_DUMP_FLATTENED_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

/** The bytes of a file's start that flattened_probe() wants to see. */
#define FLATTENED_PROBE_SIZE 16

/** True when a file that starts with @start is makedumpfile's flattened format (makedumpfile -F).
 */
bool flattened_probe(const char start[FLATTENED_PROBE_SIZE]);

/**
 * Put a flattened dump together again. @input may be a pipe and is read from its current position,
 * the header's first byte, to the end marker. The dump as it was before flattening is written to
 * @output, an empty file.
 *
 * The format (makedumpfile, print_info.h and makedumpfile.h: struct makedumpfile_header, struct
 * makedumpfile_data_header): 16 bytes "makedumpfile", two big-endian 64-bit words (type 1, version
 * 1), zeros up to 4096; then records of two big-endian 64-bit words (offset, size) and the data; a
 * record of (-1, -1) ends it.
 *
 * ERROR_FORMAT when the stream is damaged or ends before its end marker.
 */
struct error *flattened_reassemble(int input, int output);

#endif
