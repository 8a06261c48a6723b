// SPDX-License-Identifier: GPL-2.0-only
/*
 * What crashtrigger refuses before it harms anything, and how it finds its probe: on made-up
 * /proc and /sys trees and a made-up list of symbols.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "kernel/marker.h"
#include "lab/case.h"
#include "trigger/checks.h"
#include "trigger/combine.h"
#include "trigger/draw.h"
#include "trigger/panic.h"
#include "trigger/probe.h"
#include "trigger/reboot.h"
#include "util/cleanup.h"
#include "util/cpulist.h"
#include "util/number.h"

static void assert_fails(struct error *err, enum error_code code, const char *text)
{
	assert_non_null(err);
	assert_int_equal(err->code, code);
	if (!strstr(err->message, text))
		fail_msg("'%s' is not in '%s'", text, err->message);
	error_free(err);
}

static void assert_works(struct error *err)
{
	if (err)
		fail_msg("%s", err->message);
}

/* ---- numbers and lists ---- */

static void test_number(void **state)
{
	static const char *const bad[] = {"",   " 1", "-1",  "+1", "1x",
					  "0x", "x",  "101", "0",  "99999999999999999999999"};
	uint64_t value;

	(void)state;
	assert_works(number_parse("n", "100", 1, 100, &value));
	assert_int_equal(value, 100);
	assert_works(number_parse("n", "0x1f", 1, 100, &value));
	assert_int_equal(value, 31);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_fails(number_parse("n", bad[i], 1, 100, &value), ERROR_USAGE, "n: ");
}

static void test_cpulist(void **state)
{
	static const char *const bad[] = {"",    ",", "1,",    "1-",   "-1",     "3-1",
					  "1 2", "a", "1-2-3", "4096", "0-4096", "1,,2"};
	cpu_set_t set;

	(void)state;
	assert_works(cpulist_parse("l", "0-3,5", &set));
	assert_int_equal(CPU_COUNT(&set), 5);
	assert_true(CPU_ISSET(0, &set) && CPU_ISSET(3, &set) && CPU_ISSET(5, &set));
	assert_false(CPU_ISSET(4, &set));
	assert_works(cpulist_parse("l", "7", &set));
	assert_int_equal(CPU_COUNT(&set), 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_fails(cpulist_parse("l", bad[i], &set), ERROR_USAGE, "l: ");
}

/* ---- probes ---- */

static void test_probe_parse(void **state)
{
	static const char *const bad[] = {"",     "+0x1",      "a+",  "a+1",
					  "a+0x", "a+0xg",     "a-b", "1a",
					  "a b",  "a+0x1+0x2", "a:b", "a+0x1ffffffff"};
	char symbol[PROBE_SYMBOL_SIZE];
	uint64_t offset;

	(void)state;
	assert_works(probe_parse("kvm_shutdown", symbol, &offset));
	assert_string_equal(symbol, "kvm_shutdown");
	assert_int_equal(offset, 0);
	assert_works(probe_parse("stop.isra.0+0x1f", symbol, &offset));
	assert_string_equal(symbol, "stop.isra.0");
	assert_int_equal(offset, 0x1f);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_fails(probe_parse(bad[i], symbol, &offset), ERROR_USAGE, bad[i]);
}

static const char kallsyms[] = "0000000000001000 A fixed_percpu_data\n"
			       "ffffffff81000000 T _stext\n"
			       "ffffffff81000100 t plain\n"
			       "ffffffff81000140 t plain.cold\n"
			       "ffffffff81000200 D data_only\n"
			       "ffffffff81000300 t cloned.isra.0.constprop.1\n"
			       "ffffffff81000400 t pieces.part.0\n"
			       "ffffffff81000480 t pieces.cold\n"
			       "ffffffff81000500 t twice\n"
			       "ffffffff81000600 t twice\n"
			       "ffffffff81000700 t both.llvm.123456\n"
			       "ffffffff81000800 T both\n"
			       "0000000000000000 T hidden\n"
			       "ffffffff81000900 T plain_longer\n"
			       "ffffffffc0000200 t later\t[kvm]\n"
			       "ffffffffc0000100 t in_kvm\t[kvm]\n"
			       "ffffffffc0000150 d in_kvm_data\t[kvm]\n"
			       "ffffffffc0001000 t vendor_off\t[kvm_amd]\n"
			       "nonsense\n"
			       "ffffffffc0002000 t\n"
			       "ffffffffc0002000";

static struct error *find(const char *symbol, const char *module, uint64_t offset,
			  struct probe *ret)
{
	const struct window_probe wanted[] = {{symbol, module, NULL, NULL}, {}};
	_cleanup_fclose_ FILE *file = fmemopen((void *)kallsyms, sizeof(kallsyms) - 1, "r");

	assert_non_null(file);
	return probe_find(file, wanted, offset, ret);
}

static void assert_found(const char *symbol, const char *module, uint64_t offset,
			 const char *expected, uint64_t address)
{
	struct probe probe;
	char name[PROBE_NAME_SIZE];

	assert_works(find(symbol, module, offset, &probe));
	probe_format(&probe, name, sizeof(name));
	assert_string_equal(name, expected);
	assert_int_equal(probe.address, address);
}

static void test_probe_find(void **state)
{
	(void)state;
	assert_found("plain", NULL, 0, "plain+0x0", 0xffffffff81000100);
	assert_found("plain", PROBE_ANY_MODULE, 0x3f, "plain+0x3f", 0xffffffff8100013f);
	assert_found("in_kvm", "kvm", 0, "in_kvm+0x0 [kvm]", 0xffffffffc0000100);
	assert_found("in_kvm", PROBE_ANY_MODULE, 0xff, "in_kvm+0xff [kvm]", 0xffffffffc00001ff);
	assert_found("cloned", NULL, 0, "cloned.isra.0.constprop.1+0x0", 0xffffffff81000300);
	assert_found("both", NULL, 0, "both+0x0", 0xffffffff81000800);
}

static void test_probe_take(void **state)
{
	static const char *const others[] = {"",
					     "0xffffffff81000000",
					     "kvm_shut+0x1f/0x40",
					     "kvm_shutdown_all+0x1f/0x40",
					     "kvm_shutdown+0x1e/0x40",
					     "kvm_shutdown+0x1f",
					     "kvm_shutdown",
					     "other+0x1f/0x40 [kvm]"};
	struct probe probe = {.offset = 7};
	char name[PROBE_NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		assert_false(probe_take(others[i], "kvm_shutdown", 0x1f, &probe));
	assert_int_equal(probe.offset, 7);
	assert_true(probe_take("kvm_shutdown+0x1f/0x40 [kvm]", "kvm_shutdown", 0x1f, &probe));
	probe_format(&probe, name, sizeof(name));
	assert_string_equal(name, "kvm_shutdown+0x1f [kvm]");
	assert_true(probe_take("panic+0x0/0x400", "panic", 0, &probe));
	assert_string_equal(probe.module, "");
}

static void test_probe_not_found(void **state)
{
	struct probe probe;

	(void)state;
	assert_fails(find("missing", NULL, 0, &probe), ERROR_NOT_FOUND, "missing");
	assert_fails(find("data_only", NULL, 0, &probe), ERROR_NOT_FOUND, "data_only");
	assert_fails(find("in_kvm", NULL, 0, &probe), ERROR_NOT_FOUND, "in_kvm");
	assert_fails(find("in_kvm", "kvm_amd", 0, &probe), ERROR_NOT_FOUND, "in_kvm [kvm_amd]");
	assert_fails(find("pieces", NULL, 0, &probe), ERROR_NOT_FOUND, "only in pieces");
	assert_fails(find("twice", NULL, 0, &probe), ERROR_UNSUPPORTED, "2 functions");
	assert_fails(find("hidden", NULL, 0, &probe), ERROR_UNSUPPORTED, "kptr_restrict");
	assert_fails(find("plain", NULL, 0x40, &probe), ERROR_UNSUPPORTED, "only 0x40 bytes");
	assert_fails(find("in_kvm", "kvm", 0x100, &probe), ERROR_UNSUPPORTED, "only 0x100 bytes");
}

static void test_probe_preference(void **state)
{
	const struct window_probe wanted[] = {
		{"vendor_off", "kvm_intel", NULL, NULL},
		{"both", NULL, NULL, "missing"}, /* not without what it needs */
		{"both", NULL, NULL, "later"}, /* which must be in the image, and is a module's */
		{"vendor_off", "kvm_amd", NULL, "plain"},
		{"plain", NULL, NULL, NULL},
		{},
	};
	_cleanup_fclose_ FILE *file = fmemopen((void *)kallsyms, sizeof(kallsyms) - 1, "r");
	struct probe probe;

	(void)state;
	assert_works(probe_find(file, wanted, 0, &probe));
	assert_string_equal(probe.module, "kvm_amd");
}

/* ---- checks ---- */

/* Put @text into @path of the made-up root; NULL makes a directory. */
static void plant_file(const char *root, const char *path, const char *text)
{
	char full[256], *slash;
	FILE *file;

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (slash = full + strlen(root); (slash = strchr(slash + 1, '/'));) {
		*slash = '\0';
		mkdir(full, 0755);
		*slash = '/';
	}
	if (!text) {
		assert_int_equal(mkdir(full, 0755), 0);
		return;
	}
	file = fopen(full, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int make_root(void **state)
{
	char *root = strdup("/tmp/crashlab-root-XXXXXX");

	*state = root;
	return !mkdtemp(root);
}

static int remove_root(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", (char *)*state);
	free(*state);
	return system(command);
}

static void test_appliance(void **state)
{
	const char *root = *state;

	assert_false(check_appliance(root));
	plant_file(root, "/proc/cmdline", "quiet crashlab.appliances notcrashlab.appliance\n");
	assert_false(check_appliance(root));
	plant_file(root, "/proc/cmdline", "quiet crashlab.appliance\n");
	assert_true(check_appliance(root));
}

static void test_cpus(void **state)
{
	const char *root = *state;

	plant_file(root, "/sys/devices/system/cpu/possible", "0-3\n");
	plant_file(root, "/sys/devices/system/cpu/online", "0-2\n");
	assert_works(check_cpus(root, 2, 0, false));
	assert_fails(check_cpus(root, 1, 1, false), ERROR_USAGE, "choose two");
	assert_works(check_cpus(root, 1, 1, true));
	assert_fails(check_cpus(root, 4, 0, false), ERROR_USAGE, "--panic-cpu: there is no CPU 4");
	assert_fails(check_cpus(root, 0, 4, false), ERROR_USAGE, "--reboot-cpu: there is no CPU 4");
	assert_fails(check_cpus(root, 3, 0, false), ERROR_UNSUPPORTED, "cpu3/online");
}

static void test_kdump(void **state)
{
	const char *root = *state;

	assert_fails(check_kdump(root), ERROR_UNSUPPORTED, "no kdump");
	plant_file(root, "/sys/kernel/kexec_crash_loaded", "0\n");
	assert_fails(check_kdump(root), ERROR_UNSUPPORTED, "kexec -p");
	plant_file(root, "/sys/kernel/kexec_crash_loaded", "1\n");
	assert_works(check_kdump(root));
}

static void test_lockdown(void **state)
{
	static const char path[] = "/sys/kernel/security/lockdown";
	const char *root = *state;

	assert_works(check_lockdown(root, LOCKDOWN_INTEGRITY, "x"));
	plant_file(root, path, "[none] integrity confidentiality\n");
	assert_works(check_lockdown(root, LOCKDOWN_INTEGRITY, "x"));
	plant_file(root, path, "none [integrity] confidentiality\n");
	assert_works(check_lockdown(root, LOCKDOWN_CONFIDENTIALITY, "x"));
	assert_fails(check_lockdown(root, LOCKDOWN_INTEGRITY, "/dev/mem"), ERROR_UNSUPPORTED,
		     "locked down (integrity): it refuses /dev/mem");
	plant_file(root, path, "none integrity [confidentiality]\n");
	assert_fails(check_lockdown(root, LOCKDOWN_INTEGRITY, "x"), ERROR_UNSUPPORTED,
		     "(confidentiality)");
	assert_fails(check_lockdown(root, LOCKDOWN_CONFIDENTIALITY, "x"), ERROR_UNSUPPORTED,
		     "(confidentiality)");
}

static void test_kvm(void **state)
{
	const char *root = *state;

	assert_fails(check_kvm(root), ERROR_UNSUPPORTED, "modprobe");
	plant_file(root, "/dev/kvm", "");
	assert_fails(check_kvm(root), ERROR_UNSUPPORTED, "modprobe");
	plant_file(root, "/sys/module/kvm_amd", NULL);
	assert_works(check_kvm(root));
}

static void test_reboot_cpu(void **state)
{
	const char *root = *state;
	unsigned cpu = 9;
	bool settable = true;

	assert_works(read_reboot_cpu(root, &cpu, &settable));
	assert_int_equal(cpu, 0);
	assert_false(settable);
	plant_file(root, "/sys/kernel/reboot/cpu", "2\n");
	assert_works(read_reboot_cpu(root, &cpu, &settable));
	assert_int_equal(cpu, 2);
	assert_true(settable);
	assert_works(write_reboot_cpu(root, 1));
	assert_works(read_reboot_cpu(root, &cpu, &settable));
	assert_int_equal(cpu, 1);
}

static void test_reboot_ways(void **state)
{
	int fd = 0;

	(void)state;
	assert_null(reboot_way_find("halt-and-catch-fire"));
	assert_non_null(reboot_way_find("restart"));
	assert_works(reboot_way_find("restart")->open(0, &fd));
	assert_int_equal(fd, -1);
	assert_fails(reboot_way_find("panic-timeout")->open(0, &fd), ERROR_UNSUPPORTED, "no dump");
	assert_fails(reboot_way_find("cpu-hotplug")->open(4000, &fd), ERROR_UNSUPPORTED,
		     "CPU 4000 cannot be taken offline");
	for (const struct reboot_way *way = reboot_ways; way->name; way++) {
		assert_true(strlen(way->name) < sizeof(((struct marker *)NULL)->reboot));
		assert_true(way->about && way->open);
	}
}

static void test_panic_ways(void **state)
{
	(void)state;
	assert_null(panic_way_find("poison"));
	assert_ptr_equal(panic_way_find("sysrq-c"), panic_ways);
	for (const struct panic_way *way = panic_ways; way->name; way++) {
		assert_true(strlen(way->name) < sizeof(((struct marker *)NULL)->trigger));
		assert_true(way->about && way->where && way->open);
		assert_true(way->self || way->go);
	}
}

/* A scenario can say all that crashtrigger can do, and nothing else. */
static void test_scenario_knows_ways(void **state)
{
	(void)state;
	for (size_t i = 0; panic_ways[i].name || case_triggers[i]; i++)
		assert_string_equal(panic_ways[i].name, case_triggers[i]);
	for (size_t i = 0; reboot_ways[i].name || case_reboots[i]; i++)
		assert_string_equal(reboot_ways[i].name, case_reboots[i]);
}

static enum combination combined(const char *panic, const char *reboot, const char *window)
{
	const char *why;
	enum combination combination =
		combine(panic_way_find(panic), reboot_way_find(reboot), window, &why);

	assert_int_equal(combination == COMBINATION_WORKS, !why);
	return combination;
}

static void test_combine(void **state)
{
	(void)state;
	assert_int_equal(combined("sysrq-c", "restart", "virt-off"), COMBINATION_WORKS);
	assert_int_equal(combined("sysrq-c", "restart", "none"), COMBINATION_WORKS);
	assert_int_equal(combined("sysrq-c", "restart", "kvm_shutdown"), COMBINATION_WORKS);
	assert_int_equal(combined("sysrq-c", "restart", "emergency"), COMBINATION_NONE);
	assert_int_equal(combined("sysrq-c", "cpu-hotplug", "virt-off"), COMBINATION_NONE);
	assert_int_equal(combined("crash-self", "restart", "none"), COMBINATION_NONE);
	assert_int_equal(combined("crash-self", "restart", "after-stop"), COMBINATION_WORKS);
	assert_int_equal(combined("sysrq-c", "restart", "after-stop"), COMBINATION_NO_DUMP);
	assert_int_equal(combined("sysrq-c", "kexec", "devices"), COMBINATION_NO_DUMP);
	assert_int_equal(combined("panic-irq", "restart", "devices"), COMBINATION_WORKS);
	assert_int_equal(combined("panic-irq", "restart", "virt-off"), COMBINATION_NONE);
	assert_int_equal(combined("panic-irq", "cpu-hotplug", "cpu-offline"), COMBINATION_WORKS);
}

static void test_draw_delay(void **state)
{
	struct draw draw = {.min_ns = 1000, .max_ns = 1024000};
	unsigned low = 0;

	(void)state;
	for (draw.seed = 0; draw.seed < 1000; draw.seed++) {
		uint64_t delay = draw_delay(&draw);

		assert_in_range(delay, 1000, 1024000);
		assert_int_equal(delay, draw_delay(&draw));
		low += delay < 44000; /* the middle of the powers of two, not of the numbers */
	}
	assert_in_range(low, 450, 550);
	draw.sweep_count = 5;
	assert_int_equal(draw_delay(&draw), 1000);
	draw.sweep_index = 2;
	assert_int_equal(draw_delay(&draw), 512500);
	draw.sweep_index = 4;
	assert_int_equal(draw_delay(&draw), 1024000);
	draw = (struct draw){.sweep_count = 1, .min_ns = 7, .max_ns = 9};
	assert_int_equal(draw_delay(&draw), 7);
	draw = (struct draw){.min_ns = 5000, .max_ns = 5000, .seed = 3};
	assert_int_equal(draw_delay(&draw), 5000);
	draw = (struct draw){.max_ns = 9000, .seed = 3};
	assert_in_range(draw_delay(&draw), 0, 9000);
}

static void test_draw_options(void **state)
{
	static const char *const no_sweeps[] = {"", "1", "1/", "/2", "2/2", "-1/2", "1/2/3", "0/0"};
	static const char *const no_chances[] = {"",   "0",  "1.1", "x",   "0x1",
						 ".5", "-1", "nan", "1e-9"};
	struct draw draw = {};
	uint32_t frequency;

	(void)state;
	assert_works(draw_parse_sweep("3/16", &draw));
	assert_int_equal(draw.sweep_index, 3);
	assert_int_equal(draw.sweep_count, 16);
	for (size_t i = 0; i < sizeof(no_sweeps) / sizeof(*no_sweeps); i++)
		assert_fails(draw_parse_sweep(no_sweeps[i], &draw), ERROR_USAGE, "--sweep");
	assert_works(draw_parse_frequency("1", &frequency));
	assert_int_equal(frequency, MARKER_ALWAYS);
	assert_works(draw_parse_frequency("0.25", &frequency));
	assert_int_equal(frequency, 250000);
	for (size_t i = 0; i < sizeof(no_chances) / sizeof(*no_chances); i++)
		assert_fails(draw_parse_frequency(no_chances[i], &frequency), ERROR_USAGE,
			     "--frequency");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_number),
		cmocka_unit_test(test_cpulist),
		cmocka_unit_test(test_probe_parse),
		cmocka_unit_test(test_probe_find),
		cmocka_unit_test(test_probe_take),
		cmocka_unit_test(test_probe_not_found),
		cmocka_unit_test(test_probe_preference),
		cmocka_unit_test_setup_teardown(test_appliance, make_root, remove_root),
		cmocka_unit_test_setup_teardown(test_cpus, make_root, remove_root),
		cmocka_unit_test_setup_teardown(test_kdump, make_root, remove_root),
		cmocka_unit_test_setup_teardown(test_lockdown, make_root, remove_root),
		cmocka_unit_test_setup_teardown(test_kvm, make_root, remove_root),
		cmocka_unit_test_setup_teardown(test_reboot_cpu, make_root, remove_root),
		cmocka_unit_test(test_reboot_ways),
		cmocka_unit_test(test_panic_ways),
		cmocka_unit_test(test_scenario_knows_ways),
		cmocka_unit_test(test_combine),
		cmocka_unit_test(test_draw_delay),
		cmocka_unit_test(test_draw_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
