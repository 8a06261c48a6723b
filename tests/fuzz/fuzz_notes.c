// SPDX-License-Identifier: GPL-2.0-only
/* Notes: a CPU's own in the kernel's memory, and those of QEMU's virtual CPUs in a dump. */
#include <stdint.h>
#include <stdlib.h>

#include "dump/vcpus.h"
#include "kernel/notes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct notes notes = {(char *)data, size};
	struct cpu_registers registers;
	struct dump_vcpu *vcpus = NULL;
	size_t count = 0;

	error_free(notes_parse_registers(data, size, &registers));
	error_free(vcpus_init(&notes, &vcpus, &count));
	for (size_t i = 0; i < count; i++) {
		if (vcpus[i].prstatus)
			error_free(notes_parse_registers(vcpus[i].prstatus, vcpus[i].prstatus_size,
							 &registers));
	}
	free(vcpus);
	return 0;
}
