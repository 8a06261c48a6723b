// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <string.h>

#include "util/cleanup.h"
#include "kernel/cpu_bits.h"
#include "virt/vmcs.h"

/*
 * A CPU's own format, by what was learnt on such a CPU (--calibration). VMCLEAR writes all of a
 * VMCS to its region and makes its launch state clear (SDM 3C 25.11.3, 31.3); while a VMCS is
 * active the CPU may keep any part of it to itself. So "launched" in memory is a VMCS that was not
 * cleared since. "Clear" may be older than the CPU's own copy, unless VMLAUNCH was seen to write to
 * memory at once.
 */

static bool calibrated_probe(const struct collector *collector, uint32_t revision)
{
	return calibrations_find(collector->calibrations, revision);
}

static uint64_t read_state(const struct calibration *calibration, const uint8_t *page)
{
	uint64_t value = 0;

	memcpy(&value, page + calibration->offset, calibration->width);
	return value & calibration->mask;
}

static bool is_percpu_area(struct collector *collector, uint64_t address)
{
	for (size_t i = 0; i < collector->report->cpu_count; i++) {
		uint64_t area;
		struct error *err = kernel_percpu_address(collector->kernel, 0,
							  collector->report->cpus[i].cpu, &area);
		bool same = !err && area && area == address;

		error_free(err);
		if (same)
			return true;
	}
	return false;
}

/** What KVM puts there: vmx_set_constant_host_state(), vmx_vcpu_load_vmcs(), init_vmcs(). */
static bool is_plausible(struct collector *collector, enum calibrated_field field, uint64_t value)
{
	uint64_t host_rip = vmcs_host_rip(collector);

	switch (field) {
	case FIELD_HOST_RIP:
		return !host_rip || value == host_rip;
	case FIELD_HOST_GS_BASE:
		return is_percpu_area(collector, value);
	case FIELD_HOST_CR4:
		return (value & X86_CR4_VMXE) && value < 1ull << 40;
	case FIELD_HOST_CR3:
		return value && value < 1ull << 52;
	case FIELD_LINK_POINTER:
		return value == UINT64_MAX || (value && value % VMCS_SIZE == 0);
	default:
		return false;
	}
}

/** What the fields in the region say of the calibration. */
struct fit {
	bool blank; /* all zero: KVM has set nothing up, or it was never written back */
	bool proved; /* one that only this layout can have explains itself */
	int wrong; /* the first that cannot be, -1: none */
};

static struct fit check_fields(struct collector *collector, const struct calibration *calibration,
			       const uint8_t *page)
{
	struct fit fit = {.blank = true, .wrong = -1};

	for (int i = 0; i < FIELD_COUNT; i++) {
		unsigned offset = calibration->fields[i];
		uint64_t value = offset ? vmcs_u64(page, offset) : 0;

		if (!offset)
			continue;
		fit.blank &= !value;
		if (is_plausible(collector, i, value))
			fit.proved |= i == FIELD_HOST_GS_BASE ||
				      (i == FIELD_HOST_RIP && vmcs_host_rip(collector));
		else if (fit.wrong < 0)
			fit.wrong = i;
	}
	return fit;
}

/** Of struct cpuinfo_x86, the CPU that booted; x86_stepping since 4.16. */
static struct error *read_model(struct collector *collector, struct cpu_model *ret)
{
	const struct {
		const char *path;
		void *ret;
		size_t size; /* of what it is read into */
	} members[] = {
		{"x86", &ret->family, sizeof(ret->family)},
		{"x86_model", &ret->model, sizeof(ret->model)},
		{"x86_stepping", &ret->stepping, sizeof(ret->stepping)},
		{"microcode", &ret->microcode, sizeof(ret->microcode)},
	};
	uint64_t data, value;

	snprintf(ret->vendor, sizeof(ret->vendor), "%s", collector->report->vendor);
	try(kernel_symbol(collector->kernel, NULL, "boot_cpu_data", &data));
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
		try(kernel_read_member(collector->kernel, NULL, "cpuinfo_x86", members[i].path,
				       data, &value));
		memcpy(members[i].ret, &value, members[i].size);
	}
	return NULL;
}

/** Why what it says is not direct; NULL: it is. */
static const char *find_doubt(struct collector *collector, const struct calibration *calibration,
			      const struct vmcs_ref *ref, const struct fit *fit)
{
	struct cpu_model model = {};
	_cleanup_error_ struct error *err = read_model(collector, &model);

	if (err)
		return "which CPU model this is cannot be read";
	if (!cpu_model_same(&model, &calibration->cpu))
		return "it was made on another CPU model or microcode";
	if (ref->shadow || !fit->proved)
		return "no field shows that the layout is this one";
	return NULL;
}

static void judge_clear(const struct calibration *calibration, const struct vmcs_ref *ref,
			const char *doubt, struct vmcs_judgement *ret)
{
	if (!doubt && !calibration->at_launch)
		doubt = "this CPU does not write it at VMLAUNCH, so it may be older";
	if (!doubt && vmcs_is_loaded(ref) && !ref->launched && !ref->left_before)
		doubt = "KVM had not launched it: loaded and not launched looks the same";
	vmcs_judged(ret, STATE_OFF, doubt ? STRENGTH_INFERRED : STRENGTH_DIRECT,
		    "launch state clear by %s%s%s", calibration->path, doubt ? "; " : "",
		    doubt ? doubt : "");
}

static void calibrated_judge(struct collector *collector, const struct vmcs_ref *ref,
			     const uint8_t *page, struct vmcs_judgement *ret)
{
	struct calibration *calibration =
		calibrations_find(collector->calibrations, vmcs_u32(page, 0) & INT32_MAX);
	uint64_t state = read_state(calibration, page);
	struct fit fit = check_fields(collector, calibration, page);
	const char *doubt = find_doubt(collector, calibration, ref, &fit);

	calibration->used = true;
	if (fit.wrong >= 0 && !fit.blank && !ref->shadow)
		vmcs_judged(ret, STATE_UNKNOWN, STRENGTH_INFERRED,
			    "%s does not fit: %s would be 0x%" PRIx64, calibration->path,
			    calibrated_field_names[fit.wrong],
			    vmcs_u64(page, calibration->fields[fit.wrong]));
	else if (state == calibration->launched)
		vmcs_judged(ret, STATE_ON, doubt ? STRENGTH_INFERRED : STRENGTH_DIRECT,
			    "launch state launched by %s: not cleared since%s%s", calibration->path,
			    doubt ? "; " : "", doubt ? doubt : "");
	else if (state != calibration->clear)
		vmcs_judged(ret, STATE_UNKNOWN, STRENGTH_INFERRED,
			    "the launch state, by %s, is 0x%" PRIx64 ", neither clear nor launched",
			    calibration->path, state);
	else if (fit.wrong >= 0 && !ref->shadow && vmcs_is_loaded(ref))
		vmcs_judged(ret, STATE_UNKNOWN, STRENGTH_INFERRED,
			    "launch state clear by %s, but its fields were never written back: it "
			    "may be in the CPU alone",
			    calibration->path);
	else
		judge_clear(calibration, ref, doubt, ret);
}

struct error *collect_calibrations(struct collector *collector)
{
	const struct calibrations *list = collector->calibrations;

	for (size_t i = 0; list && i < list->count; i++) {
		if (!list->items[i].used)
			try(text_list_add(&collector->report->notes,
					  "%s: not used, no VMCS that the kernel knows has its "
					  "revision 0x%x",
					  list->items[i].path, list->items[i].revision));
	}
	return NULL;
}

const struct vmcs_format vmcs_calibrated = {"calibrated", "vmcs-calibrated", true, calibrated_probe,
					    calibrated_judge};
