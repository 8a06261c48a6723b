// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <endian.h>
#include <string.h>
#include <sys/mman.h>

#include "dump/flattened.h"
#include "util/cleanup.h"

struct stream {
	unsigned char bytes[16384];
	size_t size;
};

static void add(struct stream *stream, const void *data, size_t size)
{
	assert_true(stream->size + size <= sizeof(stream->bytes));
	memcpy(stream->bytes + stream->size, data, size);
	stream->size += size;
}

static void add_words(struct stream *stream, int64_t first, int64_t second)
{
	uint64_t words[] = {htobe64(first), htobe64(second)};

	add(stream, words, sizeof(words));
}

static void add_header(struct stream *stream, int64_t type, int64_t version)
{
	add(stream, "makedumpfile\0\0\0\0", 16);
	add_words(stream, type, version);
	stream->size = 4096;
}

static struct error *reassemble(const struct stream *stream, size_t size, int *ret)
{
	_cleanup_close_ int fd = memfd_create("stream", 0);

	assert_int_equal(write(fd, stream->bytes, size), size);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	*ret = memfd_create("output", MFD_CLOEXEC);
	return flattened_reassemble(fd, *ret);
}

static void make_valid(struct stream *stream)
{
	add_header(stream, 1, 1);
	add_words(stream, 6, 5);
	add(stream, "WORLD", 5);
	add_words(stream, 0, 6);
	add(stream, "HELLO ", 6);
	add_words(stream, -1, -1);
}

static void test_records_land_at_their_offsets(void **state)
{
	(void)state;
	struct stream stream = {0};
	_cleanup_close_ int fd = -1;
	char text[12] = "";

	make_valid(&stream);
	assert_null(reassemble(&stream, stream.size, &fd));
	assert_int_equal(pread(fd, text, sizeof(text), 0), 11);
	assert_string_equal(text, "HELLO WORLD");
}

static void test_cut_at_any_byte_is_an_error(void **state)
{
	(void)state;
	struct stream stream = {0};

	make_valid(&stream);
	for (size_t size = 4090; size < stream.size; size++) {
		_cleanup_close_ int fd = -1;
		_cleanup_error_ struct error *err = reassemble(&stream, size, &fd);

		assert_true(error_is(err, ERROR_FORMAT));
	}
}

static void expect_damaged(struct stream *stream)
{
	_cleanup_close_ int fd = -1;
	_cleanup_error_ struct error *err = reassemble(stream, stream->size, &fd);

	assert_true(error_is(err, ERROR_FORMAT));
}

static void test_hostile_records(void **state)
{
	(void)state;
	static const int64_t hostile[][2] = {
		{-1, 5}, {5, -1}, {-2, -2}, {0, 0}, {INT64_MAX, 5}, {5, INT64_MAX}, {INT64_MIN, 1},
	};

	for (size_t i = 0; i < sizeof(hostile) / sizeof(*hostile); i++) {
		struct stream stream = {0};

		add_header(&stream, 1, 1);
		add_words(&stream, hostile[i][0], hostile[i][1]);
		add_words(&stream, -1, -1);
		expect_damaged(&stream);
	}
}

static void test_foreign_headers(void **state)
{
	(void)state;
	struct stream other_type = {0}, other_version = {0}, foreign = {.size = 4096};

	add_header(&other_type, 2, 1);
	expect_damaged(&other_type);
	add_header(&other_version, 1, 7);
	expect_damaged(&other_version);
	expect_damaged(&foreign);
	assert_true(flattened_probe((const char *)other_type.bytes));
	assert_false(flattened_probe((const char *)foreign.bytes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records_land_at_their_offsets),
		cmocka_unit_test(test_cut_at_any_byte_is_an_error),
		cmocka_unit_test(test_hostile_records),
		cmocka_unit_test(test_foreign_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
