/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_TRIGGER_BTF_IDS_H
#define CRASHLAB_TRIGGER_BTF_IDS_H

#include <stddef.h>

#include "util/error.h"

/** A function of the running kernel, as BPF_PROG_LOAD names what a tracing program attaches to. */
struct btf_function {
	const char *name;
	unsigned id; /* 0: the kernel has none */
	int module_fd; /* of the BTF of the module that it is in; 0: in the kernel image */
};

/**
 * Fill in @functions, in one pass over the BTF of the kernel and of @modules (ends with NULL; one
 * that is not loaded is passed over). libbpf's own search goes through all types once for every
 * program, which takes an emulated machine seconds. ERROR_UNSUPPORTED when the kernel has no BTF.
 */
struct error *btf_functions_find(struct btf_function *functions, size_t count,
				 const char *const *modules);

/** Close what btf_functions_find() opened. */
void btf_functions_close(struct btf_function *functions, size_t count);

#endif
