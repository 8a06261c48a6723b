// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/shard.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lab/estimate.h"
#include "lab/files.h"
#include "util/cleanup.h"
#include "util/number.h"

#define SHARDS_MOST 100000

struct error *shard_parse(const char *text, struct shard *ret)
{
	_cleanup_free_ char *index = format_string("%s", text);
	char *slash = strchr(index, '/');
	uint64_t number, count;

	if (!slash)
		return error_new(ERROR_USAGE, "--shard is I/N, as 2/8");
	*slash = '\0';
	try(number_parse("--shard", slash + 1, 1, SHARDS_MOST, &count));
	try(number_parse("--shard", index, 1, count, &number));
	*ret = (struct shard){number, count};
	return NULL;
}

char *shard_text(const struct shard *shard)
{
	return shard->count ? format_string("%u/%u", shard->index, shard->count)
			    : format_string("%s", "");
}

struct load {
	size_t index; /* of the case */
	double work;
};

/* The longest first; those alike as the plan has them. */
static int by_work(const void *left, const void *right)
{
	const struct load *a = left, *b = right;

	if (a->work != b->work)
		return a->work < b->work ? 1 : -1;
	return a->index < b->index ? -1 : 1;
}

static unsigned least(const double *loads, unsigned count)
{
	unsigned found = 0;

	for (unsigned i = 1; i < count; i++) {
		if (loads[i] < loads[found])
			found = i;
	}
	return found;
}

void shard_assign(const struct plan *plan, unsigned count, unsigned *ret)
{
	_cleanup_free_ struct load *cases = calloc(plan->count + 1, sizeof(*cases));
	_cleanup_free_ double *loads = calloc(count, sizeof(*loads));

	if (!cases || !loads)
		abort();
	for (size_t i = 0; i < plan->count; i++)
		cases[i] = (struct load){i, estimate_work(plan->cases[i].spec)};
	qsort(cases, plan->count, sizeof(*cases), by_work);
	for (size_t i = 0; i < plan->count; i++) {
		unsigned shard = least(loads, count);
		loads[shard] += cases[i].work;
		ret[cases[i].index] = shard + 1;
	}
}

void shard_cut(struct plan *plan, const struct shard *shard)
{
	_cleanup_free_ unsigned *shards = calloc(plan->count + 1, sizeof(*shards));
	size_t kept = 0;

	if (!shards)
		abort();
	shard_assign(plan, shard->count, shards);
	for (size_t i = 0; i < plan->count; i++) {
		if (shards[i] != shard->index) {
			case_run_deinit(&plan->cases[i]);
			continue;
		}
		plan->cases[kept] = plan->cases[i];
		plan->cases[kept].index = kept;
		kept++;
	}
	plan->count = kept;
}

/* FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/ */
static void hash_text(uint64_t *hash, const char *text)
{
	do {
		*hash = (*hash ^ (unsigned char)*text) * 0x100000001b3;
	} while (*text++);
}

char *plan_fingerprint(const struct plan *plan, int64_t seed)
{
	_cleanup_free_ char *number = format_string("%" PRId64, seed);
	uint64_t hash = 0xcbf29ce484222325;

	hash_text(&hash, number);
	for (size_t i = 0; i < plan->count; i++) {
		struct record record;
		case_record(&plan->cases[i], "", &record);
		hash_text(&hash, record.name);
		hash_text(&hash, record.kernel);
		hash_text(&hash, record.spec);
		record_deinit(&record);
	}
	return format_string("%016" PRIx64, hash);
}
