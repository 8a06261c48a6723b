// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "trigger/probe.h"
#include "util/cleanup.h"
#include "util/number.h"

#define WANTED_MAX 16

struct symbol {
	uint64_t address;
	const char *name;
	char module[PROBE_MODULE_SIZE];
};

/* How well a name in kallsyms fits a wanted one; the higher, the better. */
enum fit { FIT_NONE, FIT_PIECE, FIT_SUFFIX, FIT_EXACT };

struct match {
	enum fit fit;
	unsigned count; /* symbols that fit equally well */
	bool has_needed; /* what it needs was seen */
	struct probe probe; /* the first of them */
};

struct error *probe_parse(const char *text, char symbol[PROBE_SYMBOL_SIZE], uint64_t *offset)
{
	size_t length = strcspn(text, "+");

	if (!length || length >= PROBE_SYMBOL_SIZE || isdigit((unsigned char)text[0]) ||
	    strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.") !=
		    length)
		return error_new(ERROR_USAGE, "'%s' is no symbol or symbol+0xOFFSET", text);
	memcpy(symbol, text, length);
	symbol[length] = '\0';
	*offset = 0;
	if (!text[length])
		return NULL;
	if (strncmp(text + length, "+0x", 3))
		return error_new(ERROR_USAGE, "'%s': an offset is written +0xHEX", text);
	return number_parse(text, text + length + 1, 0, UINT32_MAX, offset);
}

/* "ffffffff81000000 T name\t[module]" with a function in it; cuts @line up. */
static bool parse_line(char *line, struct symbol *ret)
{
	char *end, *module;

	ret->address = strtoull(line, &end, 16);
	if (end == line || end[0] != ' ' || !end[1] || !strchr("tTwW", end[1]) || end[2] != ' ')
		return false;
	ret->name = end + 3;
	end = line + strcspn(line, "\t\n");
	module = *end == '\t' ? strchr(end + 1, '[') : NULL;
	*end = '\0';
	ret->module[0] = '\0';
	if (module) {
		module[strcspn(module, "]")] = '\0';
		snprintf(ret->module, sizeof(ret->module), "%s", module + 1);
	}
	return true;
}

/* Are these suffixes (".isra.0.constprop.1") the kind that a whole function bears? */
static bool suffix_is_whole(const char *suffix)
{
	static const char *const kinds[] = {".constprop.", ".isra.", ".llvm."};

	while (*suffix) {
		size_t i, length = 0;

		for (i = 0; i < sizeof(kinds) / sizeof(*kinds) && !length; i++)
			if (!strncmp(suffix, kinds[i], strlen(kinds[i])))
				length = strlen(kinds[i]);
		if (!length || !isdigit((unsigned char)suffix[length]))
			return false;
		suffix += length + strspn(suffix + length, "0123456789");
	}
	return true;
}

static enum fit symbol_fit(const struct symbol *symbol, const struct window_probe *wanted)
{
	size_t length = strlen(wanted->symbol);

	if (strncmp(symbol->name, wanted->symbol, length))
		return FIT_NONE;
	if (wanted->module && !strcmp(wanted->module, PROBE_ANY_MODULE))
		; /* fits wherever it is */
	else if (strcmp(symbol->module, wanted->module ? wanted->module : ""))
		return FIT_NONE;
	if (!symbol->name[length])
		return FIT_EXACT;
	if (symbol->name[length] != '.')
		return FIT_NONE;
	return suffix_is_whole(symbol->name + length) ? FIT_SUFFIX : FIT_PIECE;
}

static void match_add(struct match *match, const struct symbol *symbol, enum fit fit)
{
	if (fit == FIT_NONE || fit < match->fit)
		return;
	if (fit == match->fit) {
		match->count++;
		return;
	}
	*match = (struct match){.fit = fit, .count = 1, .has_needed = match->has_needed};
	match->probe.address = symbol->address;
	strcpy(match->probe.module, symbol->module);
	snprintf(match->probe.symbol, sizeof(match->probe.symbol), "%s", symbol->name);
}

/* Go through the file once for all that is wanted: it is generated, and that is slow. */
static struct error *read_matches(FILE *kallsyms, const struct window_probe *wanted,
				  struct match *matches)
{
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	struct symbol symbol;

	while (getline(&line, &size, kallsyms) >= 0) {
		if (!parse_line(line, &symbol))
			continue;
		for (size_t i = 0; i < WANTED_MAX && wanted[i].symbol; i++) {
			match_add(&matches[i], &symbol, symbol_fit(&symbol, &wanted[i]));
			matches[i].has_needed |=
				!wanted[i].needs ||
				(!symbol.module[0] && !strcmp(symbol.name, wanted[i].needs));
		}
	}
	return ferror(kallsyms) ? error_errno(errno, "cannot read the kernel's symbols") : NULL;
}

/* The function ends where the next one begins. Modules are not sorted, so look at all. */
static struct error *check_offset(FILE *kallsyms, const struct probe *probe, uint64_t offset)
{
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	struct symbol symbol;
	uint64_t next = UINT64_MAX;

	rewind(kallsyms);
	while (getline(&line, &size, kallsyms) >= 0)
		if (parse_line(line, &symbol) && symbol.address > probe->address &&
		    symbol.address < next)
			next = symbol.address;
	if (offset >= next - probe->address)
		return error_new(ERROR_UNSUPPORTED, "%s is only 0x%" PRIx64 " bytes long",
				 probe->symbol, next - probe->address);
	return NULL;
}

static struct error *not_found(const struct window_probe *wanted, const struct match *matches)
{
	char names[512] = "";
	size_t used = 0;

	for (size_t i = 0; i < WANTED_MAX && wanted[i].symbol; i++) {
		bool module = wanted[i].module && strcmp(wanted[i].module, PROBE_ANY_MODULE);

		if (used < sizeof(names))
			used += snprintf(names + used, sizeof(names) - used, "%s%s%s%s%s%s",
					 i ? ", " : "", wanted[i].symbol, module ? " [" : "",
					 module ? wanted[i].module : "", module ? "]" : "",
					 matches[i].fit == FIT_PIECE ? " (only in pieces)" : "");
	}
	return error_new(ERROR_NOT_FOUND,
			 "the running kernel has no function %s: inlined, or named otherwise",
			 names);
}

struct error *probe_find(FILE *kallsyms, const struct window_probe *wanted, uint64_t offset,
			 struct probe *ret)
{
	struct match matches[WANTED_MAX] = {}, *match = NULL;

	try(read_matches(kallsyms, wanted, matches));
	for (size_t i = 0; i < WANTED_MAX && wanted[i].symbol && !match; i++)
		if (matches[i].fit >= FIT_SUFFIX && matches[i].has_needed)
			match = &matches[i];
	if (!match)
		return not_found(wanted, matches);
	if (match->count > 1)
		return error_new(ERROR_UNSUPPORTED, "%u functions are called %s; name another",
				 match->count, match->probe.symbol);
	if (!match->probe.address)
		return error_new(ERROR_UNSUPPORTED,
				 "the kernel hides its addresses; sysctl kernel.kptr_restrict=0");
	if (offset)
		try(check_offset(kallsyms, &match->probe, offset));
	*ret = match->probe;
	ret->offset = offset;
	ret->address += offset;
	return NULL;
}

bool probe_take(const char *said, const char *symbol, uint64_t offset, struct probe *ret)
{
	size_t length = strlen(symbol);
	const char *module;
	char *end;

	if (length >= sizeof(ret->symbol) || strncmp(said, symbol, length) ||
	    strncmp(said + length, "+0x", 3) || strtoull(said + length + 1, &end, 16) != offset ||
	    *end != '/')
		return false;
	module = strstr(end, " [");
	module = module ? module + 2 : "";
	if (strcspn(module, "]") >= sizeof(ret->module))
		return false;
	*ret = (struct probe){.offset = offset};
	memcpy(ret->symbol, symbol, length);
	memcpy(ret->module, module, strcspn(module, "]"));
	return true;
}

void probe_format(const struct probe *probe, char *buffer, size_t size)
{
	if (!probe->symbol[0])
		snprintf(buffer, size, "none");
	else
		snprintf(buffer, size, "%s+0x%" PRIx64 "%s%s%s", probe->symbol, probe->offset,
			 probe->module[0] ? " [" : "", probe->module, probe->module[0] ? "]" : "");
}
