/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_DOCTOR_H
#define CRASHLAB_LAB_DOCTOR_H

#include <stdbool.h>
#include <stdio.h>

#include "lab/backend.h"

/**
 * Print to @out what this host can run, and what is missing for the rest; with @json as
 * crashlab-doctor/1 (docs/interfaces.md, section 8). *@ret_status is the exit status: 0 when it can
 * run a case of each vendor, else 1.
 */
struct error *doctor(const struct lab_paths *paths, bool json, FILE *out, int *ret_status);

/** Print to @out which QEMU runs the cases, and what to expect of it. */
void doctor_qemu(const struct lab_paths *paths, FILE *out);

/** Print to @out which Bochs runs the cases, and what to expect of it. */
void doctor_bochs(const struct lab_paths *paths, FILE *out);

#endif
