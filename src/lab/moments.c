// SPDX-License-Identifier: GPL-2.0-only
#include "lab/moments.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lab/files.h"
#include "util/cleanup.h"

#define LAST "jump"

/*
 * The recorder notes an entry some instructions after the machine was stopped before the first one,
 * 3 us in Bochs' time. What another CPU did in the meantime cannot be told from what it did before.
 */
#define CLOSE_NS 10000

enum claim { CLAIM_NONE, CLAIM_ON, CLAIM_OFF };

/* Of recorder_functions[] (src/kernel/recorder.c) those that leave a CPU without VMX. */
static const char *const disables[] = {
	"kvm_disable_virtualization_cpu",
	"hardware_disable_nolock",
	"x86_virt_emergency_disable_virtualization_cpu",
	"cpu_emergency_disable_virtualization",
	"vmx_emergency_disable_virtualization_cpu",
	"vmx_emergency_disable",
};

static int64_t number(json_object *object, const char *key)
{
	return json_object_get_int64(json_member(object, key));
}

static bool is_disable(const char *function)
{
	for (size_t i = 0; i < sizeof(disables) / sizeof(disables[0]); i++) {
		if (!strcmp(function, disables[i]))
			return true;
	}
	return false;
}

/* When the recorder noted the entry that moment @index is; -1: it did not. */
static int64_t moment_time(json_object *verdict, json_object *moments, size_t index)
{
	json_object *moment = json_item(moments, "moments", index);
	const char *function = json_text(moment, "function");
	int64_t cpu = number(moment, "cpu");
	size_t before = 0;

	for (size_t i = 0; i < index; i++) {
		json_object *other = json_item(moments, "moments", i);
		before += number(other, "cpu") == cpu &&
			  !strcmp(json_text(other, "function"), function);
	}
	for (size_t i = 0; i < json_count(verdict, "timeline"); i++) {
		json_object *event = json_item(verdict, "timeline", i);
		if (number(event, "cpu") == cpu && !strcmp(json_text(event, "event"), "enter") &&
		    !strcmp(json_text(event, "function"), function) && !before--)
			return number(event, "t_ns");
	}
	return -1;
}

/* What the recorder says of @cpu's VMX operation before @until, when @own's entry was noted. */
static enum claim recorder_claim(json_object *verdict, int64_t cpu, int64_t until, int64_t own)
{
	int64_t armed = number(json_member(verdict, "case"), "t_armed");
	enum claim claim = CLAIM_ON;

	for (size_t i = 0; i < json_count(verdict, "timeline"); i++) {
		json_object *event = json_item(verdict, "timeline", i);
		int64_t at = number(event, "t_ns");
		if (number(event, "cpu") != cpu || at < armed || at >= until ||
		    !is_disable(json_text(event, "function")))
			continue;
		if (cpu != own && at >= until - CLOSE_NS)
			return CLAIM_NONE;
		/* The NMI's disable comes to its end inside the one that it interrupted. */
		if (strcmp(json_text(event, "event"), "enter"))
			claim = CLAIM_OFF;
		else if (claim == CLAIM_ON)
			claim = CLAIM_NONE;
	}
	return claim;
}

static bool verdict_says_on(json_object *verdict, int64_t cpu)
{
	for (size_t i = 0; i < json_count(verdict, "cpus"); i++) {
		json_object *one = json_item(verdict, "cpus", i);
		if (number(one, "cpu") == cpu)
			return !strcmp(json_text(json_member(one, "virtualization"), "state"),
				       "on");
	}
	return false;
}

/* The first difference at a moment, or NULL. */
static char *compare_recorder(json_object *verdict, json_object *moment, int64_t time)
{
	int64_t own = number(moment, "cpu");

	for (size_t i = 0; i < json_count(moment, "cpus"); i++) {
		json_object *one = json_item(moment, "cpus", i);
		int64_t cpu = number(one, "cpu");
		bool on = json_object_get_boolean(json_member(one, "vmx"));
		enum claim claim = recorder_claim(verdict, cpu, time, own);

		if (claim == CLAIM_NONE || (claim == CLAIM_ON) == on ||
		    (on && verdict_says_on(verdict, cpu)))
			continue;
		return format_string("at %s, when CPU %d entered %s: VMX operation on CPU %d is "
				     "%s, the recorder says %s",
				     json_text(moment, "moment"), (int)own,
				     json_text(moment, "function"), (int)cpu, on ? "on" : "off",
				     on ? "off" : "on");
	}
	return NULL;
}

enum truth truth_worse(enum truth one, enum truth other)
{
	return one > other ? one : other;
}

enum truth moments_compare(json_object *verdict, json_object *moments, char **ret_why)
{
	enum truth found = TRUTH_NONE;

	*ret_why = NULL;
	for (size_t i = 0; i < json_count(moments, "moments"); i++) {
		json_object *moment = json_item(moments, "moments", i);
		int64_t time = moment_time(verdict, moments, i);
		_cleanup_free_ char *why = NULL;

		if (time >= 0 && !*ret_why)
			*ret_why = compare_recorder(verdict, moment, time);
		if (strcmp(json_text(moment, "moment"), LAST))
			continue;
		found = truth_worse(found, truth_compare(verdict, moment, &why));
		if (why && !*ret_why)
			*ret_why = format_string("at " LAST ": %s", why);
	}
	return *ret_why ? TRUTH_DISAGREES : found;
}
