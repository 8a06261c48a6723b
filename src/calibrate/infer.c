// SPDX-License-Identifier: GPL-2.0-only
#include "calibrate/infer.h"

#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

#define FIRST_WORD 2 /* behind the revision and the abort indicator, SDM 3C 25.2 */
#define WORDS (VMCS_SIZE / 4)
#define MIN_SAMPLES 32 /* of each kind; chance has 2 to the power of that against one bit */
#define MIN_SHOWN 8 /* samples on each CPU that show a VMCS launched */
#define MAX_PLACES 64

/* A VMCS that was launched since it was cleared last. */
static bool is_launched(const struct sample *sample)
{
	return sample->kind == SAMPLE_CURRENT || sample->kind == SAMPLE_AWAY;
}

/** Bits of one 32-bit word that tell launched from not launched, all of them at once. */
struct place {
	unsigned word;
	uint32_t mask, clear;
	unsigned shown; /* launched samples in which it shows */
	bool flickers; /* it went back to clear without VMCLEAR */
};

static bool shows(const struct place *place, const struct sample *sample)
{
	return (vmcs_u32(sample->page, place->word * 4) & place->mask) !=
	       (place->clear & place->mask);
}

/*
 * The bits of a word that are the same in every sample that is not launched, and differ from that
 * in some launched one.
 */
static uint32_t telling_bits(const struct samples *samples, unsigned word, uint32_t *ret_clear)
{
	uint32_t and = UINT32_MAX, or = 0, launched_and = UINT32_MAX, launched_or = 0;

	for (size_t i = 0; i < samples->count; i++) {
		uint32_t value = vmcs_u32(samples->items[i].page, word * 4);

		if (is_launched(&samples->items[i])) {
			launched_and &= value;
			launched_or |= value;
		} else {
			and &= value;
			or |= value;
		}
	}
	*ret_clear = and;
	return (~ or &launched_or) | (and&~launched_and);
}

/* Do @a and @b show in the same samples? */
static bool move_together(const struct samples *samples, const struct place *a,
			  const struct place *b)
{
	for (size_t i = 0; i < samples->count; i++) {
		if (shows(a, &samples->items[i]) != shows(b, &samples->items[i]))
			return false;
	}
	return true;
}

static void add_bit(const struct samples *samples, const struct place *bit, struct place *places,
		    size_t *count)
{
	for (size_t i = 0; i < *count; i++) {
		if (places[i].word == bit->word && move_together(samples, &places[i], bit)) {
			places[i].mask |= bit->mask;
			places[i].clear |= bit->clear;
			return;
		}
	}
	if (*count < MAX_PLACES)
		places[(*count)++] = *bit;
}

static size_t find_places(const struct samples *samples, struct place *ret)
{
	size_t count = 0;

	for (unsigned word = FIRST_WORD; word < WORDS; word++) {
		uint32_t clear, bits = telling_bits(samples, word, &clear);

		for (; bits; bits &= bits - 1) {
			uint32_t mask = bits & -bits;
			struct place bit = {.word = word, .mask = mask, .clear = clear & mask};

			add_bit(samples, &bit, ret, &count);
		}
	}
	return count;
}

/* Until it is cleared, a VMCS that showed as launched has to go on showing so. */
static void look_for_flicker(const struct samples *samples, struct place *place, bool *showed)
{
	for (size_t i = 0; i < samples->count; i++) {
		const struct sample *sample = &samples->items[i];
		bool shown = shows(place, sample);

		if (!is_launched(sample)) {
			showed[sample->vmcs] = false;
			continue;
		}
		place->shown += shown;
		place->flickers |= showed[sample->vmcs] && !shown;
		showed[sample->vmcs] |= shown;
	}
}

/* A CPU on which it hardly ever shows, -1: none. */
static int find_silent_cpu(const struct samples *samples, const struct place *place)
{
	unsigned cpus = 0, *shown;
	int silent = -1;

	for (size_t i = 0; i < samples->count; i++) {
		if (samples->items[i].cpu >= cpus)
			cpus = samples->items[i].cpu + 1;
	}
	shown = calloc(cpus + 1, sizeof(*shown));
	if (!shown)
		return 0;
	for (size_t i = 0; i < samples->count; i++) {
		const struct sample *sample = &samples->items[i];

		if (is_launched(sample) && shows(place, sample))
			shown[sample->cpu]++;
	}
	for (size_t i = 0; i < samples->count && silent < 0; i++) {
		if (is_launched(&samples->items[i]) && shown[samples->items[i].cpu] < MIN_SHOWN)
			silent = samples->items[i].cpu;
	}
	free(shown);
	return silent;
}

static unsigned count_vmcss(const struct samples *samples)
{
	unsigned count = 0;

	for (size_t i = 0; i < samples->count; i++) {
		if (samples->items[i].vmcs >= count)
			count = samples->items[i].vmcs + 1;
	}
	return count;
}

/* The place that shows a launched VMCS most often; of equals the first in the region. */
static struct error *choose_place(const struct samples *samples, struct place *ret)
{
	struct place places[MAX_PLACES];
	size_t count = find_places(samples, places);
	struct place *best = NULL;

	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ bool *showed = calloc(count_vmcss(samples), sizeof(*showed));

		if (!showed)
			return error_new(ERROR_NO_MEMORY, "out of memory");
		look_for_flicker(samples, &places[i], showed);
		if (!best || places[i].shown > best->shown)
			best = &places[i];
	}
	if (!best)
		return error_new(ERROR_NOT_FOUND,
				 "no bit of the region tells a launched VMCS from one that is not: "
				 "this CPU keeps the launch state out of memory");
	if (best->flickers)
		return error_new(ERROR_NOT_FOUND,
				 "the evidence is contradictory: what shows launched at offset %u "
				 "goes back without VMCLEAR",
				 best->word * 4);
	int silent = find_silent_cpu(samples, best);

	if (silent >= 0)
		return error_new(ERROR_NOT_FOUND,
				 "offset %u shows a launched VMCS in fewer than %u samples of CPU "
				 "%d: that may be chance",
				 best->word * 4, MIN_SHOWN, silent);
	*ret = *best;
	return NULL;
}

static struct error *check_samples(const struct samples *samples, uint32_t revision,
				   struct support *support)
{
	for (size_t i = 0; i < samples->count; i++) {
		const struct sample *sample = &samples->items[i];
		uint32_t found = vmcs_u32(sample->page, 0) & INT32_MAX;

		if (found != revision)
			return error_new(ERROR_NOT_FOUND,
					 "KVM's VMCSs have revision 0x%x, the CPU 0x%x: they are "
					 "not in the CPU's own format",
					 found, revision);
		support->samples[sample->kind]++;
	}
	for (int kind = 0; kind < SAMPLE_KINDS; kind++) {
		if (support->samples[kind] < MIN_SAMPLES)
			return error_new(ERROR_NOT_FOUND, "%u samples %s, at least %u are needed",
					 support->samples[kind], sample_kind_names[kind],
					 MIN_SAMPLES);
	}
	return NULL;
}

/* Does the region have the field's known value at @offset, in every sample that can say? */
static bool is_field_at(const struct samples *samples, enum calibrated_field field, unsigned offset)
{
	unsigned told = 0;

	for (size_t i = 0; i < samples->count; i++) {
		const struct sample *sample = &samples->items[i];

		if (sample->kind != SAMPLE_CLEARED || !sample->ran || !sample->known[field])
			continue;
		if (vmcs_u64(sample->page, offset) != sample->known[field])
			return false;
		told++;
	}
	return told >= MIN_SAMPLES;
}

/* Where the field is; 0 when it is nowhere, or in more places than one. */
static unsigned find_field(const struct samples *samples, enum calibrated_field field)
{
	unsigned found = 0;

	for (unsigned offset = FIRST_WORD * 4; offset <= VMCS_SIZE - 8; offset += 2) {
		if (!is_field_at(samples, field, offset))
			continue;
		if (found)
			return 0;
		found = offset;
	}
	return found;
}

struct error *calibration_infer(const struct samples *samples, struct calibration *ret,
				struct support *ret_support)
{
	struct place place;

	*ret_support = (struct support){};
	try(check_samples(samples, ret->revision, ret_support));
	try(choose_place(samples, &place));
	for (size_t i = 0; i < samples->count; i++) {
		const struct sample *sample = &samples->items[i];

		ret_support->shown[sample->kind] += shows(&place, sample) == is_launched(sample);
	}
	ret->offset = place.word * 4;
	ret->width = 4;
	ret->mask = place.mask;
	ret->clear = place.clear;
	ret->launched = ~place.clear & place.mask;
	ret->at_launch = support_share(ret_support) == 1;
	for (int field = 0; field < FIELD_COUNT; field++)
		ret->fields[field] = find_field(samples, field);
	return NULL;
}

double support_share(const struct support *support)
{
	unsigned samples = 0, shown = 0;

	for (int kind = 0; kind < SAMPLE_KINDS; kind++) {
		samples += support->samples[kind];
		shown += support->shown[kind];
	}
	return samples ? (double)shown / samples : 0;
}
