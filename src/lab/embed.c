// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/embed.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "lab/files.h"
#include "lab/link.h"
#include "lab/orphan.h"
#include "lab/process.h"
#include "util/cleanup.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static virConnectPtr connection;
static char *root;

/** The directory of the roots. The caller frees it. */
static char *embed_base(void)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	if (!getuid())
		return format_string("/run/crashlab");
	if (runtime)
		return format_string("%s/crashlab", runtime);
	return format_string("/tmp/crashlab-%u", getuid());
}

/* As root libvirt wants to change to a user of its own, and to use what a container lacks. */
static const char config_root[] = "user = \"root\"\n"
				  "group = \"root\"\n"
				  "dynamic_ownership = 0\n"
				  "remember_owner = 0\n"
				  "namespaces = []\n"
				  "cgroup_controllers = []\n"
				  "security_driver = \"none\"\n"
				  "stdio_handler = \"file\"\n";
static const char config_user[] = "security_driver = \"none\"\n"
				  "stdio_handler = \"file\"\n";

static struct error *make_root(void)
{
	_cleanup_free_ char *base = embed_base();
	root = format_string("%s/%d-%llu", base, getpid(), process_start_time(getpid()));
	_cleanup_free_ char *etc = format_string("%s/etc", root);
	_cleanup_free_ char *config = format_string("%s/etc/qemu.conf", root);
	_cleanup_free_ char *log = format_string("3:file:%s/libvirt.log", root);
	_cleanup_free_ char *cache = format_string("%s/cache", root);
	_cleanup_free_ char *kept = format_string("%s/cache", base);

	try(make_directories(etc));
	try(make_directories(kept));
	/* What QEMU can do takes libvirt seconds to find out: keep it from one lab to the next. */
	if (symlink(kept, cache) && errno != EEXIST)
		return error_errno(errno, "%s", cache);
	setenv("LIBVIRT_LOG_OUTPUTS", log, 0);
	return write_text(config, getuid() ? config_user : config_root);
}

static struct error *open_locked(void)
{
	_cleanup_free_ char *uri = format_string("qemu:///embed?root=%s", root);

	try(link_start());
	connection = virConnectOpen(uri);
	return connection ? NULL : link_error("libvirt's embedded QEMU driver");
}

struct error *embed_open(virConnectPtr *ret)
{
	struct error *err = NULL;

	pthread_mutex_lock(&lock);
	if (!root)
		err = make_root();
	if (!err && !connection)
		err = orphans_take();
	if (!err && !connection)
		err = open_locked();
	pthread_mutex_unlock(&lock);
	*ret = connection;
	return err;
}

/* What the file of @folder called @name.pid has. */
static struct error *read_pid(const char *folder, const char *name, pid_t *ret)
{
	_cleanup_free_ char *path = format_string("%s/run/qemu/%s.pid", folder, name);
	_cleanup_free_ char *text = NULL;

	try(read_text(path, 32, &text));
	*ret = atoi(text);
	return *ret > 0 ? NULL : error_new(ERROR_SYSTEM, "%s: no process", path);
}

struct error *embed_pid(const char *name, pid_t *ret)
{
	return read_pid(root, name, ret);
}

void embed_close(void)
{
	pthread_mutex_lock(&lock);
	if (connection)
		virConnectClose(take(connection));
	if (root)
		remove_tree(root);
	free(take(root));
	pthread_mutex_unlock(&lock);
}

/* The process is the root's QEMU only if its command line names a file in the root. */
static bool runs_from(pid_t pid, const char *folder)
{
	_cleanup_free_ char *path = format_string("/proc/%d/cmdline", pid);
	char text[16384];
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	size_t length = file ? fread(text, 1, sizeof(text), file) : 0;

	return length && memmem(text, length, folder, strlen(folder));
}

static void end_domains(const char *folder)
{
	_cleanup_free_ char *pids = format_string("%s/run/qemu", folder);
	DIR *dir = opendir(pids);

	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		const char *dot = strrchr(entry->d_name, '.');
		if (!dot || strcmp(dot, ".pid") || !strcmp(entry->d_name, "driver.pid"))
			continue;
		_cleanup_free_ char *name =
			format_string("%.*s", (int)(dot - entry->d_name), entry->d_name);
		pid_t pid;
		_cleanup_error_ struct error *err = read_pid(folder, name, &pid);
		if (!err && runs_from(pid, folder))
			kill(pid, SIGKILL);
	}
	if (dir)
		closedir(dir);
}

/** embed_clean() for the roots under @base. */
static void embed_clean_under(const char *base)
{
	DIR *dir = opendir(base);

	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		unsigned long long start;
		int pid;

		if (sscanf(entry->d_name, "%d-%llu", &pid, &start) != 2 ||
		    process_start_time(pid) == start)
			continue;
		_cleanup_free_ char *folder = format_string("%s/%s", base, entry->d_name);
		end_domains(folder);
		remove_tree(folder);
	}
	if (dir)
		closedir(dir);
}

void embed_clean(void)
{
	_cleanup_free_ char *base = embed_base();

	embed_clean_under(base);
}
