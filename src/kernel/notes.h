/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_KERNEL_NOTES_H
#define CRASHLAB_KERNEL_NOTES_H

#include "kernel/kernel.h"

/**
 * Find the NT_PRSTATUS note called "CORE" in the @size bytes of ELF notes at @buffer
 * (append_elf_note(), kernel/vmcore_info.c; crash_core.c before 6.9) and take the registers out of
 * its struct elf_prstatus. ERROR_NOT_FOUND when there is none, as when the buffer is still empty;
 * ERROR_FORMAT when a note runs over the end.
 */
struct error *notes_parse_registers(const void *buffer, size_t size, struct cpu_registers *ret);

#endif
