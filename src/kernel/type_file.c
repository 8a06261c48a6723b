// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/type_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/text.h"

/* vmlinux's BTF is 5 MB in 6.12. */
#define BTF_MAX (256U << 20)
#define BTF_MAGIC 0xeb9f

static size_t align4(size_t size)
{
	return (size + 3) & ~(size_t)3;
}

struct build_id build_id_find(const void *notes, size_t size)
{
	const uint8_t *bytes = notes;
	struct build_id ret = {};
	Elf64_Nhdr note;

	for (size_t at = 0; size - at >= sizeof(note);) {
		memcpy(&note, bytes + at, sizeof(note));
		at += sizeof(note);
		if (note.n_namesz > size - at || align4(note.n_namesz) > size - at ||
		    note.n_descsz > size - at - align4(note.n_namesz))
			break;
		const uint8_t *name = bytes + at, *desc = name + align4(note.n_namesz);

		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof("GNU") &&
		    !memcmp(name, "GNU", sizeof("GNU")) && note.n_descsz <= sizeof(ret.bytes)) {
			memcpy(ret.bytes, desc, note.n_descsz);
			ret.size = note.n_descsz;
			break;
		}
		at += align4(note.n_namesz) + align4(note.n_descsz);
		if (at > size)
			break;
	}
	return ret;
}

/* ---- whose it is ---- */

static bool is_module_name(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (!isalnum((unsigned char)text[i]) && text[i] != '_' && text[i] != '-')
			return false;
	}
	return length > 0;
}

/** The kernel's name of a module has '_' where its file's may have '-'; "vmlinux" is "". */
static struct error *set_module(struct type_file *file, const char *name, size_t length)
{
	if (!is_module_name(name, length) || length >= sizeof(file->module))
		return error_new(ERROR_USAGE,
				 "%s: its name does not tell which module it is of; MODULE=%s does",
				 file->path, file->path);
	memcpy(file->module, name, length);
	file->module[length] = '\0';
	for (char *c = file->module; *c; c++) {
		if (*c == '-')
			*c = '_';
	}
	if (!strncmp(file->module, "vmlinux", 7))
		file->module[0] = '\0';
	return NULL;
}

static struct error *name_file(struct type_file *file, const char *value)
{
	const char *equals = strchr(value, '='), *name;

	if (equals && is_module_name(value, equals - value)) {
		try(text_set(&file->path, "%s", equals + 1));
		return set_module(file, value, equals - value);
	}
	try(text_set(&file->path, "%s", value));
	name = strrchr(value, '/');
	name = name ? name + 1 : value;
	return set_module(file, name, strcspn(name, "."));
}

/* ---- BTF ---- */

static struct error *copy_section(const Elf_Data *data, struct type_file *file)
{
	if (!data || !data->d_buf || !data->d_size || data->d_size > BTF_MAX)
		return error_new(ERROR_USAGE, "%s: its section .BTF is empty", file->path);
	file->btf = malloc(data->d_size);
	if (!file->btf)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	memcpy(file->btf, data->d_buf, data->d_size);
	file->btf_size = data->d_size;
	return NULL;
}

static struct error *read_sections(Elf *elf, struct type_file *file)
{
	Elf_Scn *section = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return error_new(ERROR_USAGE, "%s: %s", file->path, elf_errmsg(-1));
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr header;

		if (!gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS)
			continue;
		const char *name = elf_strptr(elf, names, header.sh_name);
		const Elf_Data *data = elf_rawdata(section, NULL);

		if (name && !strcmp(name, ".BTF") && !file->btf)
			try(copy_section(data, file));
		if (header.sh_type == SHT_NOTE && data && !file->build_id.size)
			file->build_id = build_id_find(data->d_buf, data->d_size);
	}
	if (file->btf)
		return NULL;
	return error_new(ERROR_USAGE, "%s: there is no BTF in it", file->path);
}

static struct error *read_raw(int fd, struct type_file *file)
{
	struct stat st;

	if (fstat(fd, &st))
		return error_errno(errno, "%s", file->path);
	if (st.st_size > BTF_MAX)
		return error_new(ERROR_USAGE, "%s: too large for BTF", file->path);
	file->btf = malloc(st.st_size + 1);
	if (!file->btf)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	for (ssize_t part = 1; part; file->btf_size += part) {
		part = pread(fd, (char *)file->btf + file->btf_size, st.st_size - file->btf_size,
			     file->btf_size);
		if (part < 0)
			return error_errno(errno, "%s", file->path);
	}
	return NULL;
}

static struct error *read_btf(const char *value, struct type_file *file)
{
	_cleanup_close_ int fd = -1;
	uint16_t magic = 0;

	try(name_file(file, value));
	fd = open(file->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(errno, "%s", file->path);
	if (pread(fd, &magic, sizeof(magic), 0) == sizeof(magic) && magic == BTF_MAGIC)
		return read_raw(fd, file);
	elf_version(EV_CURRENT);
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);

	if (!elf || elf_kind(elf) != ELF_K_ELF) {
		elf_end(elf);
		return error_new(ERROR_USAGE, "%s: neither BTF nor an ELF file", file->path);
	}
	struct error *err = read_sections(elf, file);

	elf_end(elf);
	return err;
}

/* ---- DWARF ---- */

/** Nothing but the file itself is looked at. */
static int find_nothing(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base,
			const char *file, const char *link, GElf_Word crc, char **ret)
{
	(void)module;
	(void)data;
	(void)name;
	(void)base;
	(void)file;
	(void)link;
	(void)crc;
	(void)ret;
	return -1;
}

/**
 * libdwfl, because a module's file is relocatable: its DWARF means nothing before it is relocated.
 */
static struct error *read_dwarf(const char *value, struct type_file *file)
{
	static const Dwfl_Callbacks callbacks = {
		.find_debuginfo = find_nothing,
		.section_address = dwfl_offline_section_address,
	};
	const unsigned char *build_id;
	Dwarf_Addr bias, address;

	try(name_file(file, value));
	if (access(file->path, R_OK))
		return error_errno(errno, "%s", file->path);
	file->dwfl = dwfl_begin(&callbacks);
	if (!file->dwfl)
		return error_new(ERROR_SYSTEM, "libdwfl: %s", dwfl_errmsg(-1));
	Dwfl_Module *module = dwfl_report_offline(file->dwfl, "it", file->path, -1);

	if (!module || dwfl_report_end(file->dwfl, NULL, NULL))
		return error_new(ERROR_USAGE, "%s: %s", file->path, dwfl_errmsg(-1));
	file->dwarf = dwfl_module_getdwarf(module, &bias);
	if (!file->dwarf)
		return error_new(ERROR_USAGE,
				 "%s: there is no DWARF in it (%s); the kernel's debug package "
				 "has files with it",
				 file->path, dwfl_errmsg(-1));
	int size = dwfl_module_build_id(module, &build_id, &address);

	if (size > 0 && size <= BUILD_ID_MAX) {
		memcpy(file->build_id.bytes, build_id, size);
		file->build_id.size = size;
	}
	return NULL;
}

/* ---- interface ---- */

static struct error *read_file(struct error *(*read)(const char *value, struct type_file *file),
			       const char *value, struct type_file *ret)
{
	struct type_file file = {};
	struct error *err = read(value, &file);

	if (err)
		type_file_deinit(&file);
	else
		*ret = file;
	return err;
}

struct error *type_file_read_btf(const char *value, struct type_file *ret)
{
	return read_file(read_btf, value, ret);
}

struct error *type_file_read_dwarf(const char *value, struct type_file *ret)
{
	return read_file(read_dwarf, value, ret);
}

void type_file_deinit(struct type_file *file)
{
	free(file->path);
	free(file->btf);
	if (file->dwfl)
		dwfl_end(file->dwfl);
	*file = (struct type_file){};
}
