/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_CONSOLE_H
#define CRASHLAB_LAB_CONSOLE_H

#include <libvirt/libvirt.h>

#include "util/error.h"

struct console;

/**
 * Append all that serial port @device ("serial0") of @domain says to the file at @path, in
 * libvirt's event thread, until console_close(). @ended is called there once when nothing more can
 * come; it must not wait for anything.
 */
struct error *console_open(virConnectPtr connection, virDomainPtr domain, const char *device,
			   const char *path, void (*ended)(void *), void *opaque,
			   struct console **ret);

/** NULL is fine. After it @ended is not called. */
void console_close(struct console *console);

#endif
