// SPDX-License-Identifier: GPL-2.0-only
/* The page's part about one case. */
#define _GNU_SOURCE
#include <string.h>

#include "lab/files.h"
#include "lab/html.h"
#include "lab/report.h"
#include "lab/verdict_file.h"
#include "util/cleanup.h"

static void put_fact(FILE *out, const char *name, const char *value)
{
	if (value && *value)
		html(out, "<div><dt>%s</dt><dd>%s</dd></div>\n", name, value);
}

static void put_facts(FILE *out, const struct record *record)
{
	_cleanup_free_ char *cpus =
		format_string("%lld; %lld panics, %lld reboots", (long long)record->cpus,
			      (long long)record->panic_cpu, (long long)record->reboot_cpu);
	_cleanup_free_ char *way = format_string("%s, %s", record->reboot, record->trigger);
	_cleanup_free_ char *times =
		format_string("hold %lld us, delay %lld us", (long long)record->hold_us,
			      (long long)record->delay_us);
	bool broken = record->broken && strcmp(record->broken, "none");

	html(out, "<dl class=facts>\n");
	put_fact(out, "machine", record->backend);
	put_fact(out, "vendor", record->vendor);
	put_fact(out, "CPUs", cpus);
	put_fact(out, "dies by", way);
	put_fact(out, "window", record->window);
	put_fact(out, "times", times);
	put_fact(out, "guests", record->load);
	put_fact(out, "broken", broken ? record->broken : NULL);
	put_fact(out, "expected", record->expected);
	put_fact(out, "reached", record->stage);
	put_fact(out, "signature", record->signature);
	html(out, "<div class=wide><dt>again</dt><dd class=mono>crashlab repro %s</dd></div>\n",
	     record->id);
	html(out, "</dl>\n");
	if (record->detail && *record->detail)
		html(out, "<p><br>%s</p>\n", record->detail);
}

static void put_texts(FILE *out, json_object *verdict, const char *key, const char *classes)
{
	if (!json_count(verdict, key))
		return;
	html(out, "<ul class=\"plain %s\">\n", classes);
	for (size_t i = 0; i < json_count(verdict, key); i++)
		html(out, "<li>%s</li>\n", json_object_get_string(json_item(verdict, key, i)));
	html(out, "</ul>\n");
}

static const char *state_class(const char *state)
{
	static const struct {
		const char *state, *classes;
	} states[] = {{"off", "good"}, {"clear", "good"}, {"on", "bad"}, {"active", "bad"}};

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		if (!strcmp(states[i].state, state))
			return states[i].classes;
	}
	return "doubt";
}

static void put_stack(FILE *out, json_object *cpu)
{
	if (!json_count(cpu, "stack"))
		return;
	html(out, "<details class=inner><summary>%zu frames</summary><pre>",
	     json_count(cpu, "stack"));
	for (size_t i = 0; i < json_count(cpu, "stack"); i++) {
		json_object *frame = json_item(cpu, "stack", i);
		bool reliable = json_object_get_boolean(json_member(frame, "reliable"));
		html(out, "%s %s%s\n", json_text(frame, "address"), reliable ? "" : "? ",
		     json_text(frame, "symbol"));
	}
	html(out, "[%s]</pre></details>", json_text(cpu, "stack_end"));
}

static void put_vmcs(FILE *out, json_object *cpu)
{
	bool complete = json_object_get_boolean(json_member(cpu, "vmcs_complete"));

	for (size_t i = 0; i < json_count(cpu, "vmcs"); i++) {
		json_object *vmcs = json_item(cpu, "vmcs", i);
		const char *state = json_text(vmcs, "state");
		html(out, "<span class=mono>%s</span> <span class=%s>%s</span><br>",
		     json_text(vmcs, "physical"), state_class(state), state);
	}
	if (!complete && strstr(json_text(json_member(cpu, "virtualization"), "property"), "vmx"))
		html(out, "<span class=doubt>perhaps more</span>");
}

static void put_cpu(FILE *out, json_object *cpu)
{
	json_object *virtualization = json_member(cpu, "virtualization");
	const char *state = json_text(virtualization, "state");

	html(out, "<tr><td class=num>%d</td><td>%s</td>",
	     (int)json_object_get_int64(json_member(cpu, "cpu")), json_text(cpu, "role"));
	html(out, "<td>%s <span class=%s>%s</span><br><span class=soft>%s: %s</span></td><td>",
	     json_text(virtualization, "property"), state_class(state), state,
	     json_text(virtualization, "strength"), json_text(virtualization, "by"));
	put_vmcs(out, cpu);
	html(out, "</td><td class=where><span class=mono>%s</span>", json_text(cpu, "where"));
	put_stack(out, cpu);
	html(out, "</td></tr>\n");
}

static void put_cpus(FILE *out, json_object *verdict)
{
	html(out, "<h3>CPUs</h3>\n<div class=scroll><table>\n<tr><th>CPU</th><th>role</th>"
		  "<th>virtualization</th><th>VMCS</th><th>where it was</th></tr>\n");
	for (size_t i = 0; i < json_count(verdict, "cpus"); i++)
		put_cpu(out, json_item(verdict, "cpus", i));
	html(out, "</table></div>\n");
}

static void put_evidence(FILE *out, json_object *verdict)
{
	if (!json_count(verdict, "evidence"))
		return;
	html(out, "<h3>Evidence</h3>\n<div class=scroll><table>\n<tr><th>CPU</th><th>of</th>"
		  "<th>says</th><th>strength</th><th>source</th><th>because</th></tr>\n");
	for (size_t i = 0; i < json_count(verdict, "evidence"); i++) {
		json_object *item = json_item(verdict, "evidence", i);
		const char *state = json_text(item, "state"), *vmcs = json_text(item, "vmcs");
		html(out, "<tr><td class=num>%d</td><td>%s <span class=mono>%s</span></td>",
		     (int)json_object_get_int64(json_member(item, "cpu")),
		     json_text(item, "property"), vmcs);
		html(out, "<td class=%s>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>\n",
		     state_class(state), state, json_text(item, "strength"),
		     json_text(item, "source"), json_text(item, "reason"));
	}
	html(out, "</table></div>\n");
}

static void put_verdict(FILE *out, json_object *verdict)
{
	json_object *hit = json_member(verdict, "hit");

	html(out, "<h3>Verdict</h3>\n");
	put_texts(out, verdict, "conflicts", "bad");
	put_texts(out, verdict, "reasons", "");
	if (*json_text(hit, "reason"))
		html(out, "<p>Window %s: <b>%s</b>; %s <span class=mono>%s</span></p>\n",
		     json_text(hit, "window"), json_text(hit, "state"), json_text(hit, "reason"),
		     json_text(hit, "frame"));
	put_cpus(out, verdict);
	report_put_timeline(out, verdict);
	put_evidence(out, verdict);
}

void report_put_case(FILE *out, const struct record *record)
{
	_cleanup_json_ json_object *verdict = record_verdict(record);
	bool open = record_outcome(record) != OUTCOME_PASS || !record->as_expected;

	html(out,
	     "<details class=\"case %s\" id=\"%s\"%s>\n<summary><span class=\"chip %s%s\">"
	     "%s</span> <b>%s</b> ",
	     report_class(record), record->id, open ? " open" : "", report_class(record),
	     record->as_expected ? "" : " hollow", report_outcome(record), record->name);
	html(out, "<span class=soft>%s%s%s</span>", record->window, record->hit ? ": " : "",
	     record->hit);
	html(out, " <span class=soft>%s, %s</span>", record->id, record->kernel);
	html(out, "<span class=\"soft num\">%.1f s</span></summary>\n", record->seconds);
	put_facts(out, record);
	if (verdict)
		put_verdict(out, verdict);
	if (record->console && *record->console)
		html(out,
		     "<details class=inner%s><summary>The console's last lines</summary>"
		     "<pre>%s</pre></details>\n",
		     verdict ? "" : " open", record->console);
	html(out, "</details>\n");
}
