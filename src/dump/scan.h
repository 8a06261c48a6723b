/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_DUMP_SCAN_H
#define CRASHLAB_DUMP_SCAN_H

#include "dump/dump.h"

/** What dump_scan() looks for, and what it found. */
struct dump_scan {
	/** True for a page that starts with @word; called by several threads at a time. */
	bool (*wanted)(const void *data, uint32_t word);
	const void *data;
	/** Called now and then by one thread, the last time with all done; NULL: not at all. */
	void (*progress)(uint64_t done, uint64_t total);
	unsigned threads; /* 0: as many as there are CPUs to use */

	uint64_t pages; /* that were looked at */
	uint64_t unreadable; /* that the dump has, but damaged */
	uint64_t *hits; /* physical addresses, ascending; dump_scan_deinit() frees them */
	size_t count;
};

/**
 * Look at every whole page of memory that is in @dump. These reads are not recorded
 * (dump_record()), so that a capsule does not become a copy. ERROR_FORMAT: more hits than can be.
 */
struct error *dump_scan(struct dump *dump, struct dump_scan *scan);
void dump_scan_deinit(struct dump_scan *scan);

#endif
