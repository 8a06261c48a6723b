/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_VIRT_REPORT_TEXT_H
#define CRASHLAB_VIRT_REPORT_TEXT_H

#include <stdbool.h>
#include <stdio.h>

#include "virt/report.h"

/** Print @report for people; @colour for a terminal. */
void report_print_text(const struct report *report, FILE *file, bool colour);

#endif
