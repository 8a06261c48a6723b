// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/internal.h"

#include "util/cleanup.h"

static bool test_bit(const uint8_t *mask, unsigned bit)
{
	return mask[bit / 8] >> (bit % 8) & 1;
}

/* nr_cpu_ids is a variable only where CONFIG_FORCE_NR_CPUS is off (include/linux/cpumask.h). */
static struct error *read_cpu_limit(struct kernel *kernel, unsigned *ret)
{
	uint64_t value, mask_size;
	struct error *err = kernel_read_variable(kernel, NULL, "nr_cpu_ids", 4, &value);

	if (error_is(err, ERROR_NOT_FOUND)) {
		error_free(err);
		try(kernel_type_size(kernel, NULL, "cpumask", &mask_size));
		value = mask_size < CPU_LIMIT ? mask_size * 8 : CPU_LIMIT + 1;
	} else if (err) {
		return err;
	}
	if (!value || value > CPU_LIMIT)
		return error_new(ERROR_FORMAT, "%ju possible CPUs cannot be", (uintmax_t)value);
	*ret = value;
	return NULL;
}

static struct error *read_mask(struct kernel *kernel, const char *name, uint8_t **ret)
{
	uint64_t address;
	void *block;

	try(kernel_symbol(kernel, NULL, name, &address));
	/* A mask is whole longs, so the last byte is there even if not all its bits are CPUs. */
	try(read_block(kernel, address, (kernel->cpu_limit + 7) / 8, CPU_LIMIT, name, &block));
	*ret = block;
	return NULL;
}

struct error *percpu_init(struct kernel *kernel)
{
	uint64_t address;
	void *block;

	try(read_cpu_limit(kernel, &kernel->cpu_limit));
	try(kernel_symbol(kernel, NULL, "__per_cpu_offset", &address));
	try(read_block(kernel, address, kernel->cpu_limit * sizeof(uint64_t),
		       CPU_LIMIT * sizeof(uint64_t), "__per_cpu_offset", &block));
	kernel->percpu_offset = block;
	try(read_mask(kernel, "__cpu_possible_mask", &kernel->possible));
	return read_mask(kernel, "__cpu_online_mask", &kernel->online);
}

void percpu_deinit(struct kernel *kernel)
{
	free(kernel->percpu_offset);
	free(kernel->possible);
	free(kernel->online);
}

unsigned kernel_cpu_limit(struct kernel *kernel)
{
	return kernel->cpu_limit;
}

bool kernel_cpu_possible(struct kernel *kernel, unsigned cpu)
{
	return cpu < kernel->cpu_limit && test_bit(kernel->possible, cpu);
}

bool kernel_cpu_online(struct kernel *kernel, unsigned cpu)
{
	return cpu < kernel->cpu_limit && test_bit(kernel->online, cpu);
}

struct error *kernel_percpu_address(struct kernel *kernel, uint64_t symbol, unsigned cpu,
				    uint64_t *ret)
{
	if (!kernel_cpu_possible(kernel, cpu))
		return error_new(ERROR_NOT_FOUND, "there is no CPU %u", cpu);
	*ret = symbol + kernel->percpu_offset[cpu];
	return NULL;
}

struct error *kernel_read_percpu(struct kernel *kernel, const char *module, const char *name,
				 unsigned cpu, size_t size, uint64_t *ret)
{
	uint64_t symbol, address;

	try(kernel_symbol(kernel, module, name, &symbol));
	try(kernel_percpu_address(kernel, symbol, cpu, &address));
	return error_wrap(kernel_read_uint(kernel, address, size, ret), "%s of CPU %u", name, cpu);
}
