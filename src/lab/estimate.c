// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/estimate.h"

#include <string.h>
#include <sys/param.h>

#include "lab/db.h"
#include "lab/files.h"
#include "util/cleanup.h"

/* docs/backends.md; measured with two CPUs, one case at a time, on two idle cores. */
static const struct {
	const char *backend;
	double booted, saved;
} defaults[] = {{"kvm", 10, 5}, {"tcg", 7, 3}, {"bochs", 22, 11}, {"bochs-plain", 190, 100}};

static double default_seconds(const struct backend *backend, bool saved)
{
	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
		if (!strcmp(defaults[i].backend, backend->name))
			return saved ? defaults[i].saved : defaults[i].booted;
	}
	return 60;
}

static struct error *open_past(const struct plan *plan, struct db **ret)
{
	struct error *err = db_open(plan->results, false, ret);

	if (!error_is(err, ERROR_NOT_FOUND))
		return err;
	error_free(err);
	return NULL;
}

static struct error *past_seconds(struct db *db, const struct case_run *run, bool saved,
				  double *ret)
{
	struct record record;

	*ret = 0;
	if (!db)
		return NULL;
	case_record(run, "", &record);
	struct error *err = db_typical_seconds(db, &record, saved, ret);
	record_deinit(&record);
	return err;
}

struct error *estimate_make(const struct plan *plan, bool saved, unsigned cores, unsigned jobs,
			    struct estimate *ret)
{
	_cleanup_db_ struct db *db = NULL;
	double work = 0, longest = 0;

	*ret = (struct estimate){};
	try(open_past(plan, &db));
	for (size_t i = 0; i < plan->count; i++) {
		const struct case_run *run = &plan->cases[i];
		double seconds;
		if (!run->backend)
			continue;
		try(past_seconds(db, run, saved, &seconds));
		ret->past += seconds > 0;
		ret->guessed += seconds <= 0;
		if (seconds <= 0)
			seconds = default_seconds(run->backend, saved);
		unsigned need = MIN(run->backend->cores(run->spec->cpus), cores);
		work += jobs ? seconds / jobs : seconds * need / cores;
		longest = MAX(longest, seconds);
	}
	ret->seconds = MAX(work, longest);
	return NULL;
}

/* A case with two CPUs: Bochs keeps one core busy, TCG one for each CPU. */
static const double work_of_two[VENDOR_COUNT] = {[VENDOR_VMX] = 50, [VENDOR_SVM] = 26};

double estimate_work(const struct case_spec *spec)
{
	return work_of_two[spec->vendor] * spec->cpus / 2;
}

char *estimate_words(double seconds)
{
	unsigned minutes = (seconds + 30) / 60;

	if (seconds < 90)
		return format_string("%.0f s", seconds);
	if (minutes < 100)
		return format_string("%u min", minutes);
	return format_string("%u h %u min", minutes / 60, minutes % 60);
}
