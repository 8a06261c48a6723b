// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "util/number.h"

struct error *number_parse(const char *what, const char *text, uint64_t min, uint64_t max,
			   uint64_t *ret)
{
	int base = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10;
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, base);
	/* strtoull() would take blanks and a sign. */
	if (!isdigit((unsigned char)text[0]) || *end)
		return error_new(ERROR_USAGE, "%s: '%s' is not a number", what, text);
	if (errno || value < min || value > max)
		return error_new(ERROR_USAGE, "%s: %s is not from %" PRIu64 " to %" PRIu64, what,
				 text, min, max);
	*ret = value;
	return NULL;
}
