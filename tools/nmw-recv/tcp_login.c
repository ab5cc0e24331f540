/* Logins, and the sockets that nmw-send gets. */
#include "tcp_server.h"

#include "base/log.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* ---- the request ----------------------------------------------------------------------------- */

/* A Login Rejected goes out when the delay is over: who tries passwords has to wait. */
static void refuse(struct tcp_server *s, struct conn *c, char reason)
{
	nmw_count(s->emit->st->m, NMW_M_logins_refused, 1);
	explicit_bzero(c->ask.password, sizeof c->ask.password);
	c->account = NULL;
	c->reason = reason;
	conn_go(s, c, CONN_REFUSED);
}

/* False: as many of the account as are allowed are being checked. */
static bool check(struct tcp_server *s, struct conn *c)
{
	if (!login_worker_ask(s->worker, conn_index(s, c), c->which, c->account, c->ask.password))
		return false;
	explicit_bzero(c->ask.password, sizeof c->ask.password);
	conn_go(s, c, CONN_CHECKING);
	return true;
}

/* A check of the account is done: it is the turn of who has waited longest for one. */
static void check_next(struct tcp_server *s, const struct account *a)
{
	uint32_t i = s->asking.first;
	while (i && s->conn[i].account != a)
		i = s->conn[i].next;
	if (i)
		check(s, &s->conn[i]);
}

/* A name that is not there costs the check of a password, too, that of the first account: the time
 * does not tell which names are there, as far as all hashes are of one kind and cost. */
int login_start(struct tcp_server *s, struct nmw_err *e)
{
	s->nobody.hash = s->accounts.v[0].hash;
	s->worker = login_worker_start(s->accounts.n + 1, e);
	return s->worker ? 0 : e->err;
}

void login_asked(struct tcp_server *s, struct conn *c, const struct nmw_soup *p)
{
	if (nmw_soup_login_parse(p, &c->ask) < 0) {
		emit_drop(s->emit, NMW_DROP_bad_soup, 1);
		conn_end(s, c, NMW_CTL_LOST, NMW_M_sessions_broken);
		return;
	}
	c->account = accounts_find(&s->accounts, c->ask.user);
	if (!c->account)
		c->account = &s->nobody;
	if (!check(s, c))
		conn_go(s, c, CONN_ASKING);
}

static bool blank(const char session[10])
{
	return !memcmp(session, "          ", 10);
}

static bool same_session(const char asked[10], const char has[10])
{
	for (unsigned i = 0; i < 10; i++)
		if (toupper((unsigned char)asked[i]) != toupper((unsigned char)has[i]))
			return false;
	return true;
}

/* ---- up -------------------------------------------------------------------------------------- */

static struct endpoint host_of(const struct tcp_server *s)
{
	struct endpoint host = {.port = s->at.port, .family = s->at.family};
	memcpy(host.addr, s->at.addr, sizeof host.addr);
	return host;
}

void login_ids(struct tcp_server *s)
{
	const struct endpoint host = host_of(s);
	for (uint32_t i = 0; i < s->accounts.n; i++)
		session_reserve(&s->sessions, s->accounts.v[i].number, s->accounts.v[i].user,
				&host);
}

/* What the engine and nmw-send will know of it. False: the run has no ids left. */
static bool introduce(struct tcp_server *s, struct conn *c)
{
	const struct account *a = c->account;
	const struct session_who who = {.client = c->peer,
					.host = host_of(s),
					.account = a->user,
					.name = a->session,
					.first = c->ask.next,
					.host_port = s->at.port};
	bool cancel = a->cancel_on_disconnect || s->conf->cancel_on_disconnect;
	s->sessions.codec = a->codec;
	s->sessions.login_flags = cancel ? NMW_CTL_CANCEL_ON_DISCONNECT : 0;
	struct nmw_handover *h = &c->hand;
	memset(h, 0, sizeof *h);
	c->session = h->session = session_begin(&s->sessions, &who, &h->login);
	/* what was asked for is the account's, in any case of letters: compared above */
	bool same = !blank(c->ask.session) && !blank(a->session);
	memcpy(h->requested, same ? a->session : c->ask.session, sizeof h->requested);
	return c->session != 0;
}

static void hand_one(struct tcp_server *s, struct conn *c)
{
	int rc = nmw_handover_give(&s->hand, &c->hand, nmw_io_fd(&s->live.io, c->sock));
	c->handed = rc == 0;
	if (c->handed)
		nmw_count(s->emit->st->m, NMW_M_handed_over, 1);
}

/* The socket first, its LOGIN then. Without an nmw-send the LOGIN goes out at once: who comes later
 * is given every session that is up. False: the hand-over socket is full. */
static bool publish(struct tcp_server *s, struct conn *c)
{
	const struct nmw_stage *st = s->emit->st;
	c->hand.login_seq = st->out.next + st->pending;
	hand_one(s, c);
	if (!c->handed && s->hand.peer >= 0)
		return false;
	emit_ctl(s->emit, s->ts_ns, c->session, &c->hand.login);
	c->last_seq = c->hand.login_seq;
	conn_go(s, c, CONN_UP);
	nmw_count(st->m, NMW_M_logins, 1);
	nmw_gauge(st->m, NMW_M_sessions_up, s->up.n);
	c->seen_ns = s->now;
	packets_take(s, c, NULL, 0, false); /* what came behind the login */
	conn_read(s, c);
	return true;
}

/* The password was right. An account has one session: who logs in again was cut off, so the old
 * connection is the one that ends. */
static void accepted(struct tcp_server *s, struct conn *c)
{
	struct account *a = c->account;
	if (!blank(a->session) && !blank(c->ask.session) &&
	    !same_session(c->ask.session, a->session)) {
		refuse(s, c, 'S');
		return;
	}
	if (a->up)
		conn_end(s, &s->conn[a->up], NMW_CTL_LOST, NMW_M_sessions_replaced);
	if (!introduce(s, c)) {
		refuse(s, c, 'A');
		return;
	}
	a->up = conn_index(s, c);
	if (s->waiting.n || !publish(s, c))
		conn_go(s, c, CONN_WAITING);
}

void login_answers(struct tcp_server *s)
{
	struct login_answer a;
	while (login_worker_answer(s->worker, &a)) {
		struct conn *c = &s->conn[a.who];
		check_next(s, a.account);
		if (c->which != a.which || c->state != CONN_CHECKING)
			continue; /* it is gone */
		if (a.ok && a.account != &s->nobody)
			accepted(s, c);
		else
			refuse(s, c, 'A');
	}
}

/* ---- the hand-over --------------------------------------------------------------------------- */

/* Sessions that were up before this nmw-send came. */
static void give_rest(struct tcp_server *s)
{
	for (; s->give_at && s->give_at <= s->n_conn; s->give_at++) {
		struct conn *c = &s->conn[s->give_at];
		if (c->state != CONN_UP || c->handed)
			continue;
		hand_one(s, c);
		if (!c->handed)
			return;
	}
	s->give_at = NOBODY;
}

void login_hand_over(struct tcp_server *s)
{
	if (s->give_at)
		give_rest(s);
	while (s->waiting.first && publish(s, &s->conn[s->waiting.first]))
		;
}

static void watch_writer(struct tcp_server *s, bool is_new)
{
	if (s->peer_sock != UINT32_MAX && (is_new || s->hand.peer < 0)) {
		nmw_io_remove(&s->live.io, s->peer_sock);
		s->peer_sock = UINT32_MAX;
	}
	if (!is_new)
		return;
	int fd = fcntl(s->hand.peer, F_DUPFD_CLOEXEC, 0);
	int sock = fd >= 0 ? nmw_io_add(&s->live.io, fd, NULL) : -errno;
	if (sock < 0) {
		nmw_log(NMW_LOG_WARN,
			"hand-over socket: cannot watch nmw-send: %s: that it leaves is seen only "
			"when the next one comes: raise ulimit -n",
			strerror(-sock));
		if (fd >= 0)
			close(fd);
		return;
	}
	s->peer_sock = (uint32_t)sock;
	nmw_io_watch(&s->live.io, s->peer_sock);
}

static int one_writer(struct tcp_server *s)
{
	struct nmw_err e = NMW_ERR_INIT;
	int rc = nmw_handover_accept(&s->hand, &e);
	if (e.err)
		nmw_log(NMW_LOG_WARN, "%s", e.msg);
	if (rc == 1 || rc == -EPIPE)
		watch_writer(s, rc == 1);
	if (rc == 1) {
		for (uint32_t i = 1; i <= s->n_conn; i++)
			s->conn[i].handed = false;
		s->give_at = 1;
		nmw_log(NMW_LOG_INFO, "nmw-send has come: it gets %u sessions", s->up.n);
	} else if (rc == -EPIPE) {
		nmw_log(NMW_LOG_INFO, "nmw-send has left: replies wait for the next one; clients "
				      "that it did not disconnect stay");
	}
	return rc;
}

/* All that has happened: it is told once. */
void login_writer(struct tcp_server *s)
{
	while (one_writer(s) != 0)
		;
}
