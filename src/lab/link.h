/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_LINK_H
#define CRASHLAB_LAB_LINK_H

#include <libvirt/libvirt.h>

#include "util/error.h"

/** Make libvirt ready in this process, with its event loop in a thread of its own; once is enough.
 */
struct error *link_start(void);

/** End that thread. Every connection must have been closed. */
void link_end(void);

/** What libvirt last complained of in this thread, as an error: "@what: …". */
struct error *link_error(const char *what);

#endif
