#include "tcp_server.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SPARE	   16u			 /* places kept free by closing who is not logged in */
#define LOOK_NS	   NMW_NS_PER_S		 /* between two looks at a session's silence */
#define CREDIT_NS  (10ull * 1000 * 1000) /* unused time that a rate may make up for */
#define TICK_CONNS 1024u		 /* of one list in one tick */

int conns_init(struct tcp_server *s, uint32_t n, struct nmw_err *e)
{
	s->conn = calloc(n + 1, sizeof *s->conn);
	s->held = calloc(n, sizeof *s->held);
	if (!s->conn || !s->held)
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE,
				   "no memory for %u connections: ask for less with --flows", n);
	s->n_conn = s->n_free = n;
	s->free = 1;
	for (uint32_t i = 1; i < n; i++)
		s->conn[i].next = i + 1;
	return 0;
}

void conns_fini(struct tcp_server *s)
{
	free(s->conn);
	free(s->held);
}

/* ---- lists ----------------------------------------------------------------------------------- */

static void append(struct tcp_server *s, struct conn_list *l, struct conn *c)
{
	uint32_t i = conn_index(s, c);
	c->prev = l->last;
	c->next = NOBODY;
	c->since_ns = s->now;
	*(l->last ? &s->conn[l->last].next : &l->first) = i;
	l->last = i;
	l->n++;
}

static void take_out(struct tcp_server *s, struct conn_list *l, struct conn *c)
{
	*(c->prev ? &s->conn[c->prev].next : &l->first) = c->next;
	*(c->next ? &s->conn[c->next].prev : &l->last) = c->prev;
	l->n--;
}

void conn_go(struct tcp_server *s, struct conn *c, enum conn_state state)
{
	struct conn_list *from = conn_list_of(s, c);
	if (from)
		take_out(s, from, c);
	c->state = (uint8_t)state;
	struct conn_list *to = conn_list_of(s, c);
	if (to)
		append(s, to, c);
}

/* ---- coming and going ------------------------------------------------------------------------ */

/* The longest here without being logged in makes way. */
static void make_room(struct tcp_server *s)
{
	uint32_t i = s->fresh.first, asking = s->asking.first;
	if (!i || (asking && s->conn[asking].since_ns < s->conn[i].since_ns))
		i = asking;
	if (s->refused.first)
		i = s->refused.first;
	if (s->n_free < SPARE && s->n_free < s->n_conn / 2 && i)
		conn_end(s, &s->conn[i], NMW_CTL_LOST, NMW_M_connections_displaced);
}

static struct endpoint peer_of(int fd)
{
	struct sockaddr_storage a;
	struct endpoint p = {.family = 0};
	socklen_t n = sizeof a;
	if (getpeername(fd, (struct sockaddr *)&a, &n) < 0)
		return p;
	const struct sockaddr_in *v4 = (const void *)&a;
	const struct sockaddr_in6 *v6 = (const void *)&a;
	if (a.ss_family == AF_INET) {
		p.family = 4;
		p.port = ntohs(v4->sin_port);
		memcpy(p.addr, &v4->sin_addr, 4);
	} else if (a.ss_family == AF_INET6) {
		p.family = 6;
		p.port = ntohs(v6->sin6_port);
		memcpy(p.addr, &v6->sin6_addr, 16);
	}
	return p;
}

void conn_accept(struct tcp_server *s, int fd)
{
	struct nmw_metrics *m = s->emit->st->m;
	nmw_count(m, NMW_M_connections, 1);
	make_room(s);
	struct conn *c = &s->conn[s->free];
	int sock = s->free ? nmw_io_add(&s->live.io, fd, c) : -EMFILE;
	if (sock < 0) {
		nmw_count(m, NMW_M_connections_refused, 1);
		close(fd);
		return;
	}
	s->free = c->next;
	s->n_free--;
	c->which++;
	c->sock = (uint32_t)sock;
	c->peer = peer_of(fd);
	c->seen_ns = s->now;
	conn_go(s, c, CONN_NEW);
	conn_read(s, c);
}

static void unhold(struct tcp_server *s, struct conn *c)
{
	uint32_t last = s->held[--s->n_held];
	s->held[c->held_at] = last;
	s->conn[last].held_at = c->held_at;
	c->held = false;
}

void conn_end(struct tcp_server *s, struct conn *c, enum nmw_ctl_kind kind,
	      enum nmw_counter_id count)
{
	if (c->state == CONN_CLOSING || c->state == CONN_FREE)
		return;
	if (count != NMW_M_COUNT)
		nmw_count(s->emit->st->m, count, 1);
	if (c->held)
		unhold(s, c);
	if (c->account && c->account->up == conn_index(s, c))
		c->account->up = NOBODY;
	if (c->state == CONN_WAITING)
		session_forget(&s->sessions, c->session);
	else if (c->state == CONN_UP)
		session_end(&s->sessions, s->ts_ns, c->session, kind);
	conn_go(s, c, CONN_CLOSING);
	nmw_gauge(s->emit->st->m, NMW_M_sessions_up, s->up.n);
	nmw_io_remove(&s->live.io, c->sock);
}

void conn_free(struct tcp_server *s, struct conn *c)
{
	uint32_t which = c->which;
	explicit_bzero(c, sizeof *c); /* who it was, and its password */
	c->which = which;
	c->next = s->free;
	s->free = conn_index(s, c);
	s->n_free++;
}

/* ---- limits ---------------------------------------------------------------------------------- */

/* Messages of the session that the slowest reader has yet to take, at most. */
static uint64_t outstanding(struct tcp_server *s, const struct conn *c)
{
	uint64_t released = nmw_prod_released(&s->emit->st->out), passed = 0;
	if (c->last_seq <= released)
		return 0;
	for (unsigned i = 0; i < MARKS; i++)
		if (c->mark[i].seq <= released && c->mark[i].count > passed)
			passed = c->mark[i].count;
	return c->count - passed;
}

static bool over(struct tcp_server *s, struct conn *c)
{
	const struct account *a = c->account;
	if (a->interval_ns) {
		if (c->due_ns + CREDIT_NS < s->now)
			c->due_ns = s->now - CREDIT_NS;
		if (c->due_ns > s->now)
			return true;
	}
	return a->outstanding && outstanding(s, c) >= a->outstanding;
}

/* It is read a piece at a time, and no piece was asked for. */
static void hold(struct tcp_server *s, struct conn *c)
{
	nmw_count(s->emit->st->m, NMW_M_throttled, 1);
	c->held = true;
	c->held_at = s->n_held;
	s->held[s->n_held++] = conn_index(s, c);
}

void conn_read(struct tcp_server *s, struct conn *c)
{
	const struct account *a = c->account;
	if (c->state == CONN_NEW) {
		nmw_io_once(&s->live.io, c->sock);
	} else if (c->state == CONN_UP && !c->held) {
		if (!a->interval_ns && !a->outstanding)
			nmw_io_recv(&s->live.io, c->sock);
		else if (over(s, c))
			hold(s, c);
		else
			nmw_io_once(&s->live.io, c->sock);
	}
}

void conns_resume(struct tcp_server *s)
{
	for (uint32_t i = 0; i < s->n_held;) {
		struct conn *c = &s->conn[s->held[i]];
		if (over(s, c)) {
			i++;
			continue;
		}
		unhold(s, c); /* another one is in its place now */
		c->seen_ns = s->now;
		conn_read(s, c);
	}
}

/* ---- time ------------------------------------------------------------------------------------ */

/* The first of a list, when it has been there that long. */
static struct conn *due(const struct tcp_server *s, const struct conn_list *l, uint64_t ns)
{
	struct conn *c = &s->conn[l->first];
	return l->first && s->now - c->since_ns >= ns ? c : NULL;
}

static void say_rejected(struct tcp_server *s, struct conn *c)
{
	uint8_t out[8];
	const uint8_t reason = (uint8_t)c->reason;
	uint32_t n = nmw_soup_put(out, NMW_SOUP_REJECTED, &reason, 1);
	/* nothing was sent before: it goes out, or the client is gone, and then nobody misses it */
	ssize_t sent = send(nmw_io_fd(&s->live.io, c->sock), out, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)sent;
	conn_end(s, c, NMW_CTL_LOST, NMW_M_COUNT);
}

static void look_at_silence(struct tcp_server *s)
{
	struct conn *c;
	for (unsigned i = 0; i < TICK_CONNS && (c = due(s, &s->up, LOOK_NS)); i++) {
		conn_go(s, c, CONN_UP); /* to the end */
		if (!c->held && s->now - c->seen_ns >= s->conf->client_timeout_ns)
			conn_end(s, c, NMW_CTL_LOST, NMW_M_sessions_silent);
	}
}

static void expire(struct tcp_server *s, const struct conn_list *l)
{
	struct conn *c;
	for (unsigned i = 0; i < TICK_CONNS && (c = due(s, l, s->conf->login_timeout_ns)); i++)
		conn_end(s, c, NMW_CTL_LOST, NMW_M_logins_expired);
}

void conns_tick(struct tcp_server *s)
{
	struct conn *c;
	expire(s, &s->fresh);
	expire(s, &s->asking);
	expire(s, &s->waiting);
	for (unsigned i = 0; i < TICK_CONNS; i++) {
		if (!(c = due(s, &s->refused, s->conf->login_delay_ns)))
			break;
		say_rejected(s, c);
	}
	look_at_silence(s);
	conns_resume(s);
}
