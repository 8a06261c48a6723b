// SPDX-License-Identifier: GPL-2.0-only
/* What the analyzer found against what the emulator knew: every way to agree and to differ. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lab/truth.h"

#define CPU(number, vmx, vmcs) \
	"{\"cpu\": " #number ", \"virtualization\": {\"state\": \"" vmx "\"}, \"vmcs\": [" vmcs "]}"
#define VMCS(at, word) "{\"physical\": \"" at "\", \"state\": \"" word "\"}"
#define VERDICT(cpus) "{\"cpus\": [" cpus "]}"

#define OFF "{\"cpu\": 0, \"vmx\": false, \"current\": \"0xffffffffffffffff\"}"
#define ON(current) "{\"cpu\": 0, \"vmx\": true, \"current\": \"" current "\"}"
#define LEFT(current) "{\"cpu\": 0, \"vmx\": false, \"current\": \"" current "\"}"
#define TRUTH(cpus, launched) "{\"cpus\": [" cpus "], \"launched\": [" launched "]}"

static const struct {
	const char *verdict, *truth;
	enum truth expected;
	const char *why;
} rows[] = {
	{VERDICT(CPU(0, "off", VMCS("0x1000", "clear"))), TRUTH(OFF, ""), TRUTH_AGREES, NULL},
	{VERDICT(CPU(0, "on", VMCS("0x1000", "active"))), TRUTH(ON("0x1000"), "\"0x1000\""),
	 TRUTH_AGREES, NULL},
	/* current and never launched: memory alone would say clear */
	{VERDICT(CPU(0, "on", VMCS("0x1000", "clear"))), TRUTH(ON("0x1000"), ""), TRUTH_DISAGREES,
	 "VMCS 0x1000 is active, the dump says clear"},
	/* a pointer that VMXOFF left behind makes nothing active */
	{VERDICT(CPU(0, "off", VMCS("0x1000", "clear"))), TRUTH(LEFT("0x1000"), ""), TRUTH_AGREES,
	 NULL},
	{VERDICT(CPU(0, "on", "")), TRUTH(OFF, ""), TRUTH_DISAGREES,
	 "VMX operation on CPU 0 is off, the dump says on"},
	{VERDICT(CPU(0, "off", "")), TRUTH(ON("0x2000"), ""), TRUTH_DISAGREES,
	 "VMX operation on CPU 0 is on, the dump says off"},
	{VERDICT(CPU(0, "off", VMCS("0x1000", "active"))), TRUTH(OFF, ""), TRUTH_DISAGREES,
	 "VMCS 0x1000 is clear, the dump says active"},
	{VERDICT(CPU(0, "off", "")), TRUTH(OFF, "\"0x3000\""), TRUTH_DISAGREES,
	 "VMCS 0x3000 is launched, the dump does not know it"},
	{VERDICT(CPU(1, "off", "")), TRUTH(OFF, ""), TRUTH_DISAGREES,
	 "the dump says nothing of CPU 0"},
	/* what the analyzer does not claim to know is no difference, and no agreement */
	{VERDICT(CPU(0, "off", VMCS("0x1000", "unknown"))), TRUTH(OFF, "\"0x1000\""), TRUTH_PARTLY,
	 NULL},
	{VERDICT(CPU(0, "unknown", "")), TRUTH(OFF, ""), TRUTH_NONE, NULL},
	{VERDICT(""), TRUTH("", ""), TRUTH_NONE, NULL},
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_object *verdict = json_tokener_parse(rows[i].verdict);
		json_object *truth = json_tokener_parse(rows[i].truth);
		char *why = NULL;

		assert_non_null(verdict);
		assert_non_null(truth);
		enum truth found = truth_compare(verdict, truth, &why);
		if (found != rows[i].expected)
			fail_msg("row %zu: \"%s\" instead of \"%s\"", i, truth_names[found],
				 truth_names[rows[i].expected]);
		if (rows[i].why)
			assert_string_equal(why, rows[i].why);
		else
			assert_null(why);
		free(why);
		json_object_put(verdict);
		json_object_put(truth);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};

	return cmocka_run_group_tests_name("truth", tests, NULL, NULL);
}
