/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_TRIGGER_SYMBOLS_H
#define CRASHLAB_TRIGGER_SYMBOLS_H

#include "util/error.h"

/**
 * Print where the running kernel has the symbols of @names, which are separated by commas, as one
 * line of NAME=0xADDRESS. One that it does not have is left out. ERROR_UNSUPPORTED where BPF cannot
 * look symbols up (before 5.16).
 */
struct error *symbols_print(const char *names);

#endif
