/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_DUMP_COMPLETE_H
#define CRASHLAB_DUMP_COMPLETE_H

#include "util/error.h"

/**
 * Check that a dump file holds all that it promises. libkdumpfile 0.5.1 reads what lies behind the
 * end of a file as zeros, and zeros look like an answer: "CR4.VMXE is clear". ELF: every segment;
 * kdump: what its page descriptors point to, of more than a million only the last million (pages
 * are written in order). ERROR_FORMAT when something is cut off. A file of another format is left
 * to the library.
 */
struct error *check_complete(int fd);

#endif
