// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/doctor.h"

#include <libsmartcols/libsmartcols.h>
#include <string.h>
#include <sys/mman.h>

#include "lab/embed.h"
#include "lab/files.h"
#include "lab/process.h"
#include "util/cleanup.h"

#define VERSION_SECONDS 30

/* Programs of other packages that the lab calls, whatever the backend. */
static const struct {
	const char *name, *package;
} programs[] = {{"mkfs.vfat", "dosfstools"}, {"mcopy", "mtools"}};

static bool check_programs(const struct lab_paths *paths, FILE *out)
{
	_cleanup_free_ char *analyzer = format_string("%s/verify_vmcs", paths->bin);
	bool whole = true;

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		_cleanup_free_ char *found = process_find(programs[i].name);
		if (found)
			continue;
		fprintf(out, "missing: %s (apt-get install %s)\n", programs[i].name,
			programs[i].package);
		whole = false;
	}
	if (access(analyzer, X_OK)) {
		fprintf(out, "missing: %s (make)\n", analyzer);
		whole = false;
	}
	return whole;
}

static bool check_libvirt(FILE *out)
{
	virConnectPtr connection;
	struct error *err = embed_open(&connection);

	embed_close();
	if (!err)
		return true;
	fprintf(out,
		"QEMU cannot be used through libvirt: %s (apt-get install "
		"libvirt-daemon-system)\n",
		err->message);
	error_free(err);
	return false;
}

void doctor_qemu(const struct lab_paths *paths, FILE *out)
{
	char *const argv[] = {paths->qemu, "--version", NULL};
	_cleanup_close_ int said = memfd_create("version", MFD_CLOEXEC);
	_cleanup_free_ char *file = format_string("/proc/self/fd/%d", said);
	_cleanup_free_ char *path = paths->qemu ? realpath(paths->qemu, NULL) : NULL;
	unsigned major, minor, micro;
	char text[80] = "";
	int status;

	if (!path)
		return; /* its rows of the table say so */
	_cleanup_error_ struct error *err = process_run(argv, file, NULL, VERSION_SECONDS, &status);
	if (!err && pread(said, text, sizeof(text) - 1, 0) < 0)
		text[0] = '\0';
	if (sscanf(text, "QEMU emulator version %u.%u.%u", &major, &minor, &micro) != 3) {
		fprintf(out, "QEMU does not tell its version: %s\n", path);
		return;
	}
	fprintf(out, "QEMU is %u.%u.%u: %s\n", major, minor, micro, path);
	/* 8.1 has "accel/tcg: Always lock pages before translation". */
	if (major < 8 || (major == 8 && minor < 1))
		fputs("Before 8.1 a case under TCG may die of an int3 that the kernel has taken "
		      "away (docs/facts.md). For a newer QEMU remove build/qemu and run "
		      "scripts/fetch-qemu.sh.\n",
		      out);
}

static void add_row(struct libscols_table *table, const struct backend *backend, enum vendor vendor,
		    const struct error *err, bool chosen)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);

	scols_line_set_data(line, 0, backend->name);
	scols_line_set_data(line, 1, vendor_names[vendor]);
	scols_line_set_data(line, 2, err ? "no" : "yes");
	scols_line_set_data(line, 3, chosen ? "auto" : "");
	scols_line_set_data(line, 4, err ? err->message : backend->about);
}

/* Returns how many vendors have a backend. */
static unsigned print_backends(const struct lab_paths *paths, FILE *out)
{
	static const char *const titles[] = {"BACKEND", "VENDOR", "RUNS", "CHOSEN", ""};
	struct libscols_table *table = scols_new_table();
	unsigned covered = 0;

	if (!table)
		abort();
	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		scols_table_new_column(table, titles[i], 0, 0);
	scols_table_set_stream(table, out);
	for (unsigned vendor = 0; vendor < VENDOR_COUNT; vendor++) {
		bool found = false;
		for (size_t i = 0; backends[i]; i++) {
			_cleanup_error_ struct error *err = backends[i]->probe(paths, vendor);
			add_row(table, backends[i], vendor, err, !err && !found);
			found |= !err;
		}
		covered += found;
	}
	scols_print_table(table);
	scols_unref_table(table);
	return covered;
}

int doctor(const struct lab_paths *paths, FILE *out)
{
	bool whole = print_backends(paths, out) == VENDOR_COUNT;

	doctor_qemu(paths, out);
	whole &= check_programs(paths, out);
	whole &= check_libvirt(out);
	fputs(whole ? "This host can run VMX and SVM cases.\n"
		    : "This host cannot run every case; see above.\n",
	      out);
	return !whole;
}
