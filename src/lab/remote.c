// SPDX-License-Identifier: GPL-2.0-only
/* A libvirt that is connected to: its host sees none of this host's files. */
#define _GNU_SOURCE
#include "lab/remote.h"

#include <ctype.h>
#include <errno.h>
#include <libvirt/virterror.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include "lab/files.h"
#include "lab/link.h"
#include "lab/place.h"
#include "lab/process.h"
#include "lab/space.h"
#include "lab/volume.h"
#include "util/cleanup.h"

#define DEFAULT_POOL "default"
#define ARCHITECTURE "x86_64"
#define MACHINE "pc" /* as in appliance/domain.xml */
#define KEEPALIVE_SECONDS 10
#define KEEPALIVE_TIMES 6 /* without an answer: it is lost */
#define ID_MOST 64
#define FIRST_GOOD_QEMU 8001000 /* as doctor_qemu() has it */
#define MIB (1ULL << 20)

/** Who wants to know that the connection is lost. */
struct watcher {
	struct watcher *next;
	int fd;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of the connection */
static virConnectPtr connection;
static const struct lab_paths *used; /* by it */
static pthread_mutex_t watchers_lock = PTHREAD_MUTEX_INITIALIZER;
static struct watcher *watchers;

static void pool_free(virStoragePoolPtr *pool)
{
	if (*pool)
		virStoragePoolFree(*pool);
}

static void connection_free(virConnectPtr *one)
{
	if (*one)
		virConnectClose(*one);
}

#define _cleanup_pool_ _cleanup_(pool_free)
#define _cleanup_connection_ _cleanup_(connection_free)

static const char *pool_name(const struct lab_paths *paths)
{
	return paths->pool ? paths->pool : DEFAULT_POOL;
}

/* ---- names ---- */

/* What tells this host, as seen by its processes, from any other; containers may share a name. */
static char *host_id(void)
{
	char host[ID_MOST + 1] = "";
	_cleanup_free_ char *machine = NULL;
	struct stat namespace = {};
	_cleanup_error_ struct error *err = read_text("/etc/machine-id", 8, &machine);

	gethostname(host, ID_MOST);
	for (char *c = host; *c; c++) {
		if (!isalnum((unsigned char)*c))
			*c = '-';
	}
	stat("/proc/self/ns/pid", &namespace);
	return format_string("%s-%s-%ju", host, err ? "0" : machine, (uintmax_t) namespace.st_ino);
}

char *remote_name(const char *id)
{
	_cleanup_free_ char *host = host_id();

	return format_string("crashlab.%s.%d.%llu.%s", host, getpid(), process_start_time(getpid()),
			     id);
}

bool remote_is_left(const char *name, bool own)
{
	_cleanup_free_ char *host = host_id();
	_cleanup_free_ char *prefix = format_string("crashlab.%s.", host);
	unsigned long long start;
	char dot;
	int pid;

	if (strncmp(name, prefix, strlen(prefix)) ||
	    sscanf(name + strlen(prefix), "%d.%llu%c", &pid, &start, &dot) != 3 || dot != '.')
		return false;
	return process_start_time(pid) != start || (own && pid == getpid());
}

/* ---- the connection ---- */

/* libvirt's messages may have several lines: what ssh said, say. */
static char *last_message(void)
{
	char *text = format_string("%s", virGetLastErrorMessage());
	size_t used_bytes = 0;

	for (const char *c = text; *c; c++) {
		if (!isspace((unsigned char)*c) || (used_bytes && text[used_bytes - 1] != ' '))
			text[used_bytes++] = isspace((unsigned char)*c) ? ' ' : *c;
	}
	text[used_bytes] = '\0';
	return text;
}

static struct error *explain_connection(const char *uri)
{
	const virError *said = virGetLastError();
	_cleanup_free_ char *message = last_message();
	int code = said ? said->code : VIR_ERR_INTERNAL_ERROR;
	int number = code == VIR_ERR_SYSTEM_ERROR ? said->int1 : 0;

	if (number == EACCES || number == EPERM || code == VIR_ERR_AUTH_FAILED ||
	    code == VIR_ERR_AUTH_CANCELLED || code == VIR_ERR_AUTH_UNAVAILABLE)
		return error_new(
			ERROR_SYSTEM,
			"%s: %s (who may connect there is in the group `libvirt`, or root)", uri,
			message);
	return error_new(ERROR_SYSTEM, "%s: %s (does libvirtd run there? `virsh -c '%s' version`)",
			 uri, message, uri);
}

/* With what begins otherwise libvirt tries whatever it has. */
static struct error *check_uri(const char *uri)
{
	size_t scheme = strcspn(uri, ":+");

	if (scheme == strlen("qemu") && !strncmp(uri, "qemu", scheme) && strstr(uri, ":///embed"))
		return error_new(ERROR_USAGE, "--connect %s: that is what runs without --connect",
				 uri);
	if (scheme != strlen("qemu") || strncmp(uri, "qemu", scheme) || !strstr(uri, "://"))
		return error_new(ERROR_USAGE,
				 "--connect %s: not a URI of QEMU's, such as qemu:///system or "
				 "qemu+ssh://HOST/system",
				 uri);
	return NULL;
}

static void on_close(virConnectPtr which, int reason, void *opaque)
{
	(void)which;
	(void)reason;
	(void)opaque;
	pthread_mutex_lock(&watchers_lock);
	for (const struct watcher *watcher = watchers; watcher; watcher = watcher->next)
		eventfd_write(watcher->fd, 1);
	pthread_mutex_unlock(&watchers_lock);
}

static void watch(int fd)
{
	struct watcher *watcher = calloc(1, sizeof(*watcher));

	if (!watcher)
		abort();
	watcher->fd = fd;
	pthread_mutex_lock(&watchers_lock);
	watcher->next = watchers;
	watchers = watcher;
	pthread_mutex_unlock(&watchers_lock);
}

static void unwatch(int fd)
{
	pthread_mutex_lock(&watchers_lock);
	struct watcher **at = &watchers, *found;
	while (*at && (*at)->fd != fd)
		at = &(*at)->next;
	found = *at;
	if (found)
		*at = found->next;
	pthread_mutex_unlock(&watchers_lock);
	free(found);
}

static struct error *open_pool(virConnectPtr to, const struct lab_paths *paths,
			       virStoragePoolPtr *ret)
{
	const char *name = pool_name(paths), *uri = paths->connect;

	*ret = virStoragePoolLookupByName(to, name);
	if (!*ret && virGetLastErrorCode() == VIR_ERR_NO_STORAGE_POOL)
		return error_new(ERROR_USAGE,
				 "%s has no storage pool %s: --pool names another, `virsh -c '%s' "
				 "pool-create-as %s dir --target DIRECTORY` makes it",
				 uri, name, uri, name);
	if (!*ret) {
		_cleanup_free_ char *message = last_message();
		return error_new(ERROR_SYSTEM, "%s: storage pool %s: %s", uri, name, message);
	}
	if (virStoragePoolIsActive(*ret) == 1)
		return NULL;
	virStoragePoolFree(take(*ret));
	return error_new(ERROR_USAGE,
			 "%s: storage pool %s is not started (`virsh -c '%s' pool-start %s`)", uri,
			 name, uri, name);
}

/* The directory of a pool whose volumes are files, which QEMU can take a kernel from. */
static struct error *pool_directory(virStoragePoolPtr pool, char **ret)
{
	static const char *const types[] = {"<pool type='dir'", "<pool type='fs'",
					    "<pool type='netfs'"};
	_cleanup_free_ char *xml = virStoragePoolGetXMLDesc(pool, 0);
	const char *path = xml ? strstr(xml, "<path>") : NULL;
	bool fits = false;

	if (!xml)
		return link_error("storage pool");
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		fits |= !strncmp(xml, types[i], strlen(types[i]));
	if (!fits || !path)
		return error_new(ERROR_USAGE,
				 "storage pool %s is none of type dir, fs or netfs (--pool)",
				 virStoragePoolGetName(pool));
	path += strlen("<path>");
	*ret = format_string("%.*s", (int)strcspn(path, "<"), path);
	return NULL;
}

static void clean_domains(virConnectPtr from)
{
	virDomainPtr *domains = NULL;
	int count = virConnectListAllDomains(from, &domains, 0);

	for (int i = 0; i < count; i++) {
		if (remote_is_left(virDomainGetName(domains[i]), true))
			virDomainDestroy(domains[i]);
		virDomainFree(domains[i]);
	}
	free(domains);
}

static void clean_volumes(virStoragePoolPtr pool)
{
	virStorageVolPtr *volumes = NULL;
	int count = virStoragePoolListAllVolumes(pool, &volumes, 0);

	for (int i = 0; i < count; i++) {
		if (remote_is_left(virStorageVolGetName(volumes[i]), true))
			virStorageVolDelete(volumes[i], 0);
		virStorageVolFree(volumes[i]);
	}
	free(volumes);
}

static struct error *set_up(virConnectPtr to, const struct lab_paths *paths)
{
	_cleanup_pool_ virStoragePoolPtr pool = NULL;
	_cleanup_free_ char *directory = NULL;
	const char *type = virConnectGetType(to);

	if (!type || strcmp(type, "QEMU"))
		return error_new(ERROR_USAGE, "--connect %s: that is %s, not QEMU", paths->connect,
				 type ? type : "unknown");
	try(open_pool(to, paths, &pool));
	try(pool_directory(pool, &directory));
	virConnectRegisterCloseCallback(to, on_close, NULL, NULL);
	/* Fails with a driver in this process, which cannot get lost. */
	virConnectSetKeepAlive(to, KEEPALIVE_SECONDS, KEEPALIVE_TIMES);
	virStoragePoolRefresh(pool,
			      0); /* fails while another lab uploads: it then knows them all */
	clean_domains(to);
	clean_volumes(pool);
	return NULL;
}

static void drop_locked(void)
{
	virConnectUnregisterCloseCallback(connection, on_close);
	virConnectClose(take(connection));
}

static struct error *open_locked(const struct lab_paths *paths)
{
	if (connection && virConnectIsAlive(connection) == 1)
		return NULL;
	if (connection)
		drop_locked();
	try(check_uri(paths->connect));
	try(link_start());
	_cleanup_connection_ virConnectPtr to = virConnectOpen(paths->connect);
	if (!to)
		return explain_connection(paths->connect);
	try(set_up(to, paths));
	connection = take(to);
	used = paths;
	return NULL;
}

struct error *remote_open(const struct lab_paths *paths, virConnectPtr *ret)
{
	pthread_mutex_lock(&lock);
	struct error *err = open_locked(paths);
	if (!err) {
		virConnectRef(connection);
		*ret = connection;
	}
	pthread_mutex_unlock(&lock);
	return err;
}

void remote_close(void)
{
	pthread_mutex_lock(&lock);
	if (connection) {
		error_free(open_locked(used));
		if (connection)
			drop_locked();
	}
	pthread_mutex_unlock(&lock);
}

/* ---- what is asked of it ---- */

static struct error *ready(const struct lab_paths *paths)
{
	_cleanup_connection_ virConnectPtr to = NULL;
	_cleanup_pool_ virStoragePoolPtr pool = NULL;
	virStoragePoolInfo info;

	try(remote_open(paths, &to));
	try(open_pool(to, paths, &pool));
	virStoragePoolRefresh(pool, 0);
	if (virStoragePoolGetInfo(pool, &info) < 0)
		return link_error(paths->connect);
	if (info.available >= SPACE_START * MIB)
		return NULL;
	return error_new(ERROR_SYSTEM,
			 "no space left in storage pool %s of %s: %llu MiB, it takes %u (`virsh -c "
			 "'%s' vol-list %s`; --pool names another)",
			 pool_name(paths), paths->connect, info.available / MIB, SPACE_START,
			 paths->connect, pool_name(paths));
}

unsigned remote_cores(const struct lab_paths *paths)
{
	_cleanup_connection_ virConnectPtr to = NULL;
	_cleanup_error_ struct error *err = remote_open(paths, &to);
	virNodeInfo info;

	return err || virNodeGetInfo(to, &info) < 0 ? 0 : info.cpus;
}

struct error *remote_describe(const struct lab_paths *paths, FILE *out)
{
	_cleanup_connection_ virConnectPtr to = NULL;
	_cleanup_pool_ virStoragePoolPtr pool = NULL;
	virStoragePoolInfo info;
	unsigned long version = 0;

	try(remote_open(paths, &to));
	try(open_pool(to, paths, &pool));
	_cleanup_free_ char *host = virConnectGetHostname(to);
	if (virConnectGetVersion(to, &version) < 0 || virStoragePoolGetInfo(pool, &info) < 0)
		return link_error(paths->connect);
	_cleanup_free_ char *own = format_string("%lu.%lu.%lu", version / 1000000,
						 version / 1000 % 1000, version % 1000);
	fprintf(out, "connected to %s: host %s, QEMU %s, pool %s with %llu MiB left\n",
		paths->connect, host ? host : "unknown", paths->emulator ? paths->emulator : own,
		pool_name(paths), info.available / MIB);
	if (!paths->emulator && version < FIRST_GOOD_QEMU)
		fputs("Before 8.1 a case under TCG may die of an int3 that the kernel has taken "
		      "away (docs/facts.md): --emulator names a newer QEMU there.\n",
		      out);
	return NULL;
}

/* The CPU that the libvirt there would give a domain of @type, with all its features; NULL: none.
 */
static char *host_cpu(virConnectPtr to, const struct lab_paths *paths, const char *type)
{
	static const char begin[] = "<mode name='host-model' supported='yes'>", end[] = "</mode>";
	_cleanup_free_ char *capabilities = virConnectGetDomainCapabilities(
		to, paths->emulator, ARCHITECTURE, MACHINE, type, 0);
	const char *model = capabilities ? strstr(capabilities, begin) : NULL;
	const char *after = model ? strstr(model, end) : NULL;

	if (!after)
		return NULL;
	model += strlen(begin);
	_cleanup_free_ char *cpu = format_string("<cpu>%.*s</cpu>", (int)(after - model), model);
	const char *cpus[] = {cpu};
	return virConnectBaselineHypervisorCPU(to, paths->emulator, ARCHITECTURE, MACHINE, type,
					       cpus, 1, VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES);
}

static struct error *probe(const struct lab_paths *paths, const char *type, enum vendor vendor)
{
	_cleanup_connection_ virConnectPtr to = NULL;
	_cleanup_free_ char *feature =
		format_string("<feature policy='require' name='%s'/>", vendor_names[vendor]);

	try(remote_open(paths, &to));
	_cleanup_free_ char *cpu = host_cpu(to, paths, type);
	if (!cpu) {
		_cleanup_free_ char *message = last_message();
		return error_new(ERROR_UNSUPPORTED, "%s has no domains of type %s: %s",
				 paths->connect, type, message);
	}
	return strstr(cpu, feature)
		       ? NULL
		       : error_new(ERROR_UNSUPPORTED, "%s gives guests of type %s no %s",
				   paths->connect, type, vendor_names[vendor]);
}

/* ---- files ---- */

static struct error *image_name(const struct machine_setup *setup, const char *file, char **ret)
{
	_cleanup_free_ char *path = format_string("%s/%s", setup->images, file);
	_cleanup_free_ char *hash = NULL;

	try(volume_hash(path, &hash));
	*ret = format_string("crashlab-image.%s.%s", hash, file);
	return NULL;
}

static struct error *image_path(const struct machine_setup *setup, const char *file,
				const char *directory, char **ret)
{
	_cleanup_free_ char *name = NULL;

	try(image_name(setup, file, &name));
	*ret = format_string("%s/%s", directory, name);
	return NULL;
}

static const char *volume_of(const char *path)
{
	return strrchr(path, '/') + 1;
}

static struct error *name(const struct machine_setup *setup, struct place_names *ret)
{
	const struct lab_paths *paths = setup->paths;
	_cleanup_connection_ virConnectPtr to = NULL;
	_cleanup_pool_ virStoragePoolPtr pool = NULL;
	_cleanup_free_ char *directory = NULL;

	try(remote_open(paths, &to));
	try(open_pool(to, paths, &pool));
	try(pool_directory(pool, &directory));
	try(image_path(setup, "vmlinuz", directory, &ret->kernel));
	try(image_path(setup, "appliance.cpio", directory, &ret->initrd));
	ret->domain = remote_name(setup->id);
	ret->disk = format_string("%s/%s.disk", directory, ret->domain);
	ret->emulator = paths->emulator ? format_string("%s", paths->emulator) : NULL;
	return NULL;
}

static struct error *put(virConnectPtr to, const struct machine_setup *setup,
			 const struct place_names *names)
{
	_cleanup_free_ char *kernel = format_string("%s/vmlinuz", setup->images);
	_cleanup_free_ char *initrd = format_string("%s/appliance.cpio", setup->images);
	_cleanup_free_ char *disk = format_string("%s/case.disk", setup->directory);
	_cleanup_pool_ virStoragePoolPtr pool = NULL;

	try(open_pool(to, setup->paths, &pool));
	try(volume_keep(pool, volume_of(names->kernel), kernel));
	try(volume_keep(pool, volume_of(names->initrd), initrd));
	try(volume_put(pool, volume_of(names->disk), disk));
	unlink(disk); /* what comes back is the domain's */
	return NULL;
}

static struct error *get(virConnectPtr from, const struct lab_paths *paths,
			 const struct place_names *names, const char *path)
{
	_cleanup_pool_ virStoragePoolPtr pool = NULL;

	try(open_pool(from, paths, &pool));
	return volume_get(pool, volume_of(names->disk), path);
}

static void remove_disk(virConnectPtr from, const struct lab_paths *paths,
			const struct place_names *names)
{
	_cleanup_pool_ virStoragePoolPtr pool = NULL;
	_cleanup_error_ struct error *err = open_pool(from, paths, &pool);

	if (!err)
		volume_remove(pool, volume_of(names->disk));
}

const struct place place_remote = {
	.serial = "pty",
	.streams = true,
	.start_flags = VIR_DOMAIN_START_AUTODESTROY,
	.connect = remote_open,
	.ready = ready,
	.probe = probe,
	.name = name,
	.put = put,
	.get = get,
	.remove = remove_disk,
	.watch = watch,
	.unwatch = unwatch,
};
