// SPDX-License-Identifier: GPL-2.0-only
/*
 * A real capsule with bytes of it changed, through the whole analysis: kallsyms, BTF, modules,
 * lists, ORC, page tables, notes. CRASHLAB_FUZZ_DUMP names the capsule.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "changes.h"
#include "kernel/kernel.h"
#include "util/cleanup.h"
#include "virt/collect.h"
#include "virt/verdict.h"

static char path[64];
static uint8_t *file, *whole;
static size_t file_size;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	const char *name = getenv("CRASHLAB_FUZZ_DUMP");
	int source = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
	int copy = memfd_create("capsule", MFD_CLOEXEC);
	struct stat st;

	if (source < 0 || fstat(source, &st) || copy < 0 || ftruncate(copy, st.st_size)) {
		fprintf(stderr, "fuzz_capsule: set CRASHLAB_FUZZ_DUMP to a capsule\n");
		exit(1);
	}
	file_size = st.st_size;
	file = mmap(NULL, file_size, PROT_READ | PROT_WRITE, MAP_SHARED, copy, 0);
	whole = malloc(file_size);
	if (file == MAP_FAILED || !whole || pread(source, whole, file_size, 0) != st.st_size)
		exit(1);
	close(source);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", copy);
	return 0;
}

static void analyse(void)
{
	struct dump *dump = NULL;
	struct kernel *kernel = NULL;
	struct report report = {0};
	struct error *err = dump_open(path, &dump);

	if (!err)
		err = kernel_open(dump, NULL, &kernel);
	if (!err)
		err = report_collect(kernel, NULL, &report);
	if (!err)
		err = verdict_judge(&report, false);
	error_free(err);
	report_deinit(&report);
	kernel_close(kernel);
	dump_close(dump);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	memcpy(file, whole, file_size);
	apply_changes(data, size, file, file_size);
	analyse();
	return 0;
}
