// SPDX-License-Identifier: GPL-2.0-only
/* QEMU through libvirt: TCG, which emulates SVM, and KVM, where the host nests. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "lab/backend.h"
#include "lab/console.h"
#include "lab/domain.h"
#include "lab/files.h"
#include "lab/link.h"
#include "lab/orphan.h"
#include "lab/place.h"
#include "lab/process.h"
#include "util/cleanup.h"

#define STATE_SECONDS 120 /* to write or read a machine's state: a few hundred MB */

/* Its serial ports, and the files that what they say goes to. */
static const struct {
	const char *device, *file;
} ports[] = {{"serial0", "console.log"}, {"serial1", "events.log"}};

#define PORTS (sizeof(ports) / sizeof(ports[0]))

struct qemu_machine {
	struct machine machine;
	const struct place *place;
	const struct lab_paths *paths;
	struct place_names names;
	virConnectPtr connection;
	virDomainPtr domain;
	struct orphan process; /* where it is one of this host */
	double cpu_seconds; /* else: what it had used when last asked */
	bool put; /* its files were brought to where it runs */
	unsigned cpus;
	int lifecycle, shutdown, migration; /* callback ids, -1: none */
	char *directory; /* of the case */
	int moved_fd; /* readable once the state has been written or read, or could not be */
	struct console *consoles[PORTS]; /* where they come as streams */
	atomic_uint running; /* it, and each console: none of them has more to tell */
	atomic_bool reset, moved, stuck;
	atomic_int users; /* the owner and each callback: one may run while it is taken back */
};

/* What differs between the two accelerators in the domain. */
static const struct flavour {
	const struct backend *backend;
	const char *type, *cpu;
} flavours[] = {
	{&backend_tcg, "qemu",
	 "<cpu mode='custom' match='exact' check='none'><model fallback='forbid'>EPYC</model>"
	 "<feature policy='require' name='svm'/></cpu>"},
	{&backend_kvm, "kvm", "<cpu mode='host-passthrough'/>"},
};

/* QEMU then takes its state from the monitor. */
static const char incoming[] = "<qemu:commandline><qemu:arg value='-incoming'/>"
			       "<qemu:arg value='defer'/></qemu:commandline>";

static const struct flavour *flavour_of(const struct backend *backend)
{
	return backend == &backend_kvm ? &flavours[1] : &flavours[0];
}

/* Where a serial port's output goes, in XML. */
static struct error *serial_source(const struct machine_setup *setup, const char *file, char **ret)
{
	_cleanup_free_ char *path = format_string("%s/%s", setup->directory, file);
	const struct placeholder values[] = {{"PATH", path, 0}, {}};

	return domain_fill(place_of(setup->paths)->streams ? "" : "<source path='@PATH@'/>", values,
			   ret);
}

static struct error *emulator_element(const struct place_names *names, char **ret)
{
	const struct placeholder values[] = {{"PATH", names->emulator, 0}, {}};

	return domain_fill(names->emulator ? "<emulator>@PATH@</emulator>" : "", values, ret);
}

static struct error *make_xml(const struct backend *backend, const struct machine_setup *setup,
			      const struct place_names *names, char **ret)
{
	const struct flavour *flavour = flavour_of(backend);
	_cleanup_free_ char *path = format_string("%s/appliance/domain.xml", setup->paths->root);
	_cleanup_free_ char *template = NULL;
	_cleanup_free_ char *memory = format_string("%u", backend_memory(backend, setup->spec));
	_cleanup_free_ char *cpus = format_string("%u", setup->spec->cpus);
	_cleanup_free_ char *console = NULL, *events = NULL, *emulator = NULL;

	try(serial_source(setup, ports[0].file, &console));
	try(serial_source(setup, ports[1].file, &events));
	try(emulator_element(names, &emulator));
	const struct placeholder values[] = {
		{"TYPE", flavour->type, 0},
		{"NAME", names->domain, 0},
		{"MEMORY", memory, 0},
		{"CPUS", cpus, 0},
		{"KERNEL", names->kernel, 0},
		{"INITRD", names->initrd, 0},
		{"CMDLINE", setup->cmdline, 0},
		{"CPU", flavour->cpu, 1},
		{"EMULATOR", emulator, 1},
		{"DISK", names->disk, 0},
		{"SERIAL", place_of(setup->paths)->serial, 0},
		{"CONSOLE", console, 1},
		{"EVENTS", events, 1},
		{"INCOMING", setup->saved ? incoming : "", 1},
		{},
	};

	try(read_text(path, 1 << 16, &template));
	return error_wrap(domain_fill(template, values, ret), "%s", path);
}

static struct error *describe(const struct backend *backend, const struct machine_setup *setup,
			      FILE *out)
{
	_cleanup_names_ struct place_names names = {};
	_cleanup_free_ char *xml = NULL;

	try(place_of(setup->paths)->name(setup, &names));
	try(make_xml(backend, setup, &names, &xml));
	fputs(xml, out);
	return NULL;
}

static struct error *describe_tcg(const struct machine_setup *setup, FILE *out)
{
	return describe(&backend_tcg, setup, out);
}

static struct error *describe_kvm(const struct machine_setup *setup, FILE *out)
{
	return describe(&backend_kvm, setup, out);
}

static void qemu_put(void *opaque)
{
	struct qemu_machine *self = opaque;

	if (atomic_fetch_sub(&self->users, 1) > 1)
		return;
	cleanup_close(&self->machine.exit_fd);
	cleanup_close(&self->moved_fd);
	place_names_deinit(&self->names);
	free(self->directory);
	free(self);
}

/* QEMU's own event: libvirt's lifecycle does not tell a reset from a shutdown. */
static void on_shutdown(virConnectPtr connection, virDomainPtr domain, const char *event,
			long long seconds, unsigned micros, const char *details, void *opaque)
{
	struct qemu_machine *self = opaque;

	(void)connection;
	(void)domain;
	(void)event;
	(void)seconds;
	(void)micros;
	if (details && strstr(details, "guest-reset"))
		atomic_store(&self->reset, true);
}

static void on_migration(virConnectPtr connection, virDomainPtr domain, const char *event,
			 long long seconds, unsigned micros, const char *details, void *opaque)
{
	struct qemu_machine *self = opaque;

	(void)connection;
	(void)domain;
	(void)event;
	(void)seconds;
	(void)micros;
	bool completed = details && strstr(details, "\"completed\"");
	if (!completed && !(details && strstr(details, "\"failed\"")))
		return;
	atomic_store(&self->moved, completed);
	eventfd_write(self->moved_fd, 1);
}

/* The machine, or a console of it, has ended: with the last of them all is known. */
static void on_end(void *opaque)
{
	struct qemu_machine *self = opaque;

	if (atomic_fetch_sub(&self->running, 1) == 1)
		eventfd_write(self->machine.exit_fd, 1);
}

static int on_lifecycle(virConnectPtr connection, virDomainPtr domain, int event, int detail,
			void *opaque)
{
	struct qemu_machine *self = opaque;

	(void)connection;
	(void)domain;
	if (event == VIR_DOMAIN_EVENT_STOPPED || event == VIR_DOMAIN_EVENT_CRASHED)
		on_end(self);
	if (event == VIR_DOMAIN_EVENT_SUSPENDED && detail == VIR_DOMAIN_EVENT_SUSPENDED_IOERROR) {
		atomic_store(&self->stuck, true);
		eventfd_write(self->machine.exit_fd, 1);
	}
	return 0;
}

static double qemu_cpu_seconds(struct machine *machine)
{
	struct qemu_machine *self = (struct qemu_machine *)machine;
	virDomainInfo info;

	if (self->process.pid)
		return process_cpu_seconds(self->process.pid);
	if (virDomainGetInfo(self->domain, &info) >= 0)
		self->cpu_seconds = info.cpuTime / 1e9;
	return self->cpu_seconds;
}

static double qemu_stop(struct machine *machine)
{
	struct qemu_machine *self = (struct qemu_machine *)machine;

	if (self->lifecycle >= 0)
		virConnectDomainEventDeregisterAny(self->connection, self->lifecycle);
	if (self->shutdown >= 0)
		virConnectDomainQemuMonitorEventDeregister(self->connection, self->shutdown);
	if (self->migration >= 0)
		virConnectDomainQemuMonitorEventDeregister(self->connection, self->migration);
	for (size_t i = 0; i < PORTS; i++)
		console_close(self->consoles[i]);
	if (self->place->unwatch)
		self->place->unwatch(self->machine.exit_fd);
	/* libvirt looks only every 200 ms whether the process is gone; so it is, beforehand. */
	double used = self->process.pid ? orphan_end(&self->process)
		      : self->domain    ? qemu_cpu_seconds(machine)
					: 0;
	if (self->domain) {
		virDomainDestroy(self->domain); /* fails when it has ended: that is fine */
		virDomainFree(self->domain);
	}
	if (self->put)
		self->place->remove(self->connection, self->paths, &self->names);
	if (self->connection)
		virConnectClose(self->connection);
	qemu_put(self);
	return used;
}

static struct error *watch_domain(struct qemu_machine *self)
{
	self->lifecycle = virConnectDomainEventRegisterAny(
		self->connection, self->domain, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
		VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle), self, qemu_put);
	self->shutdown = virConnectDomainQemuMonitorEventRegister(
		self->connection, self->domain, "SHUTDOWN", on_shutdown, self, qemu_put, 0);
	self->migration = virConnectDomainQemuMonitorEventRegister(
		self->connection, self->domain, "MIGRATION", on_migration, self, qemu_put, 0);
	atomic_fetch_add(&self->users,
			 (self->lifecycle >= 0) + (self->shutdown >= 0) + (self->migration >= 0));
	if (self->lifecycle < 0 || self->shutdown < 0 || self->migration < 0)
		return link_error("watching the domain");
	return NULL;
}

static struct error *open_consoles(struct qemu_machine *self)
{
	for (size_t i = 0; i < PORTS; i++) {
		_cleanup_free_ char *path = format_string("%s/%s", self->directory, ports[i].file);

		atomic_fetch_add(&self->running, 1);
		try(console_open(self->connection, self->domain, ports[i].device, path, on_end,
				 self, &self->consoles[i]));
	}
	return NULL;
}

/* A command of QEMU's monitor protocol; @fd, unless -1, goes with it. */
static struct error *monitor(struct qemu_machine *self, const char *command, int fd)
{
	_cleanup_free_ char *text = NULL;

	if (virDomainQemuMonitorCommandWithFiles(self->domain, command, fd >= 0, &fd, NULL, NULL,
						 &text, 0) < 0)
		return link_error("QEMU's monitor");
	if (strstr(text, "\"error\""))
		return error_new(ERROR_SYSTEM, "QEMU: %s", text);
	return NULL;
}

static char *state_path(const char *folder)
{
	return format_string("%s/state", folder);
}

/* Let QEMU write its state to, or read it from, the file @fd: @command says which. */
static struct error *move_state(struct qemu_machine *self, int fd, const char *command)
{
	struct pollfd polls[] = {{.fd = self->moved_fd, .events = POLLIN},
				 {.fd = self->machine.exit_fd, .events = POLLIN}};
	int ready;

	/* As fast as it goes; the default is meant for a network. */
	try(monitor(self,
		    "{\"execute\":\"migrate-set-parameters\",\"arguments\":"
		    "{\"max-bandwidth\":1099511627776}}",
		    -1));
	try(monitor(self, "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"state\"}}", fd));
	try(monitor(self, command, -1));
	do {
		ready = poll(polls, 2, STATE_SECONDS * 1000);
	} while (ready < 0 && errno == EINTR);
	if (ready > 0 && polls[0].revents && atomic_load(&self->moved))
		return NULL;
	return error_new(ERROR_SYSTEM, "QEMU %s",
			 !ready                      ? "took too long"
			 : polls[0].revents & POLLIN ? "failed"
						     : "ended");
}

static struct error *qemu_save(struct machine *machine)
{
	struct qemu_machine *self = (struct qemu_machine *)machine;
	_cleanup_free_ char *path = state_path(self->directory);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		return error_errno(errno, "%s", path);
	if (virDomainSuspend(self->domain) < 0)
		return link_error("stopping the domain");
	try(error_wrap(move_state(self, fd,
				  "{\"execute\":\"migrate\",\"arguments\":{\"uri\":\"fd:state\"}}"),
		       "saving the machine"));
	return fsync(fd) ? error_errno(errno, "%s", path) : NULL;
}

static struct error *qemu_load(struct qemu_machine *self, const char *folder)
{
	_cleanup_free_ char *path = state_path(folder);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return error_errno(errno, "%s", path);
	return error_wrap(move_state(self, fd,
				     "{\"execute\":\"migrate-incoming\",\"arguments\":"
				     "{\"uri\":\"fd:state\"}}"),
			  "restoring %s", path);
}

static struct error *adopt_process(struct qemu_machine *self)
{
	pid_t pid;

	try(self->place->pid(self->names.domain, &pid));
	return orphan_adopt(pid, &self->process);
}

static struct error *run_domain(struct qemu_machine *self, const char *xml, const char *saved)
{
	/* Paused first: no event of the domain can come before its callbacks are there. */
	self->domain = virDomainCreateXML(self->connection, xml,
					  VIR_DOMAIN_START_PAUSED | self->place->start_flags);
	if (!self->domain)
		return link_error("starting the domain");
	if (self->place->pid)
		try(adopt_process(self));
	try(watch_domain(self));
	if (self->place->streams)
		try(open_consoles(self));
	if (saved)
		try(qemu_load(self, saved));
	if (virDomainResume(self->domain) < 0)
		return link_error("letting the domain go");
	return NULL;
}

/* Bring it all to where its QEMU runs, and start it there. */
static struct error *begin(struct qemu_machine *self, const struct machine_setup *setup)
{
	_cleanup_free_ char *xml = NULL;

	try(self->place->name(setup, &self->names));
	try(make_xml(self->machine.backend, setup, &self->names, &xml));
	try(self->place->connect(setup->paths, &self->connection));
	if (self->place->watch)
		self->place->watch(self->machine.exit_fd);
	self->put = self->place->put;
	if (self->put)
		try(self->place->put(self->connection, setup, &self->names));
	return run_domain(self, xml, setup->saved);
}

static struct error *start(const struct backend *backend, const struct machine_setup *setup,
			   struct machine **ret)
{
	struct qemu_machine *self = calloc(1, sizeof(*self));

	if (!self)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	self->place = place_of(setup->paths);
	self->paths = setup->paths;
	self->cpus = setup->spec->cpus;
	self->lifecycle = self->shutdown = self->migration = -1;
	atomic_init(&self->users, 1);
	atomic_init(&self->running, 1);
	self->machine.backend = backend;
	self->directory = format_string("%s", setup->directory);
	self->machine.moment_fd = -1;
	self->machine.exit_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	self->moved_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct error *err = self->machine.exit_fd < 0 || self->moved_fd < 0
				    ? error_errno(errno, "eventfd")
				    : begin(self, setup);
	if (err) {
		qemu_stop(&self->machine);
		return err;
	}
	*ret = &self->machine;
	return NULL;
}

static struct error *start_tcg(const struct machine_setup *setup, struct machine **ret)
{
	return start(&backend_tcg, setup, ret);
}

static struct error *start_kvm(const struct machine_setup *setup, struct machine **ret)
{
	return start(&backend_kvm, setup, ret);
}

static char *qemu_trouble(struct machine *machine, bool *ret_again)
{
	struct qemu_machine *self = (struct qemu_machine *)machine;

	*ret_again = atomic_load(&self->stuck);
	if (*ret_again)
		return format_string(
			"QEMU could not write the case disk: is there space left where it "
			"runs?");
	if (virConnectIsAlive(self->connection) != 1)
		return format_string("the connection to %s was lost",
				     self->paths->connect ? self->paths->connect : "libvirt");
	return NULL;
}

static struct error *qemu_collect(struct machine *machine)
{
	struct qemu_machine *self = (struct qemu_machine *)machine;
	_cleanup_free_ char *disk = format_string("%s/case.disk", self->directory);

	if (!self->place->get)
		return NULL;
	qemu_cpu_seconds(machine);
	virDomainDestroy(self->domain); /* what it writes from now on is not for us */
	return self->place->get(self->connection, self->paths, &self->names, disk);
}

static struct error *qemu_ready(const struct lab_paths *paths)
{
	const struct place *place = place_of(paths);

	return place->ready ? place->ready(paths) : NULL;
}

static bool qemu_was_reset(struct machine *machine)
{
	return atomic_load(&((struct qemu_machine *)machine)->reset);
}

/** What QEMU's monitor for people (HMP) answers to @command. */
static struct error *ask_monitor(struct qemu_machine *self, const char *command, char **ret)
{
	if (virDomainQemuMonitorCommand(self->domain, command, ret,
					VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP) < 0)
		return link_error(command);
	return NULL;
}

static struct error *qemu_registers(struct machine *machine, const char *path)
{
	struct qemu_machine *self = (struct qemu_machine *)machine;
	_cleanup_free_ char *text = NULL;

	try(ask_monitor(self, "info registers -a", &text));
	return write_text(path, text);
}

/* Put "CPU#N" and what @command of the monitor says into @out. */
static struct error *put_command(struct qemu_machine *self, unsigned cpu, const char *command,
				 FILE *out)
{
	_cleanup_free_ char *text = NULL;

	try(ask_monitor(self, command, &text));
	fprintf(out, "CPU#%u\n%s\n", cpu, text);
	return NULL;
}

static struct error *qemu_apics(struct machine *machine, const char *path)
{
	struct qemu_machine *self = (struct qemu_machine *)machine;
	_cleanup_free_ char *all = NULL;
	struct error *err = NULL;
	size_t size;
	FILE *out = open_memstream(&all, &size);

	if (!out)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	for (unsigned cpu = 0; !err && cpu < self->cpus; cpu++) {
		_cleanup_free_ char *command = format_string("info lapic %u", cpu);

		err = put_command(self, cpu, command, out);
	}
	fclose(out);
	return err ? err : write_text(path, all);
}

/*
 * QEMU pulls LINT1 of every CPU (hw/i386, x86_nmi(): apic_deliver_nmi()), and Linux
 * has it unmasked on CPU 0 alone.
 */
static struct error *qemu_nmi(struct machine *machine)
{
	struct qemu_machine *self = (struct qemu_machine *)machine;

	return virDomainInjectNMI(self->domain, 0) < 0 ? link_error("sending an NMI") : NULL;
}

/* A port that nobody listens on just now; should another take it first, QEMU says so. */
static struct error *free_port(unsigned *ret)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) ||
	    getsockname(fd, (struct sockaddr *)&address, &length))
		return error_errno(errno, "a port for gdb");
	*ret = ntohs(address.sin_port);
	return NULL;
}

static struct error *gdbserver(struct qemu_machine *self, const char *where)
{
	_cleanup_free_ char *command = format_string("gdbserver %s", where);
	_cleanup_free_ char *said = NULL;

	try(ask_monitor(self, command, &said));
	if (said && strstr(said, "ould not"))
		return error_new(ERROR_SYSTEM, "QEMU: %s", said);
	return NULL;
}

static struct error *qemu_debug(struct machine *machine, unsigned *ret_port)
{
	struct qemu_machine *self = (struct qemu_machine *)machine;

	try(free_port(ret_port));
	_cleanup_free_ char *where = format_string("tcp:127.0.0.1:%u", *ret_port);
	if (virDomainSuspend(self->domain) < 0)
		return link_error("stopping the machine");
	return gdbserver(self, where);
}

static void qemu_debug_end(struct machine *machine)
{
	struct qemu_machine *self = (struct qemu_machine *)machine;

	error_free(gdbserver(self, "none"));
	virDomainResume(self->domain); /* fails when gdb let it go on: that is fine */
}

static struct error *probe_tcg(const struct lab_paths *paths, enum vendor vendor)
{
	if (vendor != VENDOR_SVM)
		return error_new(ERROR_UNSUPPORTED, "QEMU's TCG emulates SVM only");
	return place_of(paths)->probe(paths, "qemu", vendor);
}

static struct error *probe_kvm(const struct lab_paths *paths, enum vendor vendor)
{
	return place_of(paths)->probe(paths, "kvm", vendor);
}

static char *qemu_emulator(const struct lab_paths *paths)
{
	return paths->qemu ? realpath(paths->qemu, NULL) : NULL;
}

static unsigned cores_all(unsigned cpus)
{
	return cpus;
}

static const char *const files[] = {"vmlinuz", "appliance.cpio", "cmdline.qemu", NULL};

/* What the two have in common. A CPU in guest mode cannot be restored ("vCPU set in guest-mode
 * inconsistent…", svm_nested of target/i386/machine.c), so a machine is saved before the guests. */
#define QEMU_BACKEND                                                                           \
	.cmdline = "cmdline.qemu", .files = files, .memory_mb = 1024, .cores = cores_all,      \
	.save_point = "armed", .emulator = qemu_emulator, .save = qemu_save, .connects = true, \
	.ready = qemu_ready, .trouble = qemu_trouble, .collect = qemu_collect,                 \
	.was_reset = qemu_was_reset, .registers = qemu_registers, .apics = qemu_apics,         \
	.nmi = qemu_nmi, .debug = qemu_debug, .debug_end = qemu_debug_end,                     \
	.cpu_seconds = qemu_cpu_seconds, .stop = qemu_stop

const struct backend backend_tcg = {
	QEMU_BACKEND,
	.name = "tcg",
	.about = "QEMU without KVM, through libvirt: emulates SVM",
	.merits = {[VENDOR_SVM] = {"CR4, EFER of every CPU", "1/20", "yes"}},
	.limits = {[STAGE_START] = 90,
		   [STAGE_BOOT] = 30,
		   [STAGE_CASE] = 30,
		   [STAGE_KVM] = 60,
		   [STAGE_ARMED] = 130, /* guestload gives up sooner, and says why */
		   [STAGE_GUESTS] = 30,
		   [STAGE_STRIKE] = 60,
		   [STAGE_CAPTURE] = 120,
		   [STAGE_VERDICT] = 180,
		   [STAGE_SAVED] = 30},
	.probe = probe_tcg,
	.describe = describe_tcg,
	.start = start_tcg,
};

const struct backend backend_kvm = {
	QEMU_BACKEND,
	.name = "kvm",
	.about = "QEMU with nested KVM, through libvirt: the host's own VMX or SVM",
	.merits = {[VENDOR_VMX] = {"CR4, EFER of every CPU", "1", "no"},
		   [VENDOR_SVM] = {"CR4, EFER of every CPU", "1", "one level down"}},
	.limits = {[STAGE_START] = 60,
		   [STAGE_BOOT] = 20,
		   [STAGE_CASE] = 20,
		   [STAGE_KVM] = 30,
		   [STAGE_ARMED] = 130, /* guestload gives up sooner, and says why */
		   [STAGE_GUESTS] = 20,
		   [STAGE_STRIKE] = 30,
		   [STAGE_CAPTURE] = 60,
		   [STAGE_VERDICT] = 120,
		   [STAGE_SAVED] = 30},
	.probe = probe_kvm,
	.describe = describe_kvm,
	.start = start_kvm,
};
