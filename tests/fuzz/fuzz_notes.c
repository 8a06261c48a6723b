// SPDX-License-Identifier: GPL-2.0-only
/* A CPU's crash note. */
#include <stdint.h>

#include "kernel/notes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cpu_registers registers;

	error_free(notes_parse_registers(data, size, &registers));
	return 0;
}
