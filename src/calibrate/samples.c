// SPDX-License-Identifier: GPL-2.0-only
#include "calibrate/samples.h"

#include <stdlib.h>

const char *const sample_kind_names[SAMPLE_KINDS] = {
	[SAMPLE_CLEARED] = "cleared",
	[SAMPLE_LOADED] = "loaded",
	[SAMPLE_CURRENT] = "current",
	[SAMPLE_AWAY] = "away",
};

void samples_deinit(struct samples *samples)
{
	free(samples->items);
	*samples = (struct samples){};
}

struct error *samples_add(struct samples *samples, struct sample **ret)
{
	if (samples->count == samples->room) {
		size_t room = samples->room ? samples->room * 2 : 64;
		struct sample *items = realloc(samples->items, room * sizeof(*items));

		if (!items)
			return error_new(ERROR_NO_MEMORY, "out of memory");
		samples->items = items;
		samples->room = room;
	}
	*ret = &samples->items[samples->count++];
	**ret = (struct sample){};
	return NULL;
}
