// SPDX-License-Identifier: GPL-2.0-only
#include "lab/outcome.h"

#include <stddef.h>
#include <string.h>

const char *const outcome_names[] = {
	[OUTCOME_PASS] = "PASS",
	[OUTCOME_FAIL] = "FAIL",
	[OUTCOME_INCONCLUSIVE] = "INCONCLUSIVE",
	[OUTCOME_RACE_MISSED] = "race-missed",
	[OUTCOME_REBOOT_WON] = "reboot-won",
	[OUTCOME_NO_DUMP] = "no-dump",
	[OUTCOME_CAPTURE_HANG] = "capture-hang",
	[OUTCOME_CAPTURE_STOPPED] = "capture-stopped",
	[OUTCOME_EARLY_CRASH] = "early-crash",
	[OUTCOME_TIMEOUT] = "timeout",
	[OUTCOME_LAB_BROKEN] = "lab-broken",
	[OUTCOME_SKIPPED] = "skipped",
	[OUTCOME_COUNT] = NULL,
};

enum outcome outcome_from_name(const char *name)
{
	enum outcome outcome = 0;

	while (outcome < OUTCOME_COUNT && strcmp(name, outcome_names[outcome]))
		outcome++;
	return outcome;
}

/* Rows for a machine that came to no verdict: the first that fits decides. */
static const struct rule {
	unsigned endings; /* bit set of enum ending */
	enum stage from, to;
	enum outcome outcome;
	const char *why;
	bool stopped; /* only when that is proved */
} rules[] = {
#define ON(ending) (1U << (ending))
	{ON(ENDING_BROKEN), STAGE_START, STAGE_DONE, OUTCOME_LAB_BROKEN, "the host could not go on",
	 false},
	/* A stick notes the strike before crashtrigger has looked at the machine. */
	{ON(ENDING_SKIPPED), STAGE_START, STAGE_STRIKE, OUTCOME_SKIPPED,
	 "not available on this machine", false},
	{ON(ENDING_LIMIT), STAGE_START, STAGE_READY, OUTCOME_TIMEOUT,
	 "the appliance did not get ready in time", false},
	{ON(ENDING_ERROR), STAGE_START, STAGE_STRIKE, OUTCOME_LAB_BROKEN,
	 "the appliance reported an error", false},
	{ON(ENDING_EXIT) | ON(ENDING_RESET), STAGE_START, STAGE_READY, OUTCOME_LAB_BROKEN,
	 "the machine ended before the strike", false},
	{ON(ENDING_RESET), STAGE_STRIKE, STAGE_STRIKE, OUTCOME_REBOOT_WON,
	 "the machine was reset before the crash kernel started", false},
	{ON(ENDING_LIMIT), STAGE_STRIKE, STAGE_STRIKE, OUTCOME_CAPTURE_STOPPED,
	 "the crash kernel took the reboot's vector and stopped itself", true},
	{ON(ENDING_LIMIT), STAGE_STRIKE, STAGE_STRIKE, OUTCOME_CAPTURE_HANG,
	 "nothing came from the crash kernel after the strike", false},
	{ON(ENDING_LIMIT), STAGE_CAPTURE, STAGE_SAVED, OUTCOME_CAPTURE_HANG,
	 "the crash kernel started and did not finish in time", false},
	{ON(ENDING_EXIT), STAGE_STRIKE, STAGE_STRIKE, OUTCOME_NO_DUMP,
	 "the machine ended after the strike and no crash kernel came up", false},
	{ON(ENDING_EXIT) | ON(ENDING_RESET) | ON(ENDING_ERROR), STAGE_CAPTURE, STAGE_DONE,
	 OUTCOME_NO_DUMP, "the crash kernel ended without a verdict", false},
	{ON(ENDING_DONE), STAGE_DONE, STAGE_DONE, OUTCOME_NO_DUMP,
	 "the crash kernel finished without a verdict", false},
#undef ON
};

static enum outcome decide_verdict(const struct outcome_facts *facts, const char **ret_why)
{
	*ret_why = "the verdict of verify_vmcs";
	if (!facts->window)
		return facts->verdict;
	if (facts->hit == HIT_MISSED) {
		*ret_why = "the reboot CPU was not in the window";
		return OUTCOME_RACE_MISSED;
	}
	if (facts->hit != HIT_HIT) {
		*ret_why = "nothing proves that the reboot CPU was in the window";
		return OUTCOME_INCONCLUSIVE;
	}
	return facts->verdict;
}

/* The exit status says the same as verdict.json. */
static bool agrees(const struct outcome_facts *facts)
{
	static const enum outcome verdicts[] = {[JUDGE_PASS] = OUTCOME_PASS,
						[JUDGE_FAIL] = OUTCOME_FAIL,
						[JUDGE_INCONCLUSIVE] = OUTCOME_INCONCLUSIVE};

	return facts->judge >= JUDGE_PASS && facts->judge <= JUDGE_INCONCLUSIVE &&
	       verdicts[facts->judge] == facts->verdict;
}

enum outcome outcome_decide(const struct outcome_facts *facts, const char **ret_why)
{
	bool whole = facts->ending == ENDING_DONE;
	bool judged = facts->judge >= JUDGE_PASS && facts->judge <= JUDGE_INCONCLUSIVE;

	/* A dump that verify_vmcs took for this case's bears the mark that crashtrigger made. */
	if (facts->early && facts->ending != ENDING_BROKEN && !judged) {
		*ret_why = "the kernel crashed by itself, before the strike";
		return OUTCOME_EARLY_CRASH;
	}

	if (whole && facts->judge == JUDGE_REFUSED) {
		*ret_why = "verify_vmcs refused the dump, or it is not this case's";
		return OUTCOME_LAB_BROKEN;
	}
	if (whole && facts->verdict_read && agrees(facts))
		return decide_verdict(facts, ret_why);
	if (whole && facts->judge >= 0) {
		*ret_why = "verify_vmcs failed on the host, or contradicts itself";
		return OUTCOME_LAB_BROKEN;
	}
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].endings & 1U << facts->ending && facts->stage >= rules[i].from &&
		    facts->stage <= rules[i].to && (facts->stopped || !rules[i].stopped)) {
			*ret_why = rules[i].why;
			return rules[i].outcome;
		}
	}
	*ret_why = "no rule fits what was seen";
	return OUTCOME_LAB_BROKEN;
}

int outcome_exit_status(const unsigned counts[OUTCOME_COUNT])
{
	static const int status[OUTCOME_COUNT] = {
		[OUTCOME_PASS] = 1,         [OUTCOME_FAIL] = 1,
		[OUTCOME_INCONCLUSIVE] = 2, [OUTCOME_RACE_MISSED] = 2,
		[OUTCOME_REBOOT_WON] = 1,   [OUTCOME_NO_DUMP] = 1,
		[OUTCOME_CAPTURE_HANG] = 1, [OUTCOME_CAPTURE_STOPPED] = 1,
		[OUTCOME_EARLY_CRASH] = 1,  [OUTCOME_TIMEOUT] = 1,
		[OUTCOME_LAB_BROKEN] = 3,   [OUTCOME_SKIPPED] = 2,
	};
	static const int order[] = {3, 1, 2}; /* the worst first */

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		for (unsigned outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
			if (counts[outcome] && status[outcome] == order[i])
				return order[i];
		}
	}
	return 0;
}
