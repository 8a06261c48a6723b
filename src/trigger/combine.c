// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "kernel/windows.h"
#include "trigger/combine.h"
#include "util/cleanup.h"

/** The first rule that fits decides; NULL fits all. */
static const struct rule {
	const char *panic, *reboot, *window;
	enum combination combination;
	const char *why;
} rules[] = {
	{"crash-self", NULL, "none", COMBINATION_NONE,
	 "the CPU dies where it is held, and nothing is held without a window"},
	{"panic-overtaken", NULL, "none", COMBINATION_NONE,
	 "the panic lets the held CPU go, and nothing is held without a window"},
	/* kernel_kexec() takes the lock that __crash_kexec() wants, and never gives it back. */
	{NULL, "kexec", NULL, COMBINATION_NO_DUMP,
	 "kexec holds the lock that starting a crash kernel needs"},
	{"crash-self", NULL, NULL, COMBINATION_WORKS, NULL},
	{NULL, NULL, "after-stop", COMBINATION_NO_DUMP,
	 "all other CPUs are stopped: nobody is left to panic (crash-self works)"},
	{"panic-irq", NULL, "migration", COMBINATION_NONE,
	 "device_shutdown() has shut the keyboard's controller down"},
	{"panic-irq", NULL, "virt-off", COMBINATION_NONE,
	 "device_shutdown() has shut the keyboard's controller down"},
	{"panic-irq", NULL, "off-guests-alive", COMBINATION_NONE,
	 "device_shutdown() has shut the keyboard's controller down"},
	{"panic-irq", NULL, "stop-cpus", COMBINATION_NONE,
	 "device_shutdown() has shut the keyboard's controller down"},
};

static bool fits(const char *wanted, const char *name)
{
	return !wanted || !strcmp(wanted, name);
}

enum combination combine(const struct panic_way *panic, const struct reboot_way *reboot,
			 const char *window, const char **ret_why)
{
	const struct window *known = window_find(window);

	if (known && !window_is_passed(known, reboot->name)) {
		*ret_why = "this way of rebooting does not pass there";
		return COMBINATION_NONE;
	}
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		const struct rule *rule = &rules[i];

		if (!fits(rule->panic, panic->name) || !fits(rule->reboot, reboot->name) ||
		    !fits(rule->window, window))
			continue;
		*ret_why = rule->why;
		return rule->combination;
	}
	*ret_why = NULL;
	return COMBINATION_WORKS;
}
