// SPDX-License-Identifier: GPL-2.0-only
/*
 * Types and symbols from files. DWARF: this program's own, against what the compiler says. BTF,
 * symbols, and the choice between file and dump: a capsule with its own taken out.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <string.h>
#include <sys/mman.h>

#include "capsule_file.h"
#include "kernel/internal.h"
#include "util/cleanup.h"
#include "virt/collect.h"
#include "virt/verdict.h"

#define PAGE 4096

static void ok(struct error *err)
{
	if (err)
		fail_msg("%s", err->message);
}

static void refused(struct error *err, enum error_code code, const char *why)
{
	assert_true(error_is(err, code));
	if (!strstr(err->message, why))
		fail_msg("%s: %s", why, err->message);
	error_free(err);
}

/* ---- DWARF ---- */

enum colour { RED = 7, GREEN };

struct inner {
	char first;
	long second;
};

typedef struct {
	int a;
	struct inner inner;
} outer_t;

struct sample {
	struct sample *next;
	unsigned low : 3, high : 7;
	unsigned long : 0;
	unsigned long wide : 40;
	union {
		struct {
			short x, y;
		};
		int xy;
	};
	struct inner array[5];
	outer_t outer;
	enum colour colour;
	volatile const unsigned char *const pointer;
	char tail[];
} sample;

static const outer_t outer;

static void expect_member(struct type_source *source, const char *type, const char *path,
			  uint64_t offset, uint64_t size)
{
	struct kernel_field field = {};
	bool seen = false;

	if (!source->member(source, type, path, &seen, &field))
		fail_msg("no %s.%s", type, path);
	if (field.offset != offset || field.size != size || field.bit_size)
		fail_msg("%s.%s: at %d, %d bytes", type, path, (int)field.offset, (int)field.size);
}

static uint64_t read_bits(struct type_source *source, const char *path)
{
	struct kernel_field field = {};
	uint64_t value = 0;
	bool seen = false;

	assert_true(source->member(source, "sample", path, &seen, &field));
	assert_true(field.bit_size > 0);
	memcpy(&value, (char *)&sample + field.offset, field.size);
	return value >> field.bit_offset & ((1ull << field.bit_size) - 1);
}

static void test_dwarf(void **state)
{
	(void)state;
	struct type_source *source;
	struct kernel_field field;
	struct type_file file;
	bool seen = false;
	uint64_t number;

	ok(type_file_read_dwarf("vmlinux=/proc/self/exe", &file));
	ok(dwarf_source_create(file.dwarf, &source));
#define MEMBER(path) \
	expect_member(source, "sample", #path, offsetof(struct sample, path), sizeof(sample.path))
	MEMBER(next);
	MEMBER(x);
	MEMBER(y);
	MEMBER(xy);
	MEMBER(array);
	MEMBER(outer.a);
	MEMBER(outer.inner.second);
	MEMBER(colour);
	MEMBER(pointer);
	expect_member(source, "sample", "array.second", offsetof(struct sample, array[0].second),
		      8);
	expect_member(source, "sample", "tail", offsetof(struct sample, tail), 0);
	expect_member(source, "outer_t", "inner.first", offsetof(outer_t, inner.first),
		      sizeof(outer.inner.first));
	sample.low = 5;
	sample.high = 77;
	sample.wide = 0x123456789a;
	assert_int_equal(read_bits(source, "low"), 5);
	assert_int_equal(read_bits(source, "high"), 77);
	assert_int_equal(read_bits(source, "wide"), 0x123456789a);
	assert_true(source->size(source, "sample", &number));
	assert_int_equal(number, sizeof(struct sample));
	assert_true(source->size(source, "outer_t", &number));
	assert_int_equal(number, sizeof(outer_t));
	assert_true(source->enumerator(source, "GREEN", &number));
	assert_int_equal(number, GREEN);

	assert_false(source->member(source, "sample", "missing", &seen, &field));
	assert_true(seen);
	seen = false;
	assert_false(source->member(source, "missing", "next", &seen, &field));
	assert_false(seen);
	assert_false(source->member(source, "sample", "next.next", &seen, &field));
	assert_false(source->size(source, "missing", &number));
	assert_false(source->enumerator(source, "BLUE", &number));
	type_source_destroy(source);
	type_file_deinit(&file);
}

static void test_names(void **state)
{
	(void)state;
	struct type_file file;

	ok(type_file_read_dwarf("kvm-intel=/proc/self/exe", &file));
	assert_string_equal(file.module, "kvm_intel");
	assert_string_equal(file.path, "/proc/self/exe");
	type_file_deinit(&file);
	ok(type_file_read_dwarf("vmlinux-6.1=/proc/self/exe" + 12, &file));
	assert_string_equal(file.module, "exe");
	type_file_deinit(&file);
	refused(type_file_read_dwarf("/nowhere/vmlinux", &file), ERROR_SYSTEM, "No such file");
	refused(type_file_read_btf("/nowhere/kvm.ko", &file), ERROR_SYSTEM, "No such file");
}

static void test_build_id(void **state)
{
	(void)state;
	static const char notes[] = "\4\0\0\0\2\0\0\0\1\0\0\0GNU\0ab\0\0"
				    "\4\0\0\0\3\0\0\0\3\0\0\0GNU\0xyz";
	struct build_id id = build_id_find(notes, sizeof(notes) - 1);

	assert_int_equal(id.size, 3);
	assert_memory_equal(id.bytes, "xyz", 3);
	for (size_t size = 0; size < sizeof(notes) - 1; size++) {
		_cleanup_free_ char *cut = malloc(size + 1);

		memcpy(cut, notes, size);
		assert_int_equal(build_id_find(cut, size).size, 0);
	}
	assert_int_equal(build_id_find("\xff\xff\xff\xff\xff\xff\xff\xff\3\0\0\0GNU\0", 16).size,
			 0);
}

/* ---- a dump without BTF ---- */

struct without {
	int fd;
	char path[32];
	void *btf; /* what was in it */
	size_t btf_size;
};

static struct without write_capsule(const char *name)
{
	struct without ret = {};
	size_t size;
	_cleanup_free_ char *bytes = capsule_unpack(name, &size);

	ret.fd = memfd_create(name, MFD_CLOEXEC);
	snprintf(ret.path, sizeof(ret.path), "/proc/self/fd/%d", ret.fd);
	assert_int_equal(pwrite(ret.fd, bytes, size, 0), size);
	return ret;
}

/** Cut [@start, @end) of kernel memory out of the capsule: its segments lie page by page. */
static void cut(struct without *dump, char *bytes, size_t size, uint64_t start, uint64_t end)
{
	Elf64_Ehdr *header = (Elf64_Ehdr *)bytes;
	const Elf64_Phdr *old = (Elf64_Phdr *)(bytes + sizeof(*header));
	size_t count = 0, table = size;
	Elf64_Phdr segment;

	dump->fd = memfd_create("without", MFD_CLOEXEC);
	snprintf(dump->path, sizeof(dump->path), "/proc/self/fd/%d", dump->fd);
	for (size_t i = 0; i < header->e_phnum; i++) {
		for (size_t at = 0; at < old[i].p_filesz;) {
			size_t part = old[i].p_type == PT_LOAD ? PAGE : old[i].p_filesz;

			segment = old[i];
			segment.p_offset += at;
			segment.p_vaddr += at;
			segment.p_paddr += at;
			segment.p_filesz = segment.p_memsz = part;
			at += part;
			if (segment.p_type == PT_LOAD && segment.p_vaddr >= start &&
			    segment.p_vaddr < end)
				continue;
			pwrite(dump->fd, &segment, sizeof(segment),
			       table + count++ * sizeof(segment));
		}
	}
	header->e_phoff = table;
	header->e_phnum = count;
	assert_true(count < PN_XNUM);
	assert_int_equal(pwrite(dump->fd, bytes, size, 0), size);
}

static void take_out(struct without *ret, const char *name)
{
	_cleanup_free_ char *bytes = NULL;
	uint64_t start, stop;
	struct kernel *kernel;
	struct dump *dump;
	size_t size;

	bytes = capsule_unpack(name, &size);
	*ret = write_capsule(name);
	ok(dump_open(ret->path, &dump));
	ok(kernel_open(dump, NULL, &kernel));
	ok(kernel_symbol(kernel, NULL, "__start_BTF", &start));
	ok(kernel_symbol(kernel, NULL, "__stop_BTF", &stop));
	ret->btf_size = stop - start;
	ok(read_block(kernel, start, ret->btf_size, ret->btf_size, "BTF", &ret->btf));
	kernel_close(kernel);
	dump_close(dump);
	close(ret->fd);
	cut(ret, bytes, size, start & ~(PAGE - 1ull), stop);
}

static struct error *analyse(const struct without *file, const struct kernel_files *files,
			     struct report *report)
{
	struct kernel *kernel = NULL;
	struct dump *dump;

	ok(dump_open(file->path, &dump));
	struct error *err = kernel_open(dump, files, &kernel);

	if (!err)
		err = report_collect(kernel, NULL, report);
	if (!err)
		err = verdict_judge(report, false);
	kernel_close(kernel);
	dump_close(dump);
	return err;
}

static void test_btf_from_a_file(void **state)
{
	(void)state;
	struct type_file types = {.path = "given"};
	struct kernel_files files = {.types = &types, .type_count = 1};
	struct report report = {};
	struct without dump = {};

	take_out(&dump, "vmx-virt-off");
	refused(analyse(&dump, NULL, &report), ERROR_NO_DATA, "BTF");
	types.btf = dump.btf;
	types.btf_size = dump.btf_size;
	ok(analyse(&dump, &files, &report));
	assert_int_equal(report.verdict, VERDICT_PASS);
	assert_int_equal(report.notes.count, 1);
	assert_non_null(strstr(report.notes.items[0], "given: used for the types of the kernel"));
	report_deinit(&report);

	types.btf_size /= 2;
	refused(analyse(&dump, &files, &report), ERROR_USAGE, "given: the BTF cannot be parsed");
	types.btf_size *= 2;
	types.build_id = (struct build_id){{1, 2, 3}, 3};
	refused(analyse(&dump, &files, &report), ERROR_USAGE, "given: it is of another build");
	free(dump.btf);
	close(dump.fd);
}

/* Another kernel's, which has no build ID to tell it by: what VMCOREINFO says is not so in it. */
static void test_btf_of_another_kernel(void **state)
{
	(void)state;
	struct type_file types = {.path = "given"};
	struct kernel_files files = {.types = &types, .type_count = 1};
	struct btf *btf = btf__new_empty();
	struct report report = {};
	struct without dump = {};
	uint32_t size;

	take_out(&dump, "vmx-virt-off");
	int pointer = btf__add_ptr(btf, 0);

	btf__add_struct(btf, "list_head", 24);
	btf__add_field(btf, "next", pointer, 64, 0);
	btf__add_field(btf, "prev", pointer, 128, 0);
	types.btf = (void *)btf__raw_data(btf, &size);
	types.btf_size = size;
	refused(analyse(&dump, &files, &report), ERROR_USAGE,
		"given: it is of another kernel: VMCOREINFO has ");
	btf__free(btf);
	free(dump.btf);
	close(dump.fd);
}

/* ---- a kernel that has changed ---- */

/** Let no member be called @name: strings of BTF lie between NULs. False when none was. */
static bool rename_in(void *btf, size_t size, const char *name)
{
	size_t length = strlen(name);
	char *at = btf;

	while ((at = memmem(at, (char *)btf + size - at, name, length + 1))) {
		if (!at[-1]) {
			at[length - 1] ^= 0x20;
			return true;
		}
		at++;
	}
	return false;
}

/** "struct vcpu_vmx has no member nested.vmcs02" */
static bool says_missing(const char *text, const char *name)
{
	const char *member = strstr(text, "has no member ");

	return member && strstr(member, name);
}

static bool is_named(const struct report *report, const struct error *err, const char *name)
{
	if (err)
		return says_missing(err->message, name);
	for (size_t i = 0; i < report->evidence.count; i++) {
		const struct evidence *fact = &report->evidence.items[i];

		if (fact->state == STATE_UNKNOWN && says_missing(fact->reason, name))
			return true;
	}
	return false;
}

/** Each of @names gone: no PASS, and what it says is which. */
static void expect_named(const struct without *dump, const struct kernel_files *files,
			 const struct type_file *types, const char *const *names)
{
	for (; *names; names++) {
		_cleanup_free_ char *whole = malloc(types->btf_size);
		struct report report = {};

		memcpy(whole, types->btf, types->btf_size);
		if (!rename_in(types->btf, types->btf_size, *names))
			fail_msg("there is no %s to begin with", *names);
		struct error *err = analyse(dump, files, &report);

		if (!is_named(&report, err, *names))
			fail_msg("%s is gone: %s", *names, err ? err->message : "not a word");
		assert_true(err || report.verdict != VERDICT_PASS);
		error_free(err);
		report_deinit(&report);
		memcpy(types->btf, whole, types->btf_size);
	}
}

static void test_missing_members_are_named(void **state)
{
	(void)state;
	static const char *const names[] = {
		"mem",  "kallsyms", "symtab",     "strtab",       "num_symtab", "cr4",
		"base", "vm_list",  "vcpu_array", "online_vcpus", "xa_head",    NULL,
	};
	struct type_file types = {.path = "given"};
	struct kernel_files files = {.types = &types, .type_count = 1};
	struct without dump = {};

	take_out(&dump, "vmx-virt-off");
	types.btf = dump.btf;
	types.btf_size = dump.btf_size;
	expect_named(&dump, &files, &types, names);
	free(dump.btf);
	close(dump.fd);
}

/* ---- a dump without kallsyms ---- */

/** A System.map of what kernel_open() asks for, moved down as if the kernel had been by KASLR. */
static char *make_map(struct kernel *kernel)
{
	static const char *const names[] = {
		"_stext",
		"_etext",
		"_sinittext",
		"_einittext",
		"__start_BTF",
		"__stop_BTF",
		"nr_cpu_ids",
		"__cpu_possible_mask",
		"modules",
		"__per_cpu_offset",
		"__cpu_online_mask",
		"btf_modules",
		"init_uts_ns",
		"prb",
		"init_top_pgt",
	};
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		uint64_t address;

		ok(kernel_symbol(kernel, NULL, names[i], &address));
		fprintf(file, "%016jx D %s\n", (uintmax_t)(address - 0x600000), names[i]);
	}
	fclose(file);
	return text;
}

static void test_kallsyms_that_cannot_be_read(void **state)
{
	(void)state;
	struct kernel_files files = {.symbols_path = "map"};
	struct kernel *kernel, *again = NULL;
	struct without whole = write_capsule("vmx-virt-off"), without;
	uint64_t names, wanted, address;
	struct dump *dump, *cut_dump;
	_cleanup_free_ char *bytes = NULL;
	size_t size;

	ok(dump_open(whole.path, &dump));
	ok(kernel_open(dump, NULL, &kernel));
	files.symbols = make_map(kernel);
	ok(kernel_symbol(kernel, NULL, "modules", &wanted));
	ok(dump_vmcoreinfo_number(dump, "SYMBOL(kallsyms_names)", 16, &names));
	bytes = capsule_unpack("vmx-virt-off", &size);
	cut(&without, bytes, size, names & ~(PAGE - 1ull), names + 1);

	ok(dump_open(without.path, &cut_dump));
	refused(kernel_open(cut_dump, NULL, &again), ERROR_NO_DATA, "not in the dump");
	ok(kernel_open(cut_dump, &files, &again));
	ok(kernel_symbol(again, NULL, "modules", &address));
	assert_int_equal(address, wanted);
	assert_non_null(
		strstr(kernel_notes(again)->items[0], "map: used for the kernel's symbols"));
	kernel_close(again);

	/* Where they can be read, the dump's own are taken. */
	ok(kernel_open(dump, &files, &again));
	assert_non_null(strstr(kernel_notes(again)->items[0], "map: not used"));
	ok(kernel_symbol(again, NULL, "panic", &address));
	kernel_close(again);
	kernel_close(kernel);
	dump_close(cut_dump);
	dump_close(dump);
	close(whole.fd);
	close(without.fd);
	free(files.symbols);
}

/* ---- a module without BTF ---- */

struct part {
	const char *name;
	int type;
	unsigned offset; /* bytes */
};

static int add_struct(struct btf *btf, const char *name, unsigned size, const struct part *parts)
{
	int id = btf__add_struct(btf, name, size);

	for (; parts->name; parts++)
		btf__add_field(btf, parts->name, parts->type, parts->offset * 8, 0);
	return id;
}

/* As tests/dumps/kvm_intel-5.10.c has them; list_head and the like are the kernel's. */
static struct btf *make_module(struct btf *base)
{
	struct btf *btf = btf__new_empty_split(base);
	int list = btf__find_by_name_kind(base, "list_head", BTF_KIND_STRUCT);
	int number = btf__find_by_name_kind(base, "int", BTF_KIND_INT);
	int flag = btf__find_by_name_kind(base, "_Bool", BTF_KIND_INT);
	int pointer = btf__add_ptr(btf, 0);
	int pointers = btf__add_array(btf, number, pointer, 288);
	int loaded = add_struct(btf, "loaded_vmcs", 152,
				(struct part[]){{"vmcs", pointer, 0},
						{"shadow_vmcs", pointer, 8},
						{"cpu", number, 16},
						{"launched", flag, 20},
						{"loaded_vmcss_on_cpu_link", list, 56},
						{}});
	int vcpu = add_struct(btf, "kvm_vcpu", 10256, (struct part[]){{"cpu", number, 32}, {}});
	int nested = add_struct(btf, "", 216, (struct part[]){{"vmcs02", loaded, 64}, {}});

	add_struct(btf, "kvm", 2400,
		   (struct part[]){{"vcpus", pointers, 64},
				   {"online_vcpus", number, 2368},
				   {"vm_list", list, 2384},
				   {}});
	add_struct(btf, "vcpu_vmx", 11608,
		   (struct part[]){{"vcpu", vcpu, 0},
				   {"vmcs01", loaded, 10256},
				   {"nested", nested, 11392},
				   {}});
	return btf;
}

static void test_split_btf_from_a_file(void **state)
{
	(void)state;
	static const char *const names[] = {"shadow_vmcs", "loaded_vmcss_on_cpu_link", "vmcs01",
					    "vmcs02", NULL};
	struct type_file types = {.path = "given", .module = "kvm_intel"};
	size_t map_size, bytes_size;
	_cleanup_free_ char *map = capsule_unpack("vmx-5.10.map", &map_size);
	struct kernel_files files = {.symbols_path = "map", .symbols = map};
	struct without file = write_capsule("vmx-5.10");
	_cleanup_free_ char *bytes = capsule_unpack("vmx-5.10", &bytes_size);
	struct kernel *kernel;
	struct report report = {};
	struct dump *dump;
	uint32_t size;

	map[map_size - 1] = '\0'; /* its last newline */
	ok(dump_open(file.path, &dump));
	ok(kernel_open(dump, &files, &kernel));
	struct btf *btf = make_module(kernel->btf);

	types.btf = (void *)btf__raw_data(btf, &size);
	types.btf_size = size;
	files.types = &types;
	files.type_count = 1;
	ok(analyse(&file, &files, &report));
	assert_int_equal(report.verdict, VERDICT_PASS);
	assert_int_equal(report.cpus[0].vmcs_count, 1);
	uint64_t launch_state = report.cpus[0].vmcs[0].physical + 8;

	report_deinit(&report);
	capsule_poke(file.fd, bytes, launch_state, &(uint32_t){1}, 4);
	ok(analyse(&file, &files, &report));
	assert_int_equal(report.verdict, VERDICT_FAIL);
	report_deinit(&report);
	capsule_poke(file.fd, bytes, launch_state, &(uint32_t){0}, 4);

	types.btf = malloc(size);
	memcpy(types.btf, btf__raw_data(btf, &size), size);
	expect_named(&file, &files, &types, names);
	types.btf_size /= 2;
	refused(analyse(&file, &files, &report), ERROR_USAGE, "given: its data cannot be parsed");
	free(types.btf);
	btf__free(btf);
	kernel_close(kernel);
	dump_close(dump);
	close(file.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dwarf),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_build_id),
		cmocka_unit_test(test_btf_from_a_file),
		cmocka_unit_test(test_btf_of_another_kernel),
		cmocka_unit_test(test_missing_members_are_named),
		cmocka_unit_test(test_kallsyms_that_cannot_be_read),
		cmocka_unit_test(test_split_btf_from_a_file),
	};

	return cmocka_run_group_tests_name("kernel-files", tests, NULL, NULL);
}
