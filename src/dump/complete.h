/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_DUMP_COMPLETE_H
#define CRASHLAB_DUMP_COMPLETE_H

#include "util/error.h"

/**
 * Check that a file is a dump, ELF or makedumpfile's own format, of an x86-64 machine, and that it
 * holds all that it promises. libkdumpfile 0.5.1 reads what lies behind the
 * end of a file as zeros, and zeros look like an answer: "CR4.VMXE is clear". ELF: every segment;
 * kdump: what its page descriptors point to, of more than a million only the last million (pages
 * are written in order), and that makedumpfile did not mark it as incomplete. ERROR_FORMAT.
 */
struct error *check_complete(int fd);

#endif
