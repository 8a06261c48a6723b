// SPDX-License-Identifier: GPL-2.0-only
/* crashlab watch: what a stick says on its serial console, as it comes. */
#define _GNU_SOURCE
#include <argp.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "lab/case.h"
#include "lab/command.h"
#include "lab/event.h"
#include "util/cleanup.h"

enum { STATUS_EXPECTED = 0, STATUS_UNEXPECTED = 1 };

/* From a console anything may come. */
static void print_clean(const char *text)
{
	for (; *text; text++) {
		if (isprint((unsigned char)*text))
			putchar(*text);
	}
	putchar('\n');
	fflush(stdout);
}

static const char *verdict_of(const char *status)
{
	static const char *const words[] = {"PASS", "FAIL", "INCONCLUSIVE"};

	return strlen(status) == 1 && *status >= '0' && *status <= '2' ? words[*status - '0']
								       : "none";
}

/* A line for what is worth one; @id is the case that runs. */
static void tell(const struct event *event, char *id, size_t size)
{
	char line[EVENT_LINE_MAX + 128];
	const char *more = event_value(event, "text");

	if (event->stage == STAGE_CASE)
		snprintf(id, size, "%s", event_value(event, "id"));
	if (event->stage == STAGE_BOOT)
		more = event_value(event, "release");
	if (event->stage == STAGE_VERDICT)
		more = verdict_of(event_value(event, "status"));
	snprintf(line, sizeof(line), "%-28s %-8s %s", event->stage == STAGE_BOOT ? "" : id,
		 stage_names[event->stage], more);
	print_clean(line);
}

/* "8 cases, 7 as expected: …": the summary's last line, behind which nothing comes. */
static bool is_end(const char *line, int *ret_status)
{
	unsigned cases, expected;
	int read = 0;

	if (sscanf(line, "%u case%*[s,] %u as expected:%n", &cases, &expected, &read) != 2 || !read)
		return false;
	*ret_status = cases == expected ? STATUS_EXPECTED : STATUS_UNEXPECTED;
	return true;
}

/* Returns carry no meaning here, and a port may begin with NULs. */
static void strip(char *line, size_t length)
{
	char *to = line;

	for (size_t i = 0; i < length; i++) {
		if (!strchr("\r\n", line[i])) /* finds a NUL, too */
			*to++ = line[i];
	}
	*to = '\0';
}

/* Until the end is said; the exit status. */
static int follow(FILE *in)
{
	_cleanup_free_ char *line = NULL;
	char id[64] = "";
	size_t size = 0;
	int status = STATUS_BROKEN;
	ssize_t length;

	while ((length = getline(&line, &size, in)) > 0) {
		struct event event;

		strip(line, length);
		if (event_parse(line, &event))
			tell(&event, id, sizeof(id));
		else if (is_end(line, &status) || !strncmp(line, "crashlab: ", 10))
			print_clean(line);
		if (status != STATUS_BROKEN)
			return status;
	}
	fputs("crashlab: the console ended before the run did\n", stderr);
	return status;
}

static struct error *connect_to(const char *path, int *ret)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(address.sun_path))
		return error_new(ERROR_USAGE, "%s: too long for a socket", path);
	strcpy(address.sun_path, path);
	*ret = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*ret < 0 || connect(*ret, (struct sockaddr *)&address, sizeof(address)))
		return error_errno(errno, "%s", path);
	return NULL;
}

/* As the stick has it: 115200 baud, 8 bits, lines as they are (appliance/stick.sh). */
static struct error *set_line(const char *path, int fd)
{
	struct termios line;

	if (tcgetattr(fd, &line))
		return error_errno(errno, "%s", path);
	cfmakeraw(&line);
	line.c_cflag |= CLOCAL | CREAD;
	cfsetspeed(&line, B115200);
	return tcsetattr(fd, TCSANOW, &line) ? error_errno(errno, "%s", path) : NULL;
}

static struct error *open_console(const char *path, int *ret)
{
	struct stat status;

	if (!strcmp(path, "-")) {
		*ret = dup(STDIN_FILENO);
		return *ret < 0 ? error_errno(errno, "standard input") : NULL;
	}
	if (!stat(path, &status) && S_ISSOCK(status.st_mode))
		return connect_to(path, ret);
	/* Not waiting for a modem's carrier, which is not there. */
	*ret = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (*ret < 0)
		return error_errno(errno, "%s", path);
	fcntl(*ret, F_SETFL, O_RDONLY);
	return isatty(*ret) ? set_line(path, *ret) : NULL;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	const char **path = state->input;

	if (key == ARGP_KEY_ARG && !*path)
		*path = arg;
	else if (key == ARGP_KEY_ARG)
		argp_error(state, "unexpected argument '%s'", arg);
	else if (key == ARGP_KEY_END && !*path)
		argp_error(state, "of which console? DEVICE, SOCKET, or - for standard input");
	else
		return ARGP_ERR_UNKNOWN;
	return 0;
}

static int run(int argc, char **argv)
{
	static const struct argp argp = {
		NULL,
		parse_option,
		"DEVICE|SOCKET|-",
		"Follow a stick on its serial console (115200 baud): a line for each stage of each "
		"case, and the totals when it is done."
		"\vExit status: 0 every case ended as expected, 1 some did not, 3 the console "
		"ended "
		"first, or cannot be read, 64 bad usage.",
		NULL,
		NULL,
		NULL};
	const char *path = NULL;
	_cleanup_close_ int fd = -1;

	argp_parse(&argp, argc, argv, 0, NULL, &path);
	struct error *err = open_console(path, &fd);

	if (err)
		return command_complain(err);
	_cleanup_fclose_ FILE *in = fdopen(fd, "r");
	if (!in)
		return command_complain(error_errno(errno, "%s", path));
	fd = -1;
	return follow(in);
}

const struct command command_watch = {"watch", run, "follow a stick on its serial console"};
