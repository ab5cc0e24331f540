#include "control.h"

#include "base/clock.h"
#include "base/log.h"
#include "io/local.h"
#include "ring/shm.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOK_NS	   (1000ull * 1000) /* between two looks for a client */
#define PATIENT_NS NMW_NS_PER_S
#define A_TURN	   256u /* answers that move nothing */

static const struct nmw_local_kind kind = {
	.name = "control socket",
	.in_use = "another NMW_DIR is needed",
	.absent = "is it still starting? nmw-stat shows what runs"};

static size_t size_of(const struct control_answer *a)
{
	return a->end ? sizeof *a : offsetof(struct control_answer, run);
}

static void control_path(char path[CONTROL_PATH], const char *dir, size_t len, uint32_t pid)
{
	snprintf(path, CONTROL_PATH, "%.*s/control.nmw-fpga.%u", (int)len, dir, pid);
}

/* ---- the run's side ------------------------------------------------------------------------- */

int control_open(struct control *c, bool group, struct nmw_err *e)
{
	const char *dir = nmw_shm_run_dir(group, e);
	c->listen_fd = c->peer = -1;
	c->group = group;
	if (!dir)
		return e->err;
	control_path(c->path, dir, strlen(dir), (uint32_t)getpid());
	int fd = nmw_local_listen(&kind, c->path, group, e);
	c->listen_fd = fd;
	return fd < 0 ? fd : 0;
}

static void leave(struct control *c)
{
	close(c->peer);
	c->peer = -1;
	c->asked = c->pending = false;
}

void control_close(struct control *c)
{
	if (!c->path[0] || c->listen_fd < 0)
		return;
	if (c->peer >= 0)
		leave(c);
	unlink(c->path);
	close(c->listen_fd);
	c->listen_fd = -1;
}

static void take_client(struct control *c, uint64_t now)
{
	struct nmw_err e = NMW_ERR_INIT;
	int fd = accept4(c->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	if (nmw_local_trusted(&kind, fd, c->path, c->group, &e)) {
		nmw_log(NMW_LOG_WARN, "%s", e.msg);
		close(fd);
		return;
	}
	c->peer = fd;
	c->since_ns = now;
}

static bool request_good(const struct control_request *q, ssize_t n)
{
	return n == (ssize_t)sizeof *q && q->magic == CONTROL_MAGIC &&
	       q->version == CONTROL_VERSION && q->op <= CONTROL_RETURN &&
	       q->which <= CONTROL_LOST && q->n <= CONTROL_SYMBOLS;
}

static void take_request(struct control *c, uint64_t now)
{
	ssize_t n = recv(c->peer, &c->q, sizeof c->q, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (!request_good(&c->q, n)) {
		leave(c);
		return;
	}
	c->asked = true;
	c->at = 0;
	c->since_ns = now;
}

/* Nobody waits for the answer any more: what was asked for is not done at some later time. */
static bool is_gone(const struct control *c)
{
	struct pollfd p = {.fd = c->peer, .events = POLLRDHUP};
	return poll(&p, 1, 0) != 0;
}

/* False: it has to wait. */
static bool give(struct control *c)
{
	c->pending = send(c->peer, &c->a, size_of(&c->a), MSG_DONTWAIT | MSG_NOSIGNAL) < 0;
	if (c->pending && errno == EAGAIN)
		return false;
	c->since_ns = nmw_clock_mono();
	if (c->pending || c->a.end)
		leave(c);
	return true;
}

static void answer_some(struct control *c)
{
	bool moved = false;
	for (unsigned i = 0; i < A_TURN && c->peer >= 0 && !moved; i++) {
		if (!c->pending) {
			memset(&c->a, 0, sizeof c->a);
			c->a.magic = CONTROL_MAGIC;
			c->a.version = CONTROL_VERSION;
			moved = c->answer(c->arg, &c->q, &c->at, &c->a);
		}
		if (!give(c))
			return;
	}
}

void control_turn(struct control *c)
{
	if (c->listen_fd < 0)
		return;
	uint64_t now = nmw_clock_mono();
	if (!c->asked && now - c->look_ns < LOOK_NS)
		return;
	c->look_ns = now;
	if (c->peer < 0)
		take_client(c, now);
	if (c->peer >= 0 && !c->asked)
		take_request(c, now);
	if (c->asked && is_gone(c))
		leave(c);
	if (c->asked)
		answer_some(c);
	if (c->peer >= 0 && (!c->asked || c->pending) && now - c->since_ns > PATIENT_NS &&
	    now > c->since_ns)
		leave(c);
}

/* ---- the other side ------------------------------------------------------------------------- */

int control_connect(const char *block, uint32_t pid, struct nmw_err *e)
{
	char path[CONTROL_PATH];
	control_path(path, block, (size_t)(strrchr(block, '/') - block), pid);
	return nmw_local_connect(&kind, path, true, e);
}

int control_ask(int fd, const struct control_request *q, struct nmw_err *e)
{
	if (send(fd, q, sizeof *q, MSG_NOSIGNAL) == (ssize_t)sizeof *q)
		return 0;
	/* -EPIPE is a reader of our own output that has gone */
	return nmw_err_set(e, errno == EPIPE ? -ECONNRESET : -errno, NMW_EXIT_PEER,
			   "control socket: cannot ask: %s", strerror(errno));
}

static int wait_for(int fd, uint64_t until_ns, struct nmw_err *e)
{
	for (;;) {
		uint64_t now = nmw_clock_mono();
		uint64_t ms = now < until_ns ? (until_ns - now) / 1000000 + 1 : 0;
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int n = poll(&p, 1, ms > 60000 ? 60000 : (int)ms);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return nmw_err_set(e, -errno, NMW_EXIT_FAILED, "control socket: %s",
					   strerror(errno));
		if (!ms)
			return nmw_err_set(e, -ETIMEDOUT, NMW_EXIT_PEER,
					   "control socket: no answer in time");
	}
}

int control_take(int fd, struct control_answer *a, uint64_t until_ns, struct nmw_err *e)
{
	int rc = wait_for(fd, until_ns, e);
	if (rc)
		return rc;
	memset(a, 0, sizeof *a);
	ssize_t n = recv(fd, a, sizeof *a, MSG_DONTWAIT);
	if (n <= 0)
		return nmw_err_set(e, -ECONNRESET, NMW_EXIT_PEER,
				   "control socket: nmw-fpga run ended before it answered: look "
				   "with nmw-stat, and at what it said last");
	if (a->magic != CONTROL_MAGIC || a->version != CONTROL_VERSION || (size_t)n != size_of(a))
		return nmw_err_set(
			e, -EPROTO, NMW_EXIT_PEER,
			"control socket: %zd bytes, version %u found, %zu bytes, version "
			"%u expected: use the nmw-fpga that runs",
			n, a->version, size_of(a), CONTROL_VERSION);
	a->run.text[sizeof a->run.text - 1] = '\0';
	return 0;
}
