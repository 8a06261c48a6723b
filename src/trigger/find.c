// SPDX-License-Identifier: GPL-2.0-only
#include "trigger/find.h"

#include <errno.h>
#include <stdio.h>

#include "kernel/windows.h"
#include "util/cleanup.h"

/* In all of the kernel's symbols, with compilers' suffixes and duplicates seen. */
static struct error *search(const char *name, const struct window *window, struct probe *ret)
{
	_cleanup_fclose_ FILE *kallsyms = fopen("/proc/kallsyms", "re");
	char symbol[PROBE_SYMBOL_SIZE];
	struct window_probe own[2] = {{symbol, PROBE_ANY_MODULE, NULL}, {}};
	uint64_t offset = 0;

	if (!kallsyms)
		return error_errno(errno, "cannot open /proc/kallsyms");
	if (!window)
		try(probe_parse(name, symbol, &offset));
	return error_wrap(probe_find(kallsyms, window ? window->probes : own, offset, ret),
			  "--window %s", name);
}

static struct error *look_up(struct plant *plant, const char *name, struct probe *ret)
{
	char symbol[PROBE_SYMBOL_SIZE];
	uint64_t offset;

	try(probe_parse(name, symbol, &offset));
	return plant_find_symbol(plant, symbol, offset, ret);
}

struct error *find_probe(struct plant *plant, const char *window, struct probe *ret)
{
	const struct window *known = window_find(window);
	struct error *err = known ? plant_find(plant, known, ret) : look_up(plant, window, ret);

	if (!error_is(err, ERROR_NOT_FOUND))
		return err;
	error_free(err);
	return search(window, known, ret);
}
