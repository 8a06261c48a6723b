// SPDX-License-Identifier: GPL-2.0-only
/*
 * The symbol tables of a kernel that does not tell where they are (VMCOREINFO does since 6.0),
 * found by what they look like. scripts/kallsyms.c, 4.20 to 5.19, writes one after the other, each
 * aligned to 8: s32 offsets[count], u64 relative_base, u32 count, the names, u32 markers[] (where
 * every 256th name begins), the tokens, u16 token_index[256].
 *
 * The digits are tokens of one character each, in any kernel; from there everything else follows
 * and is checked against everything else. Whether the addresses are right, kallsyms_create() tells.
 */
#define _GNU_SOURCE
#include "kernel/symbols.h"

#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

#define TOKENS 256
#define TOKENS_MAX 16384 /* bytes; 1 KB in any kernel */
#define NAMES_PER_MARKER 256
#define MARKERS_MAX 65536 /* 16 million symbols */
#define NAMES_MAX (64U << 20) /* bytes; 2 MB in 5.10 */
#define PART 4096

/* Places that are looked at: a kernel has one or two, a dump made to take forever any number. */
#define DIGITS_TRIED_MAX 256
#define NAMES_TRIED_MAX 16

/* "0" to "9", each with its end */
static const char digits[] = "0\0001\0002\0003\0004\0005\0006\0007\0008\0009";

struct searched {
	kallsyms_read read;
	void *data;
	struct kallsyms_tables *tables;
	uint64_t tokens_at, markers_at, names_at;
	uint32_t *markers;
	uint32_t marker_count;
	unsigned digits_tried, names_tried;
};

static uint64_t align(uint64_t value)
{
	return (value + 7) & ~7ULL;
}

/* What cannot be read is not what is looked for. */
static bool get(const struct searched *s, uint64_t address, void *buffer, size_t size)
{
	struct error *err = s->read(s->data, address, buffer, size);

	error_free(err);
	return !err;
}

static void *get_block(const struct searched *s, uint64_t address, size_t size)
{
	_cleanup_free_ void *block = malloc(size ? size : 1);

	return block && get(s, address, block, size) ? take(block) : NULL;
}

/* ---- tokens ---- */

/* Bytes from @text to the end of the @count-th string; 0 when that is not in @size bytes. */
static size_t strings_size(const char *text, size_t size, size_t count)
{
	size_t used = 0;

	while (count--) {
		const char *end = memchr(text + used, '\0', size - used);

		if (!end)
			return 0;
		used = end - text + 1;
	}
	return used;
}

static bool index_fits(const struct kallsyms_tables *t)
{
	size_t offset = 0;

	for (size_t i = 0; i < TOKENS; i++) {
		if (t->token_index[i] != offset || offset >= t->tokens_size)
			return false;
		offset += strlen(t->tokens + offset) + 1;
	}
	return offset == t->tokens_size;
}

/* The digits at @address may be those of the tokens: behind the last token is the index. */
static bool find_tokens(struct searched *s, uint64_t address)
{
	struct kallsyms_tables *t = s->tables;
	char text[TOKENS_MAX];
	size_t rest, room = PART - address % PART;

	/* The last page of the table may be the last there is. */
	for (rest = 0; !rest && room <= sizeof(text); room += PART) {
		if (!get(s, address, text, room))
			return false;
		rest = strings_size(text, room, TOKENS - '0');
	}
	if (!rest || !get(s, align(address + rest), t->token_index, sizeof(t->token_index)))
		return false;
	s->tokens_at = address - t->token_index['0'];
	t->tokens_size = t->token_index['0'] + rest;
	free(t->tokens);
	t->tokens = get_block(s, s->tokens_at, t->tokens_size);
	return t->tokens && !t->tokens[t->tokens_size - 1] && s->tokens_at % 8 == 0 &&
	       index_fits(t);
}

/* ---- markers ---- */

/* They end where the tokens begin, and are the larger the nearer. */
static bool find_markers(struct searched *s)
{
	uint32_t value, above = UINT32_MAX;
	uint64_t at = s->tokens_at - sizeof(value);

	if (!get(s, at, &value, sizeof(value)))
		return false;
	if (!value) /* a gap, for alignment */
		at -= sizeof(value);
	for (s->marker_count = 0; s->marker_count < MARKERS_MAX; at -= sizeof(value)) {
		if (!get(s, at, &value, sizeof(value)) || value >= above)
			return false;
		above = value;
		s->marker_count++;
		if (!value)
			break;
	}
	s->markers_at = at;
	free(s->markers);
	s->markers = get_block(s, at, s->marker_count * sizeof(*s->markers));
	return s->markers && !value && at % 8 == 0;
}

/* ---- names ---- */

/* All @count names at @names, and where the markers are of them. */
static bool names_fit(const struct searched *s, const uint8_t *names, size_t size, uint32_t count)
{
	size_t offset = 0;

	for (uint32_t i = 0; i < count; i++) {
		size_t length = kallsyms_name_length(names, size, offset);

		if (!length ||
		    (i % NAMES_PER_MARKER == 0 && s->markers[i / NAMES_PER_MARKER] != offset))
			return false;
		offset += length;
	}
	return align(s->names_at + offset) == s->markers_at;
}

/*
 * The names end where the markers begin. They begin behind their count, at most 256 names before
 * the place of the last marker.
 */
static bool find_names(struct searched *s)
{
	struct kallsyms_tables *t = s->tables;
	uint32_t last = s->markers[s->marker_count - 1];
	uint32_t most = s->marker_count * NAMES_PER_MARKER;
	size_t tail_max = NAMES_PER_MARKER * (SYMBOL_NAME_MAX + 2);

	if (last > NAMES_MAX)
		return false;
	for (size_t tail = 0; tail < tail_max; tail += 8) {
		uint32_t count[2];

		s->names_at = (s->markers_at - last - tail) & ~7ULL;
		if (!get(s, s->names_at - sizeof(count), count, sizeof(count)))
			return false;
		if (count[1] || count[0] > most || count[0] + NAMES_PER_MARKER <= most)
			continue;
		if (++s->names_tried > NAMES_TRIED_MAX)
			return false;
		t->count = count[0];
		t->names_size = s->markers_at - s->names_at;
		free(t->names);
		t->names = get_block(s, s->names_at, t->names_size);
		if (t->names && names_fit(s, t->names, t->names_size, t->count))
			return true;
	}
	return false;
}

static bool find_offsets(struct searched *s)
{
	struct kallsyms_tables *t = s->tables;
	uint64_t base_at = s->names_at - 16;

	t->offsets_address = base_at - align(t->count * sizeof(*t->offsets));
	t->has_base = get(s, base_at, &t->base, sizeof(t->base));
	t->offsets = get_block(s, t->offsets_address, t->count * sizeof(*t->offsets));
	return t->has_base && t->offsets;
}

/* ---- all of memory ---- */

static bool is_it(struct searched *s, uint64_t address)
{
	return find_tokens(s, address) && find_markers(s) && find_names(s) && find_offsets(s);
}

static bool search_part(struct searched *s, const char *part, size_t size, uint64_t address)
{
	const char *from = part, *found;

	while ((found = memmem(from, size - (from - part), digits, sizeof(digits))) &&
	       s->digits_tried++ < DIGITS_TRIED_MAX) {
		if (is_it(s, address + (found - part)))
			return true;
		from = found + 1;
	}
	return false;
}

struct error *kallsyms_search(kallsyms_read read, void *data, uint64_t start, uint64_t size,
			      struct kallsyms_tables *ret)
{
	struct kallsyms_tables tables = {0};
	struct searched s = {.read = read, .data = data, .tables = &tables};
	/* What may lie across the border of two parts is kept in front of the second. */
	char buffer[sizeof(digits) - 1 + PART];
	size_t kept = 0;
	bool found = false;

	for (uint64_t done = 0; done < size && !found; done += PART) {
		if (!get(&s, start + done, buffer + kept, PART)) {
			kept = 0;
			continue;
		}
		found = search_part(&s, buffer, kept + PART, start + done - kept);
		memmove(buffer, buffer + kept + PART - (sizeof(digits) - 1), sizeof(digits) - 1);
		kept = sizeof(digits) - 1;
	}
	free(s.markers);
	if (!found) {
		kallsyms_tables_deinit(&tables);
		return error_new(ERROR_NOT_FOUND, "no symbol tables in memory");
	}
	*ret = tables;
	return NULL;
}
