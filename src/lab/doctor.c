// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/doctor.h"

#include <libsmartcols/libsmartcols.h>
#include <string.h>
#include <sys/mman.h>

#include "lab/embed.h"
#include "lab/files.h"
#include "lab/process.h"
#include "lab/remote.h"
#include "lab/results_json.h"
#include "lab/table.h"
#include "util/cleanup.h"
#include "util/text.h"

#define VERSION_SECONDS 30

/* Programs of other packages that the lab calls, whatever the backend. */
static const struct {
	const char *name, *package;
} programs[] = {{"mkfs.vfat", "dosfstools"}, {"mcopy", "mtools"}};

/** Whether one backend gives one vendor. */
struct ability {
	const struct backend *backend;
	enum vendor vendor;
	char *obstacle; /* NULL: it does */
	bool chosen; /* by `auto` */
};

/** What was found out about the host. */
struct diagnosis {
	struct ability *abilities;
	size_t count;
	unsigned covered; /* vendors that some backend gives */
	struct text_list missing;
	char *qemu; /* which QEMU, and what to expect of it; lines. Connected: where that is */
	char *bochs; /* the same of Bochs */
};

static struct error *check_programs(const struct lab_paths *paths, struct diagnosis *diagnosis)
{
	_cleanup_free_ char *analyzer = format_string("%s/verify_vmcs", paths->bin);

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		_cleanup_free_ char *found = process_find(programs[i].name);
		if (!found)
			try(text_list_add(&diagnosis->missing, "%s (apt-get install %s)",
					  programs[i].name, programs[i].package));
	}
	if (access(analyzer, X_OK))
		try(text_list_add(&diagnosis->missing, "%s (make)", analyzer));
	return NULL;
}

static struct error *check_libvirt(const struct lab_paths *paths, struct diagnosis *diagnosis)
{
	virConnectPtr connection;
	_cleanup_error_ struct error *err = paths->connect ? NULL : embed_open(&connection);

	backend_shutdown();
	if (!err)
		return NULL;
	return text_list_add(&diagnosis->missing,
			     "QEMU through libvirt: %s (apt-get install libvirt-daemon-system)",
			     err->message);
}

static struct error *check_vendor(const struct lab_paths *paths, enum vendor vendor,
				  struct diagnosis *diagnosis)
{
	bool found = false;

	for (size_t i = 0; backends[i]; i++) {
		_cleanup_error_ struct error *err = backends[i]->probe(paths, vendor);
		try(array_grow((void **)&diagnosis->abilities, &diagnosis->count,
			       sizeof(*diagnosis->abilities)));
		diagnosis->abilities[diagnosis->count - 1] =
			(struct ability){.backend = backends[i],
					 .vendor = vendor,
					 .obstacle = err ? format_string("%s", err->message) : NULL,
					 .chosen = !err && !found};
		found |= !err;
	}
	diagnosis->covered += found;
	return NULL;
}

static struct error *add_qemu(const struct lab_paths *paths, struct diagnosis *diagnosis)
{
	size_t size;
	FILE *out = open_memstream(&diagnosis->qemu, &size);

	if (!out)
		abort();
	struct error *err = NULL;
	if (paths->connect)
		err = remote_describe(paths, out);
	else
		doctor_qemu(paths, out);
	fclose(out);
	return err;
}

static void add_bochs(const struct lab_paths *paths, struct diagnosis *diagnosis)
{
	size_t size;
	FILE *out = open_memstream(&diagnosis->bochs, &size);

	if (!out)
		abort();
	doctor_bochs(paths, out);
	fclose(out);
}

static struct error *diagnose(const struct lab_paths *paths, struct diagnosis *ret)
{
	try(add_qemu(paths, ret));
	add_bochs(paths, ret);
	for (unsigned vendor = 0; vendor < VENDOR_COUNT; vendor++)
		try(check_vendor(paths, vendor, ret));
	try(check_programs(paths, ret));
	return check_libvirt(paths, ret);
}

static void diagnosis_deinit(struct diagnosis *diagnosis)
{
	for (size_t i = 0; i < diagnosis->count; i++)
		free(diagnosis->abilities[i].obstacle);
	free(diagnosis->abilities);
	text_list_deinit(&diagnosis->missing);
	free(diagnosis->qemu);
	free(diagnosis->bochs);
}

static bool is_whole(const struct diagnosis *diagnosis)
{
	return diagnosis->covered == VENDOR_COUNT && !diagnosis->missing.count;
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

/* scripts/fetch-bochs.sh leaves `version`, and `continue` where the machine's own stands in. */
void doctor_bochs(const struct lab_paths *paths, FILE *out)
{
	_cleanup_free_ char *folder = format_string(
		"%.*s", (int)(strrchr(paths->bochs, '/') - paths->bochs), paths->bochs);
	_cleanup_free_ char *version_path = format_string("%s/version", folder);
	_cleanup_free_ char *mark = format_string("%s/continue", folder);
	_cleanup_free_ char *version = NULL;

	if (access(paths->bochs, X_OK))
		return; /* its rows of the table say so */
	_cleanup_error_ struct error *err = read_text(version_path, 100, &version);
	if (!err)
		version[strcspn(version, "\n")] = '\0';
	fprintf(out, "Bochs is %s: %s\n", err ? "of a version that it does not tell" : version,
		paths->bochs);
	if (!access(mark, F_OK))
		fputs("It is this machine's own, as Debian 13's could not be had: its cases take "
		      "about three times as long (docs/backends.md). For a newer one remove "
		      "build/bochs and run scripts/fetch-bochs.sh.\n",
		      out);
}

static void print_merits(const struct diagnosis *diagnosis, FILE *out)
{
	static const char *const titles[] = {
		"BACKEND", "VENDOR", "SPEED", "TESTED", "EVIDENCE OF THE HOST", NULL};
	struct libscols_table *table = table_new(out, titles);

	for (size_t i = 0; i < diagnosis->count; i++) {
		const struct ability *ability = &diagnosis->abilities[i];
		const struct merits *merits = &ability->backend->merits[ability->vendor];
		if (!merits->speed)
			continue;
		struct libscols_line *line = scols_table_new_line(table, NULL);
		scols_line_set_data(line, 0, ability->backend->name);
		scols_line_set_data(line, 1, vendor_names[ability->vendor]);
		scols_line_set_data(line, 2, merits->speed);
		scols_line_set_data(line, 3, merits->tested);
		scols_line_set_data(line, 4, merits->evidence);
	}
	scols_print_table(table);
	scols_unref_table(table);
}

static void print_text(const struct diagnosis *diagnosis, FILE *out)
{
	static const char *const titles[] = {"BACKEND", "VENDOR", "RUNS", "CHOSEN", "", NULL};
	struct libscols_table *table = table_new(out, titles);

	for (size_t i = 0; i < diagnosis->count; i++) {
		const struct ability *ability = &diagnosis->abilities[i];
		struct libscols_line *line = scols_table_new_line(table, NULL);
		scols_line_set_data(line, 0, ability->backend->name);
		scols_line_set_data(line, 1, vendor_names[ability->vendor]);
		scols_line_set_data(line, 2, ability->obstacle ? "no" : "yes");
		scols_line_set_data(line, 3, ability->chosen ? "auto" : "");
		scols_line_set_data(
			line, 4, ability->obstacle ? ability->obstacle : ability->backend->about);
	}
	scols_print_table(table);
	scols_unref_table(table);
	fputc('\n', out);
	print_merits(diagnosis, out);
	fputc('\n', out);
	fputs(diagnosis->qemu, out);
	fputs(diagnosis->bochs, out);
	for (size_t i = 0; i < diagnosis->missing.count; i++)
		fprintf(out, "missing: %s\n", diagnosis->missing.items[i]);
	fputs(is_whole(diagnosis) ? "This host can run VMX and SVM cases.\n"
				  : "This host cannot run every case; see above.\n",
	      out);
}

static void print_json(const struct diagnosis *diagnosis, FILE *out)
{
	json_object *object = json_object_new_object(), *list = json_object_new_array();
	json_object *missing = json_object_new_array();

	for (size_t i = 0; i < diagnosis->count; i++) {
		const struct ability *ability = &diagnosis->abilities[i];
		json_object *entry = json_object_new_object();
		json_add_text(entry, "backend", ability->backend->name);
		json_add_text(entry, "vendor", vendor_names[ability->vendor]);
		json_object_object_add(entry, "runs", json_object_new_boolean(!ability->obstacle));
		json_object_object_add(entry, "chosen", json_object_new_boolean(ability->chosen));
		json_add_text(entry, "obstacle", ability->obstacle);
		const struct merits *merits = &ability->backend->merits[ability->vendor];
		json_add_text(entry, "speed", merits->speed);
		json_add_text(entry, "tested", merits->tested);
		json_add_text(entry, "evidence", merits->evidence);
		json_object_array_add(list, entry);
	}
	for (size_t i = 0; i < diagnosis->missing.count; i++)
		json_object_array_add(missing, json_object_new_string(diagnosis->missing.items[i]));
	json_add_text(object, "schema", "crashlab-doctor/1");
	json_object_object_add(object, "whole", json_object_new_boolean(is_whole(diagnosis)));
	json_object_object_add(object, "backends", list);
	json_object_object_add(object, "missing", missing);
	json_add_text(object, "qemu", diagnosis->qemu);
	json_add_text(object, "bochs", diagnosis->bochs);
	json_print(out, object);
}

struct error *doctor(const struct lab_paths *paths, bool json, FILE *out, int *ret_status)
{
	struct diagnosis diagnosis = {};
	struct error *err = diagnose(paths, &diagnosis);

	if (!err)
		(json ? print_json : print_text)(&diagnosis, out);
	*ret_status = !is_whole(&diagnosis);
	diagnosis_deinit(&diagnosis);
	return err;
}
