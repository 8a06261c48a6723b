// SPDX-License-Identifier: GPL-2.0-only
#include "lab/stopped.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CPUS_MAX 256
#define FLAGS_IF (1 << 9)
#define REBOOT_VECTOR 0xf8
#define CR3_ADDRESS 0x000ffffffffff000ULL

bool crash_memory_parse(const char *text, struct crash_memory *ret)
{
	char end;

	if (sscanf(text, "0x%" SCNx64 "-0x%" SCNx64 "%c", &ret->from, &ret->to, &end) == 2 &&
	    ret->from < ret->to)
		return true;
	*ret = (struct crash_memory){};
	return false;
}

/* What "CPU#N" begins in @text, to the next such line or the end; NULL when it is not there. */
static const char *find_cpu(const char *text, unsigned cpu, size_t *ret_length)
{
	char title[16];
	const char *at = text, *end;
	int length = snprintf(title, sizeof(title), "CPU#%u", cpu);

	while ((at = strstr(at, title)) && at[length] >= '0' && at[length] <= '9')
		at++;
	if (!at)
		return NULL;
	end = strstr(at + length, "CPU#");
	*ret_length = end ? (size_t)(end - at) : strlen(at);
	return at;
}

/* The number after "@name=" in the @length bytes at @text. */
static bool find_number(const char *text, size_t length, const char *name, uint64_t *ret)
{
	const char *at = strstr(text, name);
	char *end;

	if (!at || (size_t)(at - text) >= length)
		return false;
	at += strlen(name);
	*ret = strtoull(at, &end, 16);
	return end > at;
}

static bool has_word(const char *text, size_t length, const char *word)
{
	const char *at = strstr(text, word);

	return at && (size_t)(at - text) < length;
}

static bool is_stopped(const char *registers, const char *apics, unsigned cpu,
		       const struct crash_memory *memory)
{
	size_t length, apic_length;
	const char *own = find_cpu(registers, cpu, &length);
	const char *apic = find_cpu(apics, cpu, &apic_length);
	uint64_t cr3, flags, halted;

	if (!own || !apic || !find_number(own, length, "CR3=", &cr3) ||
	    !find_number(own, length, "RFL=", &flags) || !find_number(own, length, "HLT=", &halted))
		return false;
	cr3 &= CR3_ADDRESS;
	return cr3 >= memory->from && cr3 <= memory->to && halted == 1 && !(flags & FLAGS_IF) &&
	       has_word(apic, apic_length, "APIC disabled");
}

/* The CPU whose last command to the others was to stop: no other than @cpu. */
static bool has_sent(const char *apics, unsigned cpu)
{
	size_t length;
	const char *apic = find_cpu(apics, cpu, &length);
	uint64_t command;

	return apic && find_number(apic, length, "\nICR\t", &command) &&
	       (command & 0xff) == REBOOT_VECTOR;
}

bool stopped_is_proved(const char *registers, const char *apics, const struct crash_memory *memory,
		       unsigned *ret_cpu)
{
	unsigned sender = 0;

	if (!memory->to)
		return false;
	while (sender < CPUS_MAX && !has_sent(apics, sender))
		sender++;
	for (*ret_cpu = 0; sender < CPUS_MAX && *ret_cpu < CPUS_MAX; ++*ret_cpu)
		if (*ret_cpu != sender && is_stopped(registers, apics, *ret_cpu, memory))
			return true;
	return false;
}
