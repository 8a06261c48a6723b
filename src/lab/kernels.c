// SPDX-License-Identifier: GPL-2.0-only
/* Kernels are fetched and made into images by scripts; this calls them. */
#define _GNU_SOURCE
#include "lab/kernels.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "lab/files.h"
#include "lab/process.h"
#include "lab/script.h"
#include "util/cleanup.h"
#include "util/text.h"

#define NAME_MOST 256
#define MANIFEST_MOST 65536
#define ARGUMENTS 32
#define CHECK_SECONDS 60
#define CHANGED_MOST 1024

/* The scripts that fetch what runs the images. */
static const char *const emulators[] = {"fetch-bochs.sh", "fetch-qemu.sh"};

#define EMULATORS (sizeof(emulators) / sizeof(emulators[0]))

static void fetch_arguments(const struct kernel_order *order, const char *argv[ARGUMENTS])
{
	unsigned count = 1;

	argv[0] = "fetch-kernel.sh";
	if (order->suite) {
		argv[count++] = "--suite";
		argv[count++] = order->suite;
	}
	if (order->kernel)
		argv[count++] = order->kernel;
	argv[count] = NULL;
}

static void build_arguments(const struct kernel_order *order, const char *name,
			    const char *argv[ARGUMENTS])
{
	unsigned count = 2;

	argv[0] = order->stick ? "build-stick.sh" : "build-images.sh";
	argv[1] = name;
	if (order->flavour) {
		argv[count++] = "--flavour";
		argv[count++] = order->flavour;
	}
	for (size_t i = 0; order->stick && order->stick[i] && count < ARGUMENTS - 1; i++)
		argv[count++] = order->stick[i];
	if (order->overlay && !order->stick) {
		argv[count++] = "--overlay";
		argv[count++] = order->overlay;
		argv[count++] = "--name";
		argv[count++] = order->suffix;
	}
	argv[count] = NULL;
}

struct error *kernel_make(const struct lab_paths *paths, const struct kernel_order *order,
			  char **ret)
{
	_cleanup_free_ char *name = NULL;
	const char *argv[ARGUMENTS];

	fetch_arguments(order, argv);
	try(script_read(paths, argv, NAME_MOST, &name));
	name[strcspn(name, "\n")] = '\0';
	for (size_t i = 0; i < EMULATORS && !order->stick; i++) {
		const char *fetch[] = {emulators[i], NULL};
		try(script_run(paths, fetch, STDERR_FILENO));
	}
	build_arguments(order, name, argv);
	try(script_run(paths, argv, order->stick ? STDOUT_FILENO : STDERR_FILENO));
	*ret = take(name);
	return NULL;
}

void kernel_describe(const struct lab_paths *paths, const struct kernel_order *order, FILE *out)
{
	const char *argv[ARGUMENTS];

	fetch_arguments(order, argv);
	script_print(paths, argv, out);
	for (size_t i = 0; i < EMULATORS && !order->stick; i++) {
		const char *fetch[] = {emulators[i], NULL};
		script_print(paths, fetch, out);
	}
	build_arguments(order, "KERNEL", argv);
	script_print(paths, argv, out);
}

static bool has_images(const struct lab_paths *paths, const char *name)
{
	_cleanup_free_ char *path = format_string("%s/%s/vmlinuz", paths->images, name);

	return !strchr(name, '/') && !access(path, R_OK);
}

struct error *kernels_resolve(const struct lab_paths *paths, const char *list, char **ret)
{
	_cleanup_free_ char *words = format_string("%s", list), *names = NULL;
	char *rest = words;

	for (char *word; (word = strsep(&rest, ","));) {
		const struct kernel_order order = {.kernel = word};
		_cleanup_free_ char *name = NULL;
		if (!*word)
			return error_new(ERROR_USAGE, "--kernel: \"%s\" has an empty name in it",
					 list);
		if (!has_images(paths, word))
			try(kernel_make(paths, &order, &name));
		try(text_join(&names, ",", name ? name : word));
	}
	*ret = take(names);
	return NULL;
}

/* The first line of what sha256sum complains of; "" when nothing has changed. */
static struct error *find_changed(const struct lab_paths *paths, const char *parts, char *ret,
				  size_t size)
{
	_cleanup_close_ int said = memfd_create("changed", MFD_CLOEXEC);
	_cleanup_free_ char *file = format_string("/proc/self/fd/%d", said);
	const char *const argv[] = {
		"sh",
		"-c",
		"cd \"$0\" && exec sha256sum --check --quiet --ignore-missing \"$1\"",
		paths->bin,
		parts,
		NULL};
	int status;

	try(process_run((char *const *)argv, file, NULL, CHECK_SECONDS, &status));
	ssize_t length = pread(said, ret, size - 1, 0);
	ret[length > 0 ? length : 0] = '\0';
	ret[strcspn(ret, ":\n")] = '\0';
	return NULL;
}

struct error *kernel_images_fit(const struct lab_paths *paths, const char *images)
{
	_cleanup_free_ char *manifest = format_string("%s/manifest", images);
	_cleanup_free_ char *parts = format_string("%s/parts", images);
	char changed[CHANGED_MOST] = "";

	if (access(manifest, F_OK))
		return NULL;
	bool told = !access(parts, F_OK);
	if (told)
		try(find_changed(paths, parts, changed, sizeof(changed)));
	if (told && !*changed)
		return NULL;
	const char *file = strrchr(changed, '/');
	return error_new(ERROR_USAGE,
			 "%s was not made of the programs that are here%s%s: run `make images`, or "
			 "what else made it",
			 images, told ? ", another is " : "", file ? file + 1 : changed);
}

/* Whether @who, words with commas between, is about such a case. */
static bool concerns(char *who, const struct case_spec *spec, const struct backend *backend)
{
	for (char *word; (word = strsep(&who, ","));) {
		if (!strcmp(word, "any") || !strcmp(word, vendor_names[spec->vendor]) ||
		    !strcmp(word, backend->name) ||
		    (!strcmp(word, "window") && case_has_window(spec)))
			return true;
	}
	return false;
}

char *kernel_lacks(const char *images, const struct case_spec *spec, const struct backend *backend)
{
	_cleanup_free_ char *path = format_string("%s/manifest", images), *text = NULL;
	_cleanup_error_ struct error *err = read_text(path, MANIFEST_MOST, &text);
	char *lacks = NULL, *rest = text;

	if (err)
		return NULL; /* images of another making */
	for (char *line; (line = strsep(&rest, "\n"));) {
		if (strncmp(line, "lacks=", 6))
			continue;
		char *what = line + 6, *who = strsep(&what, " ");
		if (what && concerns(who, spec, backend) && text_join(&lacks, "; ", what))
			abort();
	}
	return lacks;
}
