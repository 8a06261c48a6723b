/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_VIRT_REPORT_EXPLAIN_H
#define CRASHLAB_VIRT_REPORT_EXPLAIN_H

#include <stdio.h>

#include "virt/report.h"

/**
 * Say in words what is believed of CPU @cpu and its VMCSs, on what evidence, what that evidence
 * proves and rests on, and by which rule it was weighed. @report has been judged. ERROR_USAGE: the
 * report has no such CPU.
 */
struct error *report_explain(const struct report *report, unsigned cpu, FILE *file);

#endif
