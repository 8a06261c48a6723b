// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "trigger/btf_ids.h"
#include "util/cleanup.h"

/* Look through the types of @btf from @first on; a function found is in the module of @fd. */
static void scan(const struct btf *btf, unsigned first, int fd, struct btf_function *functions,
		 size_t count)
{
	for (unsigned id = first; id < btf__type_cnt(btf); id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);

		if (!btf_is_func(type))
			continue;
		const char *name = btf__name_by_offset(btf, type->name_off);

		for (size_t i = 0; i < count; i++) {
			if (functions[i].id || strcmp(functions[i].name, name))
				continue;
			functions[i].id = id;
			functions[i].module_fd = fd ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : 0;
		}
	}
}

static bool is_wanted(const char *name, const char *const *modules)
{
	while (*modules && strcmp(*modules, name))
		modules++;
	return *modules;
}

static void scan_module(struct btf *base, unsigned id, const char *const *modules,
			struct btf_function *functions, size_t count)
{
	char name[64] = "";
	struct bpf_btf_info info = {.name = (uintptr_t)name, .name_len = sizeof(name)};
	unsigned size = sizeof(info);
	_cleanup_close_ int fd = bpf_btf_get_fd_by_id(id);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) || !is_wanted(name, modules))
		return;
	struct btf *btf = btf__load_from_kernel_by_id_split(id, base);

	if (!btf)
		return;
	scan(btf, btf__type_cnt(base), fd, functions, count);
	btf__free(btf);
}

struct error *btf_functions_find(struct btf_function *functions, size_t count,
				 const char *const *modules)
{
	struct btf *kernel = btf__load_vmlinux_btf();

	if (!kernel)
		return error_new(ERROR_UNSUPPORTED,
				 "this kernel has no BTF (CONFIG_DEBUG_INFO_BTF): %s",
				 strerror(errno));
	scan(kernel, 1, 0, functions, count);
	for (unsigned id = 0; !bpf_btf_get_next_id(id, &id);)
		scan_module(kernel, id, modules, functions, count);
	btf__free(kernel);
	return NULL;
}

void btf_functions_close(struct btf_function *functions, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (functions[i].module_fd > 0)
			close(functions[i].module_fd);
		functions[i].module_fd = 0;
	}
}
