/* tcp:ADDR:PORT: clients that log in (SoupBinTCP 3.00). */
#include "tcp_server.h"

#include "base/clock.h"
#include "base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define BACKLOG	    4096
#define BIND_TRIES  100u
#define BIND_NS	    (10l * 1000 * 1000)
#define SOCKS_OWN   8u		     /* listener, worker, hand-over, and those that just ended */
#define FILES_OWN   64u		     /* descriptors for all else */
#define TICK_NS	    (1000ull * 1000) /* between two looks at what time brings about */
#define WAIT_NS	    (10ull * 1000 * 1000)  /* longest wait, so that housekeeping goes on */
#define STARVED_NS  (50ull * 1000)	   /* wait when the readers have every buffer */
#define NO_FILES_NS (100ull * 1000 * 1000) /* no accept after descriptors ran out */

/* ---- opening --------------------------------------------------------------------------------- */

/* A program that was killed frees its port a moment later: io_uring is taken down in the
 * background.
 */
static int bind_soon(int fd, const struct sockaddr *a, socklen_t n)
{
	int rc = -EADDRINUSE;
	for (unsigned i = 0; i < BIND_TRIES && rc == -EADDRINUSE; i++) {
		if (i > 0)
			nanosleep(&(struct timespec){.tv_nsec = BIND_NS}, NULL);
		rc = bind(fd, a, n) < 0 || listen(fd, BACKLOG) < 0 ? -errno : 0;
	}
	return rc;
}

static int listen_on(struct tcp_server *s, const char *arg, struct nmw_err *e)
{
	const struct nmw_endpoint *at = &s->at;
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(at->port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(at->port)};
	memcpy(&v4.sin_addr, at->addr, sizeof v4.sin_addr);
	memcpy(&v6.sin6_addr, at->addr, sizeof v6.sin6_addr);
	bool is4 = at->family == 4;
	const int on = 1;
	int fd = socket(is4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return nmw_err_set(e, -errno, NMW_EXIT_RESOURCE, "%s: %s", arg, strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* the connections inherit it */
	const struct sockaddr *a = is4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
	int err = bind_soon(fd, a, is4 ? sizeof v4 : sizeof v6);
	if (err == 0) {
		s->listen_fd = fd;
		return 0;
	}
	close(fd);
	return nmw_err_set(e, err, nmw_exit_of(err), "%s: cannot listen: %s%s", arg, strerror(-err),
			   err == -EADDRINUSE ? ": another program has it: ss -ltnp" : "");
}

static int check_conf(const struct recv_conf *conf, struct nmw_err *e)
{
	if (!conf->accounts)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "no accounts: say who may log in with --accounts FILE");
	if (conf->codec)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "--codec: each account has its own, in --accounts %s",
				   conf->accounts);
	return 0;
}

/* The limit is raised as far as it goes; fewer connections than asked for are said. */
static uint32_t most_conns(const struct recv_conf *conf)
{
	struct rlimit r;
	uint64_t most = NMW_IO_SOCKS_MAX - SOCKS_OWN;
	uint64_t want = conf->flows < most ? conf->flows : most;
	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return (uint32_t)want;
	if (r.rlim_cur < want + FILES_OWN && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = want + FILES_OWN < r.rlim_max ? want + FILES_OWN : r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
	uint64_t files = r.rlim_cur > 2 * FILES_OWN ? r.rlim_cur - FILES_OWN : FILES_OWN;
	if (files + FILES_OWN < want) /* a little less is in the line that names the port */
		nmw_log(NMW_LOG_INFO, "at most %llu connections: %llu files may be open: ulimit -n",
			(unsigned long long)files, (unsigned long long)r.rlim_cur);
	return (uint32_t)(files < want ? files : want);
}

static void tcp_close(void *arg);

static void *tcp_open(const struct recv_conf *conf, struct emit *emit, const char *arg,
		      struct nmw_err *e)
{
	struct tcp_server *s = calloc(1, sizeof *s);
	if (!s) {
		nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "no memory");
		return NULL;
	}
	s->conf = conf;
	s->emit = emit;
	s->listen_fd = s->hand.listen_fd = s->hand.peer = -1;
	s->peer_sock = UINT32_MAX;
	int rc = check_conf(conf, e);
	if (!rc)
		rc = nmw_endpoint_parse(arg, &s->at, e);
	if (!rc)
		rc = accounts_load(&s->accounts, conf->accounts, e);
	if (!rc)
		rc = sessions_init(&s->sessions, emit, e);
	if (!rc)
		rc = conns_init(s, most_conns(conf), e);
	if (!rc)
		rc = listen_on(s, arg, e);
	if (!rc)
		return s;
	tcp_close(s);
	return NULL;
}

static uint32_t add_or_die(struct tcp_server *s, int fd, int *rc)
{
	int sock = *rc ? *rc : nmw_io_add(&s->io, fd, NULL);
	*rc = sock < 0 ? sock : 0;
	return (uint32_t)sock;
}

/* The io closes what it is given; these are others'. */
static uint32_t add_copy(struct tcp_server *s, int of, int *rc)
{
	int fd = *rc ? -1 : fcntl(of, F_DUPFD_CLOEXEC, 0);
	if (fd < 0 && !*rc)
		*rc = -errno;
	uint32_t sock = add_or_die(s, fd, rc);
	if (*rc && fd >= 0)
		close(fd);
	return sock;
}

/* What needs the ring: it is open now. */
static int start(struct tcp_server *s, struct nmw_err *e)
{
	struct nmw_io_spec spec = {.kind = (enum nmw_io_kind)s->conf->io,
				   .socks = s->n_conn + SOCKS_OWN,
				   .sqpoll = s->conf->sqpoll,
				   .busy_poll_us = (uint32_t)(s->conf->busy_poll_ns / 1000)};
	if (s->emit->st->drop_on_full)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "--on-full drop: a client's order is never dropped: it is held "
				   "back while the ring is full");
	login_ids(s);
	int rc = net_frames_init(&s->frames, &s->emit->st->out, TCP_BUF_SZ, &spec, e);
	if (!rc)
		rc = nmw_io_open(&s->io, &spec, e);
	if (!rc)
		rc = nmw_handover_listen(&s->hand, s->at.port, nmw_stage_group(s->emit->st), e);
	if (rc)
		return rc;
	if (nmw_io_why(&s->io)[0])
		nmw_log(NMW_LOG_WARN, "%s: using epoll", nmw_io_why(&s->io));
	net_frames_start(&s->frames, &s->io);
	rc = login_start(s, e);
	if (rc)
		return rc;
	s->listener = add_or_die(s, s->listen_fd, &rc);
	s->listen_fd = rc ? s->listen_fd : -1;
	s->worker_sock = add_copy(s, login_worker_fd(s->worker), &rc);
	s->hand_sock = add_copy(s, s->hand.listen_fd, &rc);
	if (rc)
		return nmw_err_set(e, rc, NMW_EXIT_RESOURCE, "%s: %s", nmw_io_name(&s->io),
				   strerror(-rc));
	nmw_io_accept(&s->io, s->listener);
	nmw_io_watch(&s->io, s->worker_sock);
	nmw_io_watch(&s->io, s->hand_sock);
	nmw_log(NMW_LOG_INFO, "port %u: %u accounts, %u connections, %u buffers, %s", s->at.port,
		s->accounts.n, s->n_conn, s->frames.cnt, nmw_io_name(&s->io));
	s->started = true;
	return 0;
}

/* ---- events ---------------------------------------------------------------------------------- */

static void on_accept(struct tcp_server *s, const struct nmw_io_event *ev)
{
	if (ev->res >= 0) {
		conn_accept(s, ev->res);
		return;
	}
	nmw_count(s->emit->st->m, NMW_M_connections_refused, 1);
	nmw_io_hold(&s->io, s->listener);
	s->refused_until = s->now + NO_FILES_NS;
}

/* A buffer lies in the ring, which others may read: no password stays in it. */
static void on_data(struct tcp_server *s, struct conn *c, const struct nmw_io_event *ev)
{
	s->last = 0;
	c->seen_ns = s->now;
	packets_take(s, c, ev->data, (uint32_t)ev->res, true);
	if (s->last == 0)
		net_frames_wipe(&s->frames, ev->data, (uint32_t)ev->res);
	net_frames_done(&s->frames, ev->buf, s->last);
	conn_read(s, c);
}

static void on_ready(struct tcp_server *s, const struct nmw_io_event *ev)
{
	if (ev->sock == s->worker_sock)
		login_answers(s);
	else if (ev->sock == s->hand_sock || ev->sock == s->peer_sock)
		login_writer(s);
}

static void on_event(struct tcp_server *s, const struct nmw_io_event *ev)
{
	struct conn *c = ev->owner;
	switch (ev->kind) {
	case NMW_IO_ACCEPT:
		on_accept(s, ev);
		break;
	case NMW_IO_READY:
		on_ready(s, ev);
		break;
	case NMW_IO_DATA:
		on_data(s, c, ev);
		break;
	case NMW_IO_CLOSED:
		conn_end(s, c, NMW_CTL_LOST, NMW_M_COUNT);
		break;
	case NMW_IO_GONE:
		if (c)
			conn_free(s, c);
		break;
	default:
		break;
	}
}

/* ---- the poll -------------------------------------------------------------------------------- */

/* How long to wait for the next event: not at all in a stream or when asked to spin; shortly when
 * it is the readers of the ring that something waits for. */
static uint64_t patience(struct tcp_server *s)
{
	struct nmw_wait *w = &s->emit->st->wait;
	if (w->mode == NMW_WAIT_SPIN)
		return 0;
	s->io.gather = 1;
	if (net_frames_out(&s->frames))
		return STARVED_NS;
	s->io.gather = nmw_io_stream(&s->io, s->last_n);
	if (s->io.gather > 1)
		return NMW_IO_STREAM_NS;
	if (!w->idle_since)
		w->idle_since = s->now;
	if (nmw_io_polls_free(&s->io) && nmw_wait_spins(w, s->now - w->idle_since))
		return 0;
	bool soon = s->n_held || s->waiting.n || s->give_at;
	w->parks++;
	return soon ? TICK_NS : WAIT_NS;
}

static void look_at_time(struct tcp_server *s)
{
	uint64_t real = nmw_clock_real();
	s->now = nmw_clock_mono();
	s->ts_ns = real > s->ts_ns ? real : s->ts_ns; /* messages never go back in time */
}

static void tick(struct tcp_server *s, bool drained)
{
	net_frames_recycle(&s->frames);
	nmw_count(s->emit->st->m, NMW_M_receive_stalls, s->io.stalls - s->stalls);
	s->stalls = s->io.stalls;
	if (s->waiting.n || s->give_at)
		login_hand_over(s);
	if (s->now - s->tick < TICK_NS || !drained)
		return;
	s->tick = s->now;
	conns_tick(s);
	if (s->refused_until && s->now >= s->refused_until) {
		s->refused_until = 0;
		nmw_io_accept(&s->io, s->listener);
	}
}

static int tcp_poll(void *arg, struct nmw_err *e)
{
	struct tcp_server *s = arg;
	struct nmw_stage *st = s->emit->st;
	int rc = s->started ? 0 : start(s, e);
	if (rc)
		return rc;
	unsigned n = s->last_n = nmw_io_poll(&s->io, s->ev, TCP_EVENTS, patience(s));
	look_at_time(s);
	for (unsigned i = 0; i < n; i++)
		on_event(s, &s->ev[i]);
	if (n) {
		nmw_wait_gap(&st->wait, s->now);
		nmw_stage_busy(st);
	}
	/* only who was read can be called silent */
	tick(s, n < TCP_EVENTS);
	nmw_stage_flush(st);
	nmw_stage_look_soon(st);
	return 1;
}

/* ---- the rest -------------------------------------------------------------------------------- */

static void tcp_progress(void *arg, uint64_t *done, uint64_t *total)
{
	(void)arg;
	*done = *total = 0;
}

/* Whoever is up stays so: it is the end of the day, which the engine tells its clients, and
 * nmw-send has their sockets until it has told them. */
static void tcp_close(void *arg)
{
	struct tcp_server *s = arg;
	login_worker_stop(s->worker);
	nmw_handover_end(&s->hand);
	nmw_io_close(&s->io);
	net_frames_fini(&s->frames);
	if (s->listen_fd >= 0)
		close(s->listen_fd);
	conns_fini(s);
	sessions_fini(&s->sessions);
	accounts_free(&s->accounts);
	free(s);
}

const struct source source_tcp = {.name = "tcp",
				  .arg = "ADDR:PORT",
				  .open = tcp_open,
				  .poll = tcp_poll,
				  .progress = tcp_progress,
				  .close = tcp_close};
