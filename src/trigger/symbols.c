// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "trigger/symbols.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trigger/plant.h"
#include "util/cleanup.h"

struct error *symbols_print(const char *names)
{
	_cleanup_(plant_deinit) struct plant plant = {};
	_cleanup_free_ char *copy = strdup(names);
	const char *blank = "";
	char *rest = copy, *name;

	if (!copy)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	try(plant_init(&plant, true));
	if (!plant.has_look_up)
		return error_new(ERROR_UNSUPPORTED,
				 "--symbols: the kernel's look-up is from 5.16 on");
	while ((name = strsep(&rest, ","))) {
		uint64_t address = plant_address(&plant, name);

		if (!address)
			continue;
		printf("%s%s=0x%" PRIx64, blank, name, address);
		blank = " ";
	}
	putchar('\n');
	return NULL;
}
