// SPDX-License-Identifier: GPL-2.0-only
/*
 * panic() in a hard interrupt: the keys Alt, SysRq and C are put into the keyboard controller's
 * output buffer, as if they had been pressed, and the kernel handles them in the interrupt's
 * handler (drivers/tty/sysrq.c, sysrq_handle_keypress()).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/io.h>
#include <unistd.h>

#include "trigger/checks.h"
#include "trigger/panic.h"
#include "util/cleanup.h"

/* The controller (drivers/input/serio/i8042.h), and the keys in scan code set 1. */
#define DATA_PORT 0x60
#define COMMAND_PORT 0x64
#define STATUS_FULL 0x02 /* it has not taken what was written last */
#define STATUS_READY 0x01 /* a byte waits to be read */
#define WRITE_OUTPUT 0xd2
#define KEY_ALT 0x38
#define KEY_SYSRQ 0x54
#define KEY_C 0x2e

#define TURNS 1000000
#define IRQ_FOLDER "/proc/irq/1"

struct error *open_keyboard(struct panic_means *means)
{
	(void)means;
	try(check_lockdown("", LOCKDOWN_INTEGRITY, "the keyboard's ports"));
	if (access("/sys/devices/platform/i8042/serio0", F_OK) || access(IRQ_FOLDER "/i8042", F_OK))
		return error_new(ERROR_UNSUPPORTED, "no PS/2 keyboard takes interrupt 1 here");
	if (ioperm(DATA_PORT, COMMAND_PORT - DATA_PORT + 1, 1))
		return error_new(ERROR_UNSUPPORTED, "no access to the keyboard's ports: %s",
				 strerror(errno));
	return NULL;
}

static int wait_clear(unsigned char status)
{
	for (unsigned i = 0; i < TURNS; i++)
		if (!(inb(COMMAND_PORT) & status))
			return 0;
	errno = EBUSY;
	return -1;
}

/* Press a key; the interrupt comes before the next one is. */
static int press(unsigned char key)
{
	if (wait_clear(STATUS_FULL | STATUS_READY))
		return -1;
	outb(WRITE_OUTPUT, COMMAND_PORT);
	if (wait_clear(STATUS_FULL))
		return -1;
	outb(key, DATA_PORT);
	return wait_clear(STATUS_FULL | STATUS_READY);
}

struct error *arm_keyboard(struct panic_means *means)
{
	char cpu[16];

	snprintf(cpu, sizeof(cpu), "%u", means->panic_cpu);
	try(panic_set("/proc/sys/kernel/sysrq", "1"));
	try(panic_set(IRQ_FOLDER "/smp_affinity_list", cpu));
	if (press(KEY_ALT) || press(KEY_SYSRQ))
		return error_errno(errno, "the keyboard's controller");
	return NULL;
}

int go_keyboard(struct panic_means *means)
{
	(void)means;
	return press(KEY_C) ? -1 : (errno = ENXIO, -1);
}
