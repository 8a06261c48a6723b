/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_DUMP_VCPUS_H
#define CRASHLAB_DUMP_VCPUS_H

#include <stddef.h>

#include "dump/dump.h"
#include "dump/notes.h"

/**
 * Take the virtual CPUs out of the notes that QEMU's dump-guest-memory writes: for each CPU one of
 * type PRSTATUS called "CORE", then for each one called "QEMU" with struct QEMUCPUState
 * (target/i386/arch_dump.c, QEMU 1.2 to 9.0: version 1 of 432 bytes, since 2.4 with
 * kernel_gs_base of 440). Other dumps have none. The pointers in it are into @notes.
 */
struct error *vcpus_init(const struct notes *notes, struct dump_vcpu **ret, size_t *ret_count);

#endif
