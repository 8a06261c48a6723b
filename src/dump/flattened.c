// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "dump/flattened.h"

#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"

#define SIGNATURE "makedumpfile\0\0\0\0"
#define HEADER_SIZE 4096
#define TYPE_FLAT_HEADER 1
#define VERSION_FLAT_HEADER 1
#define END_FLAT_HEADER (-1)

/* No file of a dump is larger: physical addresses have at most 52 bits (SDM vol. 3A, 4.1.4). */
#define LARGEST_OFFSET (1LL << 52)

struct flat_header {
	char signature[FLATTENED_PROBE_SIZE];
	uint64_t type;
	uint64_t version;
};

struct flat_record {
	uint64_t offset;
	uint64_t size;
};

bool flattened_probe(const char start[FLATTENED_PROBE_SIZE])
{
	return memcmp(start, SIGNATURE, FLATTENED_PROBE_SIZE) == 0;
}

static struct error *read_all(int fd, void *buffer, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = read(fd, (char *)buffer + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(errno, "flattened dump");
		if (n == 0)
			return error_new(ERROR_FORMAT, "flattened dump is cut off: it ends before "
						       "its end marker");
		done += n;
	}
	return NULL;
}

static struct error *write_all(int fd, const void *buffer, size_t size, off_t offset)
{
	for (size_t done = 0; done < size;) {
		ssize_t n =
			pwrite(fd, (const char *)buffer + done, size - done, offset + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(errno, "temporary file for a flattened dump (TMPDIR)");
		done += n;
	}
	return NULL;
}

static struct error *check_header(int input)
{
	char block[HEADER_SIZE];
	struct flat_header header;

	try(read_all(input, block, sizeof(block)));
	memcpy(&header, block, sizeof(header));
	if (!flattened_probe(header.signature))
		return error_new(ERROR_FORMAT, "not a flattened dump");
	if (be64toh(header.type) != TYPE_FLAT_HEADER ||
	    be64toh(header.version) != VERSION_FLAT_HEADER)
		return error_new(ERROR_FORMAT,
				 "flattened dump of unknown type %#llx, version %#llx",
				 (unsigned long long)be64toh(header.type),
				 (unsigned long long)be64toh(header.version));
	return NULL;
}

static struct error *copy_record(int input, int output, off_t offset, uint64_t size)
{
	static const size_t chunk = 1 << 20;
	_cleanup_free_ char *buffer = malloc(chunk);

	if (!buffer)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	while (size) {
		size_t part = size < chunk ? size : chunk;

		try(read_all(input, buffer, part));
		try(write_all(output, buffer, part, offset));
		offset += part;
		size -= part;
	}
	return NULL;
}

static struct error *copy_records(int input, int output)
{
	for (;;) {
		struct flat_record record;

		try(read_all(input, &record, sizeof(record)));
		int64_t offset = be64toh(record.offset);
		int64_t size = be64toh(record.size);

		if (offset == END_FLAT_HEADER && size == END_FLAT_HEADER)
			return NULL;
		if (offset < 0 || size <= 0 || offset > LARGEST_OFFSET || size > LARGEST_OFFSET)
			return error_new(
				ERROR_FORMAT,
				"flattened dump is damaged: a record of %lld bytes at %lld",
				(long long)size, (long long)offset);
		try(copy_record(input, output, offset, size));
	}
}

struct error *flattened_reassemble(int input, int output)
{
	try(check_header(input));
	return copy_records(input, output);
}
