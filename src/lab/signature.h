/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_SIGNATURE_H
#define CRASHLAB_LAB_SIGNATURE_H

#include "lab/record.h"

/**
 * Give @record the signature of its failure, and the failure in words: the same for cases that
 * failed in the same way. Made of kernel, window, outcome, what was found on which role's CPU, and
 * the functions (no addresses, no offsets) on the reboot and the panic CPU's stacks, the reboot
 * CPU's from the window's function on: what runs above it is crashtrigger's hold. A case that came
 * to no verdict has the stage it reached instead of stacks. None for PASS, race-missed and skipped.
 */
void signature_add(struct record *record);

#endif
