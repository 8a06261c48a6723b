// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "hold.skel.h"
#include "trigger/checks.h"
#include "trigger/hold.h"
#include "trigger/plant.h"
#include "kernel/quiet.h"
#include "util/cleanup.h"

#define KPROBE_TYPE "/sys/bus/event_source/devices/kprobe/type"

/* Of a type that the kernel does not know, libbpf takes it to have every helper. */
static bool has_helper(enum bpf_prog_type type, enum bpf_func_id helper)
{
	return libbpf_probe_bpf_prog_type(type, NULL) == 1 &&
	       libbpf_probe_bpf_helper(type, helper, NULL) == 1;
}

/* Choose the program that this kernel can run; the others are not loaded. */
static struct error *choose_program(struct plant *plant)
{
	if (has_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_loop)) {
		plant->program = plant->skeleton->progs.hold_loop;
	} else if (has_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_for_each_map_elem)) {
		plant->program = plant->skeleton->progs.hold_each;
		bpf_map__set_max_entries(plant->skeleton->maps.hold_turns, HOLD_EACH_ELEMENTS);
	} else if (has_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_probe_read_kernel)) {
		plant->program = plant->skeleton->progs.hold_copy;
	} else {
		return error_new(ERROR_UNSUPPORTED,
				 "BPF cannot hold a CPU here: the kernel is older than 5.5, "
				 "locked down, or you are not root");
	}
	bpf_program__set_autoload(plant->program, true);
	plant->has_look_up = has_helper(BPF_PROG_TYPE_SYSCALL, BPF_FUNC_kallsyms_lookup_name);
	bpf_program__set_autoload(plant->skeleton->progs.look_up, plant->has_look_up);
	bpf_program__set_autoload(plant->skeleton->progs.read_code, plant->has_look_up);
	return NULL;
}

static struct error *load(struct plant *plant, bool hold)
{
	struct bpf_program *program;
	int ret;

	plant->skeleton = hold__open();
	if (!plant->skeleton)
		return error_errno(errno, "cannot open the BPF object");
	bpf_object__for_each_program(program, plant->skeleton->obj)
		bpf_program__set_autoload(program, false);
	if (hold) {
		try(check_lockdown("", LOCKDOWN_CONFIDENTIALITY,
				   "kprobes and reading its memory, so no CPU can be held"));
		try(choose_program(plant));
	}
	bpf_map__set_autocreate(plant->skeleton->maps.hold_copied,
				plant->program == plant->skeleton->progs.hold_copy);
	ret = hold__load(plant->skeleton);
	return ret ? error_errno(-ret, "the kernel does not take the BPF program") : NULL;
}

struct error *plant_init(struct plant *plant, bool hold)
{
	struct error *err;
	int fd;

	*plant = (struct plant){};
	libbpf_set_print(print_nothing);
	err = load(plant, hold);
	if (err)
		goto out;
	fd = bpf_map__fd(plant->skeleton->maps.crashlab_mark);
	plant->marker =
		mmap(NULL, sizeof(struct marker), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (plant->marker == MAP_FAILED) {
		plant->marker = NULL;
		err = error_errno(errno, "cannot map the marker");
	}
out:
	if (err)
		plant_deinit(plant);
	return err;
}

/* The address of "symbol" or "module:symbol", 0 when there is none. */
static uint64_t look_up(struct plant *plant, const char *module, const char *symbol,
			uint64_t offset)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);
	struct hold__bss *shared = plant->skeleton->bss;

	memset(shared->lookup_name, 0, sizeof(shared->lookup_name));
	snprintf(shared->lookup_name, sizeof(shared->lookup_name), "%s%s%s", module,
		 *module ? ":" : "", symbol);
	shared->lookup_offset = offset;
	if (bpf_prog_test_run_opts(bpf_program__fd(plant->skeleton->progs.look_up), &options))
		return 0;
	return shared->lookup_address;
}

/* The same for a probe of the table, whose module need not be loaded. */
static uint64_t look_up_wanted(struct plant *plant, const struct window_probe *wanted)
{
	const char *module = wanted->module ? wanted->module : "";
	char path[PROBE_MODULE_SIZE + sizeof("/sys/module/")];

	snprintf(path, sizeof(path), "/sys/module/%s", module);
	if (access(path, F_OK) || (wanted->needs && !look_up(plant, "", wanted->needs, 0)))
		return 0;
	return look_up(plant, module, wanted->symbol, 0);
}

struct error *plant_find(struct plant *plant, const struct window *window, struct probe *ret)
{
	for (const struct window_probe *wanted = window->probes;
	     plant->has_look_up && wanted->symbol; wanted++) {
		uint64_t address = look_up_wanted(plant, wanted);

		if (!address)
			continue;
		*ret = (struct probe){.address = address};
		snprintf(ret->symbol, sizeof(ret->symbol), "%s", wanted->symbol);
		snprintf(ret->module, sizeof(ret->module), "%s",
			 wanted->module ? wanted->module : "");
		return NULL;
	}
	return error_new(ERROR_NOT_FOUND, "the kernel's look-up knows none");
}

uint64_t plant_address(struct plant *plant, const char *symbol)
{
	return plant->has_look_up ? look_up(plant, "", symbol, 0) : 0;
}

struct error *plant_read_function(struct plant *plant, const struct probe *probe, uint8_t *buffer,
				  size_t size, size_t *ret)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);
	struct hold__bss *shared = plant->skeleton->bss;
	uint64_t start = probe->address - probe->offset;
	unsigned long length = 0;

	/* "name+0x0/0x80 [module]" */
	if (plant->has_look_up && look_up(plant, probe->module, probe->symbol, 0) == start)
		sscanf(strchrnul(shared->lookup_said, '/'), "/%lx", &length);
	if (!length || length > size)
		return error_new(ERROR_UNSUPPORTED,
				 "%s: how long this function is the kernel's look-up does not tell "
				 "(5.16 and later do)",
				 probe->symbol);
	for (size_t done = 0; done < length; done += HOLD_CODE_SIZE) {
		size_t part = length - done < HOLD_CODE_SIZE ? length - done : HOLD_CODE_SIZE;

		shared->code_address = start + done;
		if (bpf_prog_test_run_opts(bpf_program__fd(plant->skeleton->progs.read_code),
					   &options) ||
		    options.retval)
			return error_new(ERROR_UNSUPPORTED,
					 "%s: its code cannot be read; is the kernel locked down?",
					 probe->symbol);
		memcpy(buffer + done, shared->code_bytes, part);
	}
	*ret = length;
	return NULL;
}

static struct error *kprobe_type(unsigned *ret)
{
	_cleanup_fclose_ FILE *file = fopen(KPROBE_TYPE, "re");

	if (!file || fscanf(file, "%u", ret) != 1)
		return error_new(ERROR_UNSUPPORTED, "this kernel has no kprobes: no %s",
				 KPROBE_TYPE);
	return NULL;
}

/* By address or by name. A kprobe fires on every CPU, whatever CPU its event is said to be for. */
static int open_event(struct perf_event_attr *attr)
{
	attr->size = sizeof(*attr);
	return syscall(SYS_perf_event_open, attr, -1, sched_getcpu(), -1, PERF_FLAG_FD_CLOEXEC);
}

/*
 * Does only one function bear this name? A kernel that counts them (kernel/trace/trace_kprobe.c,
 * count_mod_symbols()) refuses a kprobe by name otherwise, with EADDRNOTAVAIL.
 */
static bool is_unique(struct plant *plant, const char *symbol)
{
	struct perf_event_attr attr = {.kprobe_func = (uintptr_t)symbol, .disabled = 1};
	_cleanup_error_ struct error *err = kprobe_type(&attr.type);
	int fd;

	if (err || !look_up(plant, "", "count_mod_symbols", 0))
		return false;
	fd = open_event(&attr);
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

struct error *plant_find_symbol(struct plant *plant, const char *symbol, uint64_t offset,
				struct probe *ret)
{
	if (plant->has_look_up && is_unique(plant, symbol)) {
		uint64_t address = look_up(plant, "", symbol, offset);

		*ret = (struct probe){};
		if (address && probe_take(plant->skeleton->bss->lookup_said, symbol, offset, ret)) {
			ret->address = address + offset;
			return NULL;
		}
	}
	return error_new(ERROR_NOT_FOUND, "the kernel's look-up does not know %s", symbol);
}

static struct error *attach_error(int errno_value, const struct probe *probe)
{
	char name[PROBE_NAME_SIZE];

	probe_format(probe, name, sizeof(name));
	if (errno_value == EILSEQ)
		return error_new(ERROR_UNSUPPORTED, "%s: no instruction begins there", name);
	/* EOPNOTSUPP: VMXOFF and its like (prepare_emulation(), arch/x86/kernel/kprobes/core.c) */
	if (errno_value == EINVAL || errno_value == EOPNOTSUPP)
		return error_new(ERROR_UNSUPPORTED, "%s: the kernel allows no probe there", name);
	return error_errno(errno_value, "cannot probe %s", name);
}

struct error *plant_attach(struct plant *plant, const struct probe *probe)
{
	struct perf_event_attr attr = {.kprobe_addr = probe->address};
	int fd;

	try(kprobe_type(&attr.type));
	fd = open_event(&attr);
	if (fd < 0)
		return attach_error(errno, probe);
	plant->link = bpf_program__attach_perf_event(plant->program, fd);
	if (!plant->link) {
		struct error *err = attach_error(errno, probe);

		close(fd);
		return err;
	}
	return NULL;
}

int plant_mark(const struct plant *plant)
{
	return bpf_map__fd(plant->skeleton->maps.crashlab_mark);
}

int plant_regs(const struct plant *plant)
{
	return bpf_map__fd(plant->skeleton->maps.crashlab_regs);
}

void plant_deinit(struct plant *plant)
{
	if (plant->marker)
		munmap(plant->marker, sizeof(struct marker));
	bpf_link__destroy(plant->link);
	hold__destroy(plant->skeleton);
	*plant = (struct plant){};
}
