// SPDX-License-Identifier: GPL-2.0-only
/* What a machine is started from, what a saved Bochs tells, and what KVM would give a guest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lab/backend.h"
#include "lab/bochs_state.h"
#include "lab/doctor.h"
#include "lab/domain.h"
#include "lab/files.h"
#include "lab/kvm_probe.h"
#include "lab/process.h"
#include "lab/remote.h"
#include "lab/volume.h"
#include "util/cleanup.h"

static const struct case_spec spec = {.name = "a", .cpus = 3};
static const struct lab_paths paths = {
	.root = ".", .bin = "/bin", .bochs = "/b/bochs", .qemu = "/q/qemu", .images = "/i"};
static const struct machine_setup setup = {.paths = &paths,
					   .spec = &spec,
					   .id = "a.1",
					   .directory = "/r/<a>&b",
					   .images = "/i/6.12",
					   .cmdline = "a=\"b\" c"};

static char *describe(const struct backend *backend)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_null(backend->describe(&setup, out));
	fclose(out);
	return text;
}

static void write_part(const char *folder, const char *name, size_t at, const void *data,
		       size_t size)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, at ? "r+" : "w");
	assert_non_null(file);
	assert_int_equal(fseek(file, at, SEEK_SET), 0);
	assert_int_equal(fwrite(data, 1, size, file), size);
	fclose(file);
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in:\n%s", part, text);
}

/* A machine that goes on from a saved one is the same but for where its state comes from. */
static void test_saved_domain(void **state)
{
	struct machine_setup saved = setup;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	char *plain = describe(&backend_tcg);

	(void)state;
	saved.saved = "/s/a";
	assert_null(backend_tcg.describe(&saved, out));
	fclose(out);
	assert_has(text, "<qemu:arg value='-incoming'/>");
	assert_has(text, "<source path='/r/&lt;a&gt;&amp;b/events.log'/>");
	assert_null(strstr(plain, "incoming"));
	free(text);
	free(plain);
}

static void test_domain(void **state)
{
	char *tcg = describe(&backend_tcg), *kvm = describe(&backend_kvm);

	(void)state;
	assert_has(tcg, "<domain type='qemu' ");
	assert_has(tcg, "<name>a.1</name>");
	assert_has(tcg, "<vcpu>3</vcpu>");
	assert_has(tcg, "<emulator>/q/qemu</emulator>");
	assert_has(tcg, "<kernel>/i/6.12/vmlinuz</kernel>");
	assert_has(tcg, "<cmdline>a=&quot;b&quot; c</cmdline>");
	assert_has(tcg, "<source path='/r/&lt;a&gt;&amp;b/events.log'/>");
	assert_has(tcg, "<feature policy='require' name='svm'/>");
	assert_has(tcg, "<on_reboot>destroy</on_reboot>");
	assert_null(strchr(tcg, '@'));
	assert_has(kvm, "<domain type='kvm' ");
	assert_has(kvm, "<emulator>/q/qemu</emulator>");
	assert_has(kvm, "<cpu mode='host-passthrough'/>");
	free(tcg);
	free(kvm);
}

static void test_placeholders(void **state)
{
	static const struct placeholder values[] = {{"A", "<", 0}, {"B", "<x/>", 1}, {}};
	char *text = NULL;

	(void)state;
	assert_null(domain_fill("@A@@B@ me@home @ @a@ @", values, &text));
	assert_string_equal(text, "&lt;<x/> me@home @ @a@ @");
	free(text);
	struct error *err = domain_fill("@C@", values, &text);
	assert_non_null(err);
	assert_string_equal(err->message, "unknown placeholder @C@");
	error_free(err);
}

static void test_bochsrc(void **state)
{
	char *text = describe(&backend_bochs);

	(void)state;
	assert_has(text, "count=3,");
	assert_has(text, "type=disk, mode=volatile, journal=boot.redolog, "
			 "path=\"/i/6.12/bochs-boot.img\"");
	assert_has(text, "memory: guest=512, host=512");
	assert_has(text, "/b/bochs -q -unlock -f bochsrc");
	free(text);
	text = describe(&backend_bochs_plain);
	assert_has(text, "type=cdrom, status=inserted, path=\"/i/6.12/bochs-plain.iso\"");
	assert_has(text, "boot: cdrom");
	assert_has(text, "memory: guest=1024, host=1024");
	free(text);
}

/* Of a stand-in that says @text. */
static char *doctor_says(const char *text)
{
	char path[] = "/tmp/crashlab-qemu-XXXXXX";
	const struct lab_paths with = {.qemu = path};
	char *script = format_string("#!/bin/sh\necho '%s'\n", text);
	char *said;
	size_t size;
	FILE *out = open_memstream(&said, &size);

	close(mkstemp(path));
	assert_null(write_text(path, script));
	assert_int_equal(chmod(path, 0755), 0);
	doctor_qemu(&with, out);
	fclose(out);
	assert_int_equal(unlink(path), 0);
	free(script);
	return said;
}

static void test_doctor_qemu(void **state)
{
	static const struct {
		const char *text, *start;
		bool old;
	} rows[] = {
		{"QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg)", "QEMU is 7.2.22: /tmp/", true},
		{"QEMU emulator version 8.0.50", "QEMU is 8.0.50: /tmp/", true},
		{"QEMU emulator version 8.1.0", "QEMU is 8.1.0: /tmp/", false},
		{"QEMU emulator version 10.0.2 (Debian)", "QEMU is 10.0.2: /tmp/", false},
		{"no such library", "QEMU does not tell its version: /tmp/", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *said = doctor_says(rows[i].text);
		assert_int_equal(strncmp(said, rows[i].start, strlen(rows[i].start)), 0);
		assert_int_equal(!!strstr(said, "scripts/fetch-qemu.sh"), rows[i].old);
		free(said);
	}
}

static char *doctor_of_bochs(const char *folder)
{
	_cleanup_free_ char *starter = format_string("%s/bochs", folder);
	const struct lab_paths with = {.bochs = starter};
	char *said;
	size_t size;
	FILE *out = open_memstream(&said, &size);

	doctor_bochs(&with, out);
	fclose(out);
	return said;
}

static void test_doctor_bochs(void **state)
{
	char folder[] = "/tmp/crashlab-bochs-XXXXXX";
	char path[64];

	(void)state;
	assert_non_null(mkdtemp(folder));
	char *said = doctor_of_bochs(folder);
	assert_string_equal(said, ""); /* there is none */
	free(said);
	write_part(folder, "bochs", 0, "#!", 2);
	snprintf(path, sizeof(path), "%s/bochs", folder);
	assert_int_equal(chmod(path, 0755), 0);
	write_part(folder, "version", 0, "3.0\n", 4);
	said = doctor_of_bochs(folder);
	assert_has(said, "Bochs is 3.0: /tmp/");
	assert_null(strstr(said, "machine's own"));
	free(said);
	write_part(folder, "version", 0, "2.7\n", 4);
	write_part(folder, "continue", 0, "c\n", 2);
	said = doctor_of_bochs(folder);
	assert_has(said, "Bochs is 2.7: /tmp/");
	assert_has(said, "this machine's own");
	free(said);
	remove_tree(folder);
}

/* Whatever a backend can give, people are told what to expect of it. */
static void test_merits(void **state)
{
	static const struct lab_paths nothing = {.bochs = "/nonexistent"};

	(void)state;
	for (size_t i = 0; backends[i]; i++) {
		unsigned given = 0;
		for (unsigned vendor = 0; vendor < VENDOR_COUNT; vendor++) {
			const struct merits *merits = &backends[i]->merits[vendor];
			struct error *err = backends[i]->probe(&nothing, vendor);
			assert_int_equal(!merits->speed, !merits->evidence);
			assert_int_equal(!merits->speed, !merits->tested);
			/* it never will: another vendor is named */
			if (err && strstr(err->message, " only"))
				assert_null(merits->speed);
			given += merits->speed != NULL;
			error_free(err);
		}
		assert_true(given > 0);
	}
}

#define STATE(before, cr4, efer, vmx)                                                             \
	"cpu0 = {\n" before "  CR3 = 0x1\n" cr4 "  MSR = {\n    apicbase = 0xfee00900\n" efer     \
	"  }\n  VMX = {\n    vmcsptr = 0x2000\n" vmx                                              \
	"    VMCS_CACHE = {\n      HOST_STATE = {\n        CR4 = 0x9\n        EFER = 0x9\n      " \
	"}\n"                                                                                     \
	"    }\n  }\n}\n"

static struct error *read_state(const char *text, struct bochs_cpu *ret)
{
	FILE *stream = fmemopen((void *)text, strlen(text), "r");

	assert_non_null(stream);
	struct error *err = bochs_state_read(stream, ret);
	fclose(stream);
	return err;
}

static void test_bochs_state(void **state)
{
	struct bochs_cpu cpu;

	(void)state;
	assert_null(read_state(
		STATE("", "  CR4 = 0x001726f0\n", "    EFER = 0x00000d01\n", "    in_vmx = true\n"),
		&cpu));
	assert_int_equal(cpu.cr4, 0x1726f0);
	assert_int_equal(cpu.efer, 0xd01);
	assert_true(cpu.vmx);
	assert_int_equal(cpu.current, 0x2000);
	assert_null(read_state(STATE("", "  CR4 = 0x0\n", "    EFER = 0x0\n",
				     "    in_vmx = false\n    in_vmx_guest = true\n"),
			       &cpu));
	assert_false(cpu.vmx);
}

/* What a hang is looked at for. */
static void test_bochs_state_apic(void **state)
{
	struct bochs_cpu cpu;

	(void)state;
	assert_null(read_state(STATE("",
				     "  CR4 = 0x0\n  CR3 = 0x36a10000\n  RIP = 0xffffffff81039b2c\n"
				     "  EFLAGS = 0x46\n  activity_state = 0x1\n  local_apic = {\n"
				     "    software_enabled = false\n    icr_lo = 0x000c00f8\n    "
				     "irr7 = 0x01000000\n"
				     "    isr0 = 0x80000000\n    isr8 = 0x1\n  }\n",
				     "    EFER = 0x0\n", "    in_vmx = false\n"),
			       &cpu));
	assert_int_equal(cpu.cr3, 0x36a10000);
	assert_int_equal(cpu.rip, 0xffffffff81039b2c);
	assert_int_equal(cpu.eflags, 0x46);
	assert_int_equal(cpu.activity, 1);
	assert_false(cpu.apic_enabled);
	assert_int_equal(cpu.icr, 0xc00f8);
	assert_int_equal(cpu.irr[7], 1 << 24);
	assert_int_equal(cpu.isr[0], 1U << 31);
	assert_int_equal(cpu.isr[7], 0);
}

/* Launched: revision 0x2b, no abort, launch state 1; one field off is something else. */
static void test_bochs_truth(void **state)
{
	static const uint32_t launched[] = {0x2b, 0, 1}, clear[] = {0x2b, 0, 0},
			      aborted[] = {0x2b, 1, 1}, other[] = {0x2c, 0, 1};
	static const char cpu[] =
		STATE("", "  CR4 = 0x2000\n", "    EFER = 0x1\n", "    in_vmx = true\n");
	char folder[] = "/tmp/crashlab-truth.XXXXXX", text[1024] = "";

	(void)state;
	assert_non_null(mkdtemp(folder));
	write_part(folder, "cpu0", 0, cpu, strlen(cpu));
	write_part(folder, "memory.ram", 0, other, sizeof(other));
	write_part(folder, "memory.ram", 0x1000, clear, sizeof(clear));
	write_part(folder, "memory.ram", 0x2000, launched, sizeof(launched));
	write_part(folder, "memory.ram", 0x3000, aborted, sizeof(aborted));
	write_part(folder, "memory.ram", 0x4000, launched, sizeof(launched));
	FILE *out = fmemopen(text, sizeof(text), "w");
	assert_null(bochs_state_truth(folder, 1, out));
	fclose(out);
	assert_has(text, "\"vmx\": true, \"current\": \"0x2000\"");
	assert_has(text, "\"launched\": [\"0x2000\", \"0x4000\"]");
	remove_tree(folder);
}

static void test_bochs_state_incomplete(void **state)
{
	static const char *const texts[] = {
		"",
		STATE("", "", "    EFER = 0x1\n", "    in_vmx = true\n"),
		STATE("", "  CR4 = 0x1\n", "", "    in_vmx = true\n"),
		STATE("", "  CR4 = 0x1\n", "    EFER = 0x1\n", ""),
		STATE("", "  CR4 = no\n", "    EFER = 0x1\n", "    in_vmx = true\n"),
		STATE("", "  CR4 = 0x1\n", "    EFER = 0x1\n", "    in_vmx = maybe\n"),
		STATE("}\n}\n", "  CR4 = 0x1\n", "    EFER = 0x1\n", "    in_vmx = true\n"),
		"a = {\nb = {\nc = {\nd = {\ne = {\nf = {\ng = {\nh = {\ni = {\n",
	};
	struct bochs_cpu cpu;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct error *err = read_state(texts[i][0] ? texts[i] : "\n", &cpu);
		if (!err)
			fail_msg("text %zu was taken", i);
		assert_int_equal(err->code, ERROR_FORMAT);
		error_free(err);
	}
}

/** A made-up host: /proc/cpuinfo and /sys/module. */
struct host {
	char folder[64], cpuinfo[96], modules[96];
};

static void host_init(struct host *host, const char *flags, const char *module, const char *nested)
{
	strcpy(host->folder, "/tmp/crashlab-host-XXXXXX");
	assert_non_null(mkdtemp(host->folder));
	snprintf(host->cpuinfo, sizeof(host->cpuinfo), "%s/cpuinfo", host->folder);
	snprintf(host->modules, sizeof(host->modules), "%s/module", host->folder);
	char *cpuinfo =
		format_string("processor\t: 0\nflags\t\t: fpu %s\nbugs\t: vmx svm\n", flags);
	assert_null(write_text(host->cpuinfo, cpuinfo));
	free(cpuinfo);
	if (module) {
		char *folder = format_string("%s/%s/parameters", host->modules, module);
		char *file = format_string("%s/nested", folder);
		assert_null(make_directories(folder));
		assert_null(write_text(file, nested));
		free(file);
		free(folder);
	}
}

static void test_kvm_probe(void **state)
{
	static const struct {
		const char *flags, *module, *nested;
		enum vendor vendor;
		const char *why; /* NULL: fine */
	} rows[] = {
		{"vmx sse", "kvm_intel", "Y\n", VENDOR_VMX, NULL},
		{"sse svm", "kvm_amd", "1\n", VENDOR_SVM, NULL},
		{"vmx", "kvm_intel", "N\n", VENDOR_VMX, "does not nest"},
		{"svm", "kvm_amd", "0\n", VENDOR_SVM, "does not nest"},
		{"vmx", NULL, NULL, VENDOR_VMX, "not loaded"},
		{"vmx", "kvm_intel", "Y\n", VENDOR_SVM, "no svm"},
		{"svm_lock xsvm", "kvm_amd", "1\n", VENDOR_SVM, "no svm"},
		{"", NULL, NULL, VENDOR_VMX, "no vmx"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct host host;
		host_init(&host, rows[i].flags, rows[i].module, rows[i].nested);
		const struct kvm_sources sources = {host.cpuinfo, host.modules, NULL};
		struct error *err = kvm_probe(&sources, rows[i].vendor);
		if (!rows[i].why)
			assert_null(err);
		else
			assert_has(err ? err->message : "(fine)", rows[i].why);
		error_free(err);
		remove_tree(host.folder);
	}
}

static void test_names(void **state)
{
	(void)state;
	assert_ptr_equal(backend_find("tcg"), &backend_tcg);
	assert_null(backend_find("auto"));
}

static void test_tail(void **state)
{
	static const char path[] = "/tmp/crashlab-tail-test";
	char *text;
	size_t size;

	(void)state;
	assert_null(write_text(path, "one\ntwo\r\n\033[mthree\n\n"));
	FILE *out = open_memstream(&text, &size);
	assert_true(print_tail(out, path, 2, "| "));
	fclose(out);
	assert_string_equal(text, "| two\n| [mthree\n");
	free(text);
	out = open_memstream(&text, &size);
	assert_true(print_tail(out, path, 9, ""));
	assert_null(write_text(path, ""));
	assert_false(print_tail(out, path, 9, ""));
	assert_false(print_tail(out, "/nonexistent", 9, ""));
	fclose(out);
	assert_string_equal(text, "one\ntwo\n[mthree\n");
	free(text);
	unlink(path);
}

/* Whose a domain at another host is: of a lab that has ended, and was this host's. */
static void test_remote_names(void **state)
{
	char *name = remote_name("svm-a.12ab34"), other[256];
	const char *process = strchr(strchr(name, '.') + 1, '.') + 1;
	int host = process - name;

	(void)state;
	assert_has(name, ".svm-a.12ab34");
	assert_null(strpbrk(name, "/<>&'\" "));
	assert_false(remote_is_left(name, false));
	assert_true(remote_is_left(name, true));
	/* A process of that number runs, but it started at another time. */
	snprintf(other, sizeof(other), "%.*s%d.%llu.a.1", host, name, getpid(),
		 process_start_time(getpid()) + 1);
	assert_true(remote_is_left(other, false));
	snprintf(other, sizeof(other), "%.*s%d.%llu.a.1", host, name, getppid(),
		 process_start_time(getppid()));
	assert_false(remote_is_left(other, true));
	snprintf(other, sizeof(other), "crashlab.elsewhere-1-2.%d.1.a.1", getpid());
	assert_false(remote_is_left(other, true));
	snprintf(other, sizeof(other), "%.*s%d", host, name, getpid());
	assert_false(remote_is_left(other, true));
	assert_false(remote_is_left("crashlab-image.0123.vmlinuz", true));
	assert_false(remote_is_left("", true));
	free(name);
}

/* The hash of a file is that of its content as it is now. */
static void test_volume_hash(void **state)
{
	char path[] = "/tmp/crashlab-volume.XXXXXX", *hash = NULL;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "hello\n", 6), 6);
	assert_null(volume_hash(path, &hash));
	assert_string_equal(hash,
			    "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03");
	free(hash);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_null(volume_hash(path, &hash));
	assert_string_equal(hash,
			    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	free(hash);
	close(fd);
	unlink(path);
	struct error *err = volume_hash(path, &hash);
	assert_non_null(err);
	error_free(err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_domain),
		cmocka_unit_test(test_placeholders),
		cmocka_unit_test(test_bochsrc),
		cmocka_unit_test(test_doctor_qemu),
		cmocka_unit_test(test_doctor_bochs),
		cmocka_unit_test(test_merits),
		cmocka_unit_test(test_bochs_state),
		cmocka_unit_test(test_bochs_state_apic),
		cmocka_unit_test(test_bochs_state_incomplete),
		cmocka_unit_test(test_kvm_probe),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_saved_domain),
		cmocka_unit_test(test_bochs_truth),
		cmocka_unit_test(test_tail),
		cmocka_unit_test(test_remote_names),
		cmocka_unit_test(test_volume_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
