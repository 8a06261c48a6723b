/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_LAB_BOCHS_CONSOLE_H
#define CRASHLAB_LAB_BOCHS_CONSOLE_H

#include <stdbool.h>
#include <sys/types.h>

#include "util/error.h"

/**
 * A Bochs process with a terminal of its own. A thread reads what it prints (into bochs.out in its
 * directory) and looks for resets in its bochs.log; a second reset ends it.
 */
struct bochs_console;

/** Start @argv in @directory. The process dies with the lab, whatever kills that. */
struct error *bochs_console_start(char *const *argv, const char *directory,
				  struct bochs_console **ret);

/** Wait at most @seconds until it has printed @prompt, once for each call, then type @answer. */
struct error *bochs_console_answer(struct bochs_console *console, const char *prompt,
				   const char *answer, unsigned seconds);

/**
 * Wait at most @seconds until it has printed @prompt. *@ret is what it has printed since the last
 * answer, up to now; the caller frees it.
 */
struct error *bochs_console_await(struct bochs_console *console, const char *prompt,
				  unsigned seconds, char **ret);

/** Type @text. */
struct error *bochs_console_type(struct bochs_console *console, const char *text);

/** Readable when it has printed BOCHS_PROMPT; read it, then await the prompt. */
#define BOCHS_PROMPT "<bochs:" /* of its debugger */
int bochs_console_prompt_fd(const struct bochs_console *console);

/** Readable once the process has ended. */
int bochs_console_exit_fd(const struct bochs_console *console);

/** True when it ended because the guest reset the machine. */
bool bochs_console_was_reset(struct bochs_console *console);

pid_t bochs_console_pid(const struct bochs_console *console);

/** End the process and free the console. */
void bochs_console_stop(struct bochs_console *console);

#endif
