// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files that options name, as far as they are texts: the first byte tells which, System.map, a
 * calibration, or evidence. What is taken is used.
 */
#include <stdint.h>
#include <string.h>

#include "kernel/symbols.h"
#include "kernel/type_file.h"
#include "util/cleanup.h"
#include "virt/calibration.h"
#include "virt/report_json.h"
#include "virt/vmcs.h"

static struct error *try_symbols(const char *text)
{
	struct symbol_source *source = NULL;
	struct symbol symbol;
	uint64_t address = 0;

	try(sysmap_create(text, 0xffffffff81000000, &source));
	if (!source->find(source, "_stext", &address))
		__builtin_trap();
	for (int i = -2; i <= 2; i++)
		source->at(source, address + i, &symbol);
	symbol_source_destroy(source);
	return NULL;
}

static struct error *try_calibration(const char *text)
{
	struct calibrations list = {0};
	struct error *err = calibrations_add(&list, "file", text);

	for (size_t i = 0; i < list.count; i++) {
		const struct calibration *calibration = &list.items[i];

		if (calibration->offset + calibration->width > VMCS_SIZE)
			__builtin_trap();
		for (int f = 0; f < FIELD_COUNT; f++) {
			if (calibration->fields[f] + 8 > VMCS_SIZE)
				__builtin_trap();
		}
	}
	calibrations_deinit(&list);
	return err;
}

static struct error *try_evidence(const char *text)
{
	struct evidence_list list = {0};

	try(report_parse_outside(text, EVIDENCE_SCHEMA, &list));
	for (size_t i = 0; i < list.count; i++) {
		if (!evidence_source_find(list.items[i].source)->outside)
			__builtin_trap();
	}
	evidence_list_deinit(&list);
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct error *(*const parsers[])(const char *) = {try_symbols, try_calibration,
								 try_evidence};

	if (!size)
		return 0;
	_cleanup_free_ char *text = strndup((const char *)data + 1, size - 1);

	error_free(parsers[*data % 3](text));
	build_id_find(data + 1, size - 1);
	return 0;
}
