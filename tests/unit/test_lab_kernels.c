// SPDX-License-Identifier: GPL-2.0-only
/* What a kernel lacks, as its images' manifest says, and which cases that concerns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lab/files.h"
#include "lab/kernels.h"
#include "util/cleanup.h"

static char directory[] = "/tmp/crashlab-kernels.XXXXXX";
static const struct backend tcg = {.name = "tcg"}, bochs = {.name = "bochs"};

static void write_manifest(const char *text)
{
	_cleanup_free_ char *path = format_string("%s/manifest", directory);

	assert_null(write_text(path, text));
}

static void check(enum vendor vendor, const char *window, const struct backend *backend,
		  const char *expected)
{
	struct case_spec spec = {.vendor = vendor};

	snprintf(spec.window, sizeof(spec.window), "%s", window);
	_cleanup_free_ char *lacks = kernel_lacks(directory, &spec, backend);
	if (!expected)
		assert_null(lacks);
	else
		assert_string_equal(lacks, expected);
}

static void test_concerns(void **state)
{
	(void)state;
	write_manifest("release=6.1\nlacks=svm no KVM_AMD: no guests\n"
		       "lacks=window no KPROBES: no hold\n"
		       "lacks=bochs,bochs-plain no ATA_PIIX: no disk\n"
		       "lacks=analysis no BTF: no types\ninputs=1\n");
	check(VENDOR_SVM, "none", &tcg, "no KVM_AMD: no guests");
	check(VENDOR_SVM, "virt-off", &tcg, "no KVM_AMD: no guests; no KPROBES: no hold");
	check(VENDOR_VMX, "none", &tcg, NULL);
	check(VENDOR_VMX, "none", &bochs, "no ATA_PIIX: no disk");
}

static void test_any(void **state)
{
	(void)state;
	write_manifest("lacks=any no KEXEC: no crash kernel\n");
	check(VENDOR_VMX, "none", &bochs, "no KEXEC: no crash kernel");
	check(VENDOR_SVM, "none", &tcg, "no KEXEC: no crash kernel");
}

/* One that lacks nothing, one that was damaged, and none at all. */
static void test_nothing(void **state)
{
	_cleanup_free_ char *path = format_string("%s/manifest", directory);

	(void)state;
	write_manifest("release=6.1\ninputs=1\n");
	check(VENDOR_SVM, "none", &tcg, NULL);
	write_manifest("lacks=\nlacks=any\nlacks");
	check(VENDOR_SVM, "none", &tcg, NULL);
	unlink(path);
	check(VENDOR_SVM, "none", &tcg, NULL);
}

static void check_fit(const char *expected)
{
	const struct lab_paths paths = {.bin = directory};
	_cleanup_error_ struct error *err = kernel_images_fit(&paths, directory);

	if (!expected) {
		assert_null(err);
		return;
	}
	assert_true(error_is(err, ERROR_USAGE));
	assert_non_null(strstr(err->message, expected));
	assert_non_null(strstr(err->message, "make images"));
}

/* Images fit the programs that they were made of; a part that is not here says nothing. */
static void test_fit(void **state)
{
	_cleanup_free_ char *manifest = format_string("%s/manifest", directory);
	_cleanup_free_ char *parts = format_string("%s/parts", directory);
	_cleanup_free_ char *program = format_string("%s/guestload", directory);

	(void)state;
	check_fit(NULL);
	write_manifest("release=6.1\n");
	check_fit("not made of the programs");
	assert_null(write_text(
		parts,
		"5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03  guestload\n"
		"0000000000000000000000000000000000000000000000000000000000000000  gone\n"));
	assert_null(write_text(program, "hello\n"));
	check_fit(NULL);
	assert_null(write_text(program, "hallo\n"));
	check_fit("another is guestload");
	unlink(program);
	unlink(parts);
	unlink(manifest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_concerns),
		cmocka_unit_test(test_any),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_fit),
	};

	if (!mkdtemp(directory))
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	remove_tree(directory);
	return failed;
}
