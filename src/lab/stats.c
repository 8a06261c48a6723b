// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/stats.h"

#include <math.h>
#include <sys/param.h>

#include "lab/files.h"

#define Z 1.959964 /* 95 % of a normal distribution lie within */

struct rate rate_make(size_t hits, size_t of)
{
	struct rate rate = {.hits = hits, .of = of, .high = 1};

	if (!of)
		return rate;
	double p = (double)hits / of, z2 = Z * Z;
	double middle = p + z2 / (2 * of);
	double half = Z * sqrt(p * (1 - p) / of + z2 / (4.0 * of * of));
	rate.low = hits ? (middle - half) / (1 + z2 / of) : 0;
	rate.high = hits < of ? (middle + half) / (1 + z2 / of) : 1;
	return rate;
}

char *rate_words(const struct rate *rate)
{
	if (!rate->of)
		return format_string("none");
	return format_string("%zu of %zu (%.0f %%, %.0f to %.0f %%)", rate->hits, rate->of,
			     100.0 * rate->hits / rate->of, 100 * rate->low, 100 * rate->high);
}

static double log_choose(size_t n, size_t k)
{
	return lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0);
}

double fisher_exact(size_t a_hits, size_t a_of, size_t b_hits, size_t b_of)
{
	size_t hits = a_hits + b_hits, all = a_of + b_of;
	size_t least = hits > b_of ? hits - b_of : 0, most = MIN(hits, a_of);
	double total = log_choose(all, hits), sum = 0;
	double seen = log_choose(a_of, a_hits) + log_choose(b_of, b_hits) - total;

	for (size_t k = least; k <= most; k++) {
		double p = log_choose(a_of, k) + log_choose(b_of, hits - k) - total;
		if (p <= seen + 1e-7) /* rounding must not leave out what is as likely */
			sum += exp(p);
	}
	return MIN(sum, 1);
}
