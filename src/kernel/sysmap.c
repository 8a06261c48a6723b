// SPDX-License-Identifier: GPL-2.0-only
/* Symbols out of a System.map, or of a /proc/kallsyms that was saved. */
#include "kernel/symbols.h"

#include <ctype.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/text.h"

/** "ffffffff81000000 T _stext"; a module's symbol ends in "[module]" and is passed over. */
static bool parse_line(char *line, uint64_t *address, char *type, char **name)
{
	char *end;

	*address = strtoull(line, &end, 16);
	if (end == line || end[0] != ' ' || !isalpha((unsigned char)end[1]) || end[2] != ' ')
		return false;
	*type = end[1];
	*name = end + 3;
	end = *name + strcspn(*name, " \t");
	if (*end && !strchr(end, '['))
		return false;
	if (*end)
		*name = NULL;
	return true;
}

static struct error *add_symbol(Elf64_Sym **symbols, size_t *count, uint64_t address, char type,
				uint32_t name, const char *text)
{
	bool code = strchr("tTwW", type) && !symbol_is_second_name(text);

	try(array_grow((void **)symbols, count, sizeof(**symbols)));
	(*symbols)[*count - 1] = (Elf64_Sym){
		.st_name = name,
		.st_value = address,
		.st_shndx = SHN_ABS,
		.st_info = ELF64_ST_INFO(STB_GLOBAL, code ? STT_FUNC : STT_OBJECT),
	};
	return NULL;
}

static struct error *parse_lines(char *text, size_t size, Elf64_Sym **symbols, size_t *count)
{
	size_t number = 0;

	for (char *line = text; line < text + size; line += strlen(line) + 1) {
		uint64_t address;
		char type, *name;

		number++;
		line[strcspn(line, "\n")] = '\0';
		if (!*line)
			continue;
		if (!parse_line(line, &address, &type, &name))
			return error_new(ERROR_USAGE,
					 "line %zu is not as in System.map or /proc/kallsyms: "
					 "\"%.40s\"",
					 number, line);
		if (name)
			try(add_symbol(symbols, count, address, type, name - text, name));
	}
	return NULL;
}

/** KASLR moves the whole of the image by one distance, and not the per-cpu symbols. */
static struct error *move(Elf64_Sym *symbols, size_t count, const char *strings, uint64_t stext)
{
	uint64_t distance;
	size_t i = 0;

	while (i < count && strcmp(strings + symbols[i].st_name, "_stext"))
		i++;
	if (i == count)
		return error_new(ERROR_USAGE, "there is no _stext in it");
	if (!symbols[i].st_value)
		return error_new(ERROR_USAGE, "its addresses are 0: a /proc/kallsyms has to be "
					      "saved by root");
	if (symbols[i].st_value < SYMBOL_IMAGE_MAP)
		return error_new(ERROR_USAGE, "its _stext lies where no kernel has it");
	distance = stext - symbols[i].st_value;
	for (i = 0; i < count; i++) {
		if (symbols[i].st_value >= SYMBOL_IMAGE_MAP)
			symbols[i].st_value += distance;
	}
	return NULL;
}

struct error *sysmap_create(const char *text, uint64_t stext, struct symbol_source **ret)
{
	size_t size = strlen(text) + 1, count = 0;
	_cleanup_free_ Elf64_Sym *symbols = NULL;
	_cleanup_free_ char *strings = strdup(text);

	if (!strings || size > UINT32_MAX)
		return error_new(ERROR_NO_MEMORY, "out of memory for symbols");
	try(parse_lines(strings, size - 1, &symbols, &count));
	try(move(symbols, count, strings, stext));
	try(modsyms_create(symbols, count, strings, size, ret));
	take(strings);
	return NULL;
}
