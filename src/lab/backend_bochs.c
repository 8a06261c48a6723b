// SPDX-License-Identifier: GPL-2.0-only
/* Bochs: emulates VMX on any host. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>

#include "lab/backend.h"
#include "lab/bochs_console.h"
#include "lab/bochs_debugger.h"
#include "lab/bochs_state.h"
#include "lab/files.h"
#include "lab/process.h"
#include "lab/rfb.h"
#include "util/cleanup.h"

#define PROMPT_SECONDS 60 /* the guest runs slower than the clock, and Bochs looks now and then */
#define SAVE_SECONDS 120
#define COPY_SECONDS 60

/* Folders of saved states, and what is in them of the disks. */
#define SAVED "saved" /* whole, for machines that go on from it */
#define RESTORE "restore" /* the same for one case, with its own disk */
#define SAMPLE "state" /* just for the registers */
#define BOOT_DISK_STATE "hard_drive.0.drive0.image" /* what was written to it */
#define CASE_DISK_STATE "hard_drive.0.drive1.image" /* all of it */

/* Where gui.cc puts the button "save": the second of 32 pixels from the right. */
#define SAVE_BUTTON_FROM_RIGHT 48
#define SAVE_BUTTON_Y 10

struct bochs_machine {
	struct machine machine;
	struct bochs_console *console;
	struct bochs_debugger *debugger; /* NULL: it runs without */
	unsigned cpus;
	char *directory; /* of the case */
};

/*
 * ips: how much emulated time an instruction takes; below that 3.0 has hung at the first timer
 * interrupts of a capture kernel. No sound:
 * opening it needs a card. The reset lines of pc_system are how a reboot is seen.
 */
static const char bochsrc[] =
	"config_interface: textconfig\n"
	"display_library: rfb, options=\"timeout=0, no_gui_console\"\n"
	"cpu: model=corei7_haswell_4770, count=%u, ips=100000000, reset_on_triple_fault=0, "
	"msrs=\"%s/appliance/bochs.msrs\"\n"
	"memory: guest=%u, host=%u\n"
	"romimage: file=$BXSHARE/BIOS-bochs-latest\n"
	"vgaromimage: file=$BXSHARE/VGABIOS-lgpl-latest\n"
	"sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy\n"
	"ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14\n"
	"ata0-master: %s\n"
	"ata0-slave: type=disk, path=\"case.disk\", mode=flat\n"
	"boot: %s\n"
	"com1: enabled=1, mode=file, dev=console.log\n"
	"com2: enabled=1, mode=file, dev=events.log\n"
	"log: bochs.log\n"
	"debug: action=ignore\n"
	"info: action=ignore, pc_system=report\n"
	"error: action=ignore\n"
	"panic: action=fatal\n";

/* What the two ways to boot differ in. */
static const struct flavour {
	const struct backend *backend;
	const char *options, *boot; /* of the disk, after its path */
	const char *file; /* of the images */
} flavours[] = {
	{&backend_bochs, "type=disk, mode=volatile, journal=boot.redolog", "disk",
	 "bochs-boot.img"},
	{&backend_bochs_plain, "type=cdrom, status=inserted", "cdrom", "bochs-plain.iso"},
};

static void make_bochsrc(const struct flavour *flavour, const struct machine_setup *setup,
			 FILE *out)
{
	_cleanup_free_ char *disk =
		format_string("%s, path=\"%s/%s\"", flavour->options, setup->images, flavour->file);
	unsigned memory = backend_memory(flavour->backend, setup->spec);

	fprintf(out, bochsrc, setup->spec->cpus, setup->paths->root, memory, memory, disk,
		flavour->boot);
}

static struct error *describe(const struct flavour *flavour, const struct machine_setup *setup,
			      FILE *out)
{
	fprintf(out, "# cd %s && %s -q -unlock %s%s\n", setup->directory, setup->paths->bochs,
		setup->saved ? "-r " RESTORE : "-f bochsrc",
		setup->saved && setup->moments ? " -debugger" : "");
	if (setup->saved)
		fprintf(out,
			"# " RESTORE "/ is %s/" SAVED
			"/, with a copy of case.disk as " CASE_DISK_STATE "\n",
			setup->saved);
	make_bochsrc(flavour, setup, out);
	return NULL;
}

static struct error *describe_tuned(const struct machine_setup *setup, FILE *out)
{
	return describe(&flavours[0], setup, out);
}

static struct error *describe_plain(const struct machine_setup *setup, FILE *out)
{
	return describe(&flavours[1], setup, out);
}

static struct error *write_config(const struct flavour *flavour, const struct machine_setup *setup)
{
	_cleanup_free_ char *config = format_string("%s/bochsrc", setup->directory);
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	make_bochsrc(flavour, setup, out);
	fclose(out);
	return write_text(config, text);
}

static void bochs_free(struct bochs_machine *self)
{
	bochs_debugger_destroy(self->debugger);
	free(self->directory);
	free(self);
}

/* Killed, Bochs leaves its locks and what was written to the volatile disk. */
static void remove_leftovers(const char *directory)
{
	static const char *const patterns[] = {"case.disk.lock", "boot.redolog*", RESTORE, SAMPLE,
					       "moment.ram"};

	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		_cleanup_free_ char *pattern = format_string("%s/%s", directory, patterns[i]);
		glob_t found = {};

		if (!glob(pattern, GLOB_NOSORT, NULL, &found)) {
			for (size_t j = 0; j < found.gl_pathc; j++)
				remove_tree(found.gl_pathv[j]);
		}
		globfree(&found);
	}
}

static double bochs_cpu_seconds(struct machine *machine)
{
	return process_cpu_seconds(bochs_console_pid(((struct bochs_machine *)machine)->console));
}

static double bochs_stop(struct machine *machine)
{
	struct bochs_machine *self = (struct bochs_machine *)machine;
	double used = bochs_cpu_seconds(machine);

	bochs_console_stop(self->console);
	remove_leftovers(self->directory);
	bochs_free(self);
	return used;
}

/*
 * A restored Bochs copies the state of a disk over the disk (hdimage_copy_file(), iodev/hdimage/
 * hdimage.cc): for the case disk that is a copy of the case's own. All the rest is the saved one's,
 * which is only read.
 */
static struct error *make_restore(const struct machine_setup *setup)
{
	_cleanup_free_ char *folder = format_string("%s/" RESTORE, setup->directory);
	_cleanup_free_ char *saved = format_string("%s/" SAVED, setup->saved);
	_cleanup_free_ char *disk = format_string("%s/case.disk", setup->directory);
	_cleanup_free_ char *copy = format_string("%s/" CASE_DISK_STATE, folder);
	char *const copy_disk[] = {"cp", "--sparse=always", disk, copy, NULL};
	struct error *err = make_directories(folder);
	DIR *dir = opendir(saved);

	if (!err && !dir)
		err = error_errno(errno, "%s", saved);
	for (struct dirent *entry; !err && (entry = readdir(dir));) {
		if (entry->d_name[0] == '.' || !strcmp(entry->d_name, CASE_DISK_STATE))
			continue;
		_cleanup_free_ char *from = format_string("%s/%s", saved, entry->d_name);
		_cleanup_free_ char *to = format_string("%s/%s", folder, entry->d_name);
		if (symlink(from, to))
			err = error_errno(errno, "%s", to);
	}
	if (dir)
		closedir(dir);
	return err ? err : process_check(copy_disk, COPY_SECONDS);
}

/* A machine whose kernel does not say where its functions are runs without: its case says why. */
static struct error *find_debugger(const struct flavour *flavour, const struct machine_setup *setup,
				   struct bochs_debugger **ret)
{
	_cleanup_free_ char *events = format_string("%s/events.log", setup->saved);
	_cleanup_free_ char *note = format_string("%s/moments.json.err", setup->directory);
	_cleanup_error_ struct error *err =
		bochs_debugger_create(events, setup->directory, setup->spec->cpus,
				      backend_memory(flavour->backend, setup->spec), ret);

	return err ? write_text(note, err->message) : NULL;
}

static struct error *start_bochs(struct bochs_machine *self, const struct machine_setup *setup)
{
	char *const boot[] = {setup->paths->bochs, "-q", "-unlock", "-f", "bochsrc", NULL};
	char *const restore[] = {setup->paths->bochs,
				 "-q",
				 "-unlock",
				 "-r",
				 RESTORE,
				 self->debugger ? "-debugger" : NULL,
				 NULL};

	try(bochs_console_start(setup->saved ? restore : boot, setup->directory, &self->console));
	self->machine.exit_fd = bochs_console_exit_fd(self->console);
	if (!self->debugger)
		return NULL;
	self->machine.moment_fd = bochs_console_prompt_fd(self->console);
	struct error *err = bochs_debugger_begin(self->debugger, self->console);
	if (err)
		bochs_console_stop(self->console);
	return err;
}

static struct error *start(const struct flavour *flavour, const struct machine_setup *setup,
			   struct machine **ret)
{
	remove_leftovers(setup->directory);
	try(setup->saved ? make_restore(setup) : write_config(flavour, setup));
	struct bochs_machine *self = calloc(1, sizeof(*self));
	if (!self)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	self->machine.backend = flavour->backend;
	self->machine.moment_fd = -1;
	self->cpus = setup->spec->cpus;
	self->directory = format_string("%s", setup->directory);
	struct error *err = setup->saved && setup->moments
				    ? find_debugger(flavour, setup, &self->debugger)
				    : NULL;
	if (!err)
		err = start_bochs(self, setup);
	if (err)
		bochs_free(self);
	else
		*ret = &self->machine;
	return err;
}

static struct error *start_tuned(const struct machine_setup *setup, struct machine **ret)
{
	return start(&flavours[0], setup, ret);
}

static struct error *start_plain(const struct machine_setup *setup, struct machine **ret)
{
	return start(&flavours[1], setup, ret);
}

static bool bochs_was_reset(struct machine *machine)
{
	return bochs_console_was_reset(((struct bochs_machine *)machine)->console);
}

/* The @unwanted of a state go nowhere. */
static struct error *make_state_folder(const char *folder, const char *const *unwanted)
{
	remove_tree(folder);
	try(make_directories(folder));
	for (; *unwanted; unwanted++) {
		_cleanup_free_ char *path = format_string("%s/%s", folder, *unwanted);
		if (symlink("/dev/null", path))
			return error_errno(errno, "%s", path);
	}
	return NULL;
}

/* Save the state into folder @name of the machine's directory. */
static struct error *save_state(struct bochs_machine *self, const char *name)
{
	_cleanup_free_ char *answer = format_string("%s\n", name);
	_cleanup_close_ int client = -1;

	try(rfb_click(bochs_console_pid(self->console), SAVE_BUTTON_FROM_RIGHT, SAVE_BUTTON_Y,
		      &client));
	/* Relative to where Bochs runs: paths that it takes are short. */
	try(bochs_console_answer(self->console, "existing folder", answer, PROMPT_SECONDS));
	return bochs_console_answer(self->console, "Do you want to continue", "y\n", SAVE_SECONDS);
}

/* It is whole once Bochs asks whether to continue, and is not told to. */
static struct error *bochs_save(struct machine *machine)
{
	struct bochs_machine *self = (struct bochs_machine *)machine;
	_cleanup_free_ char *folder = format_string("%s/" SAVED, self->directory);

	try(make_state_folder(folder, (const char *const[]){CASE_DISK_STATE, NULL}));
	return save_state(self, SAVED);
}

static const char *const all_big[] = {BOOT_DISK_STATE, CASE_DISK_STATE, "vga.vgacore.memory",
				      "memory.ram", NULL};

/* Save the state but for the @unwanted, have @put print what it finds there to the file at @path.
 */
static struct error *
write_sample(struct machine *machine, const char *path, const char *const *unwanted,
	     struct error *(*put)(const char *folder, unsigned cpus, FILE *out))
{
	struct bochs_machine *self = (struct bochs_machine *)machine;
	_cleanup_free_ char *folder = format_string("%s/" SAMPLE, self->directory);
	_cleanup_free_ char *text = NULL;
	size_t size;

	try(make_state_folder(folder, unwanted));
	try(save_state(self, SAMPLE));
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	struct error *err = put(folder, self->cpus, out);
	fclose(out);
	remove_tree(folder);
	return err ? err : write_text(path, text);
}

static struct error *bochs_registers(struct machine *machine, const char *path)
{
	return write_sample(machine, path, all_big, bochs_state_registers);
}

static struct error *bochs_apics(struct machine *machine, const char *path)
{
	return write_sample(machine, path, all_big, bochs_state_apics);
}

static struct error *bochs_truth(struct machine *machine, const char *path)
{
	static const char *const but_memory[] = {BOOT_DISK_STATE, CASE_DISK_STATE,
						 "vga.vgacore.memory", NULL};

	return write_sample(machine, path, but_memory, bochs_state_truth);
}

static struct error *bochs_moment(struct machine *machine, const char *path)
{
	struct bochs_machine *self = (struct bochs_machine *)machine;

	return bochs_debugger_take(self->debugger, self->console, path);
}

static char *bochs_emulator(const struct lab_paths *paths)
{
	return format_string("%s", paths->bochs);
}

static struct error *bochs_probe(const struct lab_paths *paths, enum vendor vendor)
{
	if (vendor != VENDOR_VMX)
		return error_new(ERROR_UNSUPPORTED, "used for VMX only");
	if (access(paths->bochs, X_OK))
		return error_new(ERROR_UNSUPPORTED,
				 "Bochs 3.0 is missing (scripts/fetch-bochs.sh)");
	return NULL;
}

static unsigned cores_one(unsigned cpus)
{
	(void)cpus;
	return 1; /* it runs its CPUs in turn, in one thread */
}

#define BOCHS_MERITS                                                                             \
	.merits = {[VENDOR_VMX] = {"CR4, EFER, VMX operation; every VMCS with --truth", "1/180", \
				   "yes"}}

/* What both have. */
#define BOCHS_COMMON                                                                      \
	.cores = cores_one, .probe = bochs_probe, .save_point = "guests",                 \
	.emulator = bochs_emulator, .save = bochs_save, .cpu_seconds = bochs_cpu_seconds, \
	.stop = bochs_stop, .was_reset = bochs_was_reset, .registers = bochs_registers,   \
	.apics = bochs_apics, .truth = bochs_truth, .moment = bochs_moment

const struct backend backend_bochs = {
	.name = "bochs",
	.about = "Bochs: emulates VMX on any host",
	BOCHS_MERITS,
	.cmdline = "cmdline.bochs",
	.fixed_cmdline = true,
	.files = (const char *const[]){"bochs-boot.img", "cmdline.bochs", NULL},
	.memory_mb = 512,
	/* From two to three times what an idle host needs, for two at a time and a busy host. */
	.limits = {[STAGE_START] = 180,
		   [STAGE_BOOT] = 60,
		   [STAGE_CASE] = 120,
		   [STAGE_KVM] = 120,
		   [STAGE_ARMED] = 240,
		   [STAGE_GUESTS] = 180,
		   [STAGE_STRIKE] = 180,
		   [STAGE_CAPTURE] = 300,
		   [STAGE_VERDICT] = 300,
		   [STAGE_SAVED] = 60},
	.describe = describe_tuned,
	.start = start_tuned,
	BOCHS_COMMON,
};

const struct backend backend_bochs_plain = {
	.name = "bochs-plain",
	.about = "Bochs, with all as on QEMU: KASLR, mitigations, the package's own vmlinuz",
	BOCHS_MERITS,
	.cmdline = "cmdline.qemu",
	.fixed_cmdline = true,
	.files = (const char *const[]){"bochs-plain.iso", "cmdline.qemu", NULL},
	.memory_mb = 1024,
	.limits = {[STAGE_START] = 900,
		   [STAGE_BOOT] = 180,
		   [STAGE_CASE] = 360,
		   [STAGE_KVM] = 360,
		   [STAGE_ARMED] = 180,
		   [STAGE_GUESTS] = 180,
		   [STAGE_STRIKE] = 900,
		   [STAGE_CAPTURE] = 900,
		   [STAGE_VERDICT] = 900,
		   [STAGE_SAVED] = 180},
	.describe = describe_plain,
	.start = start_plain,
	BOCHS_COMMON,
};
