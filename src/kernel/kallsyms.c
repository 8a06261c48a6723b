// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's own symbol table, compressed as scripts/kallsyms.c leaves it. Looking up by name
 * goes through a hash table made once, without expanding the names: a token adds to a name's hash
 * what it always adds. By address, the table is in order.
 */
#include "kernel/symbols.h"

#include <inttypes.h>
#include <string.h>

#include "util/cleanup.h"

struct kallsyms {
	struct symbol_source source;
	struct kallsyms_tables tables;
	enum kallsyms_encoding encoding;
	uint32_t *name_offset; /* of each symbol, into tables.names; and one more: the end */
	uint32_t *bucket; /* the first symbol, its number + 1; 0: none */
	uint32_t *next; /* the next symbol of the same bucket, likewise */
	uint32_t bucket_mask;
};

static const struct kallsyms *to_kallsyms(const struct symbol_source *source)
{
	return (const struct kallsyms *)source;
}

/* The compressed name of symbol @number: its token numbers, *@count of them. */
static const uint8_t *compressed(const struct kallsyms *ks, uint32_t number, size_t *count)
{
	const uint8_t *name = ks->tables.names + ks->name_offset[number];
	size_t header = *name & 0x80 ? 2 : 1;

	*count = ks->name_offset[number + 1] - ks->name_offset[number] - header;
	return name + header;
}

/* The name of symbol @number without its leading type character, which is returned. */
static char expand(const struct kallsyms *ks, uint32_t number, char *buffer, size_t size)
{
	const struct kallsyms_tables *t = &ks->tables;
	size_t left, used = 0;
	const uint8_t *token = compressed(ks, number, &left);
	char type = '\0';

	for (; left && used + 1 < size; token++, left--) {
		const char *c = t->tokens + t->token_index[*token];

		for (; *c && used + 1 < size; c++) {
			if (!type)
				type = *c;
			else
				buffer[used++] = *c;
		}
	}
	buffer[used] = '\0';
	return type;
}

/* True when symbol @number is called @name; mostly the first token tells. */
static bool is_called(const struct kallsyms *ks, uint32_t number, const char *name)
{
	const struct kallsyms_tables *t = &ks->tables;
	size_t left;
	const uint8_t *token = compressed(ks, number, &left);
	bool type_seen = false;

	for (; left; token++, left--) {
		const char *c = t->tokens + t->token_index[*token];

		if (!type_seen && *c) {
			type_seen = true;
			c++;
		}
		for (; *c; c++) {
			if (*c != *name++)
				return false;
		}
	}
	return !*name;
}

static uint64_t decode(const struct kallsyms_tables *t, enum kallsyms_encoding encoding,
		       uint32_t number)
{
	int32_t offset = t->offsets[number];

	switch (encoding) {
	case KALLSYMS_BASE_RELATIVE:
		return t->base + (uint32_t)offset;
	case KALLSYMS_ABSOLUTE_PERCPU:
		return offset >= 0 ? (uint64_t)offset : t->base - 1 - (int64_t)offset;
	default:
		return t->offsets_address + (uint64_t)number * sizeof(offset) + (int64_t)offset;
	}
}

static uint64_t address_of(const struct kallsyms *ks, uint32_t number)
{
	return decode(&ks->tables, ks->encoding, number);
}

/*
 * The hash of a name is the polynomial of its characters: that of "ab" is hash("a") * FACTOR ^
 * length("b") + hash("b"), so what a token does to it is two numbers.
 */
#define FACTOR 0x9e3779b1U

struct token_hash {
	uint32_t power; /* FACTOR to the token's length */
	uint32_t hash;
};

static struct token_hash hash_text(const char *text)
{
	struct token_hash ret = {.power = 1};

	for (; *text; text++) {
		ret.hash = ret.hash * FACTOR + (uint8_t)*text;
		ret.power *= FACTOR;
	}
	return ret;
}

/* The low bits of a product depend on low bits only. */
static uint32_t bucket_of(const struct kallsyms *ks, uint32_t hash)
{
	return (hash ^ hash >> 16) & ks->bucket_mask;
}

static bool find_number(const struct kallsyms *ks, const char *name, uint32_t *ret)
{
	uint32_t entry = ks->bucket[bucket_of(ks, hash_text(name).hash)];

	while (entry && !is_called(ks, entry - 1, name))
		entry = ks->next[entry - 1];
	*ret = entry - 1;
	return entry;
}

static bool kallsyms_find(const struct symbol_source *source, const char *name, uint64_t *ret)
{
	const struct kallsyms *ks = to_kallsyms(source);
	uint32_t number;

	if (!find_number(ks, name, &number))
		return false;
	*ret = address_of(ks, number);
	return true;
}

static bool is_code(char type)
{
	return strchr("tTwW", type) != NULL;
}

/*
 * Section markers such as _stext share their address with the first function; "__pi_" is a second
 * name for what the code uses that runs before the kernel is mapped (seen in 6.18;
 * arch/x86/boot/startup/).
 */
bool symbol_is_second_name(const char *name)
{
	return !strcmp(name, "_stext") || !strcmp(name, "_text") || !strncmp(name, "__pi_", 5);
}

/* More symbols than any kernel has at one address. */
#define ALIASES_MAX 256

/* Last symbol whose address is not above @address; false when all are. */
static bool search(const struct kallsyms *ks, uint64_t address, uint32_t *ret)
{
	uint32_t low = 0, high = ks->tables.count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (address_of(ks, middle) <= address)
			low = middle + 1;
		else
			high = middle;
	}
	*ret = low - 1;
	return low > 0;
}

/*
 * Of the symbols at one address the first is taken, as get_symbol_pos() of kernel/kallsyms.c does,
 * but code goes before anything else, and its own name before a second one.
 */
static bool kallsyms_at(const struct symbol_source *source, uint64_t address, struct symbol *ret)
{
	const struct kallsyms *ks = to_kallsyms(source);
	uint32_t last, chosen;
	bool found_code = false;

	if (!search(ks, address, &last))
		return false;
	chosen = last;
	ret->start = address_of(ks, last);
	for (uint32_t i = last; last - i < ALIASES_MAX; i--) {
		if (address_of(ks, i) != ret->start)
			break;
		if (is_code(expand(ks, i, ret->name, sizeof(ret->name))) &&
		    !symbol_is_second_name(ret->name)) {
			found_code = true;
			chosen = i;
		} else if (!found_code) {
			chosen = i;
		}
		if (!i)
			break;
	}
	expand(ks, chosen, ret->name, sizeof(ret->name));
	ret->end = last + 1 < ks->tables.count ? address_of(ks, last + 1) : 0;
	return true;
}

void kallsyms_tables_deinit(struct kallsyms_tables *tables)
{
	free(tables->names);
	free(tables->tokens);
	free(tables->offsets);
	memset(tables, 0, sizeof(*tables));
}

static void kallsyms_destroy(struct symbol_source *source)
{
	struct kallsyms *ks = (struct kallsyms *)source;

	kallsyms_tables_deinit(&ks->tables);
	free(ks->name_offset);
	free(ks->bucket);
	free(ks->next);
	free(ks);
}

static struct error *check_tokens(const struct kallsyms_tables *t)
{
	if (!t->tokens_size || t->tokens[t->tokens_size - 1])
		return error_new(ERROR_FORMAT, "kallsyms: the token table does not end");
	for (size_t i = 0; i < 256; i++) {
		if (t->token_index[i] >= t->tokens_size)
			return error_new(ERROR_FORMAT, "kallsyms: token %zu is outside its table",
					 i);
	}
	return NULL;
}

/* Where each name starts; after this, every name lies within the table. */
static struct error *index_names(struct kallsyms *ks)
{
	const struct kallsyms_tables *t = &ks->tables;
	size_t offset = 0;

	ks->name_offset = calloc(t->count + 1, sizeof(*ks->name_offset));
	if (!ks->name_offset)
		return error_new(ERROR_NO_MEMORY, "out of memory for %u symbols", t->count);
	for (uint32_t i = 0; i < t->count; i++) {
		size_t length = kallsyms_name_length(t->names, t->names_size, offset);

		if (!length)
			return error_new(ERROR_FORMAT, "kallsyms: the names end after %u of %u", i,
					 t->count);
		offset += length;
		ks->name_offset[i + 1] = offset;
	}
	return NULL;
}

/* Of a name with its type, of @left tokens. */
static uint32_t hash_tokens(const uint8_t *token, size_t left, const struct token_hash *whole,
			    const struct token_hash *tail)
{
	uint32_t hash = 0;

	/* The first character is the type. */
	for (; left && whole[*token].power == 1; left--)
		token++;
	if (left) {
		hash = tail[*token++].hash;
		left--;
	}
	for (; left; token++, left--)
		hash = hash * whole[*token].power + whole[*token].hash;
	return hash;
}

/* Of symbols of one name the first is to be found: the last comes first into its bucket. */
static struct error *hash_names(struct kallsyms *ks)
{
	const struct kallsyms_tables *t = &ks->tables;
	struct token_hash whole[256], tail[256];
	uint32_t size = 64;

	while (size < t->count / 2)
		size *= 2;
	ks->bucket_mask = size - 1;
	ks->bucket = calloc(size, sizeof(*ks->bucket));
	ks->next = calloc(t->count, sizeof(*ks->next));
	if (!ks->bucket || !ks->next)
		return error_new(ERROR_NO_MEMORY, "out of memory for %u symbols", t->count);
	for (size_t i = 0; i < 256; i++) {
		const char *token = t->tokens + t->token_index[i];

		whole[i] = hash_text(token);
		tail[i] = hash_text(*token ? token + 1 : token);
	}
	for (uint32_t i = t->count; i--;) {
		const uint8_t *name = t->names + ks->name_offset[i];
		size_t header = *name & 0x80 ? 2 : 1;
		size_t tokens = ks->name_offset[i + 1] - ks->name_offset[i] - header;
		uint32_t hash = hash_tokens(name + header, tokens, whole, tail);
		uint32_t *bucket = &ks->bucket[bucket_of(ks, hash)];

		ks->next[i] = *bucket;
		*bucket = i + 1;
	}
	return NULL;
}

static struct error *find_encoding(struct kallsyms *ks, uint64_t stext)
{
	uint32_t number;

	if (!find_number(ks, "_stext", &number))
		return error_new(ERROR_FORMAT, "kallsyms: no symbol _stext");
	for (int e = 0; e < KALLSYMS_ENCODINGS; e++) {
		if (e != KALLSYMS_PLACE_RELATIVE && !ks->tables.has_base)
			continue;
		if (decode(&ks->tables, e, number) == stext) {
			ks->encoding = e;
			return NULL;
		}
	}
	return error_new(ERROR_FORMAT,
			 "kallsyms: no known encoding puts _stext at 0x%" PRIx64
			 ", where VMCOREINFO has it",
			 stext);
}

/* Far above any kernel, far below where 32-bit arithmetic on it would overflow. */
#define COUNT_MAX (1U << 24)

static struct error *kallsyms_init(struct kallsyms *ks, uint64_t stext)
{
	if (!ks->tables.count || ks->tables.count > COUNT_MAX || ks->tables.names_size > UINT32_MAX)
		return error_new(ERROR_FORMAT, "kallsyms: %u symbols in %zu bytes cannot be",
				 ks->tables.count, ks->tables.names_size);
	try(check_tokens(&ks->tables));
	try(index_names(ks));
	try(hash_names(ks));
	return find_encoding(ks, stext);
}

struct error *kallsyms_create(struct kallsyms_tables *tables, uint64_t stext,
			      struct symbol_source **ret)
{
	struct kallsyms *ks = calloc(1, sizeof(*ks));
	struct error *err;

	if (!ks)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	ks->source = (struct symbol_source){kallsyms_find, kallsyms_at, kallsyms_destroy};
	ks->tables = *tables;
	err = kallsyms_init(ks, stext);
	if (err) {
		memset(&ks->tables, 0, sizeof(ks->tables)); /* still the caller's */
		kallsyms_destroy(&ks->source);
		return err;
	}
	memset(tables, 0, sizeof(*tables));
	*ret = &ks->source;
	return NULL;
}

enum kallsyms_encoding kallsyms_encoding(const struct symbol_source *source)
{
	return to_kallsyms(source)->encoding;
}
