/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRASHLAB_TESTS_FAKE_KERNEL_H
#define CRASHLAB_TESTS_FAKE_KERNEL_H

/*
 * A crashed kernel made up in a test: it stands in for src/kernel and src/dump, so that what
 * src/virt makes of any state of memory can be tried. Include it in one test program; it defines
 * every function of kernel.h and dump.h that src/virt calls, so none of the real ones is linked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/kernel.h"
#include "kernel/marker.h"
#include "kernel/recorder.h"
#include "util/cleanup.h"

#define FAKE_CPUS 4
#define FAKE_BASE 0xffff888000000000ull /* virtual address of physical 0 */
#define FAKE_SIZE (1 << 20)
#define FAKE_PERCPU 0x1000 /* from one CPU's area to the next */

struct fake_symbol {
	const char *name;
	uint64_t address;
};

struct fake_member {
	const char *type, *path;
	uint64_t offset, size;
};

struct kernel {
	unsigned cpus;
	bool online[FAKE_CPUS], note[FAKE_CPUS];
	struct cpu_registers registers[FAKE_CPUS];
	const char *stacks[FAKE_CPUS][8]; /* symbols, innermost first; "@": the place in @code */
	struct {
		uint64_t start, place; /* of a function, and where a CPU was stopped in it */
	} code;
	const char *stack_end;
	bool guessed; /* no frame but the first is reliable */
	const char *module; /* loaded: "kvm_intel" */
	bool live;
	bool has_live_efer;
	uint64_t live_efer; /* of the capture kernel */
	const char *kept; /* a capsule's note */
	const struct kernel_vcpu *vcpus[FAKE_CPUS]; /* of QEMU's notes */
	bool crashed; /* VMCOREINFO has CRASHTIME */
	const struct marker *marker;
	const struct recorder_cpu *recorders; /* FAKE_CPUS of them, or NULL */
	bool recorder_lost; /* a page that leads to them is missing */
	struct fake_symbol symbols[64];
	const struct fake_member *members; /* ends with type == NULL */
	uint64_t missing; /* page that is not in the dump, by its virtual address; 0: none */
	uint8_t memory[FAKE_SIZE];
};

struct dump {
	struct kernel kernel; /* the two are one here */
};

static inline void fake_write(struct kernel *kernel, uint64_t address, uint64_t value, size_t size)
{
	if (address - FAKE_BASE > FAKE_SIZE - size)
		abort();
	memcpy(kernel->memory + (address - FAKE_BASE), &value, size);
}

static inline void fake_symbol(struct kernel *kernel, const char *name, uint64_t address)
{
	struct fake_symbol *symbol = kernel->symbols;

	while (symbol->name && strcmp(symbol->name, name))
		symbol++;
	*symbol = (struct fake_symbol){name, address};
}

static inline void fake_forget(struct kernel *kernel, const char *name)
{
	for (struct fake_symbol *symbol = kernel->symbols; symbol->name; symbol++) {
		if (!strcmp(symbol->name, name))
			symbol->name = "(forgotten)";
	}
}

static struct error *fake_read(struct kernel *kernel, uint64_t address, void *buffer, size_t size)
{
	if (kernel->missing && address / 4096 == kernel->missing / 4096)
		return error_new(ERROR_NO_DATA, "page not in dump");
	if (address - FAKE_BASE > FAKE_SIZE - size)
		return error_new(ERROR_FORMAT, "0x%llx is nowhere", (unsigned long long)address);
	memcpy(buffer, kernel->memory + (address - FAKE_BASE), size);
	return NULL;
}

struct dump *kernel_dump(const struct kernel *kernel)
{
	return (struct dump *)kernel;
}

const char *kernel_release(const struct kernel *kernel)
{
	(void)kernel;
	return "6.12.0-fake";
}

const struct text_list *kernel_notes(const struct kernel *kernel)
{
	static const struct text_list none;

	(void)kernel;
	return &none;
}

const char *dump_format(const struct dump *dump)
{
	(void)dump;
	return "fake";
}

const char *dump_kept(const struct dump *dump)
{
	return dump->kernel.kept;
}

const char *dump_vmcoreinfo(const struct dump *dump, const char *key)
{
	return dump->kernel.crashed && !strcmp(key, "CRASHTIME") ? "1700000000" : NULL;
}

struct error *kernel_vcpu(struct kernel *kernel, unsigned cpu, struct kernel_vcpu *ret)
{
	if (!kernel->vcpus[cpu])
		return error_new(ERROR_NOT_FOUND, "no virtual CPU");
	*ret = *kernel->vcpus[cpu];
	return NULL;
}

bool dump_is_live_vmcore(const struct dump *dump)
{
	return dump->kernel.live;
}

struct error *dump_read_live_msr(struct dump *dump, uint32_t number, uint64_t *ret)
{
	if (!dump->kernel.has_live_efer || number != 0xc0000080)
		return error_new(ERROR_NOT_FOUND, "no msr driver");
	*ret = dump->kernel.live_efer;
	return NULL;
}

struct error *dump_read_physical(struct dump *dump, uint64_t address, void *buffer, size_t length)
{
	return fake_read(&dump->kernel, FAKE_BASE + address, buffer, length);
}

struct error *dump_read(struct dump *dump, uint64_t address, void *buffer, size_t length)
{
	return fake_read(&dump->kernel, address, buffer, length);
}

struct error *dump_read_string(struct dump *dump, uint64_t address, char *buffer, size_t size)
{
	try(fake_read(&dump->kernel, address, buffer, size));
	buffer[size - 1] = '\0';
	return NULL;
}

struct error *dump_virtual_to_physical(struct dump *dump, uint64_t address, uint64_t *ret)
{
	(void)dump;
	if (address - FAKE_BASE >= FAKE_SIZE)
		return error_new(ERROR_FORMAT, "no translation");
	*ret = address - FAKE_BASE;
	return NULL;
}

struct error *kernel_symbol(struct kernel *kernel, const char *module, const char *name,
			    uint64_t *ret)
{
	(void)module;
	for (struct fake_symbol *symbol = kernel->symbols; symbol->name; symbol++) {
		if (!strcmp(symbol->name, name)) {
			*ret = symbol->address;
			return NULL;
		}
	}
	return error_new(ERROR_NOT_FOUND, "no symbol %s", name);
}

/* Small numbers in place of code addresses are indexes into the stacks' texts. */
void kernel_symbolize(struct kernel *kernel, uint64_t address, char *buffer, size_t size)
{
	const char *name = address && address == kernel->code.place
				   ? "vmx_emergency_disable+0x8/0x20 [kvm_intel]"
			   : address < FAKE_CPUS * 8 ? kernel->stacks[address / 8][address % 8]
						     : NULL;

	snprintf(buffer, size, "%s", name ? name : "callback+0x0/0x10");
}

struct error *kernel_symbol_at(struct kernel *kernel, uint64_t address, char *name, size_t size,
			       uint64_t *start, uint64_t *end)
{
	if (address < kernel->code.start || address >= kernel->code.place)
		return error_new(ERROR_NOT_FOUND, "no code");
	snprintf(name, size, "vmx_emergency_disable");
	*start = kernel->code.start;
	*end = kernel->code.place + 16;
	return NULL;
}

bool kernel_has_module(struct kernel *kernel, const char *name)
{
	return kernel->module && !strcmp(kernel->module, name);
}

struct error *kernel_member(struct kernel *kernel, const char *module, const char *type,
			    const char *path, struct kernel_field *ret)
{
	(void)module;
	for (const struct fake_member *member = kernel->members; member->type; member++) {
		if (!strcmp(member->type, type) && !strcmp(member->path, path)) {
			*ret = (struct kernel_field){member->offset, member->size, 0, 0};
			return NULL;
		}
	}
	return error_new(ERROR_NOT_FOUND, "struct %s has no member %s", type, path);
}

struct error *kernel_read_uint(struct kernel *kernel, uint64_t address, size_t size, uint64_t *ret)
{
	*ret = 0;
	return fake_read(kernel, address, ret, size);
}

struct error *kernel_read_member(struct kernel *kernel, const char *module, const char *type,
				 const char *path, uint64_t object, uint64_t *ret)
{
	struct kernel_field field;

	try(kernel_member(kernel, module, type, path, &field));
	return kernel_read_uint(kernel, object + field.offset, field.size, ret);
}

unsigned kernel_cpu_limit(struct kernel *kernel)
{
	return kernel->cpus;
}

bool kernel_cpu_possible(struct kernel *kernel, unsigned cpu)
{
	return cpu < kernel->cpus;
}

bool kernel_cpu_online(struct kernel *kernel, unsigned cpu)
{
	return kernel->online[cpu];
}

struct error *kernel_percpu_address(struct kernel *kernel, uint64_t symbol, unsigned cpu,
				    uint64_t *ret)
{
	(void)kernel;
	*ret = symbol + cpu * FAKE_PERCPU;
	return NULL;
}

struct error *kernel_read_variable(struct kernel *kernel, const char *module, const char *name,
				   size_t size, uint64_t *ret)
{
	uint64_t address;

	try(kernel_symbol(kernel, module, name, &address));
	return kernel_read_uint(kernel, address, size, ret);
}

struct error *kernel_read_percpu(struct kernel *kernel, const char *module, const char *name,
				 unsigned cpu, size_t size, uint64_t *ret)
{
	uint64_t address;

	try(kernel_symbol(kernel, module, name, &address));
	return kernel_read_uint(kernel, address + cpu * FAKE_PERCPU, size, ret);
}

struct error *kernel_cpu_registers(struct kernel *kernel, unsigned cpu, struct cpu_registers *ret)
{
	if (!kernel->note[cpu])
		return error_new(ERROR_NOT_FOUND, "no note");
	*ret = kernel->registers[cpu];
	ret->rip = cpu * 8;
	return NULL;
}

struct error *kernel_unwind(struct kernel *kernel, const struct cpu_registers *registers,
			    struct backtrace *ret)
{
	ret->frames = calloc(8, sizeof(*ret->frames));
	ret->stop = kernel->stack_end;
	ret->count = 0;
	for (unsigned i = 0; i < 8 && kernel->stacks[registers->rip / 8][i]; i++) {
		bool place = !strcmp(kernel->stacks[registers->rip / 8][i], "@");

		ret->frames[i].address = place ? kernel->code.place : registers->rip + i;
		ret->frames[i].is_pc = true;
		ret->frames[i].reliable = !i || !kernel->guessed;
		ret->count++;
	}
	return NULL;
}

void backtrace_deinit(struct backtrace *backtrace)
{
	free(backtrace->frames);
}

/* The maps' values lie at the end of memory, a page for the marker and the rest for the recorder.
 */
struct error *kernel_bpf_array(struct kernel *kernel, const char *name, size_t size,
			       struct bpf_values *ret)
{
	bool marker = !strcmp(name, MARKER_MAP);
	const void *from = marker ? (const void *)kernel->marker : kernel->recorders;
	size_t offset = FAKE_SIZE - (marker ? 0x1000 : 0x4000), count = marker ? 1 : FAKE_CPUS;

	if (marker)
		size = sizeof(struct marker); /* whatever of it is asked for */
	if (!from)
		return error_new(kernel->recorder_lost && !marker ? ERROR_NO_DATA : ERROR_NOT_FOUND,
				 "no map %s", name);
	memcpy(kernel->memory + offset, from, size * count);
	*ret = (struct bpf_values){FAKE_BASE + offset, size, count};
	return NULL;
}

#endif
