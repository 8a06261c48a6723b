// SPDX-License-Identifier: GPL-2.0-only
/*
 * guestload: KVM guests straight on /dev/kvm. Each runs a few bytes of real-mode code on a CPU of
 * its own and counts in its memory, which proves that it is in guest mode.
 */
#define _GNU_SOURCE
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#include "util/cleanup.h"
#include "util/cpulist.h"

#define EXIT_BAD_USAGE 64

#define GUEST_BASE 0x1000u /* guest-physical address of the one page of memory */
#define GUEST_SIZE 0x1000u
#define GUEST_COUNTER 0x1800u /* in that page: what the guest counts up */
#define GUEST_FLAGS 0x202u /* EFLAGS.IF and the bit that is always 1 */
#define PROOF_SECONDS 60 /* an emulated machine is slow */

/** What the guests do. The code starts at GUEST_BASE in real mode and must keep counting. */
struct load {
	const char *name;
	const char *about;
	const uint8_t *code;
	size_t size;
};

struct guest {
	unsigned cpu;
	int vm, vcpu;
	struct kvm_run *run;
	uint8_t *memory;
	uint32_t seen; /* the counter when it was looked at last */
	struct error *err;
	sem_t *failed;
	pthread_t thread;
};

/*
 * Interrupts are on (GUEST_FLAGS): Bochs never gives the host its timer interrupt back from a guest
 * that loops with EFLAGS.IF=0.
 */
static const uint8_t spin_code[] = {
	0x66, 0xff, 0x06, GUEST_COUNTER & 0xff, GUEST_COUNTER >> 8, /* 1: incl GUEST_COUNTER */
	0xeb, 0xf9, /* jmp 1b */
};

static const struct load loads[] = {
	{"spin", "one vCPU per CPU, always in guest mode", spin_code, sizeof(spin_code)},
	{},
};

static const struct load *load_find(const char *name)
{
	for (const struct load *load = loads; load->name; load++)
		if (!strcmp(load->name, name))
			return load;
	return NULL;
}

static volatile uint32_t *guest_counter(struct guest *guest)
{
	return (volatile uint32_t *)(guest->memory + (GUEST_COUNTER - GUEST_BASE));
}

static struct error *guest_create_memory(struct guest *guest, const struct load *load)
{
	struct kvm_userspace_memory_region region = {
		.guest_phys_addr = GUEST_BASE,
		.memory_size = GUEST_SIZE,
	};

	guest->memory =
		mmap(NULL, GUEST_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (guest->memory == MAP_FAILED)
		return error_errno(errno, "cannot map the guest's memory");
	memcpy(guest->memory, load->code, load->size);
	region.userspace_addr = (uintptr_t)guest->memory;
	if (ioctl(guest->vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		return error_errno(errno, "cannot give the guest its memory");
	return NULL;
}

static struct error *guest_create_vcpu(struct guest *guest, int kvm)
{
	struct kvm_regs regs = {.rip = GUEST_BASE, .rflags = GUEST_FLAGS};
	struct kvm_sregs sregs;
	int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);

	guest->vcpu = ioctl(guest->vm, KVM_CREATE_VCPU, 0);
	if (guest->vcpu < 0)
		return error_errno(errno, "cannot create a vCPU");
	guest->run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, guest->vcpu, 0);
	if (guest->run == MAP_FAILED)
		return error_errno(errno, "cannot map the vCPU's state");
	if (ioctl(guest->vcpu, KVM_GET_SREGS, &sregs) < 0)
		return error_errno(errno, "cannot read the vCPU's registers");
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	if (ioctl(guest->vcpu, KVM_SET_SREGS, &sregs) < 0 ||
	    ioctl(guest->vcpu, KVM_SET_REGS, &regs) < 0)
		return error_errno(errno, "cannot set the vCPU's registers");
	return NULL;
}

static struct error *guest_create(struct guest *guest, int kvm, const struct load *load)
{
	guest->vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (guest->vm < 0)
		return error_errno(errno, "cannot create a VM");
	/*
	 * Intel CPUs without unrestricted guest run real mode in a virtual-8086 task and need room
	 * for its TSS (Documentation/virt/kvm/api.rst, KVM_SET_TSS_ADDR). Others ignore it.
	 */
	ioctl(guest->vm, KVM_SET_TSS_ADDR, 0xfffbd000ul);
	try(guest_create_memory(guest, load));
	return guest_create_vcpu(guest, kvm);
}

static struct error *exit_error(const struct kvm_run *run)
{
	switch (run->exit_reason) {
	case KVM_EXIT_FAIL_ENTRY:
		return error_new(ERROR_SYSTEM,
				 "the CPU refused to enter the guest, hardware reason 0x%llx",
				 run->fail_entry.hardware_entry_failure_reason);
	case KVM_EXIT_INTERNAL_ERROR:
		return error_new(ERROR_SYSTEM, "KVM internal error, suberror %u",
				 run->internal.suberror);
	case KVM_EXIT_SHUTDOWN:
		return error_new(ERROR_SYSTEM, "the guest shut down (triple fault)");
	default:
		return error_new(ERROR_SYSTEM, "the guest left with exit reason %u",
				 run->exit_reason);
	}
}

/* Runs the guest for ever; comes back only with an error. */
static struct error *guest_loop(struct guest *guest)
{
	for (;;) {
		if (ioctl(guest->vcpu, KVM_RUN, 0) < 0) {
			if (errno == EINTR || errno == EAGAIN)
				continue;
			return error_errno(errno, "KVM_RUN failed");
		}
		if (guest->run->exit_reason != KVM_EXIT_INTR)
			return exit_error(guest->run);
	}
}

static void *guest_thread(void *data)
{
	struct guest *guest = data;

	guest->err = guest_loop(guest);
	sem_post(guest->failed);
	return NULL;
}

static struct error *guest_start(struct guest *guest)
{
	pthread_attr_t attr;
	cpu_set_t set;
	int ret;

	CPU_ZERO(&set);
	CPU_SET(guest->cpu, &set);
	pthread_attr_init(&attr);
	ret = pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	if (!ret)
		ret = pthread_create(&guest->thread, &attr, guest_thread, guest);
	pthread_attr_destroy(&attr);
	return ret ? error_errno(ret, "cannot start a thread there") : NULL;
}

/* The error of the first guest that has failed, or NULL. */
static struct error *guests_error(struct guest *guests, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (guests[i].err)
			return error_wrap(take(guests[i].err), "guest on CPU %u", guests[i].cpu);
	return NULL;
}

/* Wait until each guest's counter was seen to grow, which only the guest can do. */
static struct error *guests_prove(struct guest *guests, size_t count, sem_t *failed)
{
	for (int tick = 0; tick < PROOF_SECONDS * 100; tick++) {
		struct timespec until;
		size_t running = 0;

		for (size_t i = 0; i < count; i++) {
			uint32_t now = *guest_counter(&guests[i]);

			if (!guests[i].seen && now)
				guests[i].seen = now;
			else if (guests[i].seen && now != guests[i].seen)
				running++;
		}
		if (running == count)
			return NULL;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 10000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		if (!sem_timedwait(failed, &until))
			return guests_error(guests, count);
	}
	for (size_t i = 0; i < count; i++)
		if (*guest_counter(&guests[i]) == guests[i].seen)
			return error_new(ERROR_SYSTEM, "guest on CPU %u did not run within %d s",
					 guests[i].cpu, PROOF_SECONDS);
	return NULL;
}

static struct error *guests_create(const struct load *load, const cpu_set_t *cpus, int kvm,
				   sem_t *failed, struct guest *guests, size_t *count)
{
	struct error *err = NULL;

	for (unsigned cpu = 0; !err && cpu < CPU_SETSIZE; cpu++) {
		struct guest *guest = &guests[*count];

		if (!CPU_ISSET(cpu, cpus))
			continue;
		guest->cpu = cpu;
		guest->failed = failed;
		err = guest_create(guest, kvm, load);
		if (!err)
			err = guest_start(guest);
		if (err)
			error_wrap(err, "guest on CPU %u", cpu);
		(*count)++;
	}
	return err;
}

/* Comes back only with an error. The threads use the guests until the process is gone. */
static struct error *run(const struct load *load, const cpu_set_t *cpus)
{
	struct guest *guests = calloc(CPU_COUNT(cpus), sizeof(*guests));
	_cleanup_close_ int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	size_t count = 0;
	sem_t failed;

	if (!guests)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	if (kvm < 0)
		return error_errno(errno, "cannot open /dev/kvm (is kvm_intel or kvm_amd loaded?)");
	sem_init(&failed, 0, 0);
	try(guests_create(load, cpus, kvm, &failed, guests, &count));
	try(guests_prove(guests, count, &failed));
	printf("guestload: %zu guest%s running\n", count, count == 1 ? "" : "s");
	fflush(stdout);
	while (sem_wait(&failed))
		;
	return guests_error(guests, count);
}

struct options {
	const struct load *load;
	cpu_set_t cpus;
	bool has_cpus;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;
	_cleanup_error_ struct error *err = NULL;

	switch (key) {
	case 'l':
		options->load = load_find(arg);
		if (!options->load)
			argp_error(state, "unknown load '%s'", arg);
		break;
	case 'c':
		err = cpulist_parse("--cpus", arg, &options->cpus);
		if (err)
			argp_error(state, "%s", err->message);
		options->has_cpus = true;
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument '%s'", arg);
		break;
	case ARGP_KEY_END:
		if (!options->load)
			argp_error(state, "--load is missing");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp_option option_table[] = {
	{"load", 'l', "LOAD", 0, "What the guests do: spin (one vCPU per CPU, in guest mode)", 0},
	{"cpus", 'c', "LIST", 0, "CPUs to run them on, such as 0-3,5 (default: all online)", 0},
	{},
};

static const struct argp argp = {
	.options = option_table,
	.parser = parse_option,
	.doc = "Run KVM guests straight on /dev/kvm, one pinned to each CPU.\v"
	       "Says \"guestload: N guests running\" once every guest has proved to be in guest "
	       "mode, then stays until it is killed. Status 1: a guest failed, 64: bad usage.",
};

static struct error *choose_cpus(struct options *options)
{
	cpu_set_t online, chosen;

	try(cpulist_read("/sys/devices/system/cpu/online", &online));
	if (!options->has_cpus)
		options->cpus = online;
	CPU_AND(&chosen, &options->cpus, &online);
	if (!CPU_EQUAL(&chosen, &options->cpus))
		return error_new(ERROR_USAGE, "--cpus: not all of these CPUs are online");
	return NULL;
}

int main(int argc, char **argv)
{
	struct options options = {};
	_cleanup_error_ struct error *err = NULL;

	argp_err_exit_status = EXIT_BAD_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &options);
	err = choose_cpus(&options);
	if (!err)
		err = run(options.load, &options.cpus);
	if (err)
		fprintf(stderr, "guestload: %s\n", err->message);
	return error_is(err, ERROR_USAGE) ? EXIT_BAD_USAGE : EXIT_FAILURE;
}
