/* tcp:ADDR:PORT: clients that log in (SoupBinTCP 3.00). */
#include "tcp_server.h"

#include "base/clock.h"
#include "base/log.h"
#include "io/address.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define BACKLOG	    4096
#define SOCKS_OWN   8u		     /* listener, worker, hand-over, and those that just ended */
#define FILES_OWN   64u		     /* descriptors for all else */
#define TICK_NS	    (1000ull * 1000) /* between two looks at what time brings about */
#define NO_FILES_NS (100ull * 1000 * 1000) /* no accept after descriptors ran out */

/* ---- opening --------------------------------------------------------------------------------- */

static int listen_on(struct tcp_server *s, const char *arg, struct nmw_err *e)
{
	struct sockaddr_storage a;
	const int on = 1;
	int scope = nmw_address_iface(&s->at, s->iface, e);
	if (scope < 0)
		return scope;
	int fd = socket(s->at.family == 4 ? AF_INET : AF_INET6,
			SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return nmw_err_set(e, -errno, NMW_EXIT_RESOURCE, "%s: %s", arg, strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* the connections inherit it */
	int err = *s->iface && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, s->iface,
					  (socklen_t)strlen(s->iface))
			  ? -errno
			  : 0;
	socklen_t n = nmw_address_of(&s->at, (uint32_t)scope, &a);
	if (!err)
		err = nmw_address_bind(fd, &a, n, BACKLOG);
	if (err == 0) {
		s->listen_fd = fd;
		return 0;
	}
	close(fd);
	return nmw_err_set(e, err, nmw_exit_of(err), "%s: cannot listen: %s%s", arg, strerror(-err),
			   err == -EADDRINUSE	   ? ": another program has it: ss -ltnp"
			   : err == -EADDRNOTAVAIL ? ": `ip addr` shows the addresses of this host"
						   : "");
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
		rc = nmw_endpoint_parse_on(arg, &s->at, s->iface, e);
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
	int sock = *rc ? *rc : nmw_io_add(&s->live.io, fd, NULL);
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
	struct nmw_stage *st = s->emit->st;
	if (st->drop_on_full)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "--on-full drop: a client's order is never dropped: it is held "
				   "back while the ring is full");
	login_ids(s);
	int rc = live_open(&s->live, s->conf, st, s->n_conn + SOCKS_OWN, TCP_BUF_SZ, e);
	if (!rc)
		rc = nmw_handover_listen(&s->hand, s->at.port, nmw_stage_group(st), e);
	if (!rc)
		rc = login_start(s, e);
	if (rc)
		return rc;
	s->listener = add_or_die(s, s->listen_fd, &rc);
	s->listen_fd = rc ? s->listen_fd : -1;
	s->worker_sock = add_copy(s, login_worker_fd(s->worker), &rc);
	s->hand_sock = add_copy(s, s->hand.listen_fd, &rc);
	if (rc)
		return nmw_err_set(e, rc, NMW_EXIT_RESOURCE, "%s: %s", nmw_io_name(&s->live.io),
				   strerror(-rc));
	nmw_io_accept(&s->live.io, s->listener);
	nmw_io_watch(&s->live.io, s->worker_sock);
	nmw_io_watch(&s->live.io, s->hand_sock);
	nmw_log(NMW_LOG_INFO, "port %u: %u accounts, %u connections, %u buffers, %s", s->at.port,
		s->accounts.n, s->n_conn, s->live.frames.cnt, nmw_io_name(&s->live.io));
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
	nmw_io_hold(&s->live.io, s->listener);
	s->refused_until = s->now + NO_FILES_NS;
}

/* A buffer lies in the ring, which others may read: no password stays in it. */
static void on_data(struct tcp_server *s, struct conn *c, const struct nmw_io_event *ev)
{
	s->last = 0;
	c->seen_ns = s->now;
	packets_take(s, c, ev->data, (uint32_t)ev->res, true);
	if (s->last == 0)
		net_frames_wipe(&s->live.frames, ev->data, (uint32_t)ev->res);
	net_frames_done(&s->live.frames, ev->buf, s->last);
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

/* Shortly while something waits for the readers of the ring, or for the hand-over's. */
static uint64_t longest_wait(const struct tcp_server *s)
{
	return s->n_held || s->waiting.n || s->give_at ? TICK_NS : LIVE_WAIT_NS;
}

static void tick(struct tcp_server *s, bool drained)
{
	live_after(&s->live, s->now);
	if (s->waiting.n || s->give_at)
		login_hand_over(s);
	if (s->now - s->tick < TICK_NS || !drained)
		return;
	s->tick = s->now;
	conns_tick(s);
	if (s->refused_until && s->now >= s->refused_until) {
		s->refused_until = 0;
		nmw_io_accept(&s->live.io, s->listener);
	}
}

static int tcp_poll(void *arg, struct nmw_err *e)
{
	struct tcp_server *s = arg;
	struct nmw_stage *st = s->emit->st;
	int rc = s->started ? 0 : start(s, e);
	if (rc)
		return rc;
	unsigned n = live_poll(&s->live, s->ev, TCP_EVENTS, s->now, longest_wait(s));
	s->now = nmw_clock_mono();
	s->ts_ns = live_time(s->ts_ns);
	for (unsigned i = 0; i < n; i++)
		on_event(s, &s->ev[i]);
	nmw_stage_flush(st);
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
	live_close(&s->live);
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
