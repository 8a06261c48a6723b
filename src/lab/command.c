// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/command.h"

#include <string.h>

#include "lab/files.h"
#include "util/cleanup.h"
#include "util/number.h"
#include "util/text.h"

int command_complain(struct error *err)
{
	int status = error_is(err, ERROR_USAGE) ? STATUS_USAGE : STATUS_BROKEN;

	fflush(stdout);
	fprintf(stderr, "crashlab: %s\n", err->message);
	error_free(err);
	return status;
}

uint64_t command_number(struct argp_state *state, const char *name, const char *text, uint64_t min,
			uint64_t max)
{
	uint64_t number = 0;
	struct error *err = number_parse(name, text, min, max, &number);

	if (err)
		argp_error(state, "%s", err->message);
	return number;
}

double command_positive(struct argp_state *state, const char *name, const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (*end || end == text || !(value > 0 && value < 100000))
		argp_error(state, "%s must be a number above 0", name);
	return value;
}

char *command_line(int argc, char **argv)
{
	char *text = NULL;

	for (int i = 0; i < argc; i++) {
		bool plain = !argv[i][strcspn(argv[i], "'\"\\ *?$`&|;<>()[]{}~#!\n\t")];
		_cleanup_free_ char *word = format_string(plain || !i ? "%s" : "'%s'", argv[i]);
		if (text_join(&text, " ", word))
			abort();
	}
	return text;
}
