// SPDX-License-Identifier: GPL-2.0-only
/* A whole dump file, of any format, opened and read here and there. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include "dump/dump.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("dump", MFD_CLOEXEC);
	struct dump *dump = NULL;
	uint8_t page[4096];
	uint64_t physical;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return 0;
	struct error *err = dump_open(path, &dump);

	close(fd);
	for (unsigned i = 0; !err && i < 64; i++)
		error_free(dump_read_physical(dump, i * sizeof(page), page, sizeof(page)));
	if (!err)
		error_free(dump_virtual_to_physical(dump, 0xffffffff80000000ull, &physical));
	error_free(err);
	dump_close(dump);
	return 0;
}
