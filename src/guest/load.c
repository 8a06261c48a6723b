// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "guest/load.h"

#include <string.h>

const struct load *const loads[] = {
	&load_spin, &load_halt, &load_many, &load_hop, &load_churn, &load_nested, &load_linux, NULL,
};

const struct load *load_find(const char *name)
{
	for (const struct load *const *load = loads; *load; load++)
		if (!strcmp((*load)->name, name))
			return *load;
	return NULL;
}

struct error *load_check(const struct load_request *request)
{
	const struct load *load = request->load;
	bool free = load->spread == SPREAD_FREE;

	if (request->per_cpu && !load->per_cpu)
		return error_new(ERROR_USAGE, "--per-cpu: load '%s' does not take it", load->name);
	if (request->vcpus && !free)
		return error_new(ERROR_USAGE, "--vcpus: load '%s' does not take it", load->name);
	if (free && CPU_COUNT(&request->cpus) < 2)
		return error_new(ERROR_USAGE, "load '%s' needs two CPUs to go between", load->name);
	return NULL;
}
