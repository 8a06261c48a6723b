// SPDX-License-Identifier: GPL-2.0-only
/*
 * The least that looking at all of a dump can take: every page of a dump in makedumpfile's format
 * decompressed once, on all CPUs, by the compression's own library, and nothing done with it. What
 * bench/scan.sh holds `verify_vmcs --scan' against.
 *
 * Usage: decompress DUMP
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <lzo/lzo1x.h>
#include <pthread.h>
#include <sched.h>
#include <snappy-c.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

#include "dump/kdump_file.h"
#include "util/cleanup.h"

#define PAGE 4096
#define AT_ONCE 512
#define THREADS_MAX 64

/* struct page_desc of makedumpfile's diskdump_mod.h */
struct descriptor {
	uint64_t offset;
	uint32_t size, flags;
	uint64_t page_flags;
};

static const uint8_t *bytes;
static const struct descriptor *descriptors;
static uint64_t count;
static atomic_uint_fast64_t next, broken;

static bool decompress(const struct descriptor *page, ZSTD_DCtx *zstd, uint8_t *out)
{
	const uint8_t *in = bytes + page->offset;
	uLongf zlib_size = PAGE;
	lzo_uint lzo_size = PAGE;
	size_t snappy_size = PAGE;

	if (page->flags & KDUMP_ZLIB)
		return uncompress(out, &zlib_size, in, page->size) == Z_OK;
	if (page->flags & KDUMP_LZO)
		return lzo1x_decompress_safe(in, page->size, out, &lzo_size, NULL) == LZO_E_OK;
	if (page->flags & KDUMP_SNAPPY)
		return snappy_uncompress((const char *)in, page->size, (char *)out, &snappy_size) ==
		       SNAPPY_OK;
	if (page->flags & KDUMP_ZSTD)
		return !ZSTD_isError(ZSTD_decompressDCtx(zstd, out, PAGE, in, page->size));
	memcpy(out, in, PAGE);
	return true;
}

static void *work(void *unused)
{
	ZSTD_DCtx *zstd = ZSTD_createDCtx();
	uint8_t page[PAGE];
	uint64_t first;

	(void)unused;
	while ((first = atomic_fetch_add(&next, AT_ONCE)) < count) {
		uint64_t end = first + AT_ONCE < count ? first + AT_ONCE : count;

		for (uint64_t i = first; i < end; i++) {
			if (!decompress(&descriptors[i], zstd, page))
				atomic_fetch_add(&broken, 1);
		}
	}
	ZSTD_freeDCtx(zstd);
	return NULL;
}

static void run(void)
{
	pthread_t threads[THREADS_MAX];
	cpu_set_t set;
	int started = 0, wanted;

	wanted = sched_getaffinity(0, sizeof(set), &set) ? 1 : CPU_COUNT(&set);
	while (started < wanted - 1 && started < THREADS_MAX &&
	       !pthread_create(&threads[started], NULL, work, NULL))
		started++;
	work(NULL);
	while (started)
		pthread_join(threads[--started], NULL);
}

static uint64_t count_pages(const struct kdump_file *file)
{
	uint64_t pages = 0;

	for (uint64_t i = 0; i < file->bitmap_size; i++)
		pages += __builtin_popcount(bytes[file->bitmap + i]);
	return pages;
}

int main(int argc, char **argv)
{
	_cleanup_close_ int fd = argc == 2 ? open(argv[1], O_RDONLY) : -1;
	struct kdump_file file;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || !kdump_file_probe(fd)) {
		fprintf(stderr, "usage: decompress DUMP, one in makedumpfile's format\n");
		return 64;
	}
	struct error *err = kdump_file_read(fd, &file);

	if (err) {
		fprintf(stderr, "decompress: %s\n", err->message);
		error_free(err);
		return 1;
	}
	bytes = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return 1;
	descriptors = (const struct descriptor *)(bytes + file.descriptors);
	count = count_pages(&file);
	run();
	printf("%" PRIu64 " pages, %" PRIu64 " damaged\n", count, (uint64_t)broken);
	return broken != 0;
}
