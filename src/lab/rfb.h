/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_RFB_H
#define CRASHLAB_LAB_RFB_H

#include <sys/types.h>

#include "util/error.h"

/**
 * Click into the screen that process @pid serves by RFB (RFC 6143, version 3.3, no authentication),
 * @from_right pixels from its right edge and @y from its top. The port is found by what @pid
 * listens on, in its own network namespace. *@ret is the connection: close it once the click has
 * had its effect, a server may drop the events of a client that has left.
 */
struct error *rfb_click(pid_t pid, unsigned from_right, unsigned y, int *ret);

#endif
