// SPDX-License-Identifier: GPL-2.0-only
/*
 * A real capsule with bytes of it changed, through the whole analysis: kallsyms, BTF, modules,
 * lists, ORC, page tables, notes. CRASHLAB_FUZZ_DUMP names the capsule. An input is a row of
 * changes: where (u32, modulo the file's size), how many bytes (u8, modulo 8, plus 1), the bytes.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "kernel/kernel.h"
#include "util/cleanup.h"
#include "virt/collect.h"
#include "virt/verdict.h"

#define CHANGES_MAX 32

static char path[64];
static uint8_t *file;
static size_t file_size;

struct change {
	size_t offset, size;
	uint8_t before[8];
};

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
	if (file == MAP_FAILED || pread(source, file, file_size, 0) != (ssize_t)file_size)
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
	struct change changes[CHANGES_MAX];
	size_t count = 0;

	while (count < CHANGES_MAX && size > 5) {
		struct change *change = &changes[count];
		uint32_t where;

		memcpy(&where, data, sizeof(where));
		change->size = data[4] % 8 + 1;
		change->offset = where % (file_size - 8);
		data += 5;
		size -= 5;
		if (change->size > size)
			break;
		memcpy(change->before, file + change->offset, change->size);
		memcpy(file + change->offset, data, change->size);
		data += change->size;
		size -= change->size;
		count++;
	}
	analyse();
	while (count--)
		memcpy(file + changes[count].offset, changes[count].before, changes[count].size);
	return 0;
}
