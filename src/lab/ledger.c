// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/utsname.h>
#include <time.h>

#include "lab/files.h"
#include "util/cleanup.h"

static struct error *take_lock(const struct plan *plan, int *ret)
{
	_cleanup_close_ int lock = open(plan->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (lock < 0)
		return error_errno(errno, "%s", plan->directory);
	if (flock(lock, LOCK_EX | LOCK_NB))
		return error_new(ERROR_USAGE, "run %s is still running in another crashlab",
				 strrchr(plan->directory, '/') + 1);
	*ret = lock;
	lock = -1;
	return NULL;
}

static char *timestamp(void)
{
	time_t seconds = time(NULL);
	char text[32];
	struct tm when;

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &when));
	return format_string("%s", text);
}

static char *describe_host(void)
{
	struct utsname name;

	if (uname(&name))
		return format_string("unknown");
	return format_string("%s, %ld cores, %s %s", name.nodename, sysconf(_SC_NPROCESSORS_ONLN),
			     name.sysname, name.release);
}

static struct error *add_run(struct ledger *ledger, const struct run_request *request)
{
	const struct plan *plan = ledger->plan;
	struct run_record run = {
		.run = format_string("%s", ledger->run),
		.started = timestamp(),
		.command = format_string("%s", request->command ? request->command : ""),
		.host = describe_host(),
		.scenario = format_string("%s", request->scenario),
		.images = format_string("%s", ledger->options->paths.images),
		.save = format_string("%s", request->save),
		.timeout_factor = request->timeout_factor,
		.timeout = request->timeout,
		.seed = request->seed,
		.shard = format_string("%s", plan->shard ? plan->shard : ""),
		.plan = format_string("%s", plan->fingerprint ? plan->fingerprint : ""),
		.planned = plan->planned,
		.connect = format_string("%s", request->connect ? request->connect : ""),
		.pool = format_string("%s", request->pool ? request->pool : ""),
		.emulator = format_string("%s", request->emulator ? request->emulator : ""),
	};
	struct record *records = calloc(plan->count, sizeof(*records));

	if (!records)
		abort();
	for (size_t i = 0; i < plan->count; i++)
		case_record(&plan->cases[i], ledger->run, &records[i]);
	struct error *err = db_add_run(ledger->db, &run, records, plan->count);
	for (size_t i = 0; i < plan->count; i++)
		record_deinit(&records[i]);
	free(records);
	run_record_deinit(&run);
	return err;
}

/* A case that is run again has a new id. */
static struct error *renew_cases(struct ledger *ledger)
{
	for (size_t i = 0; i < ledger->plan->count; i++) {
		struct record record;
		case_record(&ledger->plan->cases[i], ledger->run, &record);
		struct error *err = db_store(ledger->db, &record);
		record_deinit(&record);
		if (err)
			return err;
	}
	return NULL;
}

static struct error *open_ledger(struct ledger *ledger, struct plan *plan,
				 const struct run_request *request)
{
	try(make_directories(plan->results));
	try(plan_place(plan, true));
	ledger->run = format_string("%s", strrchr(plan->directory, '/') + 1);
	if (plan->resumed) {
		ledger->lock = plan->lock;
		plan->lock = -1;
	} else {
		try(take_lock(plan, &ledger->lock));
	}
	try(db_open(plan->results, true, &ledger->db));
	return plan->resumed ? renew_cases(ledger) : add_run(ledger, request);
}

struct error *ledger_open(struct plan *plan, const struct run_request *request,
			  const struct run_options *options, struct ledger *ret)
{
	*ret = (struct ledger){.plan = plan, .options = options, .lock = -1};
	struct error *err = open_ledger(ret, plan, request);
	if (err)
		ledger_close(ret);
	return err;
}

/* Of failures that are the same, one whole dump is enough; the others have their capsules. */
static struct error *limit_vmcores(struct ledger *ledger, struct record *record)
{
	bool kept = false;

	if (!record->vmcore || !strcmp(ledger->options->save, "always"))
		return NULL;
	try(db_vmcore_kept(ledger->db, record, &kept));
	if (kept)
		record_drop_vmcore(record);
	return NULL;
}

struct error *ledger_keep(struct ledger *ledger, const struct case_run *run)
{
	struct record record;

	case_record(run, ledger->run, &record);
	record_add_files(&record);
	struct error *err = limit_vmcores(ledger, &record);
	if (!err)
		err = db_store(ledger->db, &record);
	record_deinit(&record);
	return err;
}

struct error *ledger_finish(struct ledger *ledger)
{
	return db_end_run(ledger->db, ledger->run);
}

void ledger_close(struct ledger *ledger)
{
	db_close(ledger->db);
	if (ledger->lock >= 0)
		close(ledger->lock);
	free(ledger->run);
	*ledger = (struct ledger){.lock = -1};
}

bool ledger_adopt(const struct record *planned, struct record *ret)
{
	struct error *err = record_load(planned->directory, ret);

	if (err) {
		error_free(err);
		record_deinit(ret);
		return false;
	}
	free(ret->run);
	free(ret->spec);
	ret->run = format_string("%s", planned->run);
	ret->spec = format_string("%s", planned->spec);
	return true;
}

static struct error *store_adopted(struct db *db, struct record *found)
{
	struct error *err = db_store(db, found);

	record_deinit(found);
	return err;
}

static struct error *plan_record(const struct lab_paths *paths, const struct run_request *request,
				 const struct record *record, struct plan *plan)
{
	struct case_spec *spec = &plan->scenario.cases[plan->scenario.count];
	struct run_request same = *request;

	same.backend = record->backend;
	remove_tree(record->directory); /* what a case that was cut off had written */
	try(scenario_read_case(record->spec, spec));
	plan->scenario.count++;
	spec->iteration = record->iteration;
	return plan_add(paths, &same, plan, spec, record->kernel);
}

static struct error *plan_rest(const struct lab_paths *paths, struct run_request *request,
			       struct db *db, const struct record_list *cases, struct plan *plan)
{
	plan->scenario.cases = calloc(cases->count + 1, sizeof(*plan->scenario.cases));
	plan->cases = calloc(cases->count + 1, sizeof(*plan->cases));
	if (!plan->cases || !plan->scenario.cases)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < cases->count; i++) {
		const struct record *record = &cases->items[i];
		struct record found;
		if (record->outcome)
			continue;
		try(ledger_adopt(record, &found) ? store_adopted(db, &found)
						 : plan_record(paths, request, record, plan));
	}
	return NULL;
}

/* As the run was started, whatever is on this command line. */
static void restore_request(struct run_request *request, struct plan *plan)
{
	request->scenario = plan->run.scenario;
	request->save = plan->run.save;
	request->timeout_factor = plan->run.timeout_factor;
	request->timeout = plan->run.timeout;
	request->seed = plan->run.seed;
	if (!request->connect)
		run_request_place(request, &plan->run);
}

static struct error *resume(struct lab_paths *paths, struct run_request *request, struct plan *plan)
{
	_cleanup_db_ struct db *db = NULL;
	struct record_list cases = {};

	plan->results = results_directory(paths, request->results);
	try(db_open(plan->results, false, &db));
	try(db_find_run(db, *request->resume ? request->resume : NULL, &plan->run));
	plan->resumed = true;
	plan->directory = format_string("%s/%s", plan->results, plan->run.run);
	restore_request(request, plan);
	free(paths->images);
	paths->images = format_string("%s", plan->run.images);
	try(plan_connect(paths, request));
	try(make_directories(plan->directory));
	try(take_lock(plan, &plan->lock));
	struct error *err = db_cases(db, plan->run.run, &cases);
	if (!err)
		err = plan_rest(paths, request, db, &cases, plan);
	record_list_deinit(&cases);
	return err;
}

struct error *plan_resume(struct lab_paths *paths, struct run_request *request, struct plan *ret)
{
	*ret = (struct plan){.lock = -1};
	struct error *err = resume(paths, request, ret);
	if (err)
		plan_deinit(ret);
	return err;
}
