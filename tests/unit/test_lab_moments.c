// SPDX-License-Identifier: GPL-2.0-only
/* What the emulator knew on the way to the crash kernel, against the verdict and the recorder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lab/moments.h"

#define VERDICT(cpu_0, cpu_1, timeline)                                               \
	"{\"case\": {\"t_armed\": 1000000}, \"cpus\": ["                              \
	"{\"cpu\": 0, \"virtualization\": {\"state\": \"" cpu_0 "\"}, \"vmcs\": []}," \
	"{\"cpu\": 1, \"virtualization\": {\"state\": \"" cpu_1                       \
	"\"}, \"vmcs\": []}], \"timeline\": [" timeline "]}"
#define EVENT(us, cpu, what, function)                                 \
	"{\"t_ns\": " #us "000, \"cpu\": " #cpu ", \"event\": \"" what \
	"\", \"function\": \"" function "\"}"
#define MOMENT(name, function, cpu, vmx_0, vmx_1, launched)                         \
	"{\"moment\": \"" name "\", \"function\": \"" function "\", \"cpu\": " #cpu \
	", \"cpus\": ["                                                             \
	"{\"cpu\": 0, \"vmx\": " #vmx_0 ", \"current\": \"0xffffffffffffffff\"},"   \
	"{\"cpu\": 1, \"vmx\": " #vmx_1 ", \"current\": \"0xffffffffffffffff\"}],"  \
	"\"launched\": [" launched "]}"
#define HELD(vmx_0, vmx_1) MOMENT("held", "nmi_shootdown_cpus", 1, vmx_0, vmx_1, "")
#define JUMP(vmx_0, vmx_1) MOMENT("jump", "machine_kexec", 1, vmx_0, vmx_1, "")

/* CPU 1 is off by KVM's normal disable before the crash, CPU 0 by the NMI's. */
#define NORMAL "kvm_disable_virtualization_cpu"
#define EMERGENCY "vmx_emergency_disable_virtualization_cpu"
#define BEFORE                                                                             \
	EVENT(500, 0, "leave", NORMAL)                                                     \
	"," EVENT(1100, 0, "enter", NORMAL) "," EVENT(1110, 1, "enter", NORMAL) "," EVENT( \
		1120, 1, "leave", NORMAL) "," EVENT(2000, 1, "enter", "nmi_shootdown_cpus") ","
#define TIMELINE                                             \
	BEFORE EVENT(2030, 0, "enter", EMERGENCY) "," EVENT( \
		2040, 0, "leave", EMERGENCY) "," EVENT(2100, 1, "enter", "machine_kexec")

static const struct {
	const char *verdict, *moments; /* @moments without the object around them */
	enum truth expected;
	const char *why;
} rows[] = {
	{VERDICT("off", "off", TIMELINE), HELD(true, false) "," JUMP(false, false), TRUTH_AGREES,
	 NULL},
	/* the verdict lies, or Bochs does */
	{VERDICT("off", "off", TIMELINE), HELD(true, false) "," JUMP(true, false), TRUTH_DISAGREES,
	 "at jump, when CPU 1 entered machine_kexec: VMX operation on CPU 0 is on, the recorder "
	 "says "
	 "off"},
	{VERDICT("off", "off", ""), JUMP(false, true), TRUTH_DISAGREES,
	 "at jump: VMX operation on CPU 1 is on, the dump says off"},
	{VERDICT("on", "off", ""), JUMP(false, false), TRUTH_DISAGREES,
	 "at jump: VMX operation on CPU 0 is off, the dump says on"},
	{VERDICT("off", "off", ""), MOMENT("jump", "machine_kexec", 1, false, false, "\"0x3000\""),
	 TRUTH_DISAGREES, "at jump: VMCS 0x3000 is launched, the dump does not know it"},
	/* the recorder lies: CPU 1 had left it, CPU 0 was in it and may be either */
	{VERDICT("off", "off", TIMELINE), HELD(true, true) "," JUMP(false, false), TRUTH_DISAGREES,
	 "at held, when CPU 1 entered nmi_shootdown_cpus: VMX operation on CPU 1 is on, the "
	 "recorder "
	 "says off"},
	{VERDICT("off", "off", TIMELINE), HELD(false, false) "," JUMP(false, false), TRUTH_AGREES,
	 NULL},
	/* nothing has been entered yet; what was before the strike does not count */
	{VERDICT("off", "off",
		 EVENT(500, 0, "leave", NORMAL) "," EVENT(2000, 1, "enter", "machine_kexec")),
	 JUMP(true, false), TRUTH_DISAGREES,
	 "at jump, when CPU 1 entered machine_kexec: VMX operation on CPU 1 is off, the recorder "
	 "says on"},
	/* a function that was passed and did nothing: the verdict has found that out */
	{VERDICT("on", "off", TIMELINE), HELD(true, false) "," JUMP(true, false), TRUTH_AGREES,
	 NULL},
	/* too close to be told apart */
	{VERDICT("off", "off",
		 EVENT(1992, 0, "enter", NORMAL) "," EVENT(1995, 0, "leave", NORMAL) "," EVENT(
			 2000, 1, "enter", "nmi_shootdown_cpus")),
	 HELD(true, true) "," JUMP(false, false), TRUTH_AGREES, NULL},
	{VERDICT("unknown", "off", ""), JUMP(true, false), TRUTH_PARTLY, NULL},
	{VERDICT("off", "off", TIMELINE), HELD(true, false), TRUTH_NONE, NULL},
	{VERDICT("off", "off", TIMELINE), "", TRUTH_NONE, NULL},
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[4096];
		char *why = NULL;

		snprintf(text, sizeof(text), "{\"moments\": [%s]}", rows[i].moments);
		json_object *verdict = json_tokener_parse(rows[i].verdict);
		json_object *moments = json_tokener_parse(text);

		assert_non_null(verdict);
		assert_non_null(moments);
		enum truth found = moments_compare(verdict, moments, &why);
		if (found != rows[i].expected)
			fail_msg("row %zu: \"%s\" instead of \"%s\": %s", i, truth_names[found],
				 truth_names[rows[i].expected], why ? why : "");
		if (rows[i].why)
			assert_string_equal(why, rows[i].why);
		else
			assert_null(why);
		free(why);
		json_object_put(verdict);
		json_object_put(moments);
	}
}

static void test_worse(void **state)
{
	(void)state;
	assert_int_equal(truth_worse(TRUTH_NONE, TRUTH_AGREES), TRUTH_AGREES);
	assert_int_equal(truth_worse(TRUTH_PARTLY, TRUTH_AGREES), TRUTH_PARTLY);
	assert_int_equal(truth_worse(TRUTH_PARTLY, TRUTH_DISAGREES), TRUTH_DISAGREES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows),
					   cmocka_unit_test(test_worse)};

	return cmocka_run_group_tests_name("moments", tests, NULL, NULL);
}
