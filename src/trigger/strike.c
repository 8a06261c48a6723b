// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <time.h>

#include "trigger/checks.h"
#include "trigger/strike.h"
#include "util/cleanup.h"

#define KPROBES_OPTIMIZATION "/proc/sys/debug/kprobes-optimization"
#define NSEC_PER_SEC 1000000000ull

/* What the two threads share. */
struct scene {
	const struct strike *strike;
	volatile struct marker *marker;
	pthread_barrier_t ready;
	atomic_bool watching; /* the panic thread has the CPU and looks */
	atomic_bool cancelled; /* the reboot did not go */
	int panic_errno, reboot_errno;
};

/* The clock of bpf_ktime_get_ns(). */
static uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * NSEC_PER_SEC + time.tv_nsec;
}

/* Wait for a nonzero *@value. Turning, not sleeping: the panic must come at once. */
static bool turn_until_set(struct scene *scene, const volatile uint32_t *value)
{
	while (!*value)
		if (atomic_load_explicit(&scene->cancelled, memory_order_relaxed))
			return false;
	return true;
}

static void *panic_thread(void *data)
{
	struct scene *scene = data;
	volatile struct marker *marker = scene->marker;
	bool held = scene->strike->probe.symbol[0];
	uint64_t from;

	pthread_barrier_wait(&scene->ready);
	atomic_store(&scene->watching, true);
	if (!turn_until_set(scene, held ? &marker->flag : &marker->armed))
		return NULL;
	from = held ? marker->t_hit : marker->t_armed;
	if (held)
		marker->t_seen = now_ns();
	while (now_ns() - from < scene->strike->delay_ns)
		;
	scene->panic_errno = scene->strike->panic->go(scene->strike->means) < 0 ? errno : 0;
	return NULL;
}

static void *reboot_thread(void *data)
{
	struct scene *scene = data;

	pthread_barrier_wait(&scene->ready);
	while (!scene->strike->panic->self && !atomic_load(&scene->watching))
		;
	scene->marker->t_armed = now_ns();
	atomic_thread_fence(memory_order_seq_cst);
	scene->marker->armed = 1;
	scene->reboot_errno = scene->strike->reboot->go(scene->strike->reboot_fd) < 0 ? errno : 0;
	atomic_store(&scene->cancelled, true);
	return NULL;
}

static struct error *start_thread(pthread_t *thread, unsigned cpu, bool fifo, void *(*body)(void *),
				  struct scene *scene)
{
	struct sched_param param = {.sched_priority = fifo ? 50 : 0};
	pthread_attr_t attr;
	cpu_set_t set;
	int ret;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_attr_init(&attr);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, fifo ? SCHED_FIFO : SCHED_OTHER);
	pthread_attr_setschedparam(&attr, &param);
	ret = pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	if (!ret)
		ret = pthread_create(thread, &attr, body, scene);
	pthread_attr_destroy(&attr);
	return ret ? error_errno(ret, "cannot start a thread on CPU %u", cpu) : NULL;
}

static void fill_marker(struct marker *marker, const struct strike *strike)
{
	const struct probe *probe = &strike->probe;
	const struct draw *draw = &strike->draw;
	bool drawn = draw->min_ns != draw->max_ns;

	*marker = (struct marker){
		.magic = MARKER_MAGIC,
		.version = MARKER_VERSION,
		.size = sizeof(*marker),
		.probe_address = probe->address,
		.panic_cpu = strike->panic_cpu,
		.reboot_cpu = strike->reboot_cpu,
		.hold_ns = !probe->symbol[0]     ? 0
			   : strike->panic->self ? strike->delay_ns
						 : strike->hold_ns,
		.delay_ns = strike->delay_ns,
		.seed = draw->seed,
		.random = draw->seed,
		.delay_min_ns = drawn ? draw->min_ns : 0,
		.delay_max_ns = drawn ? draw->max_ns : 0,
		.sweep_index = draw->sweep_index,
		.sweep_count = draw->sweep_count,
		.frequency = strike->frequency,
		.self = strike->panic->self,
	};
	snprintf(marker->case_id, sizeof(marker->case_id), "%s", strike->case_id);
	snprintf(marker->window, sizeof(marker->window), "%s", strike->window);
	snprintf(marker->reboot, sizeof(marker->reboot), "%s", strike->reboot->name);
	snprintf(marker->trigger, sizeof(marker->trigger), "%s", strike->panic->name);
	if (probe->symbol[0])
		probe_format(probe, marker->probe, sizeof(marker->probe));
}

/* The last words: nobody hears anything after them. */
static struct error *announce(const struct strike *strike, const char *events)
{
	_cleanup_close_ int fd =
		events ? open(events, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_CLOEXEC, 0644)
		       : dup(STDOUT_FILENO);
	const char *path = events ? events : "stdout";
	const struct probe *probe = &strike->probe;
	bool held = probe->symbol[0];

	if (fd < 0)
		return error_errno(errno, "cannot open %s", path);
	if (dprintf(fd, "crashlab strike panic_cpu=%u reboot_cpu=%u window=%s probe=%s",
		    strike->panic_cpu, strike->reboot_cpu, strike->window,
		    held ? probe->symbol : "none") < 0 ||
	    (held && dprintf(fd, "+0x%llx", (unsigned long long)probe->offset) < 0) ||
	    dprintf(fd, "%s%s\n", probe->module[0] ? " module=" : "", probe->module) < 0)
		return error_errno(errno, "cannot write to %s", path);
	if (isatty(fd))
		tcdrain(fd);
	else
		fsync(fd);
	return NULL;
}

/*
 * A probe that was optimised into a jump runs with interrupts on, one that was not with interrupts
 * off (Documentation/trace/kprobes.rst): hold the same way each time.
 */
static struct error *keep_probes_plain(void)
{
	_cleanup_close_ int fd = open(KPROBES_OPTIMIZATION, O_WRONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return NULL;
	if (fd < 0 || write(fd, "0", 1) < 0)
		return error_errno(errno, "cannot write 0 to %s", KPROBES_OPTIMIZATION);
	return NULL;
}

static struct error *prepare(const struct strike *strike, struct scene *scene)
{
	try(keep_probes_plain());
	if (strike->set_reboot_cpu)
		try(write_reboot_cpu("", strike->reboot_cpu));
	pthread_barrier_init(&scene->ready, NULL, strike->panic->self ? 2 : 3);
	sync();
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		return error_errno(errno, "cannot lock memory");
	if (strike->panic->arm)
		return error_wrap(strike->panic->arm(strike->means), "--trigger %s",
				  strike->panic->name);
	return NULL;
}

static struct error *explain_survival(const struct scene *scene)
{
	if (scene->reboot_errno)
		return error_errno(scene->reboot_errno, "%s failed", scene->strike->reboot->about);
	if (scene->panic_errno)
		return error_errno(scene->panic_errno, "%s failed", scene->strike->panic->about);
	return error_new(ERROR_SYSTEM, "the machine outlived both the reboot and the panic");
}

struct error *strike_run(const struct strike *strike, struct plant *plant, const char *events)
{
	struct scene scene = {.strike = strike, .marker = plant->marker};
	bool self = strike->panic->self, keeps = !strike->reboot->shares;
	pthread_t panicking, rebooting;

	fill_marker(plant->marker, strike);
	try(prepare(strike, &scene));
	if (!self)
		try(start_thread(&panicking, strike->panic_cpu, keeps, panic_thread, &scene));
	try(start_thread(&rebooting, strike->reboot_cpu, false, reboot_thread, &scene));
	try(announce(strike, events));
	pthread_barrier_wait(&scene.ready);
	pthread_join(rebooting, NULL);
	if (!self)
		pthread_join(panicking, NULL);
	return explain_survival(&scene);
}
