// SPDX-License-Identifier: GPL-2.0-only
#include "dump/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "dump/complete.h"
#include "dump/flattened.h"
#include "dump/kdump_file.h"
#include "dump/split.h"
#include "dump/vcpus.h"
#include "util/cleanup.h"
#include "util/text.h"

/* Physical addresses have at most 52 bits (Intel SDM volume 3, 4.1.4). */
#define PHYSICAL_LIMIT (1ULL << 52)

#define NOT_THERE "not in the dump"

static struct error *kdump_error(kdump_ctx_t *ctx, kdump_status status)
{
	const char *text = kdump_get_err(ctx);
	enum error_code code;

	switch (status) {
	case KDUMP_ERR_NODATA:
		/* Each format has words of its own for it; a capsule has to read as its dump does.
		 */
		return error_new(ERROR_NO_DATA, NOT_THERE);
	case KDUMP_ERR_SYSTEM:
		code = ERROR_SYSTEM;
		break;
	case KDUMP_ERR_NOTIMPL:
		code = ERROR_UNSUPPORTED;
		break;
	default:
		code = ERROR_FORMAT;
	}
	return error_new(code, "%s", text ? text : "unknown error of libkdumpfile");
}

/* ---- opening ---- */

/*
 * libkdumpfile 0.5.1 does not read the flattened format, and the only format that can come through
 * a pipe is that one.
 */
static struct error *reassemble(struct dump_file *file)
{
	char start[FLATTENED_PROBE_SIZE] = {0};
	bool pipe = lseek(file->fd, 0, SEEK_SET) < 0 && errno == ESPIPE;

	if (!pipe) {
		ssize_t length = pread(file->fd, start, sizeof(start), 0);

		if (length < 0)
			return error_errno(errno, "read");
		if (!length)
			return error_new(ERROR_FORMAT, "the file is empty");
	}
	if (!pipe && !flattened_probe(start))
		return NULL;
	if (file->temporary < 0)
		return error_errno(file->temporary_errno, "temporary file (set TMPDIR)");
	try(flattened_reassemble(file->fd, file->temporary));
	close(file->fd);
	file->fd = file->temporary;
	file->temporary = -1;
	return NULL;
}

static const char *kdump_format_name(uint32_t status)
{
	static const struct {
		uint32_t flag;
		const char *name;
	} names[] = {
		{KDUMP_ZLIB, "kdump-zlib"},
		{KDUMP_LZO, "kdump-lzo"},
		{KDUMP_SNAPPY, "kdump-snappy"},
		{KDUMP_ZSTD, "kdump-zstd"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (status & names[i].flag)
			return names[i].name;
	}
	return "kdump";
}

/* QEMU leaves out of its kdump formats what libkdumpfile 0.5.1 knows the architecture by;
 * kdump_file_read() has looked at the name of the machine. */
static struct error *check_architecture(const struct dump *dump)
{
	const char *arch;

	if (kdump_get_string_attr(dump->ctx, KDUMP_ATTR_ARCH_NAME, &arch) != KDUMP_OK) {
		if (kdump_file_probe(dump->fds[0]))
			return NULL;
		return error_new(ERROR_FORMAT, "the dump does not tell its architecture");
	}
	if (strcmp(arch, KDUMP_ARCH_X86_64))
		return error_new(ERROR_FORMAT, "a dump of architecture %s; only x86_64 is known",
				 arch);
	return NULL;
}

static struct error *check_format(struct dump *dump)
{
	struct kdump_file file;
	kdump_num_t page_size;
	const char *format;

	if (kdump_get_string_attr(dump->ctx, KDUMP_ATTR_FILE_FORMAT, &format) != KDUMP_OK)
		return error_new(ERROR_FORMAT, "not a crash dump");
	if (!strcmp(format, "elf")) {
		dump->format = "elf";
	} else if (!strcmp(format, "diskdump") && kdump_file_probe(dump->fds[0])) {
		try(kdump_file_read(dump->fds[0], &file));
		dump->format = kdump_format_name(file.status);
	} else {
		return error_new(ERROR_UNSUPPORTED, "dumps of format \"%s\" are not supported",
				 format);
	}
	try(check_architecture(dump));
	if (kdump_get_number_attr(dump->ctx, KDUMP_ATTR_PAGE_SIZE, &page_size) == KDUMP_OK &&
	    page_size != DUMP_PAGE_SIZE)
		return error_new(ERROR_FORMAT, "a dump with a page size of %ju",
				 (uintmax_t)page_size);
	return NULL;
}

/* Headers of makedumpfile's format to version 3 have it apart from the notes. */
static struct error *library_vmcoreinfo(struct dump *dump)
{
	kdump_attr_t attr = {.type = KDUMP_BLOB};
	struct error *err;
	void *text;

	/* Not kdump_vmcoreinfo_raw(): that one wants the address translation set up first. */
	if (kdump_get_attr(dump->ctx, "linux.vmcoreinfo.raw", &attr) != KDUMP_OK ||
	    attr.type != KDUMP_BLOB)
		return error_new(ERROR_NOT_FOUND, "no VMCOREINFO");
	text = kdump_blob_pin(attr.val.blob);
	err = vmcoreinfo_init(dump, text, kdump_blob_size(attr.val.blob));
	kdump_blob_unpin(attr.val.blob);
	return err;
}

static struct error *read_vmcoreinfo(struct dump *dump)
{
	struct error *err = library_vmcoreinfo(dump);

	if (error_is(err, ERROR_NOT_FOUND)) {
		error_free(err);
		return vmcoreinfo_find(dump);
	}
	try(err);
	if (!dump_vmcoreinfo(dump, "OSRELEASE"))
		return error_new(ERROR_FORMAT, "VMCOREINFO has no OSRELEASE");
	return pagetable_init(dump);
}

static struct error *read_notes(struct dump *dump)
{
	size_t offset = 0;
	struct note note;

	try(notes_read(dump->fds[0], &dump->notes));
	while (notes_next(&dump->notes, &offset, &note)) {
		if (!note_is_called(&note, DUMP_KEPT_NOTE) || note.header.n_type != DUMP_KEPT_TYPE)
			continue;
		free(dump->kept);
		dump->kept = strndup(note.desc, note.header.n_descsz);
		if (!dump->kept)
			return error_new(ERROR_NO_MEMORY, "out of memory");
	}
	return vcpus_init(&dump->notes, &dump->vcpus, &dump->vcpu_count);
}

static struct error *open_library(struct dump *dump)
{
	dump->ctx = kdump_new();
	if (!dump->ctx)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	kdump_status status = kdump_open_fdset(dump->ctx, dump->fd_count, dump->fds);

	if (status != KDUMP_OK) {
		struct error *err = kdump_error(dump->ctx, status);

		/* Whatever the library calls it: this file is not a dump it can use. */
		if (err->code != ERROR_SYSTEM && err->code != ERROR_NO_MEMORY)
			err->code = ERROR_FORMAT;
		return error_wrap(err, "not a usable crash dump");
	}
	/* Pages; the library's 1024 are more than the capture kernel should spare. */
	kdump_set_number_attr(dump->ctx, "cache.size", DUMP_CACHE_PAGES);
	return NULL;
}

static int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

static struct error *open_part(struct dump *dump, struct dump_file *file)
{
	try(reassemble(file));
	if (file->live)
		dump->msr = take_fd(&file->msr);
	dump->live = file->live;
	dump->fds[dump->fd_count++] = take_fd(&file->fd);
	return check_complete(dump->fds[dump->fd_count - 1]);
}

static struct error *dump_init(struct dump *dump)
{
	try(open_library(dump));
	try(check_format(dump));
	try(text_set(&dump->description, "%s", dump->format));
	try(read_notes(dump));
	try(elf_memory_init(dump->fds[0], &dump->memory));
	return read_vmcoreinfo(dump);
}

static struct error *open_all(struct dump *dump, struct dump_file *files, size_t count)
{
	_cleanup_free_ const char **names = calloc(count, sizeof(*names));
	_cleanup_free_ char *all = NULL;

	dump->fds = calloc(count, sizeof(*dump->fds));
	if (!dump->fds || !names)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < count; i++) {
		names[i] = files[i].name;
		try(error_wrap(open_part(dump, &files[i]), "%s", names[i]));
		try(text_join(&all, ", ", names[i]));
	}
	struct error *err = split_check(names, dump->fds, count);

	if (!err)
		err = dump_init(dump);
	return error_wrap(err, "%s", all);
}

struct error *dump_open_files(struct dump_file *files, size_t count, struct dump **ret)
{
	struct dump *dump = calloc(1, sizeof(*dump));

	if (!dump)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	dump->msr = -1;
	struct error *err = open_all(dump, files, count);

	if (err) {
		dump_close(dump);
		return err;
	}
	*ret = dump;
	return NULL;
}

struct error *dump_open_set(const char *const *paths, size_t count, struct dump **ret)
{
	_cleanup_free_ struct dump_file *files = calloc(count, sizeof(*files));
	struct error *err = files ? NULL : error_new(ERROR_NO_MEMORY, "out of memory");
	size_t opened = 0;

	for (; !err && opened < count; opened++)
		err = dump_file_open(paths[opened], &files[opened]);
	if (!err)
		err = dump_open_files(files, count, ret);
	while (opened)
		dump_file_close(&files[--opened]);
	return err;
}

struct error *dump_open(const char *path, struct dump **ret)
{
	return dump_open_set(&path, 1, ret);
}

void dump_close(struct dump *dump)
{
	if (!dump)
		return;
	if (dump->ctx)
		kdump_free(dump->ctx);
	for (size_t i = 0; i < dump->fd_count; i++)
		close(dump->fds[i]);
	if (dump->msr >= 0)
		close(dump->msr);
	free(dump->fds);
	vmcoreinfo_deinit(dump);
	notes_deinit(&dump->notes);
	elf_memory_deinit(&dump->memory);
	page_set_deinit(&dump->read);
	free(dump->vcpus);
	free(dump->description);
	free(dump->kept);
	free(dump);
}

const char *dump_format(const struct dump *dump)
{
	return dump->description;
}

size_t dump_vcpu_count(const struct dump *dump)
{
	return dump->vcpu_count;
}

const struct dump_vcpu *dump_vcpu(const struct dump *dump, size_t index)
{
	return &dump->vcpus[index];
}

bool dump_is_live_vmcore(const struct dump *dump)
{
	return dump->live;
}

struct error *dump_read_live_msr(struct dump *dump, uint32_t number, uint64_t *ret)
{
	if (dump->msr < 0)
		return error_new(ERROR_NOT_FOUND, "no msr driver");
	if (pread(dump->msr, ret, sizeof(*ret), number) != sizeof(*ret))
		return error_errno(errno, "MSR 0x%" PRIx32, number);
	return NULL;
}

const char *dump_kept(const struct dump *dump)
{
	return dump->kept;
}

void dump_record(struct dump *dump)
{
	dump->recording = true;
	memset(dump->cache, 0, sizeof(dump->cache));
	memset(dump->tlb, 0, sizeof(dump->tlb));
}

/* ---- reading ---- */

static struct error *get_page(struct dump *dump, uint64_t pfn, const uint8_t **ret)
{
	struct cached_page *page = &dump->cache[pfn % DUMP_CACHE_PAGES];
	size_t length = DUMP_PAGE_SIZE;

	if (!page->valid || page->pfn != pfn) {
		kdump_status status;

		page->valid = false;
		kdump_clear_err(dump->ctx);
		/* Machine addresses: the library's own translation takes no part. */
		status = kdump_read(dump->ctx, KDUMP_MACHPHYSADDR, pfn << DUMP_PAGE_SHIFT,
				    page->data, &length);
		if (status != KDUMP_OK)
			return error_wrap(kdump_error(dump->ctx, status),
					  "physical page 0x%" PRIx64, pfn << DUMP_PAGE_SHIFT);
		if (dump->recording)
			try(page_set_add(&dump->read, pfn));
		page->pfn = pfn;
		page->valid = true;
	}
	*ret = page->data;
	return NULL;
}

static bool is_missing(const struct dump *dump, uint64_t address, size_t length)
{
	return !strcmp(dump->format, "elf") && !elf_memory_has(&dump->memory, address, length);
}

struct error *dump_read_physical(struct dump *dump, uint64_t address, void *buffer, size_t length)
{
	uint8_t *out = buffer;

	if (address >= PHYSICAL_LIMIT || length > PHYSICAL_LIMIT - address)
		return error_new(ERROR_FORMAT, "0x%" PRIx64 " is no physical address", address);
	while (length) {
		size_t offset = address & DUMP_PAGE_MASK, part = DUMP_PAGE_SIZE - offset;
		const uint8_t *data = NULL;

		if (part > length)
			part = length;
		if (is_missing(dump, address, part))
			return error_new(ERROR_NO_DATA, "physical page 0x%" PRIx64 ": " NOT_THERE,
					 address & ~DUMP_PAGE_MASK);
		try(get_page(dump, address >> DUMP_PAGE_SHIFT, &data));
		memcpy(out, data + offset, part);
		out += part;
		address += part;
		length -= part;
	}
	return NULL;
}

struct error *dump_virtual_to_physical(struct dump *dump, uint64_t address, uint64_t *ret)
{
	uint64_t vpn = address >> DUMP_PAGE_SHIFT;
	struct tlb_entry *entry = &dump->tlb[vpn % DUMP_TLB_ENTRIES];

	if (!entry->valid || entry->vpn != vpn) {
		uint64_t pfn;

		try(pagetable_walk(dump, &dump->pagetable, address, &pfn));
		*entry = (struct tlb_entry){.valid = true, .vpn = vpn, .pfn = pfn};
	}
	*ret = (entry->pfn << DUMP_PAGE_SHIFT) | (address & DUMP_PAGE_MASK);
	return NULL;
}

struct error *dump_read(struct dump *dump, uint64_t address, void *buffer, size_t length)
{
	uint8_t *out = buffer;

	if (length > -address && address)
		return error_new(ERROR_FORMAT, "%zu bytes at 0x%" PRIx64 " run over the end",
				 length, address);
	while (length) {
		size_t part = DUMP_PAGE_SIZE - (address & DUMP_PAGE_MASK);
		uint64_t physical;

		if (part > length)
			part = length;
		try(dump_virtual_to_physical(dump, address, &physical));
		try(dump_read_physical(dump, physical, out, part));
		out += part;
		address += part;
		length -= part;
	}
	return NULL;
}

struct error *dump_read_string(struct dump *dump, uint64_t address, char *buffer, size_t size)
{
	size_t done = 0;

	while (done < size) {
		size_t part = DUMP_PAGE_SIZE - ((address + done) & DUMP_PAGE_MASK);

		/* Page by page: what follows the string's end may be missing. */
		if (part > size - done)
			part = size - done;
		try(dump_read(dump, address + done, buffer + done, part));
		if (memchr(buffer + done, '\0', part))
			return NULL;
		done += part;
	}
	return error_new(ERROR_FORMAT, "no end of the string at 0x%" PRIx64 " in %zu bytes",
			 address, size);
}
