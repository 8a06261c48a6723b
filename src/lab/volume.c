// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libvirt/virterror.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lab/files.h"
#include "lab/link.h"
#include "lab/process.h"
#include "util/cleanup.h"

#define HASH_SECONDS 120
#define HASH_DIGITS 64
#define TAIL (64 << 10) /* bytes that prove that an upload came to its end */

static void volume_free(virStorageVolPtr *volume)
{
	if (*volume)
		virStorageVolFree(*volume);
}

static void stream_free(virStreamPtr *stream)
{
	if (*stream)
		virStreamFree(*stream);
}

#define _cleanup_volume_ _cleanup_(volume_free)
#define _cleanup_stream_ _cleanup_(stream_free)

/* ---- a file as the source or the sink of a stream; opaque: its descriptor ---- */

static int read_part(virStreamPtr stream, char *data, size_t size, void *opaque)
{
	(void)stream;
	return read(*(int *)opaque, data, size);
}

/* Is there data where the file stands, or a hole, and how long is it? */
static int find_section(virStreamPtr stream, int *ret_data, long long *ret_length, void *opaque)
{
	int fd = *(int *)opaque;
	off_t here = lseek(fd, 0, SEEK_CUR), end = lseek(fd, 0, SEEK_END);
	off_t data = lseek(fd, here, SEEK_DATA);

	(void)stream;
	if (data < 0 && errno == ENXIO)
		data = end; /* a hole to the end, or the end itself */
	if (here < 0 || end < 0 || data < 0)
		return -1;
	*ret_data = data == here && here < end;
	*ret_length = (*ret_data ? lseek(fd, here, SEEK_HOLE) : data) - here;
	return lseek(fd, here, SEEK_SET) < 0 ? -1 : 0;
}

static int skip_hole(virStreamPtr stream, long long length, void *opaque)
{
	(void)stream;
	return lseek(*(int *)opaque, length, SEEK_CUR) < 0 ? -1 : 0;
}

static int write_part(virStreamPtr stream, const char *data, size_t size, void *opaque)
{
	(void)stream;
	return write(*(int *)opaque, data, size);
}

static int make_hole(virStreamPtr stream, long long length, void *opaque)
{
	int fd = *(int *)opaque;
	off_t end = lseek(fd, length, SEEK_CUR);

	(void)stream;
	return end < 0 || ftruncate(fd, end) ? -1 : 0;
}

/* ---- volumes ---- */

static struct error *upload(virStoragePoolPtr pool, virStorageVolPtr volume, const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_stream_ virStreamPtr stream = virStreamNew(virStoragePoolGetConnect(pool), 0);

	if (fd < 0)
		return error_errno(errno, "%s", path);
	if (!stream ||
	    virStorageVolUpload(volume, stream, 0, 0, VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM) < 0)
		return link_error("upload");
	/* On an error libvirt has aborted the stream already. */
	if (virStreamSparseSendAll(stream, read_part, find_section, skip_hole, &fd) < 0 ||
	    virStreamFinish(stream) < 0)
		return link_error("upload");
	return NULL;
}

static struct error *create(virStoragePoolPtr pool, const char *name, const char *path,
			    virStorageVolPtr *ret)
{
	struct stat status;

	if (stat(path, &status))
		return error_errno(errno, "%s", path);
	/* What crashlab names a volume needs no escaping (remote.c). */
	_cleanup_free_ char *xml = format_string(
		"<volume><name>%s</name><capacity>%jd</capacity><allocation>0</allocation>"
		"<target><format type='raw'/></target></volume>",
		name, (intmax_t)status.st_size);
	*ret = virStorageVolCreateXML(pool, xml, 0);
	return *ret ? NULL : link_error("creating it");
}

static struct error *wrap(virStoragePoolPtr pool, const char *name, struct error *err)
{
	return error_wrap(err, "volume %s of pool %s", name, virStoragePoolGetName(pool));
}

static struct error *put(virStoragePoolPtr pool, const char *name, const char *path)
{
	_cleanup_volume_ virStorageVolPtr volume = NULL;

	try(create(pool, name, path, &volume));
	struct error *err = upload(pool, volume, path);
	if (err)
		virStorageVolDelete(volume, 0);
	return err;
}

struct error *volume_put(virStoragePoolPtr pool, const char *name, const char *path)
{
	return wrap(pool, name, put(pool, name, path));
}

static struct error *download(virStoragePoolPtr pool, virStorageVolPtr volume, off_t offset,
			      size_t length, int fd)
{
	_cleanup_stream_ virStreamPtr stream = virStreamNew(virStoragePoolGetConnect(pool), 0);

	if (!stream || virStorageVolDownload(volume, stream, offset, length,
					     VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM) < 0)
		return link_error("download");
	if (virStreamSparseRecvAll(stream, write_part, make_hole, &fd) < 0 ||
	    virStreamFinish(stream) < 0)
		return link_error("download");
	return NULL;
}

/* Uploads go from the beginning to the end, so the last bytes prove the others. */
static bool is_whole(virStoragePoolPtr pool, virStorageVolPtr volume, const char *path)
{
	_cleanup_close_ int there = memfd_create("tail", MFD_CLOEXEC);
	_cleanup_close_ int here = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *ours = calloc(2, TAIL);
	virStorageVolInfo info;
	struct stat status;

	if (!ours || there < 0 || here < 0 || fstat(here, &status) ||
	    virStorageVolGetInfo(volume, &info) < 0 || info.capacity != (uint64_t)status.st_size)
		return false;
	off_t from = status.st_size > TAIL ? status.st_size - TAIL : 0;
	ssize_t length = pread(here, ours, TAIL, from);
	_cleanup_error_ struct error *err = download(pool, volume, from, length, there);
	return !err && length > 0 && pread(there, ours + TAIL, TAIL, 0) == length &&
	       !memcmp(ours, ours + TAIL, length);
}

/*
 * A volume that is there but not whole was left by a lab that was killed, or another lab is at it:
 * the same bytes go to the same places, whoever writes them.
 */
static struct error *keep_locked(virStoragePoolPtr pool, const char *name, const char *path)
{
	_cleanup_volume_ virStorageVolPtr volume = virStorageVolLookupByName(pool, name);

	if (!volume) {
		_cleanup_error_ struct error *err = create(pool, name, path, &volume);
		if (err)
			volume = virStorageVolLookupByName(pool, name);
		if (!volume)
			return error_new(err->code, "%s", err->message);
	} else if (is_whole(pool, volume, path)) {
		return NULL;
	}
	return upload(pool, volume, path);
}

struct error *volume_keep(virStoragePoolPtr pool, const char *name, const char *path)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	pthread_mutex_lock(&lock);
	struct error *err = keep_locked(pool, name, path);
	pthread_mutex_unlock(&lock);
	return wrap(pool, name, err);
}

static struct error *get(virStoragePoolPtr pool, const char *name, const char *path)
{
	_cleanup_volume_ virStorageVolPtr volume = virStorageVolLookupByName(pool, name);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (!volume)
		return link_error("it is gone");
	if (fd < 0)
		return error_errno(errno, "%s", path);
	return download(pool, volume, 0, 0, fd);
}

struct error *volume_get(virStoragePoolPtr pool, const char *name, const char *path)
{
	return wrap(pool, name, get(pool, name, path));
}

void volume_remove(virStoragePoolPtr pool, const char *name)
{
	_cleanup_volume_ virStorageVolPtr volume = virStorageVolLookupByName(pool, name);

	if (volume)
		virStorageVolDelete(volume, 0);
}

/* ---- hashes ---- */

static struct error *hash_file(const char *path, char **ret)
{
	char *const argv[] = {"sha256sum", (char *)path, NULL};
	_cleanup_close_ int said = memfd_create("hash", MFD_CLOEXEC);
	_cleanup_free_ char *file = format_string("/proc/self/fd/%d", said);
	char digits[HASH_DIGITS + 1] = "";
	int status;

	try(process_run(argv, file, NULL, HASH_SECONDS, &status));
	if (status || pread(said, digits, HASH_DIGITS, 0) != HASH_DIGITS ||
	    strspn(digits, "0123456789abcdef") != HASH_DIGITS)
		return error_new(ERROR_SYSTEM, "%s: sha256sum failed", path);
	*ret = format_string("%s", digits);
	return NULL;
}

/** The hash of a file that has not changed since. */
struct hashed {
	struct hashed *next;
	dev_t device;
	ino_t inode;
	struct timespec changed;
	off_t size;
	char *digits;
};

static bool is_same(const struct hashed *one, const struct stat *status)
{
	return one->device == status->st_dev && one->inode == status->st_ino &&
	       one->size == status->st_size && one->changed.tv_sec == status->st_ctim.tv_sec &&
	       one->changed.tv_nsec == status->st_ctim.tv_nsec;
}

static struct error *hash_locked(struct hashed **list, const char *path, char **ret)
{
	struct stat status;

	if (stat(path, &status))
		return error_errno(errno, "%s", path);
	struct hashed *one = *list;
	while (one && !is_same(one, &status))
		one = one->next;
	if (!one) {
		_cleanup_free_ char *digits = NULL;
		try(hash_file(path, &digits));
		one = calloc(1, sizeof(*one));
		if (!one)
			return error_new(ERROR_NO_MEMORY, "out of memory");
		*one = (struct hashed){*list,          status.st_dev,  status.st_ino,
				       status.st_ctim, status.st_size, take(digits)};
		*list = one;
	}
	*ret = format_string("%s", one->digits);
	return NULL;
}

struct error *volume_hash(const char *path, char **ret)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct hashed *list; /* for as long as the process lives: a few images */

	pthread_mutex_lock(&lock);
	struct error *err = hash_locked(&list, path, ret);
	pthread_mutex_unlock(&lock);
	return err;
}
