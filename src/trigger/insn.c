// SPDX-License-Identifier: GPL-2.0-only
#include "trigger/insn.h"

#include <Zydis/Zydis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/cpu_bits.h"
#include "util/cleanup.h"
#include "util/number.h"
#include "util/text.h"

#define AFTER "after-"

static const char *const names[INSN_MEANINGS] = {
	[INSN_OTHER] = "",
	[INSN_VMCLEAR] = "vmclear",
	[INSN_VMPTRLD] = "vmptrld",
	[INSN_VMXON] = "vmxon",
	[INSN_VMXOFF] = "vmxoff",
	[INSN_CR4_WRITE] = "cr4-write",
	[INSN_STGI] = "stgi",
	[INSN_CLGI] = "clgi",
	[INSN_EFER_READ] = "efer-read",
	[INSN_EFER_WRITE] = "efer-write",
};

static const struct {
	ZydisMnemonic mnemonic;
	enum insn_meaning meaning;
} mnemonics[] = {
	{ZYDIS_MNEMONIC_VMCLEAR, INSN_VMCLEAR}, {ZYDIS_MNEMONIC_VMPTRLD, INSN_VMPTRLD},
	{ZYDIS_MNEMONIC_VMXON, INSN_VMXON},     {ZYDIS_MNEMONIC_VMXOFF, INSN_VMXOFF},
	{ZYDIS_MNEMONIC_STGI, INSN_STGI},       {ZYDIS_MNEMONIC_CLGI, INSN_CLGI},
};

/** Functions that do it for their caller. */
static const struct {
	const char *name;
	bool msr; /* on the MSR that EDI names */
	enum insn_meaning meaning;
} callees[] = {
	{"cr4_update_irqsoff", false, INSN_CR4_WRITE},
	{"native_write_cr4", false, INSN_CR4_WRITE},
	{"native_read_msr", true, INSN_EFER_READ},
	{"native_write_msr", true, INSN_EFER_WRITE},
};

/** What is known of registers while going through the code from top to bottom. */
struct decoder {
	uint64_t ecx, edi; /* the constants loaded last; 0: none */
	insn_is_function is_function;
	void *data;
};

static enum insn_meaning call_meaning(const struct decoder *decoder, uint64_t target)
{
	for (size_t i = 0; i < sizeof(callees) / sizeof(*callees); i++) {
		if (callees[i].msr && decoder->edi != MSR_EFER)
			continue;
		if (decoder->is_function &&
		    decoder->is_function(decoder->data, target, callees[i].name))
			return callees[i].meaning;
	}
	return INSN_OTHER;
}

static void note_constants(struct decoder *decoder, const ZydisDisassembledInstruction *insn)
{
	const ZydisDecodedOperand *to = &insn->operands[0], *from = &insn->operands[1];

	if (insn->info.mnemonic != ZYDIS_MNEMONIC_MOV || to->type != ZYDIS_OPERAND_TYPE_REGISTER)
		return;
	uint64_t value =
		from->type == ZYDIS_OPERAND_TYPE_IMMEDIATE ? (uint32_t)from->imm.value.u : 0;

	if (to->reg.value == ZYDIS_REGISTER_ECX || to->reg.value == ZYDIS_REGISTER_RCX)
		decoder->ecx = value;
	if (to->reg.value == ZYDIS_REGISTER_EDI || to->reg.value == ZYDIS_REGISTER_RDI)
		decoder->edi = value;
}

static enum insn_meaning find_meaning(struct decoder *decoder,
				      const ZydisDisassembledInstruction *insn)
{
	const ZydisDecodedOperand *operand = &insn->operands[0];
	ZydisMnemonic mnemonic = insn->info.mnemonic;
	ZyanU64 target;

	for (size_t i = 0; i < sizeof(mnemonics) / sizeof(*mnemonics); i++) {
		if (mnemonics[i].mnemonic == mnemonic)
			return mnemonics[i].meaning;
	}
	if (mnemonic == ZYDIS_MNEMONIC_WRMSR && decoder->ecx == MSR_EFER)
		return INSN_EFER_WRITE;
	if (mnemonic == ZYDIS_MNEMONIC_RDMSR && decoder->ecx == MSR_EFER)
		return INSN_EFER_READ;
	if (mnemonic == ZYDIS_MNEMONIC_MOV && operand->type == ZYDIS_OPERAND_TYPE_REGISTER &&
	    operand->reg.value == ZYDIS_REGISTER_CR4)
		return INSN_CR4_WRITE;
	if ((mnemonic == ZYDIS_MNEMONIC_CALL || mnemonic == ZYDIS_MNEMONIC_JMP) &&
	    operand->type == ZYDIS_OPERAND_TYPE_IMMEDIATE &&
	    ZYAN_SUCCESS(
		    ZydisCalcAbsoluteAddress(&insn->info, operand, insn->runtime_address, &target)))
		return call_meaning(decoder, target);
	return INSN_OTHER;
}

static struct error *add(struct insn_list *list, struct decoder *decoder, uint64_t offset,
			 const ZydisDisassembledInstruction *insn)
{
	try(array_grow((void **)&list->items, &list->count, sizeof(*list->items)));
	struct insn *added = &list->items[list->count - 1];

	note_constants(decoder, insn);
	*added = (struct insn){.offset = offset,
			       .length = insn->info.length,
			       .meaning = find_meaning(decoder, insn)};
	snprintf(added->text, sizeof(added->text), "%s", insn->text);
	return NULL;
}

struct error *insn_decode(const uint8_t *code, size_t size, uint64_t address,
			  insn_is_function is_function, void *data, struct insn_list *ret)
{
	struct decoder decoder = {.is_function = is_function, .data = data};
	struct insn_list list = {};

	for (uint64_t offset = 0; offset < size;) {
		ZydisDisassembledInstruction insn;
		struct error *err = NULL;

		if (ZYAN_FAILED(ZydisDisassembleATT(ZYDIS_MACHINE_MODE_LONG_64, address + offset,
						    code + offset, size - offset, &insn)))
			err = error_new(ERROR_FORMAT, "no instruction at +0x%" PRIx64, offset);
		else
			err = add(&list, &decoder, offset, &insn);
		if (err) {
			insn_list_deinit(&list);
			return err;
		}
		offset += insn.info.length;
	}
	*ret = list;
	return NULL;
}

void insn_list_deinit(struct insn_list *list)
{
	free(list->items);
	*list = (struct insn_list){};
}

const char *insn_meaning_name(enum insn_meaning meaning)
{
	return names[meaning];
}

/** "after-vmclear.2" into its parts. */
static bool parse_place(const char *place, enum insn_meaning *meaning, uint64_t *number,
			bool *after)
{
	size_t length;

	*after = !strncmp(place, AFTER, strlen(AFTER));
	if (*after)
		place += strlen(AFTER);
	length = strcspn(place, ".");
	*number = 1;
	if (place[length]) {
		struct error *err =
			number_parse("place", place + length + 1, 1, UINT16_MAX, number);

		if (err) {
			error_free(err);
			return false;
		}
	}
	for (*meaning = INSN_VMCLEAR; *meaning < INSN_MEANINGS; ++*meaning) {
		if (strlen(names[*meaning]) == length && !strncmp(names[*meaning], place, length))
			return true;
	}
	return false;
}

bool insn_is_place(const char *place)
{
	enum insn_meaning meaning;
	uint64_t number;
	bool after;

	return parse_place(place, &meaning, &number, &after);
}

struct error *insn_find(const struct insn_list *list, const char *place, uint64_t *ret)
{
	enum insn_meaning meaning;
	uint64_t number, seen = 0;
	bool after;

	if (!parse_place(place, &meaning, &number, &after))
		return error_new(
			ERROR_USAGE,
			"'%s' is no instruction that is known by name: vmclear, vmptrld, "
			"vmxon, vmxoff, cr4-write, stgi, clgi, efer-read, efer-write, with "
			".N for the Nth and after- for the place behind it",
			place);
	for (size_t i = 0; i < list->count; i++) {
		const struct insn *insn = &list->items[i];

		if (insn->meaning != meaning || ++seen < number)
			continue;
		*ret = insn->offset + (after ? insn->length : 0);
		return NULL;
	}
	return error_new(ERROR_NOT_FOUND, "the function has %" PRIu64 " of %s", seen,
			 names[meaning]);
}
