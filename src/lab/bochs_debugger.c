// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/bochs_debugger.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include "lab/bochs_state.h"
#include "lab/files.h"
#include "lab/moments.h"
#include "util/cleanup.h"

#define EVENTS_LIMIT (1 << 20)
#define START_SECONDS 120 /* restoring, on a busy host */
#define ANSWER_SECONDS 120 /* the whole of the memory takes 2 on an idle one */
#define MEMORY "moment.ram" /* relative to where Bochs runs */
#define MIB (1 << 20)
#define EVENT "crashlab symbols "
#define PAGE_OFFSET "page_offset_base"

const struct bochs_moment bochs_moments[] = {
	{"held", "nmi_shootdown_cpus"},
	{"nmi", "crash_nmi_callback"},
	{"jump", "machine_kexec"},
};

#define MOMENTS (sizeof(bochs_moments) / sizeof(bochs_moments[0]))

struct bochs_debugger {
	char *directory;
	unsigned cpus, memory_mb;
	uint64_t addresses[MOMENTS], page_offset_base;
	struct bochs_pages vmcss; /* of the first moment */
	json_object *document, *taken; /* the array in it */
};

/* The number behind @key in @text. */
static bool find_number(const char *text, const char *key, uint64_t *ret)
{
	const char *found = text ? strstr(text, key) : NULL;
	char *end;

	if (!found)
		return false;
	found += strlen(key);
	*ret = strtoull(found, &end, 0);
	return end > found;
}

static bool find_symbol(const char *line, const char *name, uint64_t *ret)
{
	_cleanup_free_ char *key = format_string(" %s=", name);

	return find_number(line, key, ret);
}

static struct error *find_symbols(struct bochs_debugger *self, const char *events)
{
	_cleanup_free_ char *text = NULL;

	try(read_text(events, EVENTS_LIMIT, &text));
	char *line = strstr(text, EVENT);
	if (!line)
		return error_new(ERROR_NOT_FOUND, "the saved machine named no symbols");
	line[strcspn(line, "\r\n")] = '\0';
	for (size_t i = 0; i < MOMENTS; i++) {
		if (!find_symbol(line, bochs_moments[i].symbol, &self->addresses[i]))
			return error_new(ERROR_NOT_FOUND, "its kernel has no %s",
					 bochs_moments[i].symbol);
	}
	if (!find_symbol(line, PAGE_OFFSET, &self->page_offset_base))
		return error_new(ERROR_NOT_FOUND, "its kernel has no " PAGE_OFFSET);
	return NULL;
}

struct error *bochs_debugger_create(const char *events, const char *directory, unsigned cpus,
				    unsigned memory_mb, struct bochs_debugger **ret)
{
	struct bochs_debugger *self = calloc(1, sizeof(*self));

	if (!self)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	self->directory = format_string("%s", directory);
	self->cpus = cpus;
	self->memory_mb = memory_mb;
	self->document = json_object_new_object();
	self->taken = json_object_new_array();
	json_object_object_add(self->document, "schema", json_object_new_string(MOMENTS_SCHEMA));
	json_object_object_add(self->document, "moments", self->taken);
	struct error *err = find_symbols(self, events);
	if (err) {
		bochs_debugger_destroy(self);
		return error_wrap(err, "%s", events);
	}
	*ret = self;
	return NULL;
}

void bochs_debugger_destroy(struct bochs_debugger *self)
{
	if (!self)
		return;
	json_object_put(self->document);
	free(self->vmcss.items);
	free(self->directory);
	free(self);
}

/* Type a command at the prompt; *@ret is what comes before the next one. */
static struct error *ask(struct bochs_console *console, char **ret, const char *format, ...)
{
	_cleanup_free_ char *command = NULL;
	va_list arguments;

	va_start(arguments, format);
	int length = vasprintf(&command, format, arguments);
	va_end(arguments);
	if (length < 0) {
		command = NULL;
		return error_new(ERROR_NO_MEMORY, "out of memory");
	}
	try(bochs_console_type(console, command));
	return bochs_console_await(console, BOCHS_PROMPT, ANSWER_SECONDS, ret);
}

static struct error *ask_number(struct bochs_console *console, const char *command, const char *key,
				uint64_t *ret)
{
	_cleanup_free_ char *said = NULL;

	try(ask(console, &said, "%s\n", command));
	return find_number(said, key, ret)
		       ? NULL
		       : error_new(ERROR_FORMAT, "Bochs' debugger did not answer \"%s\"", command);
}

static struct error *tell(struct bochs_console *console, const char *command)
{
	_cleanup_free_ char *said = NULL;

	return ask(console, &said, "%s\n", command);
}

/* Prompts up to here are answered; what comes from now on is the next stop. */
static struct error *go_on(struct bochs_console *console)
{
	eventfd_t count;

	while (!eventfd_read(bochs_console_prompt_fd(console), &count))
		;
	return bochs_console_type(console, "c\n");
}

struct error *bochs_debugger_begin(struct bochs_debugger *self, struct bochs_console *console)
{
	_cleanup_free_ char *said = NULL;

	try(bochs_console_await(console, BOCHS_PROMPT, START_SECONDS, &said));
	for (size_t i = 0; i < MOMENTS; i++) {
		_cleanup_free_ char *command = format_string("lb 0x%" PRIx64, self->addresses[i]);
		try(tell(console, command));
	}
	return go_on(console);
}

/* The kernel maps all memory in one piece (page_offset_base), so its page tables lead to it. */
static struct error *find_vmcss(struct bochs_debugger *self, struct bochs_console *console,
				unsigned cpu)
{
	_cleanup_free_ char *path = format_string("%s/" MEMORY, self->directory);
	_cleanup_free_ char *choose = format_string("set $cpu=%u", cpu);
	_cleanup_free_ char *look = format_string("x /1gx 0x%" PRIx64, self->page_offset_base);
	uint64_t base, size = (uint64_t)self->memory_mb * MIB;
	struct stat status;

	try(tell(console, choose));
	try(ask_number(console, look, ">:\t", &base));
	_cleanup_free_ char *write =
		format_string("writemem \"" MEMORY "\" 0x%" PRIx64 " 0x%" PRIx64, base, size);
	try(tell(console, write));
	/* It ends at the firmware's tables, which are at the end of memory and not mapped. */
	if (stat(path, &status) || (uint64_t)status.st_size + MIB < size)
		return error_new(ERROR_SYSTEM, "Bochs' debugger did not write out the memory");
	struct error *err = bochs_state_vmcss(path, false, &self->vmcss);
	unlink(path);
	return err;
}

static json_object *new_hex(uint64_t value)
{
	_cleanup_free_ char *text = format_string("0x%" PRIx64, value);

	return json_object_new_string(text);
}

static struct error *ask_register(struct bochs_console *console, unsigned cpu, const char *list,
				  const char *name, uint64_t *ret)
{
	_cleanup_free_ char *command = format_string("show \"cpu%u.%s%s\"", cpu, list, name);
	_cleanup_free_ char *key = format_string("%s = ", name);

	return ask_number(console, command, key, ret);
}

static struct error *read_cpu(struct bochs_console *console, unsigned cpu, json_object *cpus)
{
	_cleanup_free_ char *said = NULL;
	uint64_t cr4, rip, current;

	try(ask_register(console, cpu, "", "CR4", &cr4));
	try(ask_register(console, cpu, "", "RIP", &rip));
	try(ask_register(console, cpu, "VMX.", "vmcsptr", &current));
	try(ask(console, &said, "show \"cpu%u.VMX.in_vmx\"\n", cpu));
	bool vmx = strstr(said, "in_vmx = true");
	if (!vmx && !strstr(said, "in_vmx = false"))
		return error_new(ERROR_FORMAT, "Bochs' debugger does not know CPU %u's in_vmx",
				 cpu);
	json_object *object = json_object_new_object();
	json_object_object_add(object, "cpu", json_object_new_int(cpu));
	json_object_object_add(object, "cr4", new_hex(cr4));
	json_object_object_add(object, "rip", new_hex(rip));
	json_object_object_add(object, "vmx", json_object_new_boolean(vmx));
	json_object_object_add(object, "current", new_hex(current));
	json_object_array_add(cpus, object);
	return NULL;
}

static struct error *read_vmcs(struct bochs_console *console, uint64_t page, json_object *launched)
{
	_cleanup_free_ char *said = NULL;
	unsigned revision, abort, state;

	try(ask(console, &said, "xp /3wx 0x%" PRIx64 "\n", page));
	const char *words = strstr(said, ">:");
	if (!words || sscanf(words, ">: %x %x %x", &revision, &abort, &state) != 3)
		return error_new(ERROR_FORMAT, "Bochs' debugger does not show 0x%" PRIx64, page);
	if (bochs_state_is_launched(revision, abort, state))
		json_object_array_add(launched, new_hex(page));
	return NULL;
}

static struct error *read_machine(const struct bochs_debugger *self, struct bochs_console *console,
				  json_object *moment)
{
	json_object *cpus = json_object_new_array(), *launched = json_object_new_array();

	json_object_object_add(moment, "cpus", cpus);
	json_object_object_add(moment, "launched", launched);
	for (unsigned cpu = 0; cpu < self->cpus; cpu++)
		try(read_cpu(console, cpu, cpus));
	for (size_t i = 0; i < self->vmcss.count; i++)
		try(read_vmcs(console, self->vmcss.items[i], launched));
	return NULL;
}

/* "(CPU) Breakpoint NUMBER, 0x…" of each CPU that has come to one. */
static const char *next_stop(const char *said, unsigned *ret_cpu, unsigned *ret_moment)
{
	unsigned number;

	for (const char *at = said; (at = strchr(at, '(')); at++) {
		if (sscanf(at, "(%u) Breakpoint %u,", ret_cpu, &number) != 2 || !number ||
		    number > MOMENTS)
			continue;
		*ret_moment = number - 1;
		return at + 1;
	}
	return NULL;
}

static struct error *add_moment(struct bochs_debugger *self, struct bochs_console *console,
				uint64_t ticks, unsigned cpu, unsigned number)
{
	json_object *moment = json_object_new_object();

	json_object_array_add(self->taken, moment);
	json_object_object_add(moment, "moment",
			       json_object_new_string(bochs_moments[number].name));
	json_object_object_add(moment, "function",
			       json_object_new_string(bochs_moments[number].symbol));
	json_object_object_add(moment, "cpu", json_object_new_int(cpu));
	json_object_object_add(moment, "ticks", json_object_new_int64(ticks));
	return read_machine(self, console, moment);
}

/* Behind the last one the crash kernel has functions of the same names. */
static struct error *end(struct bochs_console *console)
{
	for (size_t i = 0; i < MOMENTS; i++) {
		_cleanup_free_ char *command = format_string("d %zu", i + 1);
		try(tell(console, command));
	}
	return NULL;
}

struct error *bochs_debugger_take(struct bochs_debugger *self, struct bochs_console *console,
				  const char *path)
{
	_cleanup_free_ char *said = NULL;
	unsigned cpu, number;
	uint64_t ticks = 0;
	bool last = false;

	try(bochs_console_await(console, BOCHS_PROMPT, ANSWER_SECONDS, &said));
	const char *stop = next_stop(said, &cpu, &number);
	if (!stop)
		return error_new(ERROR_SYSTEM, "Bochs' debugger stopped at no breakpoint");
	find_number(said, "Next at t=", &ticks);
	if (!self->vmcss.count)
		try(find_vmcss(self, console, cpu));
	for (; stop; stop = next_stop(stop, &cpu, &number)) {
		try(add_moment(self, console, ticks, cpu, number));
		last |= number == MOMENTS - 1;
	}
	try(write_text(path,
		       json_object_to_json_string_ext(self->document, JSON_C_TO_STRING_PRETTY)));
	if (last)
		try(end(console));
	return go_on(console);
}
