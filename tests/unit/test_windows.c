// SPDX-License-Identifier: GPL-2.0-only
/* The table of windows: every entry is whole, and fits what the marker and crashtrigger hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "kernel/marker.h"
#include "kernel/windows.h"
#include "trigger/probe.h"
#include "trigger/reboot.h"

static void test_find(void **state)
{
	(void)state;
	assert_string_equal(window_find("virt-off")->label, "W4");
	assert_true(window_is_passed(window_find("emergency"), "sysrq-b"));
	assert_false(window_is_passed(window_find("emergency"), "restart"));
	assert_true(window_is_passed(window_find("virt-off"), "restart"));
	assert_true(window_is_passed(window_find("cpu-offline"), "cpu-hotplug"));
	assert_true(window_is_passed(window_find("devices"), "power-off"));
	assert_false(window_is_passed(window_find("devices"), "power"));
	assert_false(window_is_passed(window_find("devices"), "off"));
	assert_null(window_find("none"));
	assert_null(window_find("virt"));
	assert_null(window_find(""));
}

static void check_probe(const struct window_probe *probe)
{
	char symbol[PROBE_SYMBOL_SIZE];
	uint64_t offset;

	assert_null(probe_parse(probe->symbol, symbol, &offset));
	assert_int_equal(offset, 0);
	assert_non_null(probe->kernels);
	if (probe->needs)
		assert_null(probe_parse(probe->needs, symbol, &offset));
	if (probe->module)
		assert_true(strlen(probe->module) < PROBE_MODULE_SIZE);
}

static void test_entries(void **state)
{
	(void)state;
	for (const struct window *window = windows; window->name; window++) {
		assert_ptr_equal(window_find(window->name), window);
		assert_true(strlen(window->name) < sizeof(((struct marker *)NULL)->window));
		assert_true(window->label && window->about);
		bool passed = false;
		for (const struct reboot_way *way = reboot_ways; way->name; way++)
			passed |= window_is_passed(window, way->name);
		assert_true(passed);
		assert_non_null(window->probes[0].symbol);
		for (const struct window_probe *probe = window->probes; probe->symbol; probe++)
			check_probe(probe);
	}
}

/* docs/windows.md counts them along the path. */
static void test_order(void **state)
{
	char label[] = "W1";
	const struct window *window = windows;

	(void)state;
	for (; window->name; window++, label[1]++)
		assert_string_equal(window->label, label);
	assert_int_equal(window - windows, 9);
}

static void test_marker(void **state)
{
	(void)state;
	assert_true(strlen(MARKER_MAP) < 16);
	assert_memory_equal(&(uint64_t){MARKER_MAGIC}, "CRSHLAB1", 8);
	assert_int_equal(sizeof(struct marker) % 8, 0);
	assert_int_equal(MARKER_SIZE_1, 392); /* dumps of version 1 have it so */
	assert_int_equal(sizeof(((struct marker *)NULL)->probe), PROBE_NAME_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_marker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
