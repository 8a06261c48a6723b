// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "trigger/cost.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include "kernel/cpu_bits.h"
#include "recorder.skel.h"
#include "trigger/recorder.h"
#include "util/cleanup.h"

#define ROUNDS 20
#define READS 1000
#define NSEC_PER_SEC 1000000000ull

static uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * NSEC_PER_SEC + time.tv_nsec;
}

static struct error *read_often(int fd)
{
	uint64_t efer;

	for (unsigned i = 0; i < READS; i++)
		if (pread(fd, &efer, sizeof(efer), MSR_EFER) != sizeof(efer))
			return error_errno(errno, "cannot read EFER");
	return NULL;
}

/* The fastest round: whatever else the machine does only makes one slower. */
static struct error *time_reads(int fd, uint64_t *best)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t begin = now_ns(), each;

		try(read_often(fd));
		each = (now_ns() - begin) / READS;
		if (each < *best)
			*best = each;
	}
	return NULL;
}

static struct error *read_statistics(const struct recording *recording, uint64_t *ret_ns,
				     uint64_t *ret_runs)
{
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);
	int fd = bpf_program__fd(recording->skeleton->progs.efer_read);

	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return error_errno(errno, "cannot read the statistics of a BPF program");
	*ret_ns = info.run_time_ns;
	*ret_runs = info.run_cnt;
	return NULL;
}

/* Counting takes time of its own, so it is a measurement apart. */
static struct error *count_program(const struct recording *recording, int fd, uint64_t *ret_ns,
				   uint64_t *ret_runs)
{
	_cleanup_close_ int statistics = bpf_enable_stats(BPF_STATS_RUN_TIME);

	if (statistics < 0)
		return error_new(ERROR_UNSUPPORTED,
				 "this kernel keeps no statistics of BPF programs");
	for (unsigned i = 0; i < ROUNDS; i++)
		try(read_often(fd));
	try(read_statistics(recording, ret_ns, ret_runs));
	if (!*ret_runs)
		return error_new(ERROR_UNSUPPORTED, "the recorder did not see EFER being read");
	*ret_ns /= *ret_runs;
	return NULL;
}

static struct error *measure_recorded(int fd, uint64_t *ret_with, uint64_t *ret_program,
				      uint64_t *ret_runs)
{
	_cleanup_(recording_deinit) struct recording recording;

	try(recording_init(&recording));
	try(time_reads(fd, ret_with));
	return count_program(&recording, fd, ret_program, ret_runs);
}

struct error *cost_measure(FILE *out)
{
	_cleanup_close_ int fd = open("/dev/cpu/0/msr", O_RDONLY | O_CLOEXEC);
	uint64_t without = UINT64_MAX, with = UINT64_MAX, program = 0, runs = 0;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	if (fd < 0)
		return error_new(ERROR_UNSUPPORTED, "no /dev/cpu/0/msr; modprobe msr");
	if (sched_setaffinity(0, sizeof(set), &set))
		return error_errno(errno, "cannot run on CPU 0");
	try(time_reads(fd, &without));
	try(measure_recorded(fd, &with, &program, &runs));
	try(time_reads(fd, &without));
	fprintf(out, "without=%" PRIu64 " with=%" PRIu64 " program=%" PRIu64 " runs=%" PRIu64 "\n",
		without, with, program, runs);
	return NULL;
}
