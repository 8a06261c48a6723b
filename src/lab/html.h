/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_HTML_H
#define CRASHLAB_LAB_HTML_H

#include <stdio.h>

/**
 * Print to @out as printf does, but what %s stands for is escaped for text and for double-quoted
 * attributes of HTML and XML: markup characters become entities, what is no UTF-8 or no character
 * of XML becomes U+FFFD. Conversions: %s (NULL: nothing), %d, %u, %zu, %lld, %f with flags and
 * widths of digits and dots, %%. Everything that comes from a machine under test goes through here.
 */
void html(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
