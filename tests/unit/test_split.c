// SPDX-License-Identifier: GPL-2.0-only
/* The files of a split set: all there is one dump, whatever their order; anything else is refused.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/mman.h>

#include "dump/split.h"
#include "util/cleanup.h"

#define BLOCK 512
#define PAGES 64
#define PARTS_MAX 4

/* Header, sub header, two bitmaps of a block. */
struct file {
	uint8_t bytes[4 * BLOCK];
};

static void put32(struct file *file, size_t at, uint32_t value)
{
	memcpy(file->bytes + at, &value, sizeof(value));
}

static void put64(struct file *file, size_t at, uint64_t value)
{
	memcpy(file->bytes + at, &value, sizeof(value));
}

static void make(struct file *file, uint64_t start, uint64_t end)
{
	memset(file, 0, sizeof(*file));
	memcpy(file->bytes, "KDUMP   ", 8);
	put32(file, 8, 6);
	put32(file, 428, BLOCK);
	put32(file, 432, 1);
	put32(file, 436, 2);
	put32(file, BLOCK + 12, 1);
	put64(file, BLOCK + 80, start);
	put64(file, BLOCK + 88, end);
	put64(file, BLOCK + 96, PAGES);
	memset(file->bytes + 2 * BLOCK, 0xff, PAGES / 8);
	memset(file->bytes + 3 * BLOCK, 0xf0, PAGES / 8);
}

/* What split_check() says of the files; NULL when they are one dump. */
static struct error *judge(const struct file *files, size_t count)
{
	static const char *const paths[PARTS_MAX] = {"one", "two", "three", "four"};
	int fds[PARTS_MAX];

	for (size_t i = 0; i < count; i++) {
		fds[i] = memfd_create("part", 0);
		assert_int_equal(write(fds[i], &files[i], sizeof(files[i])), sizeof(files[i]));
	}
	struct error *err = split_check(paths, fds, count);

	for (size_t i = 0; i < count; i++)
		close(fds[i]);
	return err;
}

static void refused(const struct file *files, size_t count, const char *why)
{
	_cleanup_error_ struct error *err = judge(files, count);

	assert_non_null(err);
	assert_int_equal(err->code, ERROR_FORMAT);
	if (!strstr(err->message, why))
		fail_msg("\"%s\" instead of \"%s\"", err->message, why);
}

static void test_whole(void **state)
{
	struct file files[3];

	(void)state;
	make(&files[0], 20, 40);
	make(&files[1], 40, PAGES);
	make(&files[2], 0, 20);
	assert_null(judge(files, 3));
	make(&files[0], 0, PAGES);
	assert_null(judge(files, 1));
	put32(&files[0], BLOCK + 12, 0); /* not split */
	assert_null(judge(files, 1));
}

/* makedumpfile makes empty parts when there are few pages. */
static void test_empty_parts(void **state)
{
	struct file files[3];

	(void)state;
	make(&files[0], PAGES, PAGES);
	make(&files[1], 0, PAGES);
	make(&files[2], PAGES, PAGES);
	assert_null(judge(files, 3));
	assert_null(judge(files, 2));
}

static void test_missing(void **state)
{
	struct file files[2];

	(void)state;
	make(&files[0], 0, 20);
	make(&files[1], 40, PAGES);
	refused(files, 2, "is missing, that with the pages from number 0x14 to below 0x28");
	refused(files, 1, "from number 0x14 to below 0x40");
	refused(&files[1], 1, "from number 0x0 to below 0x28");
	make(&files[1], 20, 40);
	refused(files, 2, "from number 0x28 to below 0x40");
}

static void test_doubled(void **state)
{
	struct file files[3];

	(void)state;
	make(&files[0], 0, 20);
	make(&files[1], 20, PAGES);
	make(&files[2], 20, PAGES);
	refused(files, 3, "two and three have the same pages");
	make(&files[2], 10, 30);
	refused(files, 3, "have the same pages");
}

static void test_foreign(void **state)
{
	/* Another header, dump level, VMCOREINFO, list of pages. */
	static const size_t places[] = {408, BLOCK + 8, BLOCK + 200, 2 * BLOCK, 3 * BLOCK + 1};
	struct file files[2];

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		make(&files[0], 0, 20);
		make(&files[1], 20, PAGES);
		files[1].bytes[places[i]] ^= 1;
		refused(files, 2, "one and two are not parts of one dump");
	}
	make(&files[1], 20, PAGES);
	put32(&files[1], BLOCK + 12, 0);
	refused(files, 2, "two is no part of a split dump");
	memset(&files[1], 0, sizeof(files[1]));
	refused(files, 2, "two is no part of a split dump");
}

static void test_hostile(void **state)
{
	struct file files[2];

	(void)state;
	make(&files[0], 0, 20);
	make(&files[1], 20, 10);
	refused(files, 2, "cannot be");
	make(&files[0], 0, UINT64_MAX);
	make(&files[1], UINT64_MAX, 5);
	refused(files, 2, "cannot be");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),   cmocka_unit_test(test_empty_parts),
		cmocka_unit_test(test_missing), cmocka_unit_test(test_doubled),
		cmocka_unit_test(test_foreign), cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests_name("split", tests, NULL, NULL);
}
