// SPDX-License-Identifier: GPL-2.0-only
#include "virt/report_text.h"

#include <inttypes.h>
#include <string.h>

#define CELL 256

enum paint { PLAIN, GOOD, BAD, DOUBT, BOLD };

static const char *const escapes[] = {
	[PLAIN] = "",         [GOOD] = "\033[32m", [BAD] = "\033[1;31m",
	[DOUBT] = "\033[33m", [BOLD] = "\033[1m",
};

struct printer {
	FILE *file;
	bool colour;
};

struct column {
	const char *title;
	enum paint (*cell)(const struct cpu_finding *cpu, char *buffer, size_t size);
};

static void painted(const struct printer *printer, enum paint paint, const char *text, int width)
{
	bool colour = printer->colour && paint != PLAIN;

	fprintf(printer->file, "%s%s%s", colour ? escapes[paint] : "", text,
		colour ? "\033[0m" : "");
	if (width > (int)strlen(text))
		fprintf(printer->file, "%*s", width - (int)strlen(text), "");
}

static enum paint finding_paint(const struct finding *finding)
{
	if (finding->state == STATE_ON)
		return BAD;
	return finding->state == STATE_OFF && finding->strength == STRENGTH_DIRECT ? GOOD : DOUBT;
}

static enum paint cpu_cell(const struct cpu_finding *cpu, char *buffer, size_t size)
{
	snprintf(buffer, size, "%u", cpu->cpu);
	return PLAIN;
}

static enum paint role_cell(const struct cpu_finding *cpu, char *buffer, size_t size)
{
	snprintf(buffer, size, "%s", role_name(cpu));
	return PLAIN;
}

static enum paint virtualization_cell(const struct cpu_finding *cpu, char *buffer, size_t size)
{
	static const char *const labels[] = {"?", "VMX", "SVM", "VMX, SVM"};
	static const char *const states[] = {"unknown", "off", "ON"};

	snprintf(buffer, size, "%s %s", labels[cpu->properties & 3], states[cpu->finding.state]);
	return finding_paint(&cpu->finding);
}

static enum paint evidence_cell(const struct cpu_finding *cpu, char *buffer, size_t size)
{
	const struct finding *finding = &cpu->finding;

	if (!finding->by)
		snprintf(buffer, size, "-");
	else if (finding->state == STATE_UNKNOWN)
		snprintf(buffer, size, "%s", finding->by);
	else
		snprintf(buffer, size, "%s: %s", strength_name(finding->strength), finding->by);
	return PLAIN;
}

static enum paint vmcs_cell(const struct cpu_finding *cpu, char *buffer, size_t size)
{
	unsigned counts[3] = {}, inferred = 0;
	int used = 0;

	for (size_t i = 0; i < cpu->vmcs_count; i++) {
		counts[cpu->vmcs[i].finding.state]++;
		inferred += cpu->vmcs[i].finding.state != STATE_UNKNOWN &&
			    cpu->vmcs[i].finding.strength == STRENGTH_INFERRED;
	}
	if (!(cpu->properties & 1u << PROPERTY_VMX))
		return snprintf(buffer, size, "-"), PLAIN;
	if (!cpu->vmcs_count)
		return snprintf(buffer, size, cpu->vmcs_complete ? "none" : "?"),
		       cpu->vmcs_complete ? PLAIN : DOUBT;
	*buffer = '\0';
	for (int state = STATE_ON; state >= STATE_UNKNOWN && used < (int)size; state--) {
		if (counts[state])
			used += snprintf(buffer + used, size - used, "%s%u %s", used ? ", " : "",
					 counts[state], state_name(PROPERTY_VMCS, state));
	}
	if (inferred && used < (int)size)
		used += snprintf(buffer + used, size - used, " (%u inferred)", inferred);
	if (!cpu->vmcs_complete && used < (int)size)
		snprintf(buffer + used, size - used, ", more?");
	return counts[STATE_ON]                                           ? BAD
	       : inferred || counts[STATE_UNKNOWN] || !cpu->vmcs_complete ? DOUBT
									  : GOOD;
}

static enum paint where_cell(const struct cpu_finding *cpu, char *buffer, size_t size)
{
	if (cpu->where)
		snprintf(buffer, size, "%s", cpu->where);
	else
		snprintf(buffer, size, "%s", cpu->online ? "no registers saved" : "offline");
	return PLAIN;
}

static const struct column columns[] = {
	{"CPU", cpu_cell},           {"ROLE", role_cell}, {"VIRTUALIZATION", virtualization_cell},
	{"EVIDENCE", evidence_cell}, {"VMCS", vmcs_cell}, {"WHERE", where_cell},
};

#define COLUMNS (sizeof(columns) / sizeof(*columns))

static void print_table(const struct report *report, const struct printer *printer)
{
	int widths[COLUMNS];
	char cell[CELL];

	for (size_t c = 0; c < COLUMNS; c++) {
		widths[c] = strlen(columns[c].title);
		for (size_t i = 0; i < report->cpu_count; i++) {
			columns[c].cell(&report->cpus[i], cell, sizeof(cell));
			if ((int)strlen(cell) > widths[c])
				widths[c] = strlen(cell);
		}
	}
	fputc('\n', printer->file);
	for (size_t c = 0; c < COLUMNS; c++)
		painted(printer, BOLD, columns[c].title, c + 1 < COLUMNS ? widths[c] + 2 : 0);
	fputc('\n', printer->file);
	for (size_t i = 0; i < report->cpu_count; i++) {
		for (size_t c = 0; c < COLUMNS; c++) {
			enum paint paint = columns[c].cell(&report->cpus[i], cell, sizeof(cell));

			painted(printer, paint, cell, c + 1 < COLUMNS ? widths[c] + 2 : 0);
		}
		fputc('\n', printer->file);
	}
}

static enum paint verdict_paint(enum verdict verdict)
{
	return verdict == VERDICT_PASS ? GOOD : verdict == VERDICT_FAIL ? BAD : DOUBT;
}

static void print_header(const struct report *report, const struct printer *printer)
{
	static const enum paint paints[] = {
		[HIT_NONE] = PLAIN, [HIT_UNKNOWN] = DOUBT, [HIT_MISSED] = BAD, [HIT_HIT] = GOOD};
	const struct hit *hit = &report->hit;

	painted(printer, verdict_paint(report->verdict), verdict_name(report->verdict), 0);
	fprintf(printer->file, "  %s: Linux %s, %zu %s CPUs, %s\n", report->dump_path,
		report->release, report->cpu_count, report->vendor, report->dump_format);
	if (!report->has_case) {
		fprintf(printer->file, "      %s\n", hit->reason ? hit->reason : "no marker");
		return;
	}
	fprintf(printer->file, "      case %s: ", report->marker.case_id);
	if (hit->state != HIT_NONE) {
		fprintf(printer->file, "window %s ", hit->window);
		painted(printer, paints[hit->state], hit_name(hit->state), 0);
		fprintf(printer->file, "%s%s: ", hit->frame ? " at " : "",
			hit->frame ? hit->frame : "");
	}
	fprintf(printer->file, "%s\n", hit->reason ? hit->reason : "");
}

static void print_conflicts(const struct report *report, const struct printer *printer)
{
	for (size_t i = 0; i < report->conflicts.count; i++) {
		fputs(i ? "" : "\n", printer->file);
		painted(printer, BAD, "CONFLICT", 0);
		fprintf(printer->file, "  %s\n", report->conflicts.items[i]);
	}
}

static void print_evidence(const struct report *report, const struct printer *printer)
{
	fprintf(printer->file, "\nEvidence:\n");
	for (size_t i = 0; i < report->evidence.count; i++) {
		const struct evidence *evidence = &report->evidence.items[i];
		char subject[48];

		if (evidence->vmcs)
			snprintf(subject, sizeof(subject), "VMCS 0x%" PRIx64, evidence->vmcs);
		else
			snprintf(subject, sizeof(subject), "%s",
				 evidence->property == PROPERTY_VMX   ? "VMX"
				 : evidence->property == PROPERTY_SVM ? "SVM"
								      : "VMCSs");
		fprintf(printer->file, "  CPU %u  %s %s, %s, %s: %s\n", evidence->cpu, subject,
			state_name(evidence->property, evidence->state),
			strength_name(evidence->strength), evidence->source, evidence->reason);
	}
}

static void print_scan(const struct scan *scan, const struct printer *printer)
{
	static const char *const owners[] = {
		[OWNER_NONE] = "on no list of the kernel's",
		[OWNER_LIST] = "on the CPU's list",
		[OWNER_CURRENT] = "the CPU's current one",
		[OWNER_VCPU] = "a vCPU's, on no CPU's list",
		[OWNER_VMXON] = "the CPU's VMXON region",
	};

	if (!scan->done)
		return;
	fprintf(printer->file, "\nScan of %" PRIu64 " pages:\n", scan->pages);
	if (scan->unreadable)
		fprintf(printer->file, "  %" PRIu64 " more cannot be read\n", scan->unreadable);
	for (size_t i = 0; i < scan->count; i++) {
		const struct scan_hit *hit = &scan->hits[i];
		bool bad = hit->ours && hit->state == STATE_ON;

		if (!hit->ours)
			continue;
		if (hit->cpu >= 0)
			fprintf(printer->file, "  CPU %d  ", hit->cpu);
		else
			fprintf(printer->file, "  CPU ?  ");
		fprintf(printer->file, "0x%" PRIx64 " %s", hit->physical, hit->format);
		if (hit->owner != OWNER_VMXON) {
			fputs(", ", printer->file);
			painted(printer, bad ? BAD : PLAIN, state_name(PROPERTY_VMCS, hit->state),
				0);
		}
		fprintf(printer->file, ", %s\n", owners[hit->owner]);
	}
	if (scan->strangers)
		fprintf(printer->file,
			"  %" PRIu64 " pages begin like a VMCS but do not lead back into this "
			"kernel\n",
			scan->strangers);
}

/** When the case began, or else the first event, is time 0. */
static void print_timeline(const struct report *report, const struct printer *printer)
{
	const struct timeline *timeline = &report->timeline;
	uint64_t start = report->has_case && report->marker.t_armed ? report->marker.t_armed
			 : timeline->count                          ? timeline->events[0].t_ns
								    : 0;
	bool first = true;

	for (size_t i = 0; i < timeline->count; i++) {
		const struct timeline_event *event = &timeline->events[i];
		bool efer =
			event->what == RECORDER_EFER_READ || event->what == RECORDER_EFER_WRITTEN;

		if (event->t_ns < start)
			continue;
		fprintf(printer->file, "%s  %10.3f ms  CPU %u  %-5s ",
			first ? "\nTimeline, by the recorder:\n" : "", (event->t_ns - start) / 1e6,
			event->cpu, efer ? "" : event_name(event->what));
		if (efer)
			fprintf(printer->file, "EFER %s 0x%" PRIx64 "\n",
				event->what == RECORDER_EFER_READ ? "is" : "set to", event->value);
		else
			fprintf(printer->file, "%s\n", event->function);
		first = false;
	}
}

void report_print_text(const struct report *report, FILE *file, bool colour)
{
	const struct printer printer = {file, colour};

	print_header(report, &printer);
	print_conflicts(report, &printer);
	print_table(report, &printer);
	fprintf(file, "\nWhy:\n");
	for (size_t i = 0; i < report->reasons.count; i++)
		fprintf(file, "  %s\n", report->reasons.items[i]);
	print_evidence(report, &printer);
	print_scan(&report->scan, &printer);
	print_timeline(report, &printer);
	for (size_t i = 0; i < report->notes.count; i++)
		fprintf(file, "%s  %s\n", i ? "" : "\nNotes:\n", report->notes.items[i]);
}
