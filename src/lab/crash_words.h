/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_CRASH_WORDS_H
#define CRASHLAB_LAB_CRASH_WORDS_H

/**
 * What a crashed kernel said of its crash, from its log at @path (as `makedumpfile --dump-dmesg`
 * writes it): the line that an oops or a panic begins with, and where the CPU was. For people
 * alone, nothing is decided by it. NULL: the log cannot be read, or has no such line. The caller
 * frees it.
 */
char *crash_words(const char *path);

#endif
