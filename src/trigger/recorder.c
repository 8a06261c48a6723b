// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "recorder.skel.h"
#include "kernel/cpu_bits.h"
#include "kernel/quiet.h"
#include "trigger/checks.h"
#include "trigger/recorder.h"
#include "util/cleanup.h"

/* "enter_3", "leave_3" */
static struct bpf_program *find_program(struct recording *recording, const char *what,
					unsigned function)
{
	char name[32];

	snprintf(name, sizeof(name), "%s_%u", what, function);
	return bpf_object__find_program_by_name(recording->skeleton->obj, name);
}

/* Modules whose functions are recorded. */
static const char *const modules[] = {"kvm", "kvm_intel", "kvm_amd", NULL};

/* For the programs of recorder.bpf.c: tell the kernel which function the program is for. */
static int prepare_load(struct bpf_program *program, struct bpf_prog_load_opts *options,
			long cookie)
{
	const struct recording *recording = (const struct recording *)cookie;
	const struct btf_function *function =
		&recording->functions[atoi(strrchr(bpf_program__name(program), '_') + 1)];

	options->attach_btf_id = function->id;
	options->attach_btf_obj_fd = function->module_fd;
	return 0;
}

static struct error *register_sections(struct recording *recording)
{
	static const struct {
		const char *section;
		enum bpf_attach_type type;
	} sections[] = {{"crashlab_enter", BPF_TRACE_FENTRY}, {"crashlab_leave", BPF_TRACE_FEXIT}};
	LIBBPF_OPTS(libbpf_prog_handler_opts, options, .cookie = (long)recording,
		    .prog_prepare_load_fn = prepare_load);

	for (size_t i = 0; i < 2; i++) {
		recording->handlers[i] = libbpf_register_prog_handler(
			sections[i].section, BPF_PROG_TYPE_TRACING, sections[i].type, &options);
		if (recording->handlers[i] < 0)
			return error_errno(-recording->handlers[i], "libbpf");
	}
	return NULL;
}

/* The programs for functions that this kernel does not have are not loaded. */
static struct error *choose_functions(struct recording *recording)
{
	for (unsigned i = 0; i < RECORDER_FUNCTIONS; i++)
		recording->functions[i].name = recorder_functions[i].name;
	try(btf_functions_find(recording->functions, RECORDER_FUNCTIONS, modules));
	for (unsigned i = 0; i < RECORDER_FUNCTIONS; i++) {
		bool there = recording->functions[i].id;

		bpf_program__set_autoload(find_program(recording, "enter", i), there);
		bpf_program__set_autoload(find_program(recording, "leave", i),
					  there && recorder_functions[i].leaves);
	}
	return NULL;
}

static bool attach(struct recording *recording, struct bpf_program *program)
{
	struct bpf_link *link = NULL;

	if (bpf_program__fd(program) < 0)
		return false;
	if (bpf_program__type(program) == BPF_PROG_TYPE_TRACING)
		link = bpf_program__attach_trace(program);
	else
		link = bpf_program__attach(program);
	if (!link)
		return false;
	recording->links[recording->link_count++] = link;
	return true;
}

/* A function that the tracer has no place in cannot be recorded: one less. */
static void attach_all(struct recording *recording)
{
	for (unsigned i = 0; i < RECORDER_FUNCTIONS; i++) {
		recording->recorded += attach(recording, find_program(recording, "enter", i));
		attach(recording, find_program(recording, "leave", i));
	}
	attach(recording, recording->skeleton->progs.efer_written);
	attach(recording, recording->skeleton->progs.efer_written_too);
	attach(recording, recording->skeleton->progs.efer_read);
}

static struct error *map_cpus(struct recording *recording)
{
	void *values = mmap(NULL, recording->cpu_count * sizeof(struct recorder_cpu),
			    PROT_READ | PROT_WRITE, MAP_SHARED,
			    bpf_map__fd(recording->skeleton->maps.crashlab_rec), 0);

	if (values == MAP_FAILED)
		return error_errno(errno, "cannot map the flight recorder");
	recording->cpus = values;
	for (unsigned i = 0; i < recording->cpu_count; i++) {
		recording->cpus[i].magic = RECORDER_MAGIC;
		recording->cpus[i].version = RECORDER_VERSION;
		recording->cpus[i].size = sizeof(struct recorder_cpu);
	}
	return NULL;
}

/*
 * After attaching, so that no change is lost in between. The msr driver reads on the CPU itself
 * (rdmsr_safe_on_cpu()); without it, or on a CPU that is offline, the start is not known.
 */
static void read_efers(struct recording *recording)
{
	for (unsigned i = 0; i < recording->cpu_count; i++) {
		char path[40];

		snprintf(path, sizeof(path), "/dev/cpu/%u/msr", i);
		_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
		uint64_t efer;

		if (fd < 0 || pread(fd, &efer, sizeof(efer), MSR_EFER) != sizeof(efer))
			continue;
		recording->cpus[i].initial_efer = efer;
		recording->cpus[i].has_initial = 1;
		recording->known_efers++;
	}
}

static struct error *load(struct recording *recording)
{
	int cpus = libbpf_num_possible_cpus(), ret;

	try(check_lockdown("", LOCKDOWN_CONFIDENTIALITY, "tracing"));
	try(register_sections(recording));
	recording->skeleton = recorder__open();
	if (!recording->skeleton || cpus < 0)
		return error_errno(errno, "cannot open the flight recorder's BPF object");
	recording->cpu_count = cpus;
	bpf_map__set_max_entries(recording->skeleton->maps.crashlab_rec, cpus);
	try(choose_functions(recording));
	ret = recorder__load(recording->skeleton);
	return ret ? error_new(ERROR_UNSUPPORTED,
			       "this kernel takes no flight recorder (5.12 and later do): %s",
			       strerror(-ret))
		   : NULL;
}

struct error *recording_init(struct recording *recording)
{
	*recording = (struct recording){.handlers = {-1, -1}};
	libbpf_set_print(print_nothing);
	struct error *err = load(recording);

	if (!err)
		err = map_cpus(recording);
	if (!err) {
		attach_all(recording);
		read_efers(recording);
	}
	if (!err && !recording->link_count)
		err = error_new(ERROR_UNSUPPORTED,
				"the flight recorder cannot be attached to anything here: is "
				"tracing switched off, or the kernel locked down?");
	if (err)
		recording_deinit(recording);
	return err;
}

void recording_deinit(struct recording *recording)
{
	for (size_t i = 0; i < recording->link_count; i++)
		bpf_link__destroy(recording->links[i]);
	if (recording->cpus)
		munmap(recording->cpus, recording->cpu_count * sizeof(struct recorder_cpu));
	recorder__destroy(recording->skeleton);
	btf_functions_close(recording->functions, RECORDER_FUNCTIONS);
	for (size_t i = 0; i < 2; i++)
		libbpf_unregister_prog_handler(recording->handlers[i]);
	*recording = (struct recording){};
}
