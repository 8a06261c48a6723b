// SPDX-License-Identifier: GPL-2.0-only
/*
 * bootdisk: makes what an emulator boots fastest out of a distribution's kernel: the uncompressed
 * vmlinux, on a raw IDE disk whose boot sector (appliance/bootsector.S) loads it where it is linked
 * and enters it at its PVH entry; and the same kernel moved into the crash kernel's memory.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "util/cleanup.h"
#include "util/error.h"
#include "util/number.h"

#define SECTOR 512
/* A Bochs disk is a whole number of cylinders of 16 heads and 63 sectors. */
#define CYLINDER (16 * 63 * SECTOR)

/* Where the boot sector has things; the same numbers are in appliance/bootsector.S. */
#define START_INFO 0x9000
#define MEMMAP 0xa000

/* Above the kernel and below any crash kernel's memory, whatever the size of the machine. */
#define INITRAMFS_ADDRESS 0x8000000

#define SIGNATURE_OFFSET 440
#define SIGNATURE "CLAB" /* the appliance's agent knows its boot disk by it */
#define PARTITION_TABLE_OFFSET 446
#define PARTITION_TYPE 0xda /* data without a file system */
#define MAX_PARTITIONS 3

/* include/linux/elfnote.h: XEN_ELFNOTE_PHYS32_ENTRY, the PVH entry (arch/x86/platform/pvh/head.S)
 */
#define XEN_ELFNOTE_PHYS32_ENTRY 18

/* include/xen/interface/hvm/start_info.h, version 1 */
#define XEN_HVM_START_MAGIC 0x336ec578

struct hvm_start_info {
	uint32_t magic, version, flags, nr_modules;
	uint64_t modlist_paddr, cmdline_paddr, rsdp_paddr, memmap_paddr;
	uint32_t memmap_entries, reserved;
};

struct hvm_modlist_entry {
	uint64_t paddr, size, cmdline_paddr, reserved;
};

/* What lies at START_INFO. COMMAND_LINE_SIZE is 2048 on x86. */
struct start_page {
	struct hvm_start_info info;
	struct hvm_modlist_entry initramfs;
	char cmdline[2048];
};

struct load_entry {
	uint32_t destination, first, sectors;
};

struct partition_entry {
	uint8_t status, first_chs[3], type, last_chs[3];
	uint32_t first, sectors;
} __attribute__((packed));

struct blob {
	const uint8_t *data;
	size_t size;
};

struct disk {
	FILE *file;
	const char *path;
	uint32_t sectors;
	struct load_entry table[SECTOR / sizeof(struct load_entry)];
	size_t entries;
	struct partition_entry partitions[1 + MAX_PARTITIONS];
};

static void blob_deinit(struct blob *blob)
{
	if (blob->size)
		munmap((void *)blob->data, blob->size);
}

#define _cleanup_blob_ _cleanup_(blob_deinit)

static struct error *blob_read(const char *path, struct blob *ret)
{
	struct stat status;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &status))
		return error_errno(errno, "%s", path);
	if (!status.st_size)
		return error_new(ERROR_FORMAT, "%s: empty", path);
	void *data = mmap(NULL, status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);

	if (data == MAP_FAILED)
		return error_errno(errno, "%s", path);
	*ret = (struct blob){data, status.st_size};
	return NULL;
}

/* The @size bytes at @offset of the blob, or NULL when it has not that many. */
static const void *blob_at(const struct blob *blob, uint64_t offset, uint64_t size)
{
	if (offset > blob->size || size > blob->size - offset)
		return NULL;
	return blob->data + offset;
}

static struct error *write_all(FILE *file, const char *path, const void *data, size_t size)
{
	if (size && fwrite(data, size, 1, file) != 1)
		return error_errno(errno, "%s", path);
	return NULL;
}

static struct error *close_file(FILE **file, const char *path)
{
	return fclose(take(*file)) ? error_errno(errno, "%s", path) : NULL;
}

/* ---- payload: the compressed vmlinux in a bzImage (Documentation/arch/x86/boot.rst) ---- */

#define SETUP_SECTORS 0x1f1
#define SETUP_MAGIC 0x202
#define SETUP_VERSION 0x206
#define SETUP_PAYLOAD 0x248 /* u32 offset from the end of the setup sectors, u32 length; 2.08+ */

static struct error *payload_find(const struct blob *image, const char *path, struct blob *ret)
{
	uint32_t payload[2], size;
	uint16_t version;
	const uint8_t *header = blob_at(image, 0, SETUP_PAYLOAD + sizeof(payload));

	if (!header || memcmp(header + SETUP_MAGIC, "HdrS", 4))
		return error_new(ERROR_FORMAT, "%s: not a bzImage", path);
	memcpy(&version, header + SETUP_VERSION, sizeof(version));
	if (version < 0x208)
		return error_new(ERROR_UNSUPPORTED, "%s: boot protocol older than 2.08", path);
	memcpy(payload, header + SETUP_PAYLOAD, sizeof(payload));
	size_t setup = (size_t)(header[SETUP_SECTORS] ? header[SETUP_SECTORS] + 1 : 5) * SECTOR;

	/* The build appends the uncompressed size (cmd_*_with_size); only gzip has it of its own.
	 */
	ret->data = blob_at(image, setup + payload[0], payload[1]);
	ret->size = payload[1];
	if (!ret->data || payload[1] < 2 * sizeof(size))
		return error_new(ERROR_FORMAT, "%s: its payload lies outside of it", path);
	if (ret->data[0] != 0x1f || ret->data[1] != 0x8b)
		ret->size -= sizeof(size);
	return NULL;
}

static struct error *command_payload(int argc, char **argv)
{
	_cleanup_blob_ struct blob image = {};
	_cleanup_fclose_ FILE *file = NULL;
	struct blob payload = {};

	if (argc != 2)
		return error_new(ERROR_USAGE, "payload BZIMAGE OUT");
	try(blob_read(argv[0], &image));
	try(payload_find(&image, argv[0], &payload));
	file = fopen(argv[1], "we");
	if (!file)
		return error_errno(errno, "%s", argv[1]);
	try(write_all(file, argv[1], payload.data, payload.size));
	return close_file(&file, argv[1]);
}

/* ---- vmlinux ---- */

struct vmlinux {
	const char *path;
	struct blob blob;
	const Elf64_Ehdr *header;
	const Elf64_Phdr *segments;
};

static void vmlinux_deinit(struct vmlinux *self)
{
	blob_deinit(&self->blob);
}

static struct error *vmlinux_init(struct vmlinux *self, const char *path)
{
	self->path = path;
	try(blob_read(path, &self->blob));
	self->header = blob_at(&self->blob, 0, sizeof(*self->header));
	if (!self->header || memcmp(self->header->e_ident, ELFMAG, SELFMAG) ||
	    self->header->e_ident[EI_CLASS] != ELFCLASS64 || self->header->e_machine != EM_X86_64 ||
	    self->header->e_phentsize != sizeof(*self->segments))
		return error_new(ERROR_FORMAT, "%s: not an x86-64 kernel in ELF", path);
	self->segments = blob_at(&self->blob, self->header->e_phoff,
				 (uint64_t)self->header->e_phnum * sizeof(*self->segments));
	if (!self->segments)
		return error_new(ERROR_FORMAT, "%s: its segments lie outside of it", path);
	for (size_t i = 0; i < self->header->e_phnum; i++) {
		const Elf64_Phdr *segment = &self->segments[i];

		if (!blob_at(&self->blob, segment->p_offset, segment->p_filesz) ||
		    segment->p_filesz > segment->p_memsz || segment->p_paddr > UINT32_MAX ||
		    segment->p_memsz > UINT32_MAX - segment->p_paddr)
			return error_new(ERROR_FORMAT, "%s: segment %zu is out of range", path, i);
	}
	return NULL;
}

/* Look for the PVH entry among the notes in [@at, @end). */
static bool find_entry_note(const uint8_t *at, const uint8_t *end, uint32_t *ret)
{
	while ((size_t)(end - at) >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr note;

		memcpy(&note, at, sizeof(note));
		at += sizeof(note);
		uint64_t name = ((uint64_t)note.n_namesz + 3) & ~3ull;
		uint64_t total = name + (((uint64_t)note.n_descsz + 3) & ~3ull);

		if (total > (size_t)(end - at))
			return false;
		if (note.n_type == XEN_ELFNOTE_PHYS32_ENTRY && note.n_namesz == 4 &&
		    !memcmp(at, "Xen", 4) && note.n_descsz >= sizeof(*ret)) {
			memcpy(ret, at + name, sizeof(*ret));
			return true;
		}
		at += total;
	}
	return false;
}

static struct error *vmlinux_pvh_entry(const struct vmlinux *self, uint32_t *ret)
{
	for (size_t i = 0; i < self->header->e_phnum; i++) {
		const Elf64_Phdr *segment = &self->segments[i];
		const uint8_t *notes = self->blob.data + segment->p_offset;

		if (segment->p_type == PT_NOTE &&
		    find_entry_note(notes, notes + segment->p_filesz, ret))
			return NULL;
	}
	return error_new(ERROR_UNSUPPORTED, "%s: no PVH entry (CONFIG_PVH)", self->path);
}

/* ---- capture-kernel: a vmlinux that kexec puts elsewhere than it is linked to ---- */

/* kexec zeroes what the file does not have, so trailing zeroes (.bss, .brk) need not be in it. */
static uint64_t trimmed_size(const uint8_t *data, uint64_t size)
{
	while (size && !data[size - 1])
		size--;
	return size;
}

/* Where the first byte of it is linked to be. */
static uint64_t lowest_address(const struct vmlinux *vmlinux)
{
	uint64_t lowest = UINT64_MAX;

	for (size_t i = 0; i < vmlinux->header->e_phnum; i++) {
		if (vmlinux->segments[i].p_type == PT_LOAD && vmlinux->segments[i].p_paddr < lowest)
			lowest = vmlinux->segments[i].p_paddr;
	}
	return lowest;
}

/*
 * x86-64's startup_64 works out where it runs (phys_base), so moving the physical addresses is all
 * it takes; @shift must keep the 2 MiB alignment. Only what is loaded is kept.
 *
 * kexec-tools puts a file of the type ET_DYN wherever it has room, aligned as its segments are, by
 * adding the place to its addresses (elf_exec_load(), kexec/kexec-elf-exec.c); so those have to
 * begin at 0. The kernel itself finds out where it is, and needs the alignment alone
 * (__startup_64()).
 */
static struct error *capture_write(const struct vmlinux *vmlinux, bool anywhere, uint64_t shift,
				   FILE *file, const char *path)
{
	Elf64_Ehdr header = *vmlinux->header;
	Elf64_Phdr segments[16] = {};
	const uint8_t *data[16];
	size_t count = 0;

	for (size_t i = 0; i < vmlinux->header->e_phnum; i++) {
		const Elf64_Phdr *segment = &vmlinux->segments[i];

		if (segment->p_type != PT_LOAD)
			continue;
		if (count == sizeof(segments) / sizeof(segments[0]))
			return error_new(ERROR_UNSUPPORTED, "%s: too many segments", vmlinux->path);
		data[count] = vmlinux->blob.data + segment->p_offset;
		segments[count] = *segment;
		segments[count].p_paddr += shift;
		segments[count].p_filesz = trimmed_size(data[count], segment->p_filesz);
		count++;
	}
	header.e_entry += shift;
	if (anywhere)
		header.e_type = ET_DYN;
	header.e_phoff = sizeof(header);
	header.e_phnum = count;
	header.e_shoff = header.e_shnum = header.e_shstrndx = 0;
	uint64_t offset = sizeof(header) + count * sizeof(segments[0]);

	for (size_t i = 0; i < count; i++) {
		segments[i].p_offset = offset;
		offset += segments[i].p_filesz;
	}
	try(write_all(file, path, &header, sizeof(header)));
	try(write_all(file, path, segments, count * sizeof(segments[0])));
	for (size_t i = 0; i < count; i++)
		try(write_all(file, path, data[i], segments[i].p_filesz));
	return NULL;
}

static struct error *command_capture_kernel(int argc, char **argv)
{
	_cleanup_(vmlinux_deinit) struct vmlinux vmlinux = {};
	_cleanup_fclose_ FILE *file = NULL;
	uint64_t shift = 0;

	if (argc != 3)
		return error_new(ERROR_USAGE, "capture-kernel VMLINUX SHIFT|anywhere OUT");
	bool anywhere = !strcmp(argv[1], "anywhere");
	if (!anywhere)
		try(number_parse("SHIFT", argv[1], 0, UINT32_MAX, &shift));
	if (shift % (2 << 20))
		return error_new(ERROR_USAGE, "SHIFT must be a multiple of 2 MiB");
	try(vmlinux_init(&vmlinux, argv[0]));
	if (anywhere)
		shift = -lowest_address(&vmlinux);
	file = fopen(argv[2], "we");
	if (!file)
		return error_errno(errno, "%s", argv[2]);
	try(capture_write(&vmlinux, anywhere, shift, file, argv[2]));
	return close_file(&file, argv[2]);
}

/* ---- disk ---- */

/* Append @data, padded to whole sectors; gives where it lies. */
static struct error *disk_append(struct disk *disk, const void *data, size_t size,
				 struct load_entry *ret)
{
	static const uint8_t zeroes[SECTOR];
	uint64_t sectors = (size + SECTOR - 1) / SECTOR;

	/* The boot sector reads with 28-bit sector numbers. */
	if (sectors > (1u << 28) - disk->sectors)
		return error_new(ERROR_UNSUPPORTED, "%s: too big", disk->path);
	*ret = (struct load_entry){.first = disk->sectors, .sectors = sectors};
	disk->sectors += sectors;
	try(write_all(disk->file, disk->path, data, size));
	return write_all(disk->file, disk->path, zeroes, sectors * SECTOR - size);
}

static struct error *disk_load(struct disk *disk, uint32_t destination, const void *data,
			       size_t size)
{
	struct load_entry entry = {};

	/* One stays free for the end of the table. */
	if (disk->entries + 1 == sizeof(disk->table) / sizeof(disk->table[0]))
		return error_new(ERROR_UNSUPPORTED, "%s: too many pieces to load", disk->path);
	try(disk_append(disk, data, size, &entry));
	entry.destination = destination;
	disk->table[disk->entries++] = entry;
	return NULL;
}

static struct error *load_kernel(struct disk *disk, const struct vmlinux *vmlinux)
{
	for (size_t i = 0; i < vmlinux->header->e_phnum; i++) {
		const Elf64_Phdr *segment = &vmlinux->segments[i];

		if (segment->p_type != PT_LOAD || !segment->p_filesz)
			continue;
		if (segment->p_paddr + segment->p_memsz > INITRAMFS_ADDRESS)
			return error_new(ERROR_UNSUPPORTED, "%s: too big", vmlinux->path);
		try(disk_load(disk, segment->p_paddr, vmlinux->blob.data + segment->p_offset,
			      segment->p_filesz));
	}
	return NULL;
}

static struct error *load_start_page(struct disk *disk, const struct blob *cmdline,
				     size_t initramfs_size)
{
	struct start_page page = {
		.info = {.magic = XEN_HVM_START_MAGIC,
			 .version = 1,
			 .nr_modules = 1,
			 .modlist_paddr = START_INFO + offsetof(struct start_page, initramfs),
			 .cmdline_paddr = START_INFO + offsetof(struct start_page, cmdline),
			 .memmap_paddr = MEMMAP}, /* memmap_entries: the boot sector's */
		.initramfs = {.paddr = INITRAMFS_ADDRESS, .size = initramfs_size},
	};
	size_t length = cmdline->size;

	while (length && cmdline->data[length - 1] == '\n')
		length--;
	if (length >= sizeof(page.cmdline))
		return error_new(ERROR_USAGE, "the command line is longer than the kernel takes");
	memcpy(page.cmdline, cmdline->data, length);
	return disk_load(disk, START_INFO, &page, sizeof(page));
}

/* Fill the two sectors left free at the front, and the disk to whole cylinders. */
static struct error *disk_finish(struct disk *disk, const struct blob *boot, uint32_t entry)
{
	uint8_t front[2 * SECTOR] = {};
	uint64_t bytes = (uint64_t)disk->sectors * SECTOR;

	if (boot->size != SECTOR)
		return error_new(ERROR_FORMAT, "the boot sector has %zu bytes", boot->size);
	disk->table[disk->entries] = (struct load_entry){.destination = 0, .first = entry};
	memcpy(front, boot->data, SECTOR);
	memcpy(front + SIGNATURE_OFFSET, SIGNATURE, strlen(SIGNATURE));
	memcpy(front + PARTITION_TABLE_OFFSET, disk->partitions, sizeof(disk->partitions));
	memcpy(front + SECTOR, disk->table, sizeof(disk->table));
	if (fseek(disk->file, 0, SEEK_SET))
		return error_errno(errno, "%s", disk->path);
	try(write_all(disk->file, disk->path, front, sizeof(front)));
	if (fflush(disk->file) ||
	    ftruncate(fileno(disk->file), (bytes + CYLINDER - 1) / CYLINDER * CYLINDER))
		return error_errno(errno, "%s", disk->path);
	return NULL;
}

static void set_partition(struct disk *disk, size_t number, uint32_t first, uint32_t sectors)
{
	disk->partitions[number - 1] = (struct partition_entry){
		.type = PARTITION_TYPE, .first = first, .sectors = sectors};
}

static struct error *disk_write(struct disk *disk, char **inputs, char **extra, int extras)
{
	_cleanup_blob_ struct blob boot = {}, initramfs = {}, cmdline = {};
	_cleanup_(vmlinux_deinit) struct vmlinux vmlinux = {};
	uint32_t entry = 0;

	try(blob_read(inputs[0], &boot));
	try(vmlinux_init(&vmlinux, inputs[1]));
	try(blob_read(inputs[2], &initramfs));
	try(blob_read(inputs[3], &cmdline));
	try(vmlinux_pvh_entry(&vmlinux, &entry));
	disk->sectors = 2;
	if (fseek(disk->file, 2 * SECTOR, SEEK_SET))
		return error_errno(errno, "%s", disk->path);
	try(load_kernel(disk, &vmlinux));
	try(disk_load(disk, INITRAMFS_ADDRESS, initramfs.data, initramfs.size));
	try(load_start_page(disk, &cmdline, initramfs.size));
	set_partition(disk, 1, 1, disk->sectors - 1);
	for (int i = 0; i < extras; i++) {
		_cleanup_blob_ struct blob blob = {};
		struct load_entry place = {};

		try(blob_read(extra[i], &blob));
		try(disk_append(disk, blob.data, blob.size, &place));
		set_partition(disk, 2 + i, place.first, place.sectors);
	}
	return disk_finish(disk, &boot, entry);
}

static struct error *command_disk(int argc, char **argv)
{
	_cleanup_fclose_ FILE *file = NULL;
	struct disk disk = {};

	if (argc < 5 || argc > 5 + MAX_PARTITIONS)
		return error_new(ERROR_USAGE, "disk OUT BOOTSECTOR VMLINUX INITRAMFS CMDLINE "
					      "[PARTITION...]");
	file = fopen(argv[0], "w+e");
	if (!file)
		return error_errno(errno, "%s", argv[0]);
	disk.file = file;
	disk.path = argv[0];
	try(disk_write(&disk, argv + 1, argv + 5, argc - 5));
	return close_file(&file, argv[0]);
}

static const struct command {
	const char *name, *help;
	struct error *(*run)(int argc, char **argv);
} commands[] = {
	{"payload", "BZIMAGE OUT: the compressed vmlinux in it", command_payload},
	{"capture-kernel",
	 "VMLINUX SHIFT|anywhere OUT: the kernel, to be loaded SHIFT bytes higher, or where kexec "
	 "likes",
	 command_capture_kernel},
	{"disk",
	 "OUT BOOTSECTOR VMLINUX INITRAMFS CMDLINE [PARTITION...]: an IDE disk that boots it",
	 command_disk},
};

static int usage(void)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(stderr, "%s bootdisk %s %s\n", i ? "      " : "usage:", commands[i].name,
			commands[i].help);
	return 64;
}

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		_cleanup_error_ struct error *err = commands[i].run(argc - 2, argv + 2);

		if (!err)
			return 0;
		fprintf(stderr, "bootdisk: %s\n", err->message);
		return err->code == ERROR_USAGE ? 64 : 1;
	}
	return usage();
}
