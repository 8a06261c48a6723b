// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/conclude.h"

#include "lab/files.h"

static bool named_only(uint64_t bad_cpus, int cpu)
{
	return cpu < 0 || bad_cpus == 1ULL << cpu;
}

static void explain(struct case_run *run, const struct outcome_facts *facts,
		    const struct verdict_summary *summary, const char *why, const char *more)
{
	bool plain = facts->verdict_read && run->outcome == facts->verdict;

	if (summary->conflicts)
		run->detail = format_string("DISAGREEMENT between sources of evidence, see "
					    "\"conflicts\" in verdict.json");
	else if (plain && run->outcome == run->spec->expect && !run->as_expected)
		run->detail = format_string("expected to name CPU %d, and no other",
					    run->spec->expect_cpu);
	else if (!plain)
		run->detail = format_string("%s%s%s", why, more ? ": " : "", more ? more : "");
}

void case_conclude(struct case_run *run, const struct outcome_facts *facts,
		   const struct verdict_summary *summary, const char *more)
{
	const char *why;

	run->outcome = outcome_decide(facts, &why);
	run->hit = facts->verdict_read ? facts->hit : HIT_NONE;
	run->as_expected = run->outcome == run->spec->expect && !summary->conflicts &&
			   run->truth != TRUTH_DISAGREES &&
			   named_only(summary->bad_cpus, run->spec->expect_cpu);
	explain(run, facts, summary, why, more);
}
