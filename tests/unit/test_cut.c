// SPDX-License-Identifier: GPL-2.0-only
/*
 * A real dump that was cut off is refused, wherever that was: in its headers byte by byte, then
 * about every page's end. (test_complete and test_flattened cut small files of the other formats.)
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capsule_file.h"
#include "dump/dump.h"
#include "util/cleanup.h"

#define PAGE 4096
#define HEADERS 2048

/** Where the next cut is made, from the end to the start. */
static size_t next_cut(size_t size)
{
	if (size <= HEADERS || size % PAGE <= 1)
		return size - 1;
	return size / PAGE * PAGE + 1;
}

static void test_every_cut_is_refused(void **state)
{
	_cleanup_close_ int fd = memfd_create("cut", MFD_CLOEXEC);
	struct dump *dump;
	char path[32];
	size_t size;
	_cleanup_free_ void *bytes = capsule_unpack("vmx-virt-off", &size);

	(void)state;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_int_equal(write(fd, bytes, size), size);
	assert_null(dump_open(path, &dump));
	dump_close(dump);
	while (size) {
		size = next_cut(size);
		assert_int_equal(ftruncate(fd, size), 0);
		struct error *err = dump_open(path, &dump);

		if (!err)
			fail_msg("cut off at %zu bytes, it opens", size);
		if (err->code != ERROR_FORMAT)
			fail_msg("cut off at %zu bytes: %s", size, err->message);
		error_free(err);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_cut_is_refused),
	};

	return cmocka_run_group_tests_name("cut", tests, NULL, NULL);
}
