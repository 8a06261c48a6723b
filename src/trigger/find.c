// SPDX-License-Identifier: GPL-2.0-only
#include "trigger/find.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/windows.h"
#include "util/cleanup.h"

#define FUNCTION_MAX 65536 /* bytes of the longest function that is taken apart */

/* In all of the kernel's symbols, with compilers' suffixes and duplicates seen. */
static struct error *search(const char *name, const struct window *window, struct probe *ret)
{
	_cleanup_fclose_ FILE *kallsyms = fopen("/proc/kallsyms", "re");
	char symbol[PROBE_SYMBOL_SIZE];
	struct window_probe own[2] = {{symbol, PROBE_ANY_MODULE, NULL, NULL}, {}};
	uint64_t offset = 0;

	if (!kallsyms)
		return error_errno(errno, "cannot open /proc/kallsyms");
	if (!window)
		try(probe_parse(name, symbol, &offset));
	struct error *err = probe_find(kallsyms, window ? window->probes : own, offset, ret);
	if (error_is(err, ERROR_NOT_FOUND) && !window)
		err = error_wrap(err, "neither a window (crashtrigger --list) nor a function");
	return error_wrap(err, "--window %s", name);
}

static struct error *look_up(struct plant *plant, const char *name, struct probe *ret)
{
	char symbol[PROBE_SYMBOL_SIZE];
	uint64_t offset;

	try(probe_parse(name, symbol, &offset));
	return plant_find_symbol(plant, symbol, offset, ret);
}

static struct error *find_place(struct plant *plant, const char *window, struct probe *ret)
{
	const struct window *known = window_find(window);
	struct error *err = known ? plant_find(plant, known, ret) : look_up(plant, window, ret);

	if (!error_is(err, ERROR_NOT_FOUND))
		return err;
	error_free(err);
	return search(window, known, ret);
}

static bool is_function(void *plant, uint64_t address, const char *name)
{
	return plant_address(plant, name) == address;
}

struct error *find_instructions(struct plant *plant, const struct probe *probe,
				struct insn_list *ret)
{
	_cleanup_free_ uint8_t *code = malloc(FUNCTION_MAX);
	size_t size;

	if (!code)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	try(plant_read_function(plant, probe, code, FUNCTION_MAX, &size));
	return error_wrap(
		insn_decode(code, size, probe->address - probe->offset, is_function, plant, ret),
		"%s", probe->symbol);
}

bool window_place(const char *window, char *base, size_t size, const char **ret)
{
	const char *plus = strchr(window, '+');

	if (!plus || !insn_is_place(plus + 1) || plus - window >= (long)size)
		return false;
	snprintf(base, size, "%.*s", (int)(plus - window), window);
	*ret = plus + 1;
	return true;
}

struct error *find_probe(struct plant *plant, const char *window, struct probe *ret)
{
	char base[PROBE_SYMBOL_SIZE];
	struct insn_list list = {};
	const char *place;
	uint64_t offset;

	if (!window_place(window, base, sizeof(base), &place))
		return find_place(plant, window, ret);
	try(find_place(plant, base, ret));
	try(find_instructions(plant, ret, &list));
	struct error *err = insn_find(&list, place, &offset);

	insn_list_deinit(&list);
	if (err)
		return error_wrap(err, "--window %s: %s", window, ret->symbol);
	ret->offset = offset;
	ret->address += offset;
	return NULL;
}
