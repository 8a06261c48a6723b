// SPDX-License-Identifier: GPL-2.0-only
/* The conversation with Bochs' debugger, which a script stands in for. */
#define _GNU_SOURCE
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "lab/bochs_debugger.h"
#include "lab/files.h"
#include "lab/moments.h"
#include "util/cleanup.h"

#define SYMBOLS                                                       \
	"crashlab boot release=x\n"                                   \
	"crashlab symbols nmi_shootdown_cpus=0x10 crash_nmi_callback" \
	"=0x20 machine_kexec=0x30 page_offset_base=0x40\n"

/* Of two CPUs, both come to the NMI at once; CPU 0 leaves VMX operation before the jump. */
static const char stand_in[] =
	"#!/bin/sh\n"
	"stty -echo\n"
	"printf '<bochs:1> '\n"
	"while read -r line; do\n"
	"	echo \"$line\" >>typed\n"
	"	case $line in\n"
	"	c) stop=$((stop + 1))\n"
	"		echo \"Next at t=$((stop * 100))\"\n"
	"		case $stop in\n"
	"		1) echo '(1) Breakpoint 1, 0x10 in ?? ()' ;;\n"
	"		2) echo '(0) Breakpoint 2, 0x20 in ?? ()'\n"
	"			echo '(1) Breakpoint 2, 0x20 in ?? ()' ;;\n"
	"		3) echo '(1) Breakpoint 3, 0x30 in ?? ()' ;;\n"
	"		esac ;;\n"
	"	*CR4*) echo 'CR4 = 0x00002000' ;;\n"
	"	*RIP*) echo 'RIP = 0xffffffff_81000000' ;;\n"
	"	*vmcsptr*) echo 'vmcsptr = 0x1000' ;;\n"
	"	*cpu0*in_vmx*) [ \"$stop\" = 3 ] && echo 'in_vmx = false' || echo 'in_vmx = true' "
	";;\n"
	"	*in_vmx*) echo 'in_vmx = true' ;;\n"
	"	'x '*) printf '[bochs]:\\n0x40 <bogus+       0>:\\t0xffff888000000000\\n' ;;\n"
	"	writemem*0xffff888000000000*) { head -c 4096 /dev/zero; printf '\\053\\0\\0\\0'\n"
	"		head -c 4092 /dev/zero; } >moment.ram ;;\n"
	"	'xp /3wx 0x1000') [ \"$stop\" = 3 ] && state=0 || state=1\n"
	"		printf '0x1000 <bogus+ 0>:\\t0x0000002b\\t0x00000000\\t0x0000000%d\\n' "
	"$state ;;\n"
	"	esac\n"
	"	printf '<bochs:2> '\n"
	"done\n";

struct scene {
	char folder[32], *events, *program, *moments;
	struct bochs_debugger *debugger;
	struct bochs_console *console;
};

static void scene_begin(struct scene *scene)
{
	strcpy(scene->folder, "/tmp/debugger.XXXXXX");
	assert_non_null(mkdtemp(scene->folder));
	scene->events = format_string("%s/events.log", scene->folder);
	scene->program = format_string("%s/bochs", scene->folder);
	scene->moments = format_string("%s/moments.json", scene->folder);
	assert_null(write_text(scene->events, SYMBOLS));
	assert_null(write_text(scene->program, stand_in));
	assert_int_equal(chmod(scene->program, 0755), 0);
	assert_null(bochs_debugger_create(scene->events, scene->folder, 2, 1, &scene->debugger));
	char *const argv[] = {scene->program, NULL};
	assert_null(bochs_console_start(argv, scene->folder, &scene->console));
	assert_null(bochs_debugger_begin(scene->debugger, scene->console));
}

static void scene_end(struct scene *scene)
{
	bochs_console_stop(scene->console);
	bochs_debugger_destroy(scene->debugger);
	remove_tree(scene->folder);
	free(scene->events);
	free(scene->program);
	free(scene->moments);
}

static struct error *next(struct scene *scene)
{
	struct pollfd wait = {.fd = bochs_console_prompt_fd(scene->console), .events = POLLIN};

	assert_int_equal(poll(&wait, 1, 60000), 1);
	return bochs_debugger_take(scene->debugger, scene->console, scene->moments);
}

static void expect_moment(json_object *document, size_t index, const char *name, int cpu,
			  bool vmx_0, size_t launched)
{
	json_object *moment = json_item(document, "moments", index);
	json_object *first = json_item(moment, "cpus", 0);

	assert_string_equal(json_text(moment, "moment"), name);
	assert_int_equal(json_object_get_int(json_member(moment, "cpu")), cpu);
	assert_int_equal(json_count(moment, "cpus"), 2);
	assert_string_equal(json_text(first, "cr4"), "0x2000");
	assert_string_equal(json_text(first, "current"), "0x1000");
	assert_int_equal(json_object_get_boolean(json_member(first, "vmx")), vmx_0);
	assert_int_equal(json_count(moment, "launched"), launched);
}

static void test_moments(void **state)
{
	struct scene scene;
	_cleanup_json_ json_object *document = NULL;

	(void)state;
	scene_begin(&scene);
	for (unsigned i = 0; i < 3; i++)
		assert_null(next(&scene));
	assert_null(json_load(scene.moments, MOMENTS_SCHEMA, &document));
	assert_int_equal(json_count(document, "moments"), 4);
	expect_moment(document, 0, "held", 1, true, 1);
	expect_moment(document, 1, "nmi", 0, true, 1);
	expect_moment(document, 2, "nmi", 1, true, 1);
	expect_moment(document, 3, "jump", 1, false, 0);
	_cleanup_free_ char *left = format_string("%s/moment.ram", scene.folder);
	assert_int_equal(access(left, F_OK), -1);
	/* a stop that is none of them, once the last has come */
	_cleanup_error_ struct error *err = next(&scene);
	assert_non_null(err);
	assert_non_null(strstr(err->message, "no breakpoint"));
	scene_end(&scene);
}

static void test_breakpoints(void **state)
{
	_cleanup_free_ char *typed = NULL;
	struct scene scene;

	(void)state;
	scene_begin(&scene);
	for (unsigned i = 0; i < 3; i++)
		assert_null(next(&scene));
	_cleanup_error_ struct error *err = next(&scene); /* so that all has been typed */
	assert_non_null(err);
	_cleanup_free_ char *path = format_string("%s/typed", scene.folder);
	assert_null(read_text(path, 1 << 16, &typed));
	assert_ptr_equal(strstr(typed, "lb 0x10\nlb 0x20\nlb 0x30\nc\n"), typed);
	assert_non_null(strstr(typed, "d 1\nd 2\nd 3\nc\n"));
	scene_end(&scene);
}

static void test_no_symbols(void **state)
{
	static const struct {
		const char *events, *expected;
	} rows[] = {{"crashlab boot\n", "named no symbols"},
		    {"crashlab symbols nmi_shootdown_cpus=0x1\n", "no crash_nmi_callback"},
		    {"crashlab symbols nmi_shootdown_cpus=0x1 crash_nmi_callback=0x2 "
		     "machine_kexec=0x3\n",
		     "no page_offset_base"}};
	char path[] = "/tmp/events.XXXXXX";

	(void)state;
	close(mkstemp(path));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bochs_debugger *debugger = NULL;

		assert_null(write_text(path, rows[i].events));
		_cleanup_error_ struct error *err =
			bochs_debugger_create(path, "/tmp", 1, 1, &debugger);
		assert_true(error_is(err, ERROR_NOT_FOUND));
		assert_non_null(strstr(err->message, rows[i].expected));
	}
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_moments),
					   cmocka_unit_test(test_breakpoints),
					   cmocka_unit_test(test_no_symbols)};

	return cmocka_run_group_tests_name("debugger", tests, NULL, NULL);
}
