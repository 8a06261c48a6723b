// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/run.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include "lab/estimate.h"
#include "lab/files.h"
#include "lab/ledger.h"
#include "lab/plan.h"
#include "lab/remote.h"
#include "lab/report.h"
#include "lab/results_json.h"
#include "lab/snapshot.h"
#include "lab/space.h"
#include "lab/stats.h"
#include "lab/table.h"
#include "util/cleanup.h"

#define TICK_MS 1000
#define TABLE_MOST 40 /* cases; the page has them all */

enum state { WAITING, RUNNING, ENDED, JOINED };

struct pool;

struct worker {
	struct pool *pool;
	struct case_run *run;
	pthread_t thread;
	enum state state; /* under the pool's lock */
};

/** The cases of a run, as many at a time as fit. */
struct pool {
	const struct run_options *options;
	struct progress *progress;
	struct worker *workers;
	size_t count;
	unsigned cores, jobs; /* jobs: 0, or the most cases at a time, whatever they need */
	pthread_mutex_t lock;
	int ended_fd, signal_fd;
	bool stopping;
	struct ledger *ledger;
	struct error *err; /* why no more cases are started */
	const struct run_request *request;
	bool enough; /* a case ended as was waited for */
};

static void *work(void *arg)
{
	struct worker *worker = arg;

	case_run(worker->run, worker->pool->options, worker->pool->progress);
	pthread_mutex_lock(&worker->pool->lock);
	worker->state = ENDED;
	pthread_mutex_unlock(&worker->pool->lock);
	eventfd_write(worker->pool->ended_fd, 1);
	return NULL;
}

static unsigned need(const struct worker *worker)
{
	return worker->run->backend ? worker->run->backend->cores(worker->run->spec->cpus) : 0;
}

/* No more cases: those that run end now, the others stay for --resume. */
static void stop(struct pool *pool, struct error *err)
{
	if (pool->err)
		error_free(err);
	else
		pool->err = err;
	if (!pool->stopping)
		eventfd_write(pool->options->stop_fd, 1);
	pool->stopping = true;
}

static void keep(struct pool *pool, const struct case_run *run)
{
	struct error *err = run->ended ? ledger_keep(pool->ledger, run) : NULL;

	if (err)
		stop(pool, err);
	if (pool->request->again && !pool->request->endless && run->ended &&
	    run->outcome == pool->request->until)
		pool->enough = true;
}

/* A case that no backend can run has its outcome at once. */
static void skip(struct worker *worker)
{
	struct case_run *run = worker->run;

	worker->state = JOINED;
	run->outcome = OUTCOME_SKIPPED;
	run->as_expected = run->spec->expect == OUTCOME_SKIPPED;
	run->ended = true;
	error_free(case_write_outcome(run)); /* the database has it, too */
	case_tell_end(run, worker->pool->progress);
	keep(worker->pool, run);
}

static void start_worker(struct worker *worker)
{
	const struct run_options *options = worker->pool->options;
	const struct backend *backend = worker->run->backend;
	struct error *err = space_check(worker->run->directory, SPACE_START);

	if (!err && backend->ready)
		err = backend->ready(&options->paths);
	if (!err) {
		int status = pthread_create(&worker->thread, NULL, work, worker);
		err = status ? error_errno(status, "starting a thread") : NULL;
	}
	worker->state = err ? JOINED : RUNNING;
	if (err)
		stop(worker->pool, err);
}

static void start_what_fits(struct pool *pool)
{
	unsigned used = 0, running = 0;

	for (size_t i = 0; i < pool->count; i++) {
		if (pool->workers[i].state == RUNNING) {
			used += need(&pool->workers[i]);
			running++;
		}
	}
	for (size_t i = 0; i < pool->count; i++) {
		struct worker *worker = &pool->workers[i];
		if (worker->state != WAITING)
			continue;
		if (pool->stopping || pool->enough) {
			worker->state = JOINED;
			continue;
		}
		if (!worker->run->backend) {
			skip(worker);
			continue;
		}
		bool fits = pool->jobs ? running < pool->jobs
				       : !running || used + need(worker) <= pool->cores;
		if (!fits)
			continue;
		start_worker(worker);
		used += need(worker);
		running++;
	}
}

static void join_ended(struct pool *pool)
{
	for (size_t i = 0; i < pool->count; i++) {
		struct worker *worker = &pool->workers[i];
		if (worker->state != ENDED)
			continue;
		pthread_join(worker->thread, NULL);
		worker->state = JOINED;
		keep(pool, worker->run);
	}
}

static bool is_left(const struct pool *pool)
{
	size_t i = 0;

	while (i < pool->count && pool->workers[i].state == JOINED)
		i++;
	return i < pool->count;
}

static void on_signal(struct pool *pool)
{
	struct signalfd_siginfo info;

	if (read(pool->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (pool->stopping)
		_exit(3); /* the next start clears away what is left */
	stop(pool, error_new(ERROR_SYSTEM, "interrupted"));
}

static void run_pool(struct pool *pool)
{
	struct pollfd polls[] = {{.fd = pool->signal_fd, .events = POLLIN},
				 {.fd = pool->ended_fd, .events = POLLIN}};
	eventfd_t ended;

	for (;;) {
		pthread_mutex_lock(&pool->lock);
		join_ended(pool); /* first: what ended may be a reason to start no more */
		start_what_fits(pool);
		bool left = is_left(pool);
		pthread_mutex_unlock(&pool->lock);
		if (!left)
			return;
		if (poll(polls, 2, TICK_MS) < 0 && errno != EINTR)
			abort();
		if (polls[0].revents)
			on_signal(pool);
		if (polls[1].revents)
			eventfd_read(pool->ended_fd, &ended);
		progress_tick(pool->progress);
	}
}

static unsigned count_cores(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) ? 1 : CPU_COUNT(&set);
}

/* Of the host that runs the machines, unless some run here. */
static unsigned cores_of(const struct plan *plan, const struct run_options *options)
{
	unsigned remote = options->paths.connect ? remote_cores(&options->paths) : 0;

	for (size_t i = 0; remote && i < plan->count; i++) {
		if (plan->cases[i].backend && !plan->cases[i].backend->connects)
			remote = 0;
	}
	return remote ? remote : count_cores();
}

/* Signals go to the pool's descriptor, in every thread. */
static int take_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

static struct error *run_cases(const struct plan *plan, const struct run_request *request,
			       const struct run_options *options, struct ledger *ledger)
{
	_cleanup_free_ struct worker *workers = calloc(plan->count + 1, sizeof(*workers));
	_cleanup_close_ int ended = eventfd(0, EFD_CLOEXEC);
	_cleanup_close_ int signals = take_signals();
	struct pool pool = {.options = options,
			    .workers = workers,
			    .count = plan->count,
			    .cores = cores_of(plan, options),
			    .jobs = request->jobs,
			    .lock = PTHREAD_MUTEX_INITIALIZER,
			    .ended_fd = ended,
			    .signal_fd = signals,
			    .ledger = ledger,
			    .request = request};

	if (!workers || ended < 0 || signals < 0)
		return error_errno(errno, "preparing the run");
	pool.progress = progress_create(request->json ? stderr : stdout, plan->count);
	for (size_t i = 0; i < plan->count; i++)
		workers[i] = (struct worker){.pool = &pool, .run = &plan->cases[i]};
	run_pool(&pool);
	progress_destroy(pool.progress);
	return pool.err || !pool.enough ? pool.err : db_forget_planned(ledger->db, ledger->run);
}

/* How often a case that was run again ended as was waited for. */
static struct rate count_happened(const struct run_request *request,
				  const struct record_list *cases)
{
	size_t happened = 0, ended = 0;

	for (size_t i = 0; i < cases->count; i++) {
		ended += !!cases->items[i].outcome;
		happened += record_outcome(&cases->items[i]) == request->until;
	}
	return rate_make(happened, ended);
}

static void print_text(const struct ledger *ledger, const struct run_request *request,
		       const struct record_list *cases, const struct rate *rate)
{
	_cleanup_free_ char *words = rate_words(rate);

	putchar('\n');
	if (record_list_left(cases) < cases->count)
		table_print(stdout, cases, TABLE_MOST);
	printf("results: %s\n", ledger->plan->directory);
	if (!record_list_left(cases))
		printf("report: %s/%s\n", ledger->plan->directory, report_formats[0].suffix);
	if (request->again)
		printf("%s: %s\n", outcome_names[request->until], words);
}

static void print_json(const struct run_request *request, const struct run_record *run,
		       const struct record_list *cases, const struct rate *rate)
{
	json_object *object = results_to_json(run, cases);

	if (request->again) {
		json_object *again = json_object_new_object();
		json_object_object_add(again, "until",
				       json_object_new_string(outcome_names[request->until]));
		json_object_object_add(again, "happened", json_object_new_int64(rate->hits));
		json_object_object_add(again, "tries", json_object_new_int64(rate->of));
		json_object_object_add(again, "low", json_object_new_double(rate->low));
		json_object_object_add(again, "high", json_object_new_double(rate->high));
		json_object_object_add(object, "repro", again);
	}
	json_print(stdout, object);
}

static struct error *write_page(const struct ledger *ledger, const struct run_record *run,
				const struct record_list *cases)
{
	_cleanup_free_ char *path =
		format_string("%s/%s", ledger->plan->directory, report_formats[0].suffix);
	const struct report report = {run, cases};

	return report_write(&report_formats[0], &report, path);
}

/* The whole of the run, what was there before it went on included. */
static struct error *print_result(struct ledger *ledger, const struct run_request *request,
				  int *ret_status, size_t *ret_left)
{
	struct record_list cases;
	struct run_record run;

	try(db_find_run(ledger->db, ledger->run, &run));
	struct error *err = db_cases(ledger->db, ledger->run, &cases);
	if (!err) {
		struct rate rate = count_happened(request, &cases);
		*ret_left = record_list_left(&cases);
		*ret_status = request->again ? !rate.hits : record_list_status(&cases);
		if (request->json)
			print_json(request, &run, &cases, &rate);
		else
			print_text(ledger, request, &cases, &rate);
		err = *ret_left ? NULL : write_page(ledger, &run, &cases);
		record_list_deinit(&cases);
	}
	run_record_deinit(&run);
	return err;
}

static struct error *tell_result(struct ledger *ledger, struct error *err,
				 const struct run_request *request, int *ret_status)
{
	size_t left = 0;

	if (!err)
		err = ledger_finish(ledger);
	struct error *unread = print_result(ledger, request, ret_status, &left);

	if (unread) {
		error_free(err);
		return unread;
	}
	if (left)
		err = error_wrap(err ? err : error_new(ERROR_SYSTEM, "incomplete"),
				 "%zu cases were not run; `crashlab run --resume=%s` goes on", left,
				 ledger->run);
	return err;
}

static struct error *describe_all(struct plan *plan, const struct run_options *options)
{
	try(plan_place(plan, false));
	for (size_t i = 0; i < plan->count; i++) {
		const struct case_run *run = &plan->cases[i];
		if (!run->backend)
			printf("# case %s: skipped: %s\n", run->spec->name, run->detail);
		else
			try(case_describe(run, options, stdout));
	}
	return NULL;
}

static struct error *run_plan(struct plan *plan, const struct lab_paths *paths,
			      const struct run_request *request, int *ret_status)
{
	_cleanup_close_ int stop = eventfd(0, EFD_CLOEXEC);
	struct run_options options = {.paths = *paths,
				      .save = request->save,
				      .timeout_factor = request->timeout_factor,
				      .timeout = request->timeout,
				      .gdb = request->gdb,
				      .stop_fd = stop,
				      .truth = request->truth,
				      .moments = request->moments,
				      .snapshots_only = request->snapshot_only};

	struct ledger ledger;

	*ret_status = 0;
	if (request->dry_run)
		return describe_all(plan, &options);
	try(plan_check_images(paths, plan));
	try(ledger_open(plan, request, &options, &ledger));
	backend_clean();
	struct error *err = request->snapshot ? snapshots_create(&options.snapshots) : NULL;
	if (!err)
		err = run_cases(plan, request, &options, &ledger);
	snapshots_destroy(options.snapshots);
	backend_shutdown();
	err = tell_result(&ledger, err, request, ret_status);
	ledger_close(&ledger);
	return err;
}

static struct error *list_plan(const struct plan *plan, const struct run_request *request)
{
	struct estimate estimate;

	try(estimate_make(plan, request->snapshot, count_cores(), request->jobs, &estimate));
	_cleanup_free_ char *words = estimate_words(estimate.seconds);
	if (request->json) {
		plan_print_json(plan, &estimate, stdout);
		return NULL;
	}
	plan_print(plan, stdout);
	printf("\n%zu case%s, about %s (%zu judged by past ones, %zu by what is usual on 2 "
	       "cores)\n",
	       plan->count, plan->count == 1 ? "" : "s", words, estimate.past, estimate.guessed);
	return NULL;
}

static const char *given(const char *text)
{
	return text && *text ? text : NULL;
}

void run_request_place(struct run_request *request, const struct run_record *run)
{
	request->connect = given(run->connect);
	request->pool = given(run->pool);
	request->emulator = given(run->emulator);
}

struct error *run_scenario(struct lab_paths *paths, struct run_request *request, int *ret_status)
{
	struct plan plan;
	struct error *err = NULL;

	if (!request->resume) /* which knows where it ran only later */
		try(plan_connect(paths, request));
	try(request->resume  ? plan_resume(paths, request, &plan)
	    : request->again ? plan_again(paths, request, &plan)
			     : plan_make(paths, request, &plan));
	if (request->list) {
		err = list_plan(&plan, request);
		*ret_status = 0;
	} else {
		err = run_plan(&plan, paths, request, ret_status);
	}
	backend_shutdown(); /* what was opened to plan */
	plan_deinit(&plan);
	return err;
}
