/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_TRIGGER_LIST_H
#define CRASHLAB_TRIGGER_LIST_H

#include <stdbool.h>

#include "util/error.h"

/**
 * Print what each way to die, way to reboot and window comes to on this machine, together: "works",
 * "no-dump" (it can be done, and no crash kernel can come of it) or "skipped", the latter two with
 * the reason. For people, or as JSON. Looks, loads and lets go; changes nothing.
 */
struct error *list_print(unsigned panic_cpu, unsigned reboot_cpu, bool json);

#endif
