// SPDX-License-Identifier: GPL-2.0-only
/* makedumpfile's flattened format, from any stream of bytes. */
#define _GNU_SOURCE
#include <stdint.h>
#include <sys/mman.h>

#include "dump/flattened.h"
#include "util/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_close_ int input = memfd_create("fuzz", MFD_CLOEXEC);
	_cleanup_close_ int output = memfd_create("output", MFD_CLOEXEC);

	if (write(input, data, size) == (ssize_t)size && lseek(input, 0, SEEK_SET) == 0)
		error_free(flattened_reassemble(input, output));
	return 0;
}
