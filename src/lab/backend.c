// SPDX-License-Identifier: GPL-2.0-only
#include "lab/backend.h"

#include <string.h>

#include "lab/embed.h"
#include "lab/link.h"
#include "lab/remote.h"
#include "util/cleanup.h"

const struct backend *const backends[] = {&backend_kvm, &backend_tcg, &backend_bochs,
					  &backend_bochs_plain, NULL};

const struct backend *backend_find(const char *name)
{
	for (size_t i = 0; backends[i]; i++) {
		if (!strcmp(backends[i]->name, name))
			return backends[i];
	}
	return NULL;
}

static struct error *choose_any(const struct lab_paths *paths, enum vendor vendor,
				const struct backend **ret)
{
	struct error *all = NULL;

	for (size_t i = 0; backends[i]; i++) {
		_cleanup_error_ struct error *err = backends[i]->probe(paths, vendor);
		if (!err) {
			error_free(all);
			*ret = backends[i];
			return NULL;
		}
		struct error *longer =
			error_new(ERROR_UNSUPPORTED, "%s%s%s: %s", all ? all->message : "",
				  all ? "; " : "", backends[i]->name, err->message);
		error_free(all);
		all = longer;
	}
	return all;
}

struct error *backend_choose(const struct lab_paths *paths, const char *name, enum vendor vendor,
			     const struct backend **ret)
{
	if (!strcmp(name, "auto"))
		return choose_any(paths, vendor, ret);
	const struct backend *backend = backend_find(name);
	if (!backend)
		return error_new(ERROR_USAGE, "there is no backend \"%s\"", name);
	struct error *err = backend->probe(paths, vendor);
	if (err) {
		struct error *refused = error_new(ERROR_UNSUPPORTED, "%s: %s", name, err->message);
		error_free(err);
		return refused;
	}
	*ret = backend;
	return NULL;
}

unsigned backend_memory(const struct backend *backend, const struct case_spec *spec)
{
	return spec->memory_mb ? spec->memory_mb : backend->memory_mb;
}

struct error *backend_reach(const struct lab_paths *paths)
{
	virConnectPtr connection;

	if (!paths->connect)
		return NULL;
	try(remote_open(paths, &connection));
	virConnectClose(connection);
	return NULL;
}

void backend_clean(void)
{
	embed_clean();
}

void backend_shutdown(void)
{
	embed_close();
	remote_close();
	link_end();
}
