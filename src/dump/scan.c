// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "dump/scan.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "dump/internal.h"
#include "util/cleanup.h"
#include "util/text.h"

#define MAX_THREADS 64
#define MAX_HITS (1u << 20)
#define PAGES_AT_ONCE 512

/** Pages in a row that the dump has, [start, end) in page frame numbers. */
struct extent {
	uint64_t start, end;
};

/** What the threads share; only with the lock held, but for what does not change. */
struct work {
	pthread_mutex_t lock;
	struct dump_scan *scan;
	struct extent *extents;
	size_t count;
	size_t next; /* extent; its start moves on */
	uint64_t done, total;
	struct error *err;
};

struct worker {
	struct work *work;
	kdump_ctx_t *ctx; /* the library wants one for each thread */
	bool reports;
	pthread_t thread;
};

static struct error *add_extent(struct work *work, uint64_t start, uint64_t end)
{
	if (start >= end)
		return NULL;
	try(array_grow((void **)&work->extents, &work->count, sizeof(*work->extents)));
	work->extents[work->count - 1] = (struct extent){start, end};
	work->total += end - start;
	return NULL;
}

static struct error *elf_extents(const struct dump *dump, struct work *work)
{
	for (size_t i = 0; i < dump->memory.count; i++) {
		const struct elf_range *range = &dump->memory.ranges[i];

		try(add_extent(work, (range->start + DUMP_PAGE_MASK) >> DUMP_PAGE_SHIFT,
			       range->end >> DUMP_PAGE_SHIFT));
	}
	return NULL;
}

/** Of the other formats the library knows which pages are in the file. */
static struct error *mapped_extents(const struct dump *dump, struct work *work)
{
	kdump_attr_t attr = {.type = KDUMP_BITMAP};
	kdump_addr_t start = 0, end;

	if (kdump_get_attr(dump->ctx, KDUMP_ATTR_FILE_PAGEMAP, &attr) != KDUMP_OK ||
	    attr.type != KDUMP_BITMAP)
		return error_new(ERROR_UNSUPPORTED, "it is not known which pages are in the dump");
	while (kdump_bmp_find_set(attr.val.bitmap, &start) == KDUMP_OK) {
		end = start;
		if (kdump_bmp_find_clear(attr.val.bitmap, &end) != KDUMP_OK || end <= start)
			return error_new(ERROR_FORMAT, "the dump's map of pages does not end");
		try(add_extent(work, start, end));
		start = end;
	}
	return NULL;
}

/** Take the next few pages; false when there are none left. */
static bool take_pages(struct work *work, struct extent *ret)
{
	bool found = false;

	pthread_mutex_lock(&work->lock);
	if (!work->err && work->next < work->count) {
		struct extent *extent = &work->extents[work->next];

		*ret = *extent;
		if (ret->end - ret->start > PAGES_AT_ONCE)
			ret->end = ret->start + PAGES_AT_ONCE;
		extent->start = ret->end;
		work->next += extent->start == extent->end;
		found = true;
	}
	pthread_mutex_unlock(&work->lock);
	return found;
}

static struct error *add_hit(struct work *work, uint64_t address)
{
	struct error *err = NULL;

	pthread_mutex_lock(&work->lock);
	if (work->scan->count >= MAX_HITS)
		err = error_new(ERROR_FORMAT, "%u pages look like what is sought", MAX_HITS);
	else
		err = array_grow((void **)&work->scan->hits, &work->scan->count, sizeof(address));
	if (!err)
		work->scan->hits[work->scan->count - 1] = address;
	pthread_mutex_unlock(&work->lock);
	return err;
}

static struct error *look_at(struct worker *worker, const struct extent *extent,
			     uint64_t *unreadable)
{
	struct work *work = worker->work;

	for (uint64_t pfn = extent->start; pfn < extent->end; pfn++) {
		size_t length = sizeof(uint32_t);
		uint32_t word = 0;

		/* Most pages are done with their first word. */
		kdump_clear_err(worker->ctx);
		if (kdump_read(worker->ctx, KDUMP_MACHPHYSADDR, pfn << DUMP_PAGE_SHIFT, &word,
			       &length) != KDUMP_OK)
			*unreadable += 1;
		else if (work->scan->wanted(work->scan->data, word))
			try(add_hit(work, pfn << DUMP_PAGE_SHIFT));
	}
	return NULL;
}

static void *run_worker(void *data)
{
	struct worker *worker = data;
	struct work *work = worker->work;
	struct extent extent;

	while (take_pages(work, &extent)) {
		uint64_t unreadable = 0, done;
		struct error *err = look_at(worker, &extent, &unreadable);

		pthread_mutex_lock(&work->lock);
		work->done += extent.end - extent.start;
		work->scan->unreadable += unreadable;
		work->scan->pages += extent.end - extent.start - unreadable;
		if (!work->err)
			work->err = err;
		else
			error_free(err);
		done = work->done;
		pthread_mutex_unlock(&work->lock);
		if (worker->reports && work->scan->progress)
			work->scan->progress(done, work->total);
	}
	return NULL;
}

static int usable_cpus(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) ? MAX_THREADS : CPU_COUNT(&set);
}

static unsigned thread_count(const struct dump_scan *scan, const struct work *work)
{
	/* Not sysconf(), which opens a file. */
	int count = scan->threads ? (int)scan->threads : usable_cpus();
	uint64_t useful = work->total / PAGES_AT_ONCE + 1;

	if (count > MAX_THREADS)
		count = MAX_THREADS;
	return (uint64_t)count < useful ? (unsigned)count : (unsigned)useful;
}

/** Run as many threads as can be had; this one is the first of them. */
static struct error *run_workers(struct dump *dump, struct work *work)
{
	unsigned count = thread_count(work->scan, work), started = 1;
	struct worker workers[MAX_THREADS] = {{work, dump->ctx, true, pthread_self()}};

	for (; started < count; started++) {
		struct worker *worker = &workers[started];

		*worker = (struct worker){.work = work, .ctx = kdump_clone(dump->ctx, 0)};
		if (!worker->ctx)
			break;
		if (pthread_create(&worker->thread, NULL, run_worker, worker)) {
			kdump_free(worker->ctx);
			break;
		}
	}
	run_worker(&workers[0]);
	for (unsigned i = 1; i < started; i++) {
		pthread_join(workers[i].thread, NULL);
		kdump_free(workers[i].ctx);
	}
	if (!work->err && work->scan->progress)
		work->scan->progress(work->total, work->total);
	return work->err;
}

static int by_address(const void *one, const void *two)
{
	uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)two;

	return a < b ? -1 : a > b;
}

struct error *dump_scan(struct dump *dump, struct dump_scan *scan)
{
	struct work work = {.lock = PTHREAD_MUTEX_INITIALIZER, .scan = scan};
	struct error *err =
		dump->memory.count ? elf_extents(dump, &work) : mapped_extents(dump, &work);

	if (!err)
		err = run_workers(dump, &work);
	if (!err && scan->count)
		qsort(scan->hits, scan->count, sizeof(*scan->hits), by_address);
	free(work.extents);
	if (err)
		dump_scan_deinit(scan);
	return err;
}

void dump_scan_deinit(struct dump_scan *scan)
{
	free(scan->hits);
	scan->hits = NULL;
	scan->count = 0;
}
