#include "ring/handoff.h"
#include "ring/ring_file.h"

#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_PREFIX "nmw-ring 1 "
#define LINE_MAX_SZ (sizeof LINE_PREFIX + NMW_RING_NAME_MAX)

static bool is_pipe(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

int nmw_handoff_give(int fd, const char *ring, struct nmw_err *e)
{
	char line[LINE_MAX_SZ];
	if (!is_pipe(fd))
		return nmw_err_set(e, -ENOTTY, NMW_EXIT_USAGE,
				   "stdout is %s: a pipe into the next tool, or -o RING, is needed",
				   isatty(fd) ? "a terminal" : "not a pipe");
	int n = snprintf(line, sizeof line, LINE_PREFIX "%s\n", ring);
	for (int at = 0; at < n;) {
		ssize_t w = write(fd, line + at, (size_t)(n - at));
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return nmw_err_set(e, -errno, NMW_EXIT_PEER,
					   "stdout: the next tool is gone: %s", strerror(errno));
		at += (int)w;
	}
	return 0;
}

/* The signals that ask for figures and snapshots end no wait: they are seen when it is over. */
static sigset_t waiting_mask(void)
{
	sigset_t mask;
	sigprocmask(SIG_SETMASK, NULL, &mask);
	sigaddset(&mask, SIGUSR1);
	sigaddset(&mask, SIGUSR2);
	return mask;
}

/* One byte, so that nothing after the line is taken from the pipe: 1, 0 at the end of file, -errno;
 * -ETIMEDOUT past `until`. */
static int read_byte(int fd, char *c, uint64_t until)
{
	const sigset_t mask = waiting_mask();
	for (;;) {
		uint64_t now = nmw_clock_mono();
		uint64_t left = until > now ? until - now : 0;
		struct timespec t = {(time_t)(left / NMW_NS_PER_S), (long)(left % NMW_NS_PER_S)};
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int n = ppoll(&p, 1, &t, &mask);
		if (n == 0)
			return -ETIMEDOUT;
		if (n < 0)
			return -errno;
		ssize_t r = read(fd, c, 1);
		if (r >= 0 || (errno != EINTR && errno != EAGAIN))
			return r >= 0 ? (int)r : -errno;
	}
}

static int not_a_line(const char *line, size_t n, struct nmw_err *e)
{
	char shown[24];
	size_t i = 0;
	for (; i < n && i + 1 < sizeof shown; i++)
		shown[i] = isprint((unsigned char)line[i]) ? line[i] : '.';
	shown[i] = 0;
	return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
			   "stdin: \"%s\" found, a line \"" LINE_PREFIX
			   "NAME\" expected: pipe an nmw tool into this one, or -i RING",
			   shown);
}

static int gone_before(int rc, uint64_t timeout_ns, struct nmw_err *e)
{
	if (rc == -ETIMEDOUT)
		return nmw_err_set(
			e, rc, NMW_EXIT_PEER,
			"stdin: the tool before named no ring within %llu ms: see --wait",
			(unsigned long long)(timeout_ns / 1000000));
	if (rc == -EINTR)
		return nmw_err_set(e, rc, NMW_EXIT_OK,
				   "stdin: stopped while waiting for the name of a ring");
	return nmw_err_set(e, rc ? rc : -EPIPE, NMW_EXIT_PEER,
			   "stdin: the tool before ended without naming a ring%s%s: look at its "
			   "error, then start the pipeline again",
			   rc ? ": " : "", rc ? strerror(-rc) : "");
}

int nmw_handoff_take(int fd, char name[NMW_RING_NAME_MAX], uint64_t timeout_ns, struct nmw_err *e)
{
	const size_t prefix = sizeof LINE_PREFIX - 1;
	char line[LINE_MAX_SZ];
	size_t n = 0;
	uint64_t now = nmw_clock_mono();
	uint64_t until = timeout_ns < UINT64_MAX - now ? now + timeout_ns : UINT64_MAX;
	if (isatty(fd))
		return nmw_err_set(
			e, -ENOTTY, NMW_EXIT_USAGE,
			"stdin is a terminal: a pipe from the tool before, or -i RING, is "
			"needed");
	for (;;) {
		char c;
		int rc = read_byte(fd, &c, until);
		if (rc == 0 && n > 0)
			return not_a_line(line, n, e);
		if (rc <= 0)
			return gone_before(rc, timeout_ns, e);
		if (c == '\n')
			break;
		line[n++] = c;
		if (n == sizeof line || (n <= prefix && c != LINE_PREFIX[n - 1]))
			return not_a_line(line, n, e);
	}
	line[n] = 0;
	if (n <= prefix || nmw_ring_name_check(line + prefix, NULL) != 0)
		return not_a_line(line, n, e);
	memcpy(name, line + prefix, n - prefix + 1);
	return 0;
}

static int alive(int fd, short gone)
{
	struct pollfd p = {.fd = fd};
	if (!is_pipe(fd))
		return 1;
	return poll(&p, 1, 0) <= 0 || (p.revents & gone) == 0;
}

int nmw_handoff_alive_down(int fd)
{
	return alive(fd, POLLERR | POLLHUP | POLLNVAL);
}

int nmw_handoff_alive_up(int fd)
{
	return alive(fd, POLLHUP | POLLERR | POLLNVAL);
}
