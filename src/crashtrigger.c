// SPDX-License-Identifier: GPL-2.0-only
/*
 * crashtrigger: makes this machine die on one CPU while another is in a chosen place of its reboot.
 * Everything is checked before anything is harmed.
 */
#define _GNU_SOURCE
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "kernel/windows.h"
#include "trigger/checks.h"
#include "trigger/combine.h"
#include "trigger/cost.h"
#include "trigger/find.h"
#include "trigger/list.h"
#include "trigger/hold.h"
#include "trigger/recorder.h"
#include "trigger/strike.h"
#include "trigger/symbols.h"
#include "util/cleanup.h"
#include "util/number.h"

#define EXIT_SKIPPED 2
#define EXIT_BAD_USAGE 64
#define CPU_MAX (CPU_SETSIZE - 1)
#define DELAY_MAX_US 60000000
#define CPU_NOT_GIVEN UINT_MAX

struct options {
	struct strike strike;
	const char *events;
	const char *boundaries; /* the window whose function is printed, and nothing else done */
	const char *symbols; /* whose addresses are printed, and nothing else done */
	bool yes, dry_run, fallback_timed, list, json, record, record_only, record_cost;
	bool skip; /* what cannot be done here is this way, not the machine */
};

enum {
	KEY_CASE = 256,
	KEY_PANIC_CPU,
	KEY_REBOOT_CPU,
	KEY_REBOOT,
	KEY_TRIGGER,
	KEY_WINDOW,
	KEY_HOLD,
	KEY_DELAY,
	KEY_DELAY_MIN,
	KEY_DELAY_MAX,
	KEY_SWEEP,
	KEY_SEED,
	KEY_FREQUENCY,
	KEY_FALLBACK,
	KEY_RECORD,
	KEY_RECORD_ONLY,
	KEY_RECORD_COST,
	KEY_YES,
	KEY_EVENTS,
	KEY_DRY_RUN,
	KEY_LIST,
	KEY_BOUNDARIES,
	KEY_SYMBOLS
};

static const struct argp_option option_table[] = {
	{"case", KEY_CASE, "ID", 0, "Name of the case, left in memory for the analyzer", 0},
	{"panic-cpu", KEY_PANIC_CPU, "N", 0, "CPU that panics; of crash-self the reboot CPU", 0},
	{"reboot-cpu", KEY_REBOOT_CPU, "N", 0, "CPU that reboots", 0},
	{"reboot", KEY_REBOOT, "HOW", 0, "How to reboot: --list shows the ways", 0},
	{"trigger", KEY_TRIGGER, "HOW", 0, "How to die (sysrq-c): --list shows the ways", 0},
	{"window", KEY_WINDOW, "W", 0, "Window's name, SYMBOL[+0xOFFSET], or none: timed", 0},
	{"hold-us", KEY_HOLD, "N", 0, "Hold the reboot CPU there this long at most (500000)", 0},
	{"delay-us", KEY_DELAY, "N", 0, "Wait before the panic (0)", 0},
	{"delay-min-us", KEY_DELAY_MIN, "N", 0, "Or draw that, geometrically, from here (0)", 0},
	{"delay-max-us", KEY_DELAY_MAX, "N", 0, "to here", 0},
	{"sweep", KEY_SWEEP, "I/N", 0, "Step I, from 0 on, of N equal ones instead of drawing", 0},
	{"seed", KEY_SEED, "N", 0, "Of all that is drawn (random)", 0},
	{"frequency", KEY_FREQUENCY, "P", 0, "Chance that a pass of the window is held (1)", 0},
	{"fallback", KEY_FALLBACK, "timed", 0, "Where nothing can be held, strike by time", 0},
	{"record", KEY_RECORD, NULL, 0, "Plant the flight recorder: who disabled what when", 0},
	{"record-only", KEY_RECORD_ONLY, NULL, 0, "Plant nothing but that, and stay", 0},
	{"record-cost", KEY_RECORD_COST, NULL, 0, "Measure what that costs, and end", 0},
	{"events", KEY_EVENTS, "FILE", 0, "Write the strike line there (stdout)", 0},
	{"list", KEY_LIST, "json", OPTION_ARG_OPTIONAL,
	 "What works here, and why the rest does not; also as JSON", 0},
	{"boundaries", KEY_BOUNDARIES, "W", 0, "Print the instructions of window W's function", 0},
	{"symbols", KEY_SYMBOLS, "A,B,...", 0, "Print where the kernel has these", 0},
	{"dry-run", KEY_DRY_RUN, NULL, 0, "Check everything, say what would be done", 0},
	{"yes-crash-this-machine", KEY_YES, NULL, 0, "Mean it", 0},
	{},
};

static struct error *parse_case(const char *text, struct strike *strike)
{
	size_t length = strlen(text);

	if (!length || length > 63 ||
	    strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") !=
		    length)
		return error_new(ERROR_USAGE, "--case: 1 to 63 letters, digits, dots, _ and -");
	strike->case_id = text;
	return NULL;
}

/* An error that says what is known: the names in a table, @size bytes apart. */
static struct error *unknown(const char *option, const char *text, const void *table, size_t size,
			     const char *more)
{
	char names[512] = "";
	size_t used = 0;

	/* Each entry of the tables begins with its name. */
	for (const char *entry = table; *(const char *const *)entry; entry += size)
		used += snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "",
				 *(const char *const *)entry);
	return error_new(ERROR_USAGE, "%s: '%s' is none of %s%s", option, text, names, more);
}

static struct error *parse_reboot(const char *text, struct strike *strike)
{
	strike->reboot = reboot_way_find(text);
	return strike->reboot ? NULL
			      : unknown("--reboot", text, reboot_ways, sizeof(*reboot_ways), "");
}

static struct error *parse_trigger(const char *text, struct strike *strike)
{
	strike->panic = panic_way_find(text);
	return strike->panic ? NULL
			     : unknown("--trigger", text, panic_ways, sizeof(*panic_ways), "");
}

static struct error *parse_window(const char *text, struct strike *strike)
{
	char symbol[PROBE_SYMBOL_SIZE];
	const char *place = NULL;
	uint64_t offset;

	strike->window = text;
	if (strlen(text) >= sizeof(((struct marker *)NULL)->window))
		return error_new(ERROR_USAGE, "--window: '%s' is too long", text);
	if (!strcmp(text, "none") || window_find(text) ||
	    (window_place(text, symbol, sizeof(symbol), &place) && window_find(symbol)))
		return NULL;
	if (place)
		text = symbol;
	/* What looks like no symbol, or like a window's name written wrong. */
	_cleanup_error_ struct error *err = probe_parse(text, symbol, &offset);
	return err ? unknown("--window", text, windows, sizeof(*windows),
			     ", SYMBOL or SYMBOL+0xOFFSET, any of them with +vmxoff or the like, "
			     "none")
		   : NULL;
}

static struct error *parse_number(const char *what, const char *text, uint64_t max, uint64_t unit,
				  uint64_t *ret)
{
	try(number_parse(what, text, 0, max, ret));
	*ret *= unit;
	return NULL;
}

static struct error *parse_cpu(const char *what, const char *text, unsigned *ret)
{
	uint64_t cpu;

	try(number_parse(what, text, 0, CPU_MAX, &cpu));
	*ret = cpu;
	return NULL;
}

static struct error *check_cpu_options(struct strike *strike)
{
	if (strike->panic->self && strike->panic_cpu == CPU_NOT_GIVEN)
		strike->panic_cpu = strike->reboot_cpu;
	if (strike->panic->self && strike->panic_cpu != strike->reboot_cpu)
		return error_new(ERROR_USAGE,
				 "--trigger %s: the held CPU is the one to die; --panic-cpu %u, or "
				 "leave it out",
				 strike->panic->name, strike->reboot_cpu);
	return NULL;
}

static struct error *check_times(struct strike *strike)
{
	struct draw *draw = &strike->draw;
	bool held = strcmp(strike->window, "none") && !strike->panic->self;

	if (draw->min_ns > draw->max_ns)
		return error_new(ERROR_USAGE, "--delay-min-us is above --delay-max-us");
	if (draw->sweep_count && draw->min_ns == draw->max_ns)
		return error_new(ERROR_USAGE, "--sweep needs --delay-min-us and --delay-max-us");
	if (held && draw->max_ns >= strike->hold_ns)
		return error_new(ERROR_USAGE, "%s must be shorter than --hold-us",
				 draw->min_ns == draw->max_ns ? "--delay-us" : "--delay-max-us");
	if (held && strike->hold_ns < strike->panic->need_us * 1000ULL)
		return error_new(ERROR_USAGE, "--trigger %s comes slowly: --hold-us %u at least",
				 strike->panic->name, strike->panic->need_us);
	return NULL;
}

/* What must be given, and what does not fit together whatever the machine. */
static struct error *check_options(struct strike *strike)
{
	const struct window *window;

	if (!strike->case_id || !strike->reboot || !strike->window ||
	    (strike->panic_cpu == CPU_NOT_GIVEN && !strike->panic->self) ||
	    strike->reboot_cpu == CPU_NOT_GIVEN)
		return error_new(ERROR_USAGE, "--case, --panic-cpu, --reboot-cpu, --reboot and "
					      "--window are all needed");
	window = window_find(strike->window);
	if (window && !window_is_passed(window, strike->reboot->name))
		return error_new(ERROR_USAGE, "--window %s: only --reboot %s passes there",
				 window->name, window->reboots);
	try(check_cpu_options(strike));
	return check_times(strike);
}

static struct error *take_option(int key, const char *arg, struct options *options)
{
	struct strike *strike = &options->strike;

	switch (key) {
	case KEY_CASE:
		return parse_case(arg, strike);
	case KEY_PANIC_CPU:
		return parse_cpu("--panic-cpu", arg, &strike->panic_cpu);
	case KEY_REBOOT_CPU:
		return parse_cpu("--reboot-cpu", arg, &strike->reboot_cpu);
	case KEY_REBOOT:
		return parse_reboot(arg, strike);
	case KEY_TRIGGER:
		return parse_trigger(arg, strike);
	case KEY_WINDOW:
		return parse_window(arg, strike);
	case KEY_HOLD:
		return parse_number("--hold-us", arg, HOLD_MAX_US, 1000, &strike->hold_ns);
	case KEY_DELAY:
		try(parse_number("--delay-us", arg, DELAY_MAX_US, 1000, &strike->draw.min_ns));
		strike->draw.max_ns = strike->draw.min_ns;
		return NULL;
	case KEY_DELAY_MIN:
		return parse_number("--delay-min-us", arg, DELAY_MAX_US, 1000,
				    &strike->draw.min_ns);
	case KEY_DELAY_MAX:
		return parse_number("--delay-max-us", arg, DELAY_MAX_US, 1000,
				    &strike->draw.max_ns);
	case KEY_SWEEP:
		return draw_parse_sweep(arg, &strike->draw);
	case KEY_SEED:
		return number_parse("--seed", arg, 0, UINT64_MAX, &strike->draw.seed);
	case KEY_FREQUENCY:
		return draw_parse_frequency(arg, &strike->frequency);
	case KEY_FALLBACK:
		options->fallback_timed = true;
		return strcmp(arg, "timed") ? error_new(ERROR_USAGE, "--fallback: timed") : NULL;
	case ARGP_KEY_ARG:
		return error_new(ERROR_USAGE, "unexpected argument '%s'", arg);
	case ARGP_KEY_END:
		return options->list || options->boundaries || options->symbols ||
				       options->record_only || options->record_cost
			       ? NULL
			       : check_options(strike);
	case KEY_BOUNDARIES:
		options->boundaries = arg;
		return parse_window(arg, strike);
	case KEY_LIST:
		options->list = true;
		options->json = arg;
		return arg && strcmp(arg, "json") ? error_new(ERROR_USAGE, "--list: json") : NULL;
	default:
		return NULL;
	}
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;
	_cleanup_error_ struct error *err = NULL;

	switch (key) {
	case KEY_YES:
		options->yes = true;
		return 0;
	case KEY_DRY_RUN:
		options->dry_run = true;
		return 0;
	case KEY_RECORD:
		options->record = true;
		return 0;
	case KEY_RECORD_ONLY:
		options->record_only = true;
		return 0;
	case KEY_RECORD_COST:
		options->record_cost = true;
		return 0;
	case KEY_EVENTS:
		options->events = arg;
		return 0;
	case KEY_SYMBOLS:
		options->symbols = arg;
		return 0;
	}
	if (key < 256 && key != ARGP_KEY_ARG && key != ARGP_KEY_END)
		return ARGP_ERR_UNKNOWN;
	err = take_option(key, arg, options);
	if (err)
		argp_error(state, "%s", err->message);
	return 0;
}

static const struct argp argp = {
	.options = option_table,
	.parser = parse_option,
	.doc = "Crash this machine: panic on one CPU while another is held in its reboot.\v"
	       "Does nothing without --yes-crash-this-machine, or crashlab.appliance on the kernel "
	       "command line. Status 1: it cannot be done here, 2: not this way here, 64: bad "
	       "usage.",
};

static struct error *check_consent(const struct options *options)
{
	if (options->yes || options->dry_run || check_appliance(""))
		return NULL;
	return error_new(ERROR_USAGE, "this would crash the machine you are on; if you mean it, "
				      "add --yes-crash-this-machine");
}

/* Where the reboot goes on, when the kernel moves it to a CPU of its own choice. */
static struct error *check_reboot_cpu(struct strike *strike)
{
	bool settable;
	unsigned cpu;

	if (!strike->reboot->migrates)
		return NULL;
	try(read_reboot_cpu("", &cpu, &settable));
	strike->set_reboot_cpu = cpu != strike->reboot_cpu;
	if (strike->set_reboot_cpu && !settable)
		return error_new(ERROR_UNSUPPORTED,
				 "this kernel reboots on CPU %u only; use --reboot-cpu %u", cpu,
				 cpu);
	return NULL;
}

static struct error *check_machine(struct strike *strike)
{
	try(check_cpus("", strike->panic_cpu, strike->reboot_cpu, strike->panic->self));
	if (geteuid())
		return error_new(ERROR_UNSUPPORTED, "only root can do this");
	try(check_kdump(""));
	try(check_kvm(""));
	return check_reboot_cpu(strike);
}

static struct error *plant_hold(struct strike *strike, struct plant *plant)
{
	struct error *err;

	try(plant_init(plant, true));
	err = find_probe(plant, strike->window, &strike->probe);
	if (!err)
		err = plant_attach(plant, &strike->probe);
	if (err)
		plant_deinit(plant);
	return err;
}

/* The hold and the marker, or the marker alone for a timed strike. */
static struct error *plant_all(struct options *options, struct plant *plant)
{
	struct strike *strike = &options->strike;
	struct error *err;

	if (!strcmp(strike->window, "none"))
		return plant_init(plant, false);
	err = plant_hold(strike, plant);
	if (!err || !options->fallback_timed)
		return err;
	fprintf(stderr, "crashtrigger: %s: falling back to a timed strike\n", err->message);
	error_free(err);
	strike->probe = (struct probe){};
	return plant_init(plant, false);
}

static void print_plan(const struct strike *strike)
{
	const struct window *window = window_find(strike->window);
	char name[PROBE_NAME_SIZE];

	probe_format(&strike->probe, name, sizeof(name));
	printf("case      %s\n", strike->case_id);
	printf("panic     %s on CPU %u\n", strike->panic->about, strike->panic_cpu);
	printf("reboot    %s on CPU %u%s\n", strike->reboot->about, strike->reboot_cpu,
	       strike->set_reboot_cpu ? ", set as the kernel's reboot CPU" : "");
	printf("window    %s", strike->window);
	if (window)
		printf(" (%s): %s", window->label, window->about);
	printf("\nprobe     %s", name);
	if (strike->probe.symbol[0])
		printf(" at 0x%" PRIx64 "\nhold      at most %" PRIu64 " us, panic %" PRIu64
		       " us after it began, seed %" PRIu64 "\n",
		       strike->probe.address, strike->hold_ns / 1000, strike->delay_ns / 1000,
		       strike->draw.seed);
	else
		printf("\ntimed     panic %" PRIu64 " us after the reboot began\n",
		       strike->delay_ns / 1000);
}

static void print_recording(const struct recording *recording)
{
	if (recording->cpus)
		printf("recorder  %u functions, EFER of %u of %u CPUs known\n", recording->recorded,
		       recording->known_efers, recording->cpu_count);
}

/* The recorder decides nothing that the dump does not show without it: go on where it cannot be. */
static void plant_recorder(struct recording *recording)
{
	_cleanup_error_ struct error *err = recording_init(recording);

	if (err)
		fprintf(stderr, "crashtrigger: %s: going on without the recorder\n", err->message);
}

static struct error *check_combination(const struct strike *strike)
{
	const char *why;

	if (combine(strike->panic, strike->reboot, strike->window, &why) == COMBINATION_NONE)
		return error_new(ERROR_UNSUPPORTED, "--trigger %s, --reboot %s, --window %s: %s",
				 strike->panic->name, strike->reboot->name, strike->window, why);
	return NULL;
}

/* All that this machine must have for just these ways. */
static struct error *open_ways(struct strike *strike, struct plant *plant)
{
	if (strike->panic->self && !strike->probe.symbol[0])
		return error_new(ERROR_UNSUPPORTED, "--trigger %s: nothing can be held",
				 strike->panic->name);
	try(error_wrap(strike->reboot->open(strike->reboot_cpu, &strike->reboot_fd), "--reboot %s",
		       strike->reboot->name));
	strike->means->panic_cpu = strike->panic_cpu;
	strike->means->reboot_cpu = strike->reboot_cpu;
	strike->means->plant = plant;
	return error_wrap(strike->panic->open(strike->means), "--trigger %s", strike->panic->name);
}

static struct error *run_ways(struct options *options, struct plant *plant,
			      struct recording *recording)
{
	struct strike *strike = &options->strike;

	strike->delay_ns = draw_delay(&strike->draw);
	try(check_combination(strike));
	try(plant_all(options, plant));
	try(open_ways(strike, plant));
	if (options->record)
		plant_recorder(recording);
	if (!options->dry_run)
		return strike_run(strike, plant, options->events);
	print_plan(strike);
	print_recording(recording);
	return NULL;
}

/* The CPUs that are not said are 1 and 0. */
static struct error *print_list(const struct options *options)
{
	unsigned panic_cpu = options->strike.panic_cpu, reboot_cpu = options->strike.reboot_cpu;

	return list_print(panic_cpu == CPU_NOT_GIVEN ? 1 : panic_cpu,
			  reboot_cpu == CPU_NOT_GIVEN ? 0 : reboot_cpu, options->json);
}

/* Each is a place to hold at: SYMBOL+0xOFFSET, the instruction, and what it is known as. */
static struct error *print_boundaries(const char *window)
{
	_cleanup_(plant_deinit) struct plant plant = {};
	struct insn_list list = {};
	struct probe probe;

	if (!strcmp(window, "none"))
		return error_new(ERROR_USAGE, "--boundaries: of which function?");
	try(plant_init(&plant, true));
	try(find_probe(&plant, window, &probe));
	try(find_instructions(&plant, &probe, &list));
	for (size_t i = 0; i < list.count; i++)
		printf("%s+0x%" PRIx64 "\t%s\t%s\n", probe.symbol, list.items[i].offset,
		       list.items[i].text, insn_meaning_name(list.items[i].meaning));
	insn_list_deinit(&list);
	return NULL;
}

/* For the strike that another crashtrigger makes: the recorder is there as long as this process. */
static struct error *stay_recording(void)
{
	_cleanup_(recording_deinit) struct recording recording;

	try(recording_init(&recording));
	printf("crashtrigger: recording %u functions, EFER of %u of %u CPUs known\n",
	       recording.recorded, recording.known_efers, recording.cpu_count);
	fflush(stdout);
	for (;;)
		pause();
}

static struct error *run(struct options *options)
{
	_cleanup_(plant_deinit) struct plant plant = {};
	_cleanup_(panic_means_close) struct panic_means means = {
		.fd = -1, .second_fd = -1, .events = options->events};
	_cleanup_(recording_deinit) struct recording recording = {.handlers = {-1, -1}};
	struct error *err;

	if (options->list)
		return print_list(options);
	if (options->boundaries)
		return print_boundaries(options->boundaries);
	if (options->symbols)
		return symbols_print(options->symbols);
	if (options->record_only)
		return stay_recording();
	if (options->record_cost)
		return cost_measure(stdout);
	try(check_consent(options));
	try(check_machine(&options->strike));
	options->strike.means = &means;
	err = run_ways(options, &plant, &recording);
	options->skip = error_is(err, ERROR_UNSUPPORTED) ||
			(error_is(err, ERROR_NOT_FOUND) && window_find(options->strike.window));
	return err;
}

int main(int argc, char **argv)
{
	struct options options = {
		.strike =
			{
				.panic = panic_ways,
				.panic_cpu = CPU_NOT_GIVEN,
				.reboot_cpu = CPU_NOT_GIVEN,
				.reboot_fd = -1,
				.hold_ns = 500000000,
				.frequency = MARKER_ALWAYS,
			},
	};
	_cleanup_error_ struct error *err = NULL;

	if (getrandom(&options.strike.draw.seed, sizeof(uint64_t), 0) < 0)
		options.strike.draw.seed = time(NULL);
	argp_err_exit_status = EXIT_BAD_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &options);
	err = run(&options);
	if (!err)
		return EXIT_SUCCESS;
	fprintf(stderr, "crashtrigger: %s\n", err->message);
	return error_is(err, ERROR_USAGE) ? EXIT_BAD_USAGE
	       : options.skip             ? EXIT_SKIPPED
					  : EXIT_FAILURE;
}
