// SPDX-License-Identifier: GPL-2.0-only
/* The text of VMCOREINFO, and what the page tables' place is computed from. */
#include <stdint.h>
#include <string.h>

#include "dump/internal.h"
#include "util/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dump whole;
	struct dump *dump = &whole;
	struct error *err = vmcoreinfo_init(dump, (const char *)data, size);
	const char *key, *value;
	size_t length = 0;

	for (size_t i = 0; !err && dump_vmcoreinfo_line(dump, i, &key, &value); i++) {
		uint64_t number;

		/* Of equal keys the first counts. */
		if (!dump_vmcoreinfo(dump, key))
			__builtin_trap();
		error_free(dump_vmcoreinfo_number(dump, key, 10, &number));
		error_free(dump_vmcoreinfo_number(dump, key, 16, &number));
		length += strlen(key) + strlen(value);
	}
	if (length > size)
		__builtin_trap();
	if (!err)
		err = pagetable_init(dump);
	error_free(err);
	vmcoreinfo_deinit(dump);
	return 0;
}
