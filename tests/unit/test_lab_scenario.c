// SPDX-License-Identifier: GPL-2.0-only
/* Scenario files: what they may say, and that every mistake is named with its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lab/scenario.h"

#define CASE(name) "[case " name "]\nvendor = vmx\nreboot = restart\nwindow = virt-off\n"

static struct error *read_with(const char *text, const struct scenario_options *options,
			       struct scenario *ret)
{
	FILE *stream = fmemopen((void *)text, strlen(text), "r");

	assert_non_null(stream);
	struct error *err = scenario_read(stream, "s.ini", options, ret);
	fclose(stream);
	return err;
}

static struct error *read_string(const char *text, struct scenario *ret)
{
	return read_with(text, NULL, ret);
}

static void test_reads_cases(void **state)
{
	static const char text[] =
		"; comment\n[defaults]\ncpus = 4\npanic_cpu = 3 ; the last\n"
		"hold_us = 2000\n\n" CASE(
			"one") "\n[case two]\nvendor=svm\n"
			       "reboot=sysrq-b\ntrigger=crash-kexec\nwindow=kvm_shutdown+"
			       "0x1f\nreboot_cpu = 2\n"
			       "load = many\nload_per_cpu = 8\nload_vcpus = 0\n"
			       "break = svm-on\nbreak_cpu = 1\nimages = break\nexpect = FAIL\n"
			       "expect_cpu = 1\n";
	struct scenario scenario;

	(void)state;
	assert_null(read_string(text, &scenario));
	assert_int_equal(scenario.count, 2);
	const struct case_spec *one = &scenario.cases[0], *two = &scenario.cases[1];
	assert_string_equal(one->name, "one");
	assert_int_equal(one->line, 7);
	assert_int_equal(one->vendor, VENDOR_VMX);
	assert_int_equal(one->cpus, 4);
	assert_int_equal(one->panic_cpu, 3);
	assert_int_equal(one->reboot_cpu, 0);
	assert_int_equal(one->hold_us, 2000);
	assert_int_equal(one->expect, OUTCOME_PASS);
	assert_int_equal(one->expect_cpu, -1);
	assert_string_equal(one->broken, "none");
	assert_string_equal(one->images, "");
	assert_true(case_has_window(one));
	assert_int_equal(two->vendor, VENDOR_SVM);
	assert_string_equal(case_reboots[two->reboot], "sysrq-b");
	assert_string_equal(case_triggers[one->trigger], "sysrq-c");
	assert_string_equal(case_triggers[two->trigger], "crash-kexec");
	assert_string_equal(two->window, "kvm_shutdown+0x1f");
	assert_string_equal(case_loads[one->load], "spin");
	assert_int_equal(one->load_per_cpu, 0);
	assert_string_equal(case_loads[two->load], "many");
	assert_int_equal(two->load_per_cpu, 8);
	assert_string_equal(two->broken, "svm-on");
	assert_int_equal(two->break_cpu, 1);
	assert_string_equal(two->images, "break");
	assert_int_equal(two->expect, OUTCOME_FAIL);
	assert_int_equal(two->expect_cpu, 1);
	scenario_deinit(&scenario);
}

static void test_defaults_may_hold_what_is_required(void **state)
{
	struct scenario scenario;

	(void)state;
	assert_null(read_string("[defaults]\nvendor=vmx\nreboot=restart\nwindow=none\n[case a]\n",
				&scenario));
	assert_int_equal(scenario.count, 1);
	assert_false(case_has_window(&scenario.cases[0]));
	scenario_deinit(&scenario);
}

static void test_names_every_mistake(void **state)
{
	static const struct {
		const char *text, *message;
	} mistakes[] = {
		{"", "s.ini: declares no case"},
		{"[defaults]\ncpus = 2\n", "s.ini: declares no case"},
		{"cpus = 2\n", "s.ini:1: \"cpus\" stands outside any section"},
		{"[wrong]\n", "s.ini:1: unknown section [wrong]"},
		{CASE("a") "[empty]\n", "s.ini:5: unknown section [empty]"},
		{"[case a b]\n", "s.ini:1: case name: \"a b\" has a character"},
		{"[case ]\n", "s.ini:1: case name: needs 1 to 47 characters"},
		{CASE("a") CASE("a"), "s.ini:5: case a is there already, in line 1"},
		{CASE("a") "[defaults]\n", "s.ini:5: [defaults] must come before"},
		{CASE("a") "colour = red\n", "s.ini:5: unknown key \"colour\""},
		{CASE("a") "vendor = svm\n", "s.ini:5: \"vendor\" is given twice"},
		{CASE("a") "cpus = two\n", "s.ini:5: cpus: \"two\" is not a number from 1"},
		{CASE("a") "cpus = 0\n", "s.ini:5: cpus: \"0\" is not a number from 1"},
		{CASE("a") "cpus = -1\n", "s.ini:5: cpus: \"-1\" is not a number"},
		{CASE("a") "hold_us =\n", "s.ini:5: hold_us: \"\" is not a number"},
		{CASE("a") "load = heavy\n", "s.ini:5: load: \"heavy\" is none of: spin, halt"},
		{CASE("a") "load_per_cpu = 1025\n", "s.ini:5: load_per_cpu: \"1025\" is not"},
		{CASE("a") "load_vcpus = x\n", "s.ini:5: load_vcpus: \"x\" is not a number"},
		{CASE("a") "trigger = poison\n",
		 "s.ini:5: trigger: \"poison\" is none of: sysrq-c"},
		{CASE("a") "expect = pass\n", "s.ini:5: expect: \"pass\" is none of: PASS, FAIL"},
		{CASE("a") "break = a/b\n", "s.ini:5: break: \"a/b\" has a character"},
		{CASE("a") "panic_cpu = 2\n", "s.ini:1: case a: panic_cpu and reboot_cpu must be"},
		{CASE("a") "reboot_cpu = 1\n",
		 "s.ini:1: case a: panic_cpu and reboot_cpu must dif"},
		{CASE("a") "trigger = crash-self\n",
		 "s.ini:1: case a: panic_cpu and reboot_cpu must be the same"},
		{CASE("a") "frequency = half\n", "s.ini:5: frequency: \"half\" has a character"},
		{CASE("a") "printk = 9\n", "s.ini:5: printk: \"9\" is not a number from 0 to 8"},
		{CASE("a") "expect_cpu = 2\n", "s.ini:1: case a: expect_cpu must be below 2"},
		{CASE("a") "break = x\nbreak_cpu = 2\n", "s.ini:1: case a: break_cpu must be"},
		{"\n[case a]\nvendor = vmx\nreboot = restart\n",
		 "s.ini:2: case a has no \"window\""},
		{CASE("a") "expect = PASS, FAIL\n", "s.ini:5: expect: takes one value"},
		{CASE("a") "panic_cpu = 1,x\n", "s.ini:5: panic_cpu: \"x\" is not a number"},
		{CASE("a") "cpus = all\n", "s.ini:5: cpus: \"all\" is not a number"},
		{CASE("a") "cpus = 2..4\n", "s.ini:5: cpus: \"2..4\" is not a number"},
		{CASE("a") "delay_us = 9..3\n", "s.ini:5: delay_us: 9 is not below 3"},
		{CASE("a") "repeat = 0\n", "s.ini:5: repeat: \"0\" is not a number from 1"},
		{CASE("a") "without = colour=red\n", "s.ini:5: without: \"colour\" is not key"},
		{CASE("a") "without = cpus=x\n", "s.ini:5: cpus: \"x\" is not a number"},
		{CASE("a") "cpus = 1\npanic_cpu = all\n", "s.ini:1: case a: no combination"},
		{CASE("a") "nonsense\n", "s.ini:5: neither [section] nor key = value"},
		{CASE("a") "[case\n", "s.ini:5: unknown section [case"},
	};
	struct scenario scenario;

	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct error *err = mistakes[i].text[0] ? read_string(mistakes[i].text, &scenario)
							: read_string("\n", &scenario);
		assert_non_null(err);
		if (strncmp(err->message, mistakes[i].message, strlen(mistakes[i].message)))
			fail_msg("\"%s\" instead of \"%s\"", err->message, mistakes[i].message);
		assert_int_equal(err->code, ERROR_USAGE);
		assert_null(scenario.cases);
		error_free(err);
	}
}

static void expect_names(const struct scenario *scenario, const char *const *names)
{
	size_t count = 0;

	for (; names[count]; count++) {
		if (count >= scenario->count)
			fail_msg("no %s", names[count]);
		assert_string_equal(scenario->cases[count].name, names[count]);
	}
	assert_int_equal(scenario->count, count);
}

static void test_product(void **state)
{
	static const char text[] = CASE("a") "cpus = 3\npanic_cpu = all\nreboot_cpu = 0, 2\n";
	static const char *const names[] = {"a-p0-r2", "a-p1-r0", "a-p1-r2", "a-p2-r0", NULL};
	static const char constrained[] =
		CASE("a") "cpus = 3\npanic_cpu = all\n"
			  "reboot_cpu = 0,2\n"
			  "without = panic_cpu=1 reboot_cpu=2, panic_cpu=0\n";
	static const char *const left[] = {"a-p1-r0", "a-p2-r0", NULL};
	struct scenario scenario;

	(void)state;
	assert_null(read_string(text, &scenario));
	expect_names(&scenario, names);
	assert_int_equal(scenario.cases[2].panic_cpu, 1);
	assert_int_equal(scenario.cases[2].reboot_cpu, 2);
	scenario_deinit(&scenario);
	assert_null(read_string(constrained, &scenario));
	expect_names(&scenario, left);
	scenario_deinit(&scenario);
}

static void test_values_that_name_no_file(void **state)
{
	static const char text[] = "[defaults]\nvendor = vmx,svm\nreboot = restart\n"
				   "window = kvm_shutdown+0x1f, none\n[case a]\n"
				   "without = window=none vendor=svm\n";
	static const char *const names[] = {"a-vmx-kvm_shutdown_0x1f", "a-vmx-none",
					    "a-svm-kvm_shutdown_0x1f", NULL};
	struct scenario scenario;

	(void)state;
	assert_null(read_string(text, &scenario));
	expect_names(&scenario, names);
	assert_string_equal(scenario.cases[0].window, "kvm_shutdown+0x1f");
	scenario_deinit(&scenario);
}

static void test_kernels_keep_the_names(void **state)
{
	static const char text[] = CASE("a") "kernel = 6.1.192-1-amd64, 6.12.117+deb12-amd64\n";
	static const char *const names[] = {"a", "a", NULL};
	struct scenario scenario;

	(void)state;
	assert_null(read_string(text, &scenario));
	expect_names(&scenario, names);
	assert_string_equal(scenario.cases[1].kernel, "6.12.117+deb12-amd64");
	scenario_deinit(&scenario);
}

static void test_repeat_and_draw(void **state)
{
	static const char text[] = CASE("a") "repeat = 50\ndelay_us = 10..20\n";
	const struct scenario_options one = {.seed = 1}, two = {.seed = 2};
	struct scenario first, same, other;
	unsigned seen = 0, differ = 0;

	(void)state;
	assert_null(read_with(text, &one, &first));
	assert_null(read_with(text, &one, &same));
	assert_null(read_with(text, &two, &other));
	assert_int_equal(first.count, 50);
	for (size_t i = 0; i < 50; i++) {
		assert_string_equal(first.cases[i].name, "a");
		assert_int_equal(first.cases[i].iteration, i + 1);
		assert_in_range(first.cases[i].delay_us, 10, 20);
		assert_int_equal(first.cases[i].delay_us, same.cases[i].delay_us);
		seen |= 1U << first.cases[i].delay_us;
		differ += first.cases[i].delay_us != other.cases[i].delay_us;
	}
	assert_true(__builtin_popcount(seen) > 8);
	assert_true(differ > 25);
	scenario_deinit(&first);
	scenario_deinit(&same);
	scenario_deinit(&other);
}

static void test_overrides(void **state)
{
	static const char *const set[] = {"window", "none,emergency", "repeat", "2", NULL};
	static const char *const bad[] = {"cpus", "none", NULL};
	static const char *const names[] = {"a-none", "a-emergency", "a-none", "a-emergency", NULL};
	const struct scenario_options options = {.set = set}, wrong = {.set = bad};
	struct scenario scenario;

	(void)state;
	assert_null(read_with(CASE("a"), &options, &scenario));
	expect_names(&scenario, names);
	scenario_deinit(&scenario);
	struct error *err = read_with(CASE("a"), &wrong, &scenario);
	assert_non_null(err);
	assert_non_null(strstr(err->message, "cpus: \"none\" is not a number"));
	error_free(err);
}

static void test_long_line(void **state)
{
	char text[600] = CASE("a") "; ";
	struct scenario scenario;

	(void)state;
	memset(text + strlen(text), 'x', 500);
	struct error *err = read_string(text, &scenario);
	assert_non_null(err);
	assert_string_equal(err->message, "s.ini:5: line is too long");
	error_free(err);
}

static void test_own_scenarios(void **state)
{
	static const char *const files[] = {
		"scenarios/main.ini",      "scenarios/controls.ini", "scenarios/missed.ini",
		"scenarios/smoke.ini",     "scenarios/matrix.ini",   "scenarios/soak.ini",
		"scenarios/seed-race.ini", "scenarios/windows.ini",  "scenarios/loads.ini"};
	struct scenario scenario;

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		assert_null(scenario_load(files[i], NULL, &scenario));
		assert_true(scenario.count >= 1);
		scenario_deinit(&scenario);
	}
	struct error *err = scenario_load("scenarios/no-such.ini", NULL, &scenario);
	assert_non_null(err);
	error_free(err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_cases),
		cmocka_unit_test(test_defaults_may_hold_what_is_required),
		cmocka_unit_test(test_names_every_mistake),
		cmocka_unit_test(test_product),
		cmocka_unit_test(test_values_that_name_no_file),
		cmocka_unit_test(test_kernels_keep_the_names),
		cmocka_unit_test(test_repeat_and_draw),
		cmocka_unit_test(test_overrides),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_own_scenarios),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
