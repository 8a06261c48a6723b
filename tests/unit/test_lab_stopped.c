// SPDX-License-Identifier: GPL-2.0-only
/* When a hang is proved to be a crash kernel that stopped itself: each part of the proof is needed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "lab/stopped.h"

#define OTHER                                                                               \
	"CPU#0\nRIP=ffffffff9a001234 RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1\n" \
	"CR0=80050033 CR2=0000000000000000 CR3=0000000003a10000 CR4=000006f0\n"

#define STOP 0xc00f8 /* all but itself, REBOOT_VECTOR */

static const struct crash_memory memory = {0x33000000, 0x3effffff};

static bool proved(unsigned cr3, unsigned flags, unsigned halted, const char *state,
		   unsigned command)
{
	char registers[1024], apics[256];
	unsigned cpu;

	snprintf(registers, sizeof(registers),
		 OTHER "CPU#1\nRIP=ffffffff81039b2c RFL=%08x HLT=%u\nCR3=%016x CR4=000006b0\n",
		 flags, halted, cr3);
	snprintf(apics, sizeof(apics),
		 "CPU#0\nSPIV\t 0x000000ff APIC disabled, focus=off\nICR\t 0x%08x physical\n"
		 "CPU#1\nSPIV\t 0x0000000f APIC %s, focus=off\nICR\t 0x000c0400 physical\n",
		 command, state);
	bool found = stopped_is_proved(registers, apics, &memory, &cpu);
	if (found)
		assert_int_equal(cpu, 1);
	return found;
}

static void test_proof(void **state)
{
	(void)state;
	assert_true(proved(0x36a10000, 0x46, 1, "disabled", STOP));
	assert_true(proved(0x36a10800, 0x46, 1, "disabled", STOP));
	assert_false(proved(0x03a10000, 0x46, 1, "disabled", STOP)); /* still the old kernel */
	assert_false(proved(0x3f000000, 0x46, 1, "disabled", STOP));
	assert_false(proved(0x36a10000, 0x246, 1, "disabled", STOP)); /* idle: interrupts are on */
	assert_false(proved(0x36a10000, 0x46, 0, "disabled", STOP)); /* it turns somewhere */
	assert_false(proved(0x36a10000, 0x46, 1, "enabled", STOP)); /* halted elsewhere */
	assert_false(proved(0x36a10000, 0x46, 1, "disabled", 0xc00fb)); /* nobody said so */
}

static void test_incomplete(void **state)
{
	static const struct crash_memory unknown = {};
	const char *registers = OTHER "CPU#1\nRFL=00000046 HLT=1\nCR3=36a10000\n";
	const char *apics = "CPU#0\nICR\t 0xf8\nCPU#1\nAPIC disabled\n";
	unsigned cpu;

	(void)state;
	assert_true(stopped_is_proved(registers, apics, &memory, &cpu));
	assert_false(stopped_is_proved(registers, apics, &unknown, &cpu));
	assert_false(stopped_is_proved(registers, "CPU#0\nICR\t 0xf8\nCPU#11\nAPIC disabled\n",
				       &memory, &cpu));
	assert_false(
		stopped_is_proved(registers, "CPU#1\nICR\t 0xf8\nAPIC disabled\n", &memory, &cpu));
	assert_false(stopped_is_proved(registers, "", &memory, &cpu));
	assert_false(stopped_is_proved("", apics, &memory, &cpu));
	assert_false(stopped_is_proved("CPU#1\nRFL=46 HLT=1\nCPU#2\nCR3=36a10000\n", apics, &memory,
				       &cpu));
}

static void test_memory(void **state)
{
	static const char *const wrong[] = {"",        "0x1",  "0x1-",
					    "0x2-0x1", "1-2x", "0x1-0x2,0x3-0x4"};
	struct crash_memory parsed;

	(void)state;
	assert_true(crash_memory_parse("0x33000000-0x3effffff", &parsed));
	assert_int_equal(parsed.from, 0x33000000);
	assert_int_equal(parsed.to, 0x3effffff);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		assert_false(crash_memory_parse(wrong[i], &parsed));
		assert_int_equal(parsed.to, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_proof),
		cmocka_unit_test(test_incomplete),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
