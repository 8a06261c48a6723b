// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/marker.h"
#include "trigger/draw.h"
#include "util/cleanup.h"
#include "util/number.h"

#define STEPS_MAX 1000000

/* From 0 up to 1. */
static double draw_unit(uint64_t seed)
{
	__u64 state = seed;

	return (draw_next(&state) >> 11) * 0x1p-53;
}

uint64_t draw_delay(const struct draw *draw)
{
	double min = draw->min_ns, span = draw->max_ns - draw->min_ns;
	double ratio = (draw->max_ns / 1e3 + 1) / (draw->min_ns / 1e3 + 1);

	if (draw->sweep_count > 1)
		return min + span * draw->sweep_index / (draw->sweep_count - 1);
	if (draw->sweep_count || !span)
		return draw->min_ns;
	/* One microsecond more on either side: 0 has no logarithm. */
	return fmin((min / 1e3 + 1) * pow(ratio, draw_unit(draw->seed)) * 1e3 - 1e3, draw->max_ns);
}

struct error *draw_parse_sweep(const char *text, struct draw *draw)
{
	char index[16] = "", count[16] = "";
	uint64_t values[2];

	if (sscanf(text, "%15[0-9]/%15[0-9]", index, count) != 2 ||
	    strlen(index) + 1 + strlen(count) != strlen(text))
		return error_new(ERROR_USAGE, "--sweep: '%s' is not I/N, step I of N from 0 on",
				 text);
	try(number_parse("--sweep", count, 1, STEPS_MAX, &values[1]));
	try(number_parse("--sweep", index, 0, values[1] - 1, &values[0]));
	draw->sweep_index = values[0];
	draw->sweep_count = values[1];
	return NULL;
}

struct error *draw_parse_frequency(const char *text, uint32_t *ret)
{
	char *end;
	double value = strtod(text, &end);

	if (!isdigit((unsigned char)text[0]) || *end || text[1] == 'x' || text[1] == 'X' ||
	    !(value * MARKER_ALWAYS >= 1 && value <= 1))
		return error_new(ERROR_USAGE, "--frequency: '%s' is no chance above 0 and up to 1",
				 text);
	*ret = lround(value * MARKER_ALWAYS);
	return NULL;
}
