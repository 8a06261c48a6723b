// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "lab/bochs_console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <time.h>

#include "lab/files.h"
#include "lab/process.h"
#include "util/cleanup.h"

#define RESET_MARK "::Reset("
#define LOG_LIMIT (1 << 20)
#define SAID_MAX 8192

struct bochs_console {
	struct process process;
	pthread_t reader;
	int terminal, copy, watch, quit, prompt;
	char *log;
	atomic_bool reset;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t more;
	char said[SAID_MAX]; /* printed and not yet taken by an answer; NUL-terminated */
	size_t length;
	bool ended;
};

static void keep(struct bochs_console *self, const char *text, size_t length)
{
	pthread_mutex_lock(&self->lock);
	for (size_t i = 0; i < length; i++) {
		if (!text[i])
			continue;
		if (self->length == SAID_MAX - 1) {
			self->length /= 2;
			memmove(self->said, self->said + SAID_MAX - 1 - self->length, self->length);
		}
		self->said[self->length++] = text[i];
	}
	self->said[self->length] = '\0';
	if (strstr(self->said, BOCHS_PROMPT))
		eventfd_write(self->prompt, 1);
	pthread_cond_broadcast(&self->more);
	pthread_mutex_unlock(&self->lock);
}

/* One reset is the machine's start. */
static void look_for_reset(struct bochs_console *self)
{
	char notices[4096];
	_cleanup_free_ char *text = NULL;
	unsigned resets = 0;

	while (read(self->watch, notices, sizeof(notices)) > 0)
		;
	_cleanup_error_ struct error *err = read_text(self->log, LOG_LIMIT, &text);
	if (err)
		return;
	for (const char *p = text; (p = strstr(p, RESET_MARK)); p += strlen(RESET_MARK))
		resets++;
	if (resets > 1 && !atomic_exchange(&self->reset, true))
		kill(self->process.pid, SIGKILL);
}

static bool read_terminal(struct bochs_console *self)
{
	char text[1024];
	ssize_t got = read(self->terminal, text, sizeof(text));

	if (got <= 0)
		return false;
	if (write(self->copy, text, got) < 0)
		return true; /* only a copy, for people */
	keep(self, text, got);
	return true;
}

static void *read_all(void *arg)
{
	struct bochs_console *self = arg;
	struct pollfd polls[] = {{.fd = self->quit, .events = POLLIN},
				 {.fd = self->watch, .events = POLLIN},
				 {.fd = self->terminal, .events = POLLIN}};

	while (poll(polls, 3, -1) >= 0 || errno == EINTR) {
		if (polls[0].revents)
			break;
		if (polls[1].revents)
			look_for_reset(self);
		/* EIO from a terminal that nobody holds: the process has ended */
		if (polls[2].revents && !read_terminal(self))
			polls[2].fd = -1;
		if (polls[2].fd < 0) {
			pthread_mutex_lock(&self->lock);
			self->ended = true;
			pthread_cond_broadcast(&self->more);
			pthread_mutex_unlock(&self->lock);
		}
	}
	return NULL;
}

static struct error *open_terminal(struct bochs_console *self, int *ret_slave)
{
	char name[64];

	self->terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (self->terminal < 0 || grantpt(self->terminal) || unlockpt(self->terminal) ||
	    ptsname_r(self->terminal, name, sizeof(name)))
		return error_errno(errno, "terminal for Bochs");
	*ret_slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	return *ret_slave < 0 ? error_errno(errno, "%s", name) : NULL;
}

static struct error *open_files(struct bochs_console *self, const char *directory)
{
	_cleanup_free_ char *copy = format_string("%s/bochs.out", directory);
	self->log = format_string("%s/bochs.log", directory);
	_cleanup_close_ int log = open(self->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	self->copy = open(copy, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	self->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	self->quit = eventfd(0, EFD_CLOEXEC);
	self->prompt = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (log < 0 || self->copy < 0 || self->watch < 0 || self->quit < 0 || self->prompt < 0 ||
	    inotify_add_watch(self->watch, self->log, IN_MODIFY) < 0)
		return error_errno(errno, "%s", self->log);
	return NULL;
}

/* An end that was not ours to give is worth a line where its output is. */
static void note_end(struct bochs_console *self, int status)
{
	if (self->copy < 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
		return;
	if (WIFSIGNALED(status))
		dprintf(self->copy, "crashlab: Bochs was killed by signal %d\n", WTERMSIG(status));
	else
		dprintf(self->copy, "crashlab: Bochs ended with status %d\n", WEXITSTATUS(status));
}

static void destroy(struct bochs_console *self)
{
	int *const fds[] = {&self->terminal, &self->copy, &self->watch, &self->quit, &self->prompt};

	note_end(self, process_stop(&self->process));
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		cleanup_close(fds[i]);
	free(self->log);
	free(self);
}

static struct error *begin(struct bochs_console *self, char *const *argv, const char *directory)
{
	_cleanup_close_ int slave = -1;

	try(open_files(self, directory));
	try(open_terminal(self, &slave));
	struct process_setup setup = {.argv = argv,
				      .directory = directory,
				      .input = slave,
				      .output = slave,
				      .errors = slave,
				      .own_network = true,
				      .ignore_sigpipe = true};
	try(process_start(&setup, &self->process));
	int status = pthread_create(&self->reader, NULL, read_all, self);
	return status ? error_errno(status, "thread for Bochs") : NULL;
}

struct error *bochs_console_start(char *const *argv, const char *directory,
				  struct bochs_console **ret)
{
	struct bochs_console *self = calloc(1, sizeof(*self));

	if (!self)
		return error_new(ERROR_NO_MEMORY, "out of memory");
	self->terminal = self->copy = self->watch = self->quit = self->prompt =
		self->process.pidfd = -1;
	pthread_mutex_init(&self->lock, NULL);
	pthread_cond_init(&self->more, NULL);
	struct error *err = begin(self, argv, directory);
	if (err) {
		destroy(self);
		return err;
	}
	*ret = self;
	return NULL;
}

struct error *bochs_console_await(struct bochs_console *console, const char *prompt,
				  unsigned seconds, char **ret)
{
	struct timespec deadline;
	int status = 0;

	*ret = NULL;
	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += seconds;
	pthread_mutex_lock(&console->lock);
	while (!strstr(console->said, prompt) && !console->ended && !status)
		status = pthread_cond_timedwait(&console->more, &console->lock, &deadline);
	if (strstr(console->said, prompt)) {
		*ret = format_string("%s", console->said);
		console->length = 0;
		console->said[0] = '\0';
	}
	pthread_mutex_unlock(&console->lock);
	if (!*ret)
		return error_new(ERROR_SYSTEM, "Bochs did not ask \"%s\"%s", prompt,
				 status ? " in time" : ": it has ended");
	return NULL;
}

struct error *bochs_console_type(struct bochs_console *console, const char *text)
{
	if (write(console->terminal, text, strlen(text)) < 0)
		return error_errno(errno, "answering Bochs");
	return NULL;
}

struct error *bochs_console_answer(struct bochs_console *console, const char *prompt,
				   const char *answer, unsigned seconds)
{
	_cleanup_free_ char *said = NULL;

	try(bochs_console_await(console, prompt, seconds, &said));
	return bochs_console_type(console, answer);
}

int bochs_console_prompt_fd(const struct bochs_console *console)
{
	return console->prompt;
}

int bochs_console_exit_fd(const struct bochs_console *console)
{
	return console->process.pidfd;
}

bool bochs_console_was_reset(struct bochs_console *console)
{
	return atomic_load(&console->reset);
}

pid_t bochs_console_pid(const struct bochs_console *console)
{
	return console->process.pid;
}

void bochs_console_stop(struct bochs_console *console)
{
	eventfd_write(console->quit, 1);
	pthread_join(console->reader, NULL);
	destroy(console);
}
