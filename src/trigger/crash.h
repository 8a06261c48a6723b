/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_TRIGGER_CRASH_H
#define CRASHLAB_TRIGGER_CRASH_H

/* What crash.bpf.c and the ways of dying share. */

#define CRASH_BAD_FILE 8 /* no pointer, and no error number either: those are negative */
#define CRASH_STUCK_NS 20000000000ULL /* longer than any lockup detector waits here */
#define CRASH_FIRST_NS 3000000000ULL /* longest hold of the first panic for the second */
#define CRASH_OVERTAKEN_NS 200000000ULL /* the panic waits so long for the reboot to go on */

#endif
