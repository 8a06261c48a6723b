/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_KERNEL_QUIET_H
#define CRASHLAB_KERNEL_QUIET_H

#include <bpf/libbpf.h>

/** For libbpf_set_print(): an error is one line of ours, not a page of libbpf's. */
static inline int print_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

#endif
