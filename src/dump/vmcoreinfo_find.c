// SPDX-License-Identifier: GPL-2.0-only
/*
 * A dump that QEMU wrote without a vmcoreinfo device has no VMCOREINFO. But every kernel with kdump
 * keeps the finished note at a page's start (vmcoreinfo_note; crash_save_vmcoreinfo_init(),
 * kernel/vmcore_info.c, kernel/crash_core.c before 6.9) and adds CRASHTIME to it when it jumps to
 * its crash kernel. What is found is believed when the page tables that it names lead to a kernel
 * of the release that it names.
 */
#include "dump/internal.h"

#include <inttypes.h>
#include <string.h>

#include "dump/scan.h"
#include "util/cleanup.h"
#include "util/text.h"

#define NOTE_NAME "VMCOREINFO"

/* VMCOREINFO_BYTES is a page (include/linux/vmcore_info.h). */
#define TEXT_MAX DUMP_PAGE_SIZE

/* struct new_utsname, include/uapi/linux/utsname.h: sysname, nodename, release. */
#define UTS_FIELD 65
#define UTS_RELEASE (2 * UTS_FIELD)

/* More copies than there can be kernels: an attempt to keep the program busy. */
#define CANDIDATES_MAX 64

struct note_head {
	Elf64_Nhdr header;
	char name[12]; /* padded */
};

struct candidate {
	uint64_t address; /* physical, of the note */
	char *text;
	char *release;
	const char *crashed; /* its CRASHTIME, NULL: it did not; the text's */
};

struct candidates {
	struct candidate *items;
	size_t count;
};

static void candidates_deinit(struct candidates *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].text);
		free(list->items[i].release);
	}
	free(list->items);
}

static bool starts_like_note(const void *data, uint32_t word)
{
	(void)data;
	return word == sizeof(NOTE_NAME);
}

static struct error *read_text(struct dump *dump, uint64_t address, char **ret)
{
	_cleanup_free_ char *text = NULL;
	struct note_head head;

	try(dump_read_physical(dump, address, &head, sizeof(head)));
	if (head.header.n_namesz != sizeof(NOTE_NAME) ||
	    memcmp(head.name, NOTE_NAME, sizeof(NOTE_NAME)) || !head.header.n_descsz ||
	    head.header.n_descsz > TEXT_MAX)
		return error_new(ERROR_FORMAT, "no VMCOREINFO");
	text = calloc(1, head.header.n_descsz + 1);
	if (!text)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	try(dump_read_physical(dump, address + sizeof(head), text, head.header.n_descsz));
	*ret = take(text);
	return NULL;
}

/* OFFSET(uts_namespace.name) is there since 5.11; before, a struct kref of 4 bytes came first. */
static struct error *read_release(struct dump *dump, char release[UTS_FIELD + 1])
{
	uint64_t names, offset;
	char sysname[UTS_FIELD];

	try(dump_vmcoreinfo_number(dump, "SYMBOL(init_uts_ns)", 16, &names));
	struct error *err = dump_vmcoreinfo_number(dump, "OFFSET(uts_namespace.name)", 10, &offset);

	if (error_is(err, ERROR_NOT_FOUND)) {
		error_clear(&err);
		offset = 4;
	}
	try(err);
	try(dump_read(dump, names + offset, sysname, sizeof(sysname)));
	if (strncmp(sysname, "Linux", sizeof(sysname)))
		return error_new(ERROR_FORMAT, "not a Linux kernel");
	release[UTS_FIELD] = '\0';
	return dump_read(dump, names + offset + UTS_RELEASE, release, UTS_FIELD);
}

/* The dump takes the text for its own for as long. */
static struct error *verify(struct dump *dump, const char *text)
{
	char release[UTS_FIELD + 1];

	vmcoreinfo_deinit(dump);
	try(vmcoreinfo_init(dump, text, strlen(text)));
	const char *promised = dump_vmcoreinfo(dump, "OSRELEASE");

	if (!promised)
		return error_new(ERROR_FORMAT, "VMCOREINFO has no OSRELEASE");
	try(pagetable_init(dump));
	try(read_release(dump, release));
	if (strcmp(release, promised))
		return error_new(ERROR_FORMAT, "the kernel is another");
	return NULL;
}

static struct error *add_candidate(struct dump *dump, uint64_t address, struct candidates *list)
{
	_cleanup_free_ char *text = NULL;
	struct error *err = read_text(dump, address, &text);

	if (!err)
		err = verify(dump, text);
	if (err && err->code != ERROR_NO_MEMORY) {
		error_free(err);
		return NULL;
	}
	try(err);
	for (size_t i = 0; i < list->count; i++) {
		if (!strcmp(list->items[i].text, text))
			return NULL;
	}
	if (list->count == CANDIDATES_MAX)
		return error_new(ERROR_FORMAT, "more than %u kernels' VMCOREINFO in memory",
				 CANDIDATES_MAX);
	try(array_grow((void **)&list->items, &list->count, sizeof(*list->items)));
	struct candidate *added = &list->items[list->count - 1];

	added->address = address;
	added->text = take(text);
	added->crashed = strstr(added->text, "\nCRASHTIME=");
	return text_set(&added->release, "%s", dump_vmcoreinfo(dump, "OSRELEASE"));
}

/** The only one that crashed, or the only one; NULL: it cannot be told. */
static const struct candidate *choose(const struct candidates *list)
{
	const struct candidate *crashed = NULL;

	for (size_t i = 0; i < list->count; i++) {
		if (!list->items[i].crashed)
			continue;
		if (crashed)
			return NULL;
		crashed = &list->items[i];
	}
	return crashed || list->count != 1 ? crashed : list->items;
}

static struct error *refuse(const struct candidates *list)
{
	_cleanup_free_ char *kernels = NULL;

	if (!list->count)
		return error_new(ERROR_FORMAT,
				 "no VMCOREINFO, nor is it found in memory: not a dump of a Linux "
				 "kernel, or of one without kdump");
	for (size_t i = 0; i < list->count; i++) {
		const struct candidate *candidate = &list->items[i];
		_cleanup_free_ char *kernel = NULL;

		try(text_set(&kernel, "%s (note at 0x%" PRIx64 "%s)", candidate->release,
			     candidate->address, candidate->crashed ? ", crashed" : ""));
		try(text_join(&kernels, ", ", kernel));
	}
	return error_new(ERROR_FORMAT,
			 "no VMCOREINFO; in memory there is that of several kernels, and which is "
			 "meant cannot be told: %s. Start QEMU with -device vmcoreinfo",
			 kernels);
}

static struct error *take_candidate(struct dump *dump, const struct candidates *list)
{
	const struct candidate *chosen = choose(list);

	if (!chosen)
		return refuse(list);
	try(verify(dump, chosen->text));
	try(text_set(&dump->description,
		     "%s, VMCOREINFO found in memory at 0x%" PRIx64 ", of a kernel that %s",
		     dump->format, chosen->address,
		     chosen->crashed ? "crashed" : "did not start its crash kernel"));
	for (size_t i = 0; i < list->count; i++) {
		_cleanup_free_ char *other = NULL;

		if (&list->items[i] == chosen)
			continue;
		try(text_set(&other, "(another one: %s at 0x%" PRIx64 ")", list->items[i].release,
			     list->items[i].address));
		try(text_join(&dump->description, " ", other));
	}
	return NULL;
}

struct error *vmcoreinfo_find(struct dump *dump)
{
	struct dump_scan scan = {.wanted = starts_like_note};
	struct candidates list = {};

	try(dump_scan(dump, &scan));
	struct error *err = NULL;

	for (size_t i = 0; !err && i < scan.count; i++)
		err = add_candidate(dump, scan.hits[i], &list);
	if (!err)
		err = take_candidate(dump, &list);
	dump_scan_deinit(&scan);
	candidates_deinit(&list);
	return err;
}
