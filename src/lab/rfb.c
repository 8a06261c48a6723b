// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/rfb.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "lab/files.h"
#include "util/cleanup.h"

#define SECONDS 15
#define TCP_LISTEN 0x0a /* of /proc/net/tcp */
#define VERSION "RFB 003.003\n"
#define SECURITY_NONE 1
#define POINTER_EVENT 5
#define PRESS_MS 100

/* True when @pid has the socket of @inode open. */
static bool has_socket(pid_t pid, unsigned long inode)
{
	_cleanup_free_ char *folder = format_string("/proc/%d/fd", pid);
	_cleanup_free_ char *wanted = format_string("socket:[%lu]", inode);
	DIR *dir = opendir(folder);
	bool found = false;

	for (struct dirent *entry; dir && !found && (entry = readdir(dir));) {
		char target[64] = "";
		if (readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1) > 0)
			found = !strcmp(target, wanted);
	}
	if (dir)
		closedir(dir);
	return found;
}

static struct error *find_port(pid_t pid, uint16_t *ret)
{
	_cleanup_free_ char *path = format_string("/proc/%d/net/tcp", pid);
	_cleanup_fclose_ FILE *table = fopen(path, "re");
	char line[256];

	if (!table)
		return error_errno(errno, "%s", path);
	while (fgets(line, sizeof(line), table)) {
		unsigned port, state;
		unsigned long inode;
		if (sscanf(line, " %*d: %*x:%x %*x:%*x %x %*x:%*x %*x:%*x %*x %*u %*u %lu", &port,
			   &state, &inode) == 3 &&
		    state == TCP_LISTEN && has_socket(pid, inode)) {
			*ret = port;
			return NULL;
		}
	}
	return error_new(ERROR_NOT_FOUND, "process %d listens on no port", pid);
}

/* A socket belongs to the network namespace its thread was in when it was made. */
static struct error *make_socket(pid_t pid, int *ret)
{
	_cleanup_free_ char *path = format_string("/proc/%d/ns/net", pid);
	_cleanup_close_ int theirs = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int ours = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	char mine[64] = "", other[64] = "";

	if (readlink(path, other, sizeof(other) - 1) < 0 ||
	    readlink("/proc/thread-self/ns/net", mine, sizeof(mine) - 1) < 0)
		return error_errno(errno, "%s", path);
	bool same = !strcmp(mine, other);
	if (!same && setns(theirs, CLONE_NEWNET))
		return error_errno(errno, "%s", path);
	*ret = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int socket_errno = errno;
	if (!same && setns(ours, CLONE_NEWNET))
		return error_errno(errno, "going back to the own network");
	return *ret < 0 ? error_errno(socket_errno, "socket") : NULL;
}

static struct error *connect_to(pid_t pid, int *ret)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval limit = {.tv_sec = SECONDS};
	uint16_t port;

	try(find_port(pid, &port));
	try(make_socket(pid, ret));
	address.sin_port = htons(port);
	setsockopt(*ret, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(*ret, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(*ret, (struct sockaddr *)&address, sizeof(address)))
		return error_errno(errno, "RFB port %u", port);
	return NULL;
}

static struct error *receive(int fd, void *buffer, size_t size)
{
	ssize_t got = recv(fd, buffer, size, MSG_WAITALL);

	if (got < 0)
		return error_errno(errno, "RFB");
	if ((size_t)got < size)
		return error_new(ERROR_FORMAT, "RFB server hung up");
	return NULL;
}

static struct error *transmit(int fd, const void *data, size_t size)
{
	return send(fd, data, size, MSG_NOSIGNAL) == (ssize_t)size ? NULL
								   : error_errno(errno, "RFB");
}

static struct error *shake_hands(int fd, unsigned *ret_width)
{
	char version[sizeof(VERSION)];
	const uint8_t shared = 1;
	uint32_t security, name_length;
	struct {
		uint16_t width, height;
		uint8_t pixel_format[16];
	} screen;
	char name[256];

	try(receive(fd, version, sizeof(VERSION) - 1));
	try(transmit(fd, VERSION, sizeof(VERSION) - 1));
	try(receive(fd, &security, sizeof(security)));
	if (ntohl(security) != SECURITY_NONE)
		return error_new(ERROR_UNSUPPORTED, "RFB server wants a password");
	try(transmit(fd, &shared, sizeof(shared)));
	try(receive(fd, &screen, sizeof(screen)));
	try(receive(fd, &name_length, sizeof(name_length)));
	name_length = ntohl(name_length);
	if (name_length > sizeof(name))
		return error_new(ERROR_FORMAT, "RFB server has too long a name");
	try(receive(fd, name, name_length));
	*ret_width = ntohs(screen.width);
	return NULL;
}

static struct error *send_button(int fd, bool down, unsigned x, unsigned y)
{
	const uint8_t event[6] = {POINTER_EVENT, down, x >> 8, x, y >> 8, y};

	return transmit(fd, event, sizeof(event));
}

static struct error *click(int fd, unsigned from_right, unsigned y)
{
	const struct timespec press = {.tv_nsec = PRESS_MS * 1000000L};
	unsigned width = 0;

	try(shake_hands(fd, &width));
	if (width < from_right)
		return error_new(ERROR_FORMAT, "RFB screen is only %u wide", width);
	try(send_button(fd, true, width - from_right, y));
	nanosleep(&press, NULL);
	return send_button(fd, false, width - from_right, y);
}

struct error *rfb_click(pid_t pid, unsigned from_right, unsigned y, int *ret)
{
	_cleanup_close_ int fd = -1;

	try(connect_to(pid, &fd));
	try(click(fd, from_right, y));
	*ret = fd;
	fd = -1;
	return NULL;
}
