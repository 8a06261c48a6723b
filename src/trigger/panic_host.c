// SPDX-License-Identifier: GPL-2.0-only
/*
 * panic() in an NMI that comes from outside the machine: once the reboot CPU is held, the panic CPU
 * asks for it with the event `nmi` (docs/interfaces.md), and the lab has libvirt inject one. Nobody
 * in the kernel knows what it is for, and with kernel.unknown_nmi_panic that is the end
 * (arch/x86/kernel/nmi.c, unknown_nmi_error()).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/serial.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "trigger/checks.h"
#include "trigger/panic.h"
#include "util/cleanup.h"

#define UNKNOWN_NMI_PANIC "/proc/sys/kernel/unknown_nmi_panic"

/* A 16550 (include/uapi/linux/serial_reg.h). */
#define UART_PORTS 8
#define UART_TX 0
#define UART_LSR 5
#define UART_LSR_THRE 0x20 /* it takes a byte */

#define ANSWER_SECONDS 10 /* longer than any hold: an answer after that has no use */

struct error *open_host_nmi(struct panic_means *means)
{
	struct serial_struct serial = {};

	/* LINT1 is masked on all others (arch/x86/kernel/apic/apic.c, setup_local_APIC()). */
	if (means->panic_cpu)
		return error_new(ERROR_UNSUPPORTED,
				 "an NMI from outside reaches CPU 0 alone; --panic-cpu 0");
	if (access(UNKNOWN_NMI_PANIC, W_OK))
		return error_new(ERROR_UNSUPPORTED, "this kernel has no kernel.unknown_nmi_panic");
	try(check_lockdown("", LOCKDOWN_INTEGRITY, "the serial port's ports"));
	if (means->events)
		means->fd = open(means->events, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (means->fd < 0 || ioctl(means->fd, TIOCGSERIAL, &serial) || !serial.port)
		return error_new(ERROR_UNSUPPORTED,
				 "a host must hear of it: --events must be a serial port");
	means->port = serial.port;
	if (ioperm(means->port, UART_PORTS, 1))
		return error_errno(errno, "no access to the serial port's ports");
	return NULL;
}

/* So that the NMI changes nothing, whatever the machine was set to before. */
struct error *arm_host_nmi_off(struct panic_means *means)
{
	(void)means;
	return panic_set(UNKNOWN_NMI_PANIC, "0");
}

/*
 * Byte by byte, past the driver: that one sends in the port's interrupt, which may go to the CPU
 * that is held.
 */
static void ask(unsigned port)
{
	for (const char *c = "crashlab nmi\n"; *c; c++) {
		while (!(inb(port + UART_LSR) & UART_LSR_THRE))
			;
		outb(*c, port + UART_TX);
	}
}

int go_host_nmi(struct panic_means *means)
{
	struct timespec begin, now;

	ask(means->port);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	/* Turning, so that the NMI finds this thread and no guest's. */
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while (now.tv_sec - begin.tv_sec < ANSWER_SECONDS);
	errno = ETIMEDOUT;
	return -1;
}
