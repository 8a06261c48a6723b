// SPDX-License-Identifier: GPL-2.0-only
/* The text of QEMU's `info registers -a`. */
#include <stdint.h>
#include <string.h>

#include "util/cleanup.h"
#include "virt/host_regs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size);
	struct host_regs regs = {0};
	struct error *err = host_regs_parse(text, &regs);

	if (!err)
		host_regs_deinit(&regs);
	error_free(err);
	return 0;
}
