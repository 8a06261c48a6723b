// SPDX-License-Identifier: GPL-2.0-only
/* What the marks on the partition tell of a case whose machine came back without its end. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lab/crash_words.h"
#include "lab/files.h"
#include "stick/stick.h"
#include "util/cleanup.h"

/* The kernel's panic= in appliance/cmdline.stick: seconds until a panic without a dump restarts. */
#define PANIC_SECONDS 30
/* The machine's firmware may take that long before it boots again; more is somebody switching it
 * off. */
#define FIRMWARE_SECONDS 3600

static void take_event(struct marks *marks, const struct event *event)
{
	long long at = strtoll(event_value(event, "at"), NULL, 10);

	if (event->stage == STAGE_CASE) { /* another attempt */
		marks_deinit(marks);
		*marks = (struct marks){.judge = -1, .first = at};
	}
	marks->last = at;
	switch (event->stage) {
	case STAGE_ERROR:
	case STAGE_SKIPPED:
		free(marks->text);
		marks->text = event->stage == STAGE_ERROR
				      ? format_string("%s: %s", event_value(event, "stage"),
						      event_value(event, "text"))
				      : format_string("%s", event_value(event, "text"));
		marks->failed |= event->stage == STAGE_ERROR;
		marks->skipped |= event->stage == STAGE_SKIPPED;
		return;
	case STAGE_NMI: /* nobody is there to answer */
		return;
	case STAGE_BOOT:
		marks->restarted |= marks->stage >= STAGE_STRIKE;
		return;
	case STAGE_VERDICT:
		marks->judge = atoi(event_value(event, "status"));
		break;
	default:
		break;
	}
	if (event->stage > marks->stage)
		marks->stage = event->stage;
	marks->reached[event->stage] = at;
}

struct error *marks_read(const char *path, struct marks *ret)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	struct event event;

	*ret = (struct marks){.judge = -1};
	if (!file)
		return errno == ENOENT ? NULL : error_errno(errno, "%s", path);
	while (getline(&line, &size, file) > 0) {
		if (event_parse(line, &event))
			take_event(ret, &event);
	}
	return ferror(file) ? error_errno(errno, "%s", path) : NULL;
}

void marks_deinit(struct marks *marks)
{
	free(marks->text);
	*marks = (struct marks){};
}

bool marks_ending(const struct marks *marks, const struct boot *boot, enum ending *ret)
{
	long long gone = boot->time - marks->last;
	bool hung = boot->fired || (boot->watchdog && gone >= boot->watchdog &&
				    gone < boot->watchdog + FIRMWARE_SECONDS);

	if (marks->skipped)
		*ret = ENDING_SKIPPED;
	else if (marks->failed)
		*ret = ENDING_ERROR;
	else if (marks->restarted)
		*ret = ENDING_RESET;
	else if (hung)
		*ret = ENDING_LIMIT;
	else if (marks->stage != STAGE_STRIKE || gone >= FIRMWARE_SECONDS)
		return false;
	else
		*ret = gone < PANIC_SECONDS ? ENDING_RESET : ENDING_EXIT;
	return true;
}

/* Put a copy of @from, if there is one, where the lab's case directories have it. */
static struct error *copy_text(const char *from, const char *to)
{
	char *text = NULL;
	struct error *err = access(from, F_OK) ? NULL : read_text(from, 16 << 20, &text);

	if (!err && text)
		err = write_text(to, text);
	free(text);
	return err;
}

static struct error *take_files(const struct case_run *run)
{
	static const char *const files[][2] = {{"capture/verdict.json", "verdict.json"},
					       {"capture/verdict.txt", "verdict.txt"},
					       {"capture/dmesg.txt", "console.log"}};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		_cleanup_free_ char *from = format_string("%s/%s", run->directory, files[i][0]);
		_cleanup_free_ char *to = format_string("%s/%s", run->directory, files[i][1]);
		try(copy_text(from, to));
	}
	return NULL;
}

static struct error *read_verdict(const struct case_run *run, struct outcome_facts *facts,
				  struct verdict_summary *summary)
{
	_cleanup_free_ char *path = format_string("%s/verdict.json", run->directory);
	_cleanup_json_ json_object *verdict = NULL;

	if (facts->judge < 0 || facts->judge > JUDGE_INCONCLUSIVE)
		return NULL;
	try(json_load(path, VERDICT_SCHEMA, &verdict));
	try(verdict_summarize(verdict, summary));
	facts->verdict_read = true;
	facts->verdict = summary->verdict;
	facts->hit = summary->hit;
	return NULL;
}

static struct error *conclude(struct case_run *run, const struct marks *marks, enum ending ending)
{
	struct outcome_facts facts = {.stage = marks->stage,
				      .ending = ending,
				      .window = case_has_window(run->spec),
				      .early = marks->stage >= STAGE_CAPTURE &&
					       !marks->reached[STAGE_STRIKE],
				      .judge = ending == ENDING_DONE ? marks->judge : -1};
	struct verdict_summary summary = {};

	try(take_files(run));
	_cleanup_error_ struct error *bad = read_verdict(run, &facts, &summary);
	_cleanup_free_ char *log = format_string("%s/capture/dmesg.txt", run->directory);
	_cleanup_free_ char *words = facts.early ? crash_words(log) : NULL;
	run->stage = marks->stage;
	for (unsigned stage = 0; stage < STAGE_COUNT; stage++)
		run->reached[stage] =
			marks->reached[stage] ? marks->reached[stage] - marks->first : 0;
	run->seconds = marks->last - marks->first;
	case_conclude(run, &facts, &summary, bad ? bad->message : words ? words : marks->text);
	run->ended = true;
	return case_write_outcome(run);
}

/* When this boot began. */
static long long boot_time(void)
{
	struct timespec up = {};

	clock_gettime(CLOCK_BOOTTIME, &up);
	return time(NULL) - up.tv_sec;
}

struct error *stick_settle(struct case_run *run, const struct stick_options *options,
			   unsigned attempts)
{
	const struct boot boot = {
		.time = boot_time(), .watchdog = options->watchdog, .fired = options->fired};
	_cleanup_free_ char *path = format_string("%s/events.log", run->directory);
	_cleanup_(marks_deinit) struct marks marks;
	enum ending ending = ENDING_DONE;

	try(marks_read(path, &marks));
	bool known = marks.stage == STAGE_DONE || marks_ending(&marks, &boot, &ending);
	bool early = ending == ENDING_LIMIT && marks.stage < STAGE_STRIKE;
	if ((!known || early) && attempts < STICK_ATTEMPTS)
		return NULL;
	if (!known)
		ending = ENDING_RESET;
	return conclude(run, &marks, ending);
}
