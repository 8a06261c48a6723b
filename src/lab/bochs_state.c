// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/bochs_state.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lab/files.h"
#include "util/cleanup.h"

#define DEPTH_MAX 8
#define NAME_MAX_LENGTH 64

enum { FOUND_CR4 = 1, FOUND_EFER = 2, FOUND_VMX = 4, FOUND_ALL = 7 };

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

/* @list is the list that @name stands in, below cpuN; "" is cpuN itself. */
static struct error *take_value(const char *list, const char *name, const char *value,
				struct bochs_cpu *ret, unsigned *found)
{
	if (!list[0] && !strcmp(name, "CR4")) {
		*found |= FOUND_CR4;
		return parse_hex(value, &ret->cr4);
	}
	if (!strcmp(list, "MSR") && !strcmp(name, "EFER")) {
		*found |= FOUND_EFER;
		return parse_hex(value, &ret->efer);
	}
	if (!strcmp(list, "VMX") && !strcmp(name, "in_vmx")) {
		*found |= FOUND_VMX;
		return parse_truth(value, &ret->vmx);
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
							 : "VMX/in_vmx");
	return NULL;
}

struct error *bochs_state_registers(const char *folder, unsigned cpus, FILE *out)
{
	for (unsigned cpu = 0; cpu < cpus; cpu++) {
		_cleanup_free_ char *path = format_string("%s/cpu%u", folder, cpu);
		_cleanup_fclose_ FILE *stream = fopen(path, "re");
		struct bochs_cpu state;

		if (!stream)
			return error_errno(errno, "%s", path);
		struct error *err = bochs_state_read(stream, &state);
		if (err)
			return error_wrap(err, "%s", path);
		fprintf(out, "CPU#%u\nCR4=%016" PRIx64 "\nEFER=%016" PRIx64 "\nVMX=%d\n", cpu,
			state.cr4, state.efer, state.vmx);
	}
	return NULL;
}
