// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/bochs_state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lab/files.h"
#include "util/cleanup.h"
#include "util/text.h"

#define DEPTH_MAX 8
#define NAME_MAX_LENGTH 64

enum { FOUND_CR4 = 1, FOUND_EFER = 2, FOUND_VMX = 4, FOUND_CURRENT = 8, FOUND_ALL = 15 };

/* A VMCS in memory: BX_VMX_REVISION and the launch state's place (cpu/vmcs.cc, cpu/vmx.h). */
#define PAGE_BYTES 4096
#define HEAD_BYTES 12
#define VMCS_REVISION 0x2b
#define VMCS_CLEAR 0
#define VMCS_LAUNCHED 1
#define READ_PAGES 256

static struct error *parse_hex(const char *value, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(value, &end, 0);
	if (errno || end == value || *end)
		return error_new(ERROR_FORMAT, "\"%s\" is not a number", value);
	return NULL;
}

static struct error *parse_truth(const char *value, bool *ret)
{
	*ret = !strcmp(value, "true");
	if (!*ret && strcmp(value, "false"))
		return error_new(ERROR_FORMAT, "\"%s\" is neither true nor false", value);
	return NULL;
}

static struct error *take_apic(const char *name, const char *value, struct bochs_cpu *ret)
{
	uint64_t number;
	char kind[4];
	unsigned index;

	if (!strcmp(name, "software_enabled"))
		return parse_truth(value, &ret->apic_enabled);
	if (!strcmp(name, "icr_lo"))
		return parse_hex(value, &ret->icr);
	if (sscanf(name, "%3[irs]%u", kind, &index) != 2 || index >= 8)
		return NULL;
	try(parse_hex(value, &number));
	if (!strcmp(kind, "irr"))
		ret->irr[index] = number;
	else if (!strcmp(kind, "isr"))
		ret->isr[index] = number;
	return NULL;
}

static struct error *take_own(const char *name, const char *value, struct bochs_cpu *ret,
			      unsigned *found)
{
	const struct {
		const char *name;
		uint64_t *ret;
	} numbers[] = {{"CR4", &ret->cr4},
		       {"RIP", &ret->rip},
		       {"EFLAGS", &ret->eflags},
		       {"CR3", &ret->cr3},
		       {"activity_state", &ret->activity}};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (strcmp(name, numbers[i].name))
			continue;
		*found |= i ? 0 : FOUND_CR4;
		return parse_hex(value, numbers[i].ret);
	}
	return NULL;
}

/* @list is the list that @name stands in, below cpuN; "" is cpuN itself. */
static struct error *take_value(const char *list, const char *name, const char *value,
				struct bochs_cpu *ret, unsigned *found)
{
	if (!list[0])
		return take_own(name, value, ret, found);
	if (!strcmp(list, "local_apic"))
		return take_apic(name, value, ret);
	if (!strcmp(list, "MSR") && !strcmp(name, "EFER")) {
		*found |= FOUND_EFER;
		return parse_hex(value, &ret->efer);
	}
	if (!strcmp(list, "VMX") && !strcmp(name, "in_vmx")) {
		*found |= FOUND_VMX;
		return parse_truth(value, &ret->vmx);
	}
	if (!strcmp(list, "VMX") && !strcmp(name, "vmcsptr")) {
		*found |= FOUND_CURRENT;
		return parse_hex(value, &ret->current);
	}
	return NULL;
}

struct error *bochs_state_read(FILE *stream, struct bochs_cpu *ret)
{
	char lists[DEPTH_MAX][NAME_MAX_LENGTH], name[NAME_MAX_LENGTH], value[NAME_MAX_LENGTH];
	char line[512];
	unsigned depth = 0, found = 0;

	*ret = (struct bochs_cpu){};
	while (fgets(line, sizeof(line), stream)) {
		if (sscanf(line, " %63s", name) == 1 && !strcmp(name, "}")) {
			if (!depth--)
				return error_new(ERROR_FORMAT, "one } too many");
			continue;
		}
		if (sscanf(line, " %63s = %63s", name, value) != 2)
			continue;
		if (!strcmp(value, "{")) {
			if (depth == DEPTH_MAX)
				return error_new(ERROR_FORMAT, "nested too deep");
			strcpy(lists[depth++], name);
		} else if (depth == 1 || depth == 2) {
			try(take_value(depth == 1 ? "" : lists[1], name, value, ret, &found));
		}
	}
	if (found != FOUND_ALL)
		return error_new(ERROR_FORMAT, "no %s",
				 !(found & FOUND_CR4)    ? "CR4"
				 : !(found & FOUND_EFER) ? "MSR/EFER"
				 : !(found & FOUND_VMX)  ? "VMX/in_vmx"
							 : "VMX/vmcsptr");
	return NULL;
}

static struct error *read_cpu(const char *folder, unsigned cpu, struct bochs_cpu *ret)
{
	_cleanup_free_ char *path = format_string("%s/cpu%u", folder, cpu);
	_cleanup_fclose_ FILE *stream = fopen(path, "re");

	if (!stream)
		return error_errno(errno, "%s", path);
	return error_wrap(bochs_state_read(stream, ret), "%s", path);
}

struct error *bochs_state_registers(const char *folder, unsigned cpus, FILE *out)
{
	struct bochs_cpu state;

	for (unsigned cpu = 0; cpu < cpus; cpu++) {
		try(read_cpu(folder, cpu, &state));
		fprintf(out, "CPU#%u\nRIP=%016" PRIx64 " RFL=%08" PRIx64 " HLT=%d\n", cpu,
			state.rip, state.eflags, state.activity == 1);
		fprintf(out,
			"CR3=%016" PRIx64 "\nCR4=%016" PRIx64 "\nEFER=%016" PRIx64
			"\nVMX=%d\nVMCSPTR=%016" PRIx64 "\n",
			state.cr3, state.cr4, state.efer, state.vmx, state.current);
	}
	return NULL;
}

static void put_vectors(FILE *out, const char *name, const uint32_t bits[8])
{
	bool any = false;

	fputs(name, out);
	for (unsigned vector = 0; vector < 256; vector++) {
		if (bits[vector / 32] >> vector % 32 & 1) {
			fprintf(out, " %u", vector);
			any = true;
		}
	}
	fputs(any ? "\n" : " (none)\n", out);
}

struct error *bochs_state_apics(const char *folder, unsigned cpus, FILE *out)
{
	for (unsigned cpu = 0; cpu < cpus; cpu++) {
		struct bochs_cpu state;

		try(read_cpu(folder, cpu, &state));
		fprintf(out, "CPU#%u\nSPIV\t APIC %s\nICR\t 0x%08" PRIx64 "\n", cpu,
			state.apic_enabled ? "enabled" : "disabled", state.icr);
		put_vectors(out, "ISR", state.isr);
		put_vectors(out, "IRR", state.irr);
	}
	return NULL;
}

bool bochs_state_is_launched(uint32_t revision, uint32_t abort, uint32_t state)
{
	return revision == VMCS_REVISION && !abort && state == VMCS_LAUNCHED;
}

static struct error *take_page(const uint8_t *page, uint64_t at, bool launched,
			       struct bochs_pages *ret)
{
	struct {
		uint32_t revision, abort, state;
	} head;

	memcpy(&head, page, HEAD_BYTES);
	if (!bochs_state_is_launched(head.revision, head.abort, head.state) &&
	    (launched || head.revision != VMCS_REVISION || head.abort || head.state != VMCS_CLEAR))
		return NULL;
	try(array_grow((void **)&ret->items, &ret->count, sizeof(*ret->items)));
	ret->items[ret->count - 1] = at;
	return NULL;
}

static struct error *find_pages(int fd, const char *path, bool launched, struct bochs_pages *ret)
{
	static const size_t size = READ_PAGES * PAGE_BYTES;
	_cleanup_free_ uint8_t *buffer = malloc(size);
	uint64_t at = 0;
	ssize_t got;

	if (!buffer)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	while ((got = pread(fd, buffer, size, at)) > 0) {
		for (ssize_t i = 0; i + HEAD_BYTES <= got; i += PAGE_BYTES)
			try(take_page(buffer + i, at + i, launched, ret));
		at += got;
	}
	if (got < 0)
		return error_errno(errno, "%s", path);
	return at ? NULL : error_new(ERROR_FORMAT, "%s is empty", path);
}

struct error *bochs_state_vmcss(const char *path, bool launched, struct bochs_pages *ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct bochs_pages found = {};

	if (fd < 0)
		return error_errno(errno, "%s", path);
	struct error *err = find_pages(fd, path, launched, &found);
	if (err)
		free(found.items);
	else
		*ret = found;
	return err;
}

static struct error *print_launched(const char *folder, FILE *out)
{
	_cleanup_free_ char *path = format_string("%s/memory.ram", folder);
	struct bochs_pages found = {};

	try(bochs_state_vmcss(path, true, &found));
	for (size_t i = 0; i < found.count; i++)
		fprintf(out, "%s\"0x%" PRIx64 "\"", i ? ", " : "", found.items[i]);
	free(found.items);
	return NULL;
}

struct error *bochs_state_truth(const char *folder, unsigned cpus, FILE *out)
{
	struct bochs_cpu state;

	fprintf(out, "{\"schema\": \"crashlab-truth/1\", \"cpus\": [");
	for (unsigned cpu = 0; cpu < cpus; cpu++) {
		try(read_cpu(folder, cpu, &state));
		fprintf(out,
			"%s\n  {\"cpu\": %u, \"cr4\": \"0x%" PRIx64
			"\", \"vmx\": %s, \"current\": \"0x%" PRIx64 "\"}",
			cpu ? "," : "", cpu, state.cr4, state.vmx ? "true" : "false",
			state.current);
	}
	fputs("],\n  \"launched\": [", out);
	try(print_launched(folder, out));
	fputs("]}\n", out);
	return NULL;
}
