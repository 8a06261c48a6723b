// SPDX-License-Identifier: GPL-2.0-only
/* Event lines, and following the file they come in. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lab/event.h"

static void test_keys(void **state)
{
	struct event event;

	(void)state;
	assert_true(event_parse("crashlab strike panic_cpu=1 reboot_cpu=0 window=virt-off "
				"probe=f+0x0\r",
				&event));
	assert_int_equal(event.stage, STAGE_STRIKE);
	assert_int_equal(event.count, 4);
	assert_string_equal(event_value(&event, "panic_cpu"), "1");
	assert_string_equal(event_value(&event, "probe"), "f+0x0");
	assert_string_equal(event_value(&event, "missing"), "");
}

static void test_every_event(void **state)
{
	struct event event;
	char line[64];

	(void)state;
	for (enum stage stage = STAGE_BOOT; stage < STAGE_COUNT; stage++) {
		snprintf(line, sizeof(line), "crashlab %s", stage_names[stage]);
		assert_true(event_parse(line, &event));
		assert_int_equal(event.stage, stage);
		assert_int_equal(event.count, 0);
	}
}

static void test_text_goes_to_the_end(void **state)
{
	struct event event;

	(void)state;
	assert_true(event_parse("crashlab error stage=kvm text=no such device: a=b c", &event));
	assert_int_equal(event.stage, STAGE_ERROR);
	assert_string_equal(event_value(&event, "stage"), "kvm");
	assert_string_equal(event_value(&event, "text"), "no such device: a=b c");
}

static void test_not_events(void **state)
{
	static const char *const lines[] = {
		"",
		"crashlab",
		"crashlab ",
		"crashlab start",
		"crashlab unknown a=b",
		"Crashlab boot",
		"[    1.0] something",
	};
	struct event event;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_false(event_parse(lines[i], &event));
	/* noise of the line before it, and keys that are none */
	assert_true(event_parse("\x7f!crashlab armed x y=1", &event));
	assert_int_equal(event.stage, STAGE_ARMED);
}

static void test_too_much(void **state)
{
	char line[2000] = "crashlab error text=";
	struct event event;

	(void)state;
	memset(line + strlen(line), 'x', 1500);
	assert_false(event_parse(line, &event));
	assert_true(event_parse("crashlab boot a=1 b=2 c=3 d=4 e=5 f=6 g=7 h=8 i=9", &event));
	assert_int_equal(event.count, EVENT_KEYS_MAX);
}

static void append(const char *path, const char *text, size_t length)
{
	int fd = open(path, O_WRONLY | O_APPEND);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, length), length);
	close(fd);
}

static void test_follow(void **state)
{
	char path[] = "/tmp/crashlab-event-XXXXXX";
	static const char first[] = "\0\0crashlab boot release=6\nnoise\ncrashlab ca";
	static const char second[] = "se id=x.1\r\ncrashlab kvm module=kvm_amd\n";
	struct event_log log;
	struct event event;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_null(event_log_open(&log, path));
	assert_false(event_log_next(&log, &event));
	append(path, first, sizeof(first) - 1);
	struct pollfd poll_watch = {.fd = log.watch, .events = POLLIN};
	assert_int_equal(poll(&poll_watch, 1, 1000), 1);
	assert_true(event_log_next(&log, &event));
	assert_int_equal(event.stage, STAGE_BOOT);
	assert_false(event_log_next(&log, &event));
	assert_int_equal(poll(&poll_watch, 1, 0), 0);
	append(path, second, sizeof(second) - 1);
	assert_true(event_log_next(&log, &event));
	assert_int_equal(event.stage, STAGE_CASE);
	assert_string_equal(event_value(&event, "id"), "x.1");
	assert_true(event_log_next(&log, &event));
	assert_string_equal(event_value(&event, "module"), "kvm_amd");
	assert_false(event_log_next(&log, &event));
	event_log_close(&log);
	unlink(path);
}

static void test_missing_file(void **state)
{
	struct event_log log;
	struct error *err = event_log_open(&log, "/nonexistent/events.log");

	(void)state;
	assert_non_null(err);
	error_free(err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_every_event),
		cmocka_unit_test(test_text_goes_to_the_end),
		cmocka_unit_test(test_not_events),
		cmocka_unit_test(test_too_much),
		cmocka_unit_test(test_follow),
		cmocka_unit_test(test_missing_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
