/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_VIRT_REPORT_JSON_H
#define CRASHLAB_VIRT_REPORT_JSON_H

#include <stdio.h>

#include "virt/report.h"

#define REPORT_SCHEMA "crashlab-verdict/1"
#define KEPT_SCHEMA "crashlab-kept/1"
#define EVIDENCE_SCHEMA "crashlab-evidence/1"

/** Write @report to @file as docs/interfaces.md, section 4, says. */
struct error *report_write_json(const struct report *report, FILE *file);

/**
 * Read a report back from the JSON text @text, ready to be judged again. The file may be foreign or
 * damaged: ERROR_FORMAT names what is missing or wrong.
 */
struct error *report_parse_json(const char *text, struct report *ret);

/** What a capsule keeps: the evidence in @list from outside the dump, as JSON; NULL when none is.
 */
struct error *report_kept_json(const struct evidence_list *list, char **ret);

/**
 * Read a list of evidence from outside the dump, of @schema: what a capsule keeps, or --evidence
 * gives. ERROR_FORMAT: damaged, or evidence that is not from outside.
 */
struct error *report_parse_outside(const char *text, const char *schema, struct evidence_list *ret);

#endif
