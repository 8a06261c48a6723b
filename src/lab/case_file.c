// SPDX-License-Identifier: GPL-2.0-only
/* What the appliance is told of its case. */
#define _GNU_SOURCE
#include <stdlib.h>

#include "lab/runner.h"

static void put_optional(FILE *out, const char *key, const char *value)
{
	if (value[0])
		fprintf(out, "%s=%s\n", key, value);
}

char *case_file_text(const struct case_run *self, const char *save)
{
	const struct case_spec *spec = self->spec;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	fprintf(out, "id=%s\npanic_cpu=%u\nreboot_cpu=%u\nreboot=%s\ntrigger=%s\nwindow=%s\n",
		self->id, spec->panic_cpu, spec->reboot_cpu, case_reboots[spec->reboot],
		case_triggers[spec->trigger], spec->window);
	fprintf(out, "hold_us=%u\ndelay_us=%u\n", spec->hold_us, spec->delay_us);
	put_optional(out, "seed", spec->seed);
	put_optional(out, "frequency", spec->frequency);
	fprintf(out, "printk=%u\nload=%s\nload_per_cpu=%u\nload_vcpus=%u\n", spec->printk,
		case_loads[spec->load], spec->load_per_cpu, spec->load_vcpus);
	fprintf(out,
		"record=%s\ncalibrate=%s\ninit_test=%s\nsave=%s\nbreak=%s\nbreak_cpu=%u\nwait=%s\n",
		case_records[spec->record], case_switches[spec->calibrate],
		case_switches[spec->init_test], save, spec->broken, spec->break_cpu,
		self->wait ? self->wait : "none");
	fclose(out);
	return text;
}
