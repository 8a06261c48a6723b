// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/judge.h"

#include <string.h>
#include <sys/stat.h>

#include "lab/conclude.h"
#include "lab/crash_words.h"
#include "lab/disk.h"
#include "lab/files.h"
#include "lab/moments.h"
#include "lab/process.h"
#include "lab/verdict_file.h"
#include "util/cleanup.h"

#define HANG_MAX (1 << 20) /* bytes of a file about a machine that hung */
#define JUDGE_SECONDS 300 /* it may have to read a whole vmcore */

/** Paths in a case directory. */
struct files {
	char *disk, *capture, *calibration, *registers, *json, *text, *errors, *log;
};

static void files_init(struct files *files, const char *directory)
{
	files->disk = format_string("%s/case.disk", directory);
	files->capture = format_string("%s/capture", directory);
	files->calibration = format_string("%s/capture/calibration.json", directory);
	files->registers = format_string("%s/host-regs.txt", directory);
	files->json = format_string("%s/verdict.json", directory);
	files->text = format_string("%s/verdict.txt", directory);
	files->errors = format_string("%s/verify.err", directory);
	files->log = format_string("%s/capture/dmesg.txt", directory);
}

static void files_deinit(struct files *files)
{
	free(files->disk);
	free(files->capture);
	free(files->calibration);
	free(files->registers);
	free(files->json);
	free(files->text);
	free(files->errors);
	free(files->log);
}

#define _cleanup_files_ _cleanup_(files_deinit)

static struct error *extract(const struct files *files)
{
	try(make_directories(files->capture));
	try(disk_extract(files->disk, files->capture));
	unlink(files->disk);
	return NULL;
}

/* What the crash kernel judged, or the dump itself when it came to no verdict. NULL: neither. */
static char *find_dump(const struct files *files)
{
	static const char *const names[] = {"verdict.json", "vmcore"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *path = format_string("%s/%s", files->capture, names[i]);
		if (!access(path, R_OK))
			return path;
		free(path);
	}
	return NULL;
}

/* A verdict is judged again as it is: what was made of a calibration is in it. */
static bool has_verdict(const char *dump)
{
	size_t length = strlen(dump);

	return length > 5 && !strcmp(dump + length - 5, ".json");
}

static struct error *verify(const struct case_run *run, const struct run_options *options,
			    const struct files *files, const char *dump, int *ret_status)
{
	_cleanup_free_ char *program = format_string("%s/verify_vmcs", options->paths.bin);
	_cleanup_free_ char *json = format_string("--json=%s", files->json);
	const char *argv[12] = {program, "--case", run->id, json};
	unsigned count = 4;

	if (!access(files->registers, R_OK)) {
		argv[count++] = "--host-regs";
		argv[count++] = files->registers;
	}
	if (!access(files->calibration, R_OK) && !has_verdict(dump)) {
		argv[count++] = "--calibration";
		argv[count++] = files->calibration;
	}
	argv[count++] = dump;
	return process_run((char *const *)argv, files->text, files->errors, JUDGE_SECONDS,
			   ret_status);
}

/* Fill in what verify_vmcs adds to @facts; *@ret_notes is what a person should know besides. */
static struct error *ask_verify(const struct case_run *run, const struct run_options *options,
				const struct files *files, struct outcome_facts *facts,
				struct verdict_summary *summary)
{
	_cleanup_free_ char *dump = find_dump(files);
	_cleanup_json_ json_object *verdict = NULL;

	if (!dump)
		return NULL;
	try(verify(run, options, files, dump, &facts->judge));
	if (facts->judge > JUDGE_INCONCLUSIVE)
		return NULL;
	try(json_load(files->json, VERDICT_SCHEMA, &verdict));
	try(verdict_summarize(verdict, summary));
	facts->verdict_read = true;
	facts->verdict = summary->verdict;
	facts->hit = summary->hit;
	return NULL;
}

/* One file of what the emulator knew, against the crash kernel's verdict. */
static enum truth ask_one(const struct case_run *run, json_object *verdict, const char *name,
			  const char *schema,
			  enum truth (*compare)(json_object *, json_object *, char **),
			  char **ret_why)
{
	_cleanup_free_ char *path = format_string("%s/%s", run->directory, name);
	_cleanup_json_ json_object *truth = NULL;
	_cleanup_error_ struct error *err = json_load(path, schema, &truth);

	*ret_why = NULL;
	return err ? TRUTH_NONE : compare(verdict, truth, ret_why);
}

/* Against what the crash kernel found, which has seen no register of the host. */
static enum truth ask_truth(const struct case_run *run, const struct files *files, char **ret_why)
{
	_cleanup_free_ char *inside = format_string("%s/verdict.json", files->capture);
	_cleanup_free_ char *more = NULL;
	_cleanup_json_ json_object *verdict = NULL;
	_cleanup_error_ struct error *err = json_load(inside, VERDICT_SCHEMA, &verdict);

	*ret_why = NULL;
	if (err)
		return TRUTH_NONE;
	enum truth end = ask_one(run, verdict, "truth.json", TRUTH_SCHEMA, truth_compare, ret_why);
	enum truth before =
		ask_one(run, verdict, "moments.json", MOMENTS_SCHEMA, moments_compare, &more);
	if (!*ret_why)
		*ret_why = take(more);
	return truth_worse(end, before);
}

/* The first line of the file at @path, or NULL. */
static char *first_line(const char *path)
{
	char *text = NULL;
	_cleanup_error_ struct error *err = read_text(path, 400, &text);

	if (err || !text[0]) {
		free(text);
		return NULL;
	}
	text[strcspn(text, "\n")] = '\0';
	return text;
}

/* What verify_vmcs said when it gave no verdict; NULL: nothing. The caller frees it. */
static char *verify_said(const struct files *files, const struct outcome_facts *facts)
{
	_cleanup_free_ char *inside = format_string("%s/verify.err", files->capture);
	char *said = facts->judge > JUDGE_INCONCLUSIVE ? first_line(files->errors) : NULL;

	return said || facts->verdict_read ? said : first_line(inside);
}

/* The crash kernel keeps a vmcore when something is unknown to it; the host's registers may know
 * it. */
static void drop_vmcore(const struct case_run *run, const struct run_options *options,
			const struct files *files)
{
	_cleanup_free_ char *vmcore = format_string("%s/vmcore", files->capture);

	if (run->outcome == OUTCOME_PASS && run->as_expected && !strcmp(options->save, "fail"))
		unlink(vmcore);
}

/* What the machine that hung looked like to the host. */
static bool was_stopped(const struct case_run *run, unsigned *ret_cpu)
{
	_cleanup_free_ char *registers_path = format_string("%s/hang-regs.txt", run->directory);
	_cleanup_free_ char *apics_path = format_string("%s/hang-apics.txt", run->directory);
	_cleanup_free_ char *registers = NULL, *apics = NULL;
	struct error *err = read_text(registers_path, HANG_MAX, &registers);

	if (!err)
		err = read_text(apics_path, HANG_MAX, &apics);
	if (!err)
		return stopped_is_proved(registers, apics, &run->crash_memory, ret_cpu);
	error_free(err);
	return false;
}

void judge_case(struct case_run *run, const struct run_options *options, enum ending ending,
		const char *trouble)
{
	_cleanup_files_ struct files files;
	struct verdict_summary summary = {};
	struct outcome_facts facts = {.stage = run->stage,
				      .ending = ending,
				      .window = case_has_window(run->spec),
				      .early = run->stage >= STAGE_CAPTURE &&
					       !run->reached[STAGE_STRIKE],
				      .judge = -1};
	_cleanup_error_ struct error *err = NULL;
	_cleanup_free_ char *stopped = NULL;
	unsigned cpu;

	files_init(&files, run->directory);
	if (ending == ENDING_LIMIT && run->stage == STAGE_STRIKE && was_stopped(run, &cpu)) {
		facts.stopped = true;
		stopped = format_string("CPU %u, see hang-regs.txt and hang-apics.txt", cpu);
		trouble = stopped;
	}
	if (run->stage >= STAGE_CAPTURE) {
		err = extract(&files);
		if (!err && ending == ENDING_DONE)
			err = ask_verify(run, options, &files, &facts, &summary);
	} else {
		unlink(files.disk);
	}
	if (err && ending == ENDING_DONE) {
		facts.ending = ENDING_BROKEN;
		trouble = err->message;
	}
	_cleanup_free_ char *difference = NULL;
	run->truth = ask_truth(run, &files, &difference);
	_cleanup_free_ char *said =
		facts.early ? crash_words(files.log) : verify_said(&files, &facts);
	case_conclude(run, &facts, &summary, trouble ? trouble : said);
	if (difference) {
		free(run->detail);
		run->detail = format_string("the TRUTH is another: %s", difference);
	}
	drop_vmcore(run, options, &files);
}
