// SPDX-License-Identifier: GPL-2.0-only
/* What is left on the partition for people: database, report, summary. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lab/db.h"
#include "lab/files.h"
#include "lab/report.h"
#include "lab/table.h"
#include "stick/stick.h"
#include "util/cleanup.h"
#include "util/text.h"

/* The record of @run as the files have it. */
static struct error *load_record(const struct stick *stick, const struct case_run *run,
				 struct record *ret)
{
	struct record planned;

	case_record(run, stick->run.run, &planned);
	if (!stick_ended(run)) {
		*ret = planned;
		return NULL;
	}
	struct error *err = record_load(run->directory, ret);
	if (!err) {
		ret->run = take(planned.run);
		ret->spec = take(planned.spec);
	}
	record_deinit(&planned);
	return err;
}

static struct error *load_records(const struct stick *stick, struct record_list *ret)
{
	*ret = (struct record_list){};
	for (size_t i = 0; i < stick->count; i++) {
		try(array_grow((void **)&ret->items, &ret->count, sizeof(*ret->items)));
		try(load_record(stick, &stick->cases[i], &ret->items[ret->count - 1]));
	}
	return NULL;
}

static struct error *put_run(struct db *db, const struct stick *stick)
{
	struct record_list records = {};
	struct error *err = load_records(stick, &records);

	if (!err)
		err = db_add_run(db, &stick->run, records.items, records.count);
	record_list_deinit(&records);
	return err;
}

static int is_run(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static struct error *put_runs(struct db *db, const struct stick_options *options)
{
	struct dirent **entries = NULL;
	int count = scandir(options->results, &entries, is_run, alphasort);
	struct error *err = NULL;

	for (int i = 0; i < count; i++) {
		struct stick stick;
		struct error *none = err ? NULL : stick_load(options, entries[i]->d_name, &stick);
		if (!err && !none) {
			err = put_run(db, &stick);
			stick_deinit(&stick);
		}
		error_free(none); /* what is no run, or no longer whole */
		free(entries[i]);
	}
	free(entries);
	return err;
}

static struct error *copy_file(const char *from, const char *to)
{
	_cleanup_free_ char *part = format_string("%s.part", to);
	_cleanup_close_ int in = open(from, O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int out = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ssize_t sent;

	if (in < 0 || out < 0)
		return error_errno(errno, "%s", in < 0 ? from : part);
	while ((sent = sendfile(out, in, NULL, 1 << 20)) > 0)
		;
	if (!sent && !fsync(out) && !rename(part, to))
		return NULL;
	struct error *err = error_errno(errno, "%s", to);
	unlink(part);
	return err;
}

/* Made in memory, as a database that is written row by row is hard on a stick, and wears it. */
static struct error *make_database(const struct stick_options *options)
{
	char folder[] = "/run/crashstick.XXXXXX";
	struct db *db;

	if (!mkdtemp(folder))
		return error_errno(errno, "%s", folder);
	_cleanup_free_ char *made = format_string("%s/" DB_FILE, folder);
	_cleanup_free_ char *kept = format_string("%s/" DB_FILE, options->results);
	struct error *err = db_open(folder, true, &db);
	if (!err) {
		err = put_runs(db, options);
		db_close(db);
	}
	if (!err)
		err = copy_file(made, kept);
	remove_tree(folder);
	return err;
}

static struct error *write_summary(const struct stick *stick, const struct record_list *records,
				   FILE *out)
{
	_cleanup_free_ char *path = format_string("%s/summary.txt", stick->directory);
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *memory = open_memstream(&text, &size);

	if (!memory)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	fprintf(memory, "crashlab: scenario %s, run %s\n%s\n\n", stick->run.scenario,
		stick->run.run, stick->run.host);
	table_print(memory, records, SIZE_MAX);
	fclose(memory);
	fputs(text, out);
	return write_text(path, text);
}

static struct error *note_end(struct stick *stick)
{
	time_t seconds = time(NULL);
	char text[32];
	struct tm when;

	if (stick->run.ended)
		return NULL;
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &when));
	stick->run.ended = format_string("%s", text);
	return stick_store(stick);
}

struct error *stick_finish(struct stick *stick, FILE *out)
{
	_cleanup_free_ char *page = format_string("%s/report.html", stick->directory);
	struct record_list records = {};
	const struct report report = {&stick->run, &records};

	try(note_end(stick));
	struct error *err = load_records(stick, &records);
	if (!err)
		err = write_summary(stick, &records, out);
	if (!err)
		err = report_write(&report_formats[0], &report, page);
	record_list_deinit(&records);
	return err ? err : make_database(stick->options);
}
