#include "udp_sessions.h"

#include "io/address.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_NS	 (50ull * 1000 * 1000)
#define NO_PLACE UINT16_MAX /* in of_session: it is ours, and has no stream */

struct stream {
	struct udp_sessions *of;
	struct nmw_mold_send *tx;
	uint32_t session; /* 0 = free */
	int of_path;	  /* the path's number of it */
	bool dirty;
	struct udp_peer to; /* of replies */
};

struct udp_sessions {
	struct udp_sessions_conf conf;
	uint64_t heartbeat_ns, ticked_ns;
	uint32_t payload, max; /* max: highest session id */
	uint16_t *of_session;  /* [session]: stream + 1 */
	struct stream v[UDP_SESSIONS_MAX];
	uint16_t dirty[UDP_SESSIONS_MAX];
	unsigned used, n_dirty;
};

/* ---- packets -------------------------------------------------------------------------------- */

static void emit(void *arg, const struct nmw_mold_packet *p)
{
	struct stream *s = arg;
	const struct udp_sessions_conf *c = &s->of->conf;
	c->path->ops->send(c->path, s->of_path, c->replies ? &s->to : NULL, p);
}

static void send_all(struct udp_sessions *u)
{
	u->conf.path->ops->flush(u->conf.path);
}

/* ---- life cycle ----------------------------------------------------------------------------- */

int udp_sessions_open(struct udp_sessions **out, const struct udp_sessions_conf *c,
		      struct nmw_err *e)
{
	struct udp_sessions *u = calloc(1, sizeof *u);
	if (u)
		u->of_session = calloc(c->conf->framer.sessions + 1, sizeof *u->of_session);
	if (!u || !u->of_session) {
		free(u);
		return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "out of memory");
	}
	u->conf = *c;
	u->max = c->conf->framer.sessions;
	u->heartbeat_ns = c->conf->heartbeat_ns;
	u->payload = c->conf->mtu - 48u; /* that of IPv6 fits both */
	*out = u;
	return 0;
}

static void end_stream(struct udp_sessions *u, struct stream *s, uint64_t now_ns)
{
	if (!s->session)
		return;
	nmw_mold_send_end(s->tx, now_ns);
	send_all(u); /* its packets lie in its history */
	u->conf.path->ops->end(u->conf.path, s->of_path);
	nmw_mold_send_close(s->tx);
	u->of_session[s->session] = 0;
	s->session = 0;
}

void udp_sessions_close(struct udp_sessions *u, uint64_t now_ns)
{
	if (!u)
		return;
	for (unsigned i = 0; i < u->used; i++)
		end_stream(u, &u->v[i], now_ns);
	free(u->of_session);
	free(u);
}

static struct stream *free_stream(struct udp_sessions *u)
{
	unsigned i = 0;
	while (i < u->used && u->v[i].session)
		i++;
	if (i == UDP_SESSIONS_MAX)
		return NULL;
	u->used = i == u->used ? i + 1 : u->used;
	memset(&u->v[i], 0, sizeof u->v[i]);
	return &u->v[i];
}

/* name: of the client's own stream, or NULL: made of the session's number. */
static int begin(struct udp_sessions *u, uint32_t session, const char *name,
		 const struct nmw_endpoint *to)
{
	char text[16];
	struct stream *s = free_stream(u);
	struct nmw_mold_send_conf c = {.first = 1,
				       .payload = u->payload,
				       .history = NMW_MOLD_HISTORY_MIN,
				       .by_reference = u->conf.by_reference,
				       .heartbeat_ns = u->heartbeat_ns,
				       .emit = emit,
				       .arg = s};
	snprintf(text, sizeof text, "S%09u", session % 1000000000u);
	memcpy(c.session, name ? name : text, sizeof c.session);
	if (!s || nmw_mold_send_open(&s->tx, &c, NULL))
		return -ENOSPC;
	s->of = u;
	if (to)
		udp_peer_set(&s->to, to, u->conf.path->scope);
	s->of_path = u->conf.path->ops->begin(u->conf.path, session, to ? &s->to : NULL);
	if (s->of_path < 0) {
		nmw_mold_send_close(s->tx);
		return s->of_path;
	}
	s->session = session;
	u->of_session[session] = (uint16_t)(s - u->v + 1);
	return 0;
}

/* ---- messages ------------------------------------------------------------------------------- */

static struct stream *find(struct udp_sessions *u, uint32_t session)
{
	uint16_t i = session <= u->max ? u->of_session[session] : 0;
	return i && i != NO_PLACE ? &u->v[i - 1] : NULL;
}

/* A client without an account that came over the network: where it is, replies go. */
static void login(struct udp_sessions *u, uint32_t session, const struct nmw_ctl *ctl)
{
	static const char blank[10] = {' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' '};
	struct nmw_endpoint to = {.family = ctl->family, .port = ctl->port};
	memcpy(to.addr, ctl->addr, sizeof to.addr);
	bool named = memcmp(ctl->name, blank, sizeof blank) != 0;
	int rc = begin(u, session, named ? ctl->name : NULL, &to);
	if (rc && rc != -EAFNOSUPPORT) /* which another sink serves */
		u->of_session[session] = NO_PLACE;
}

bool udp_sessions_control(struct udp_sessions *u, uint32_t session, const struct nmw_ctl *ctl,
			  uint64_t now_ns)
{
	struct stream *s = find(u, session);
	bool ends = ctl->kind == NMW_CTL_LOGOUT || ctl->kind == NMW_CTL_LOST;
	bool starts = ctl->kind == NMW_CTL_LOGIN && u->conf.replies && ctl->family &&
		      !ctl->host_port && session && session <= u->max;
	if (s && (ends || starts))
		end_stream(u, s, now_ns);
	if (ends && session <= u->max)
		u->of_session[session] = 0;
	if (starts)
		login(u, session, ctl);
	return (s && ends) || starts;
}

int udp_sessions_put(struct udp_sessions *u, uint32_t session, const uint8_t *msg, uint32_t len)
{
	struct stream *s = find(u, session);
	if (!s && session <= u->max && u->of_session[session] == NO_PLACE)
		return -ENOSPC;
	if (!s && (u->conf.replies || !session || session > u->max))
		return -ENOTCONN;
	if (!s && begin(u, session, NULL, NULL))
		return -ENOSPC;
	s = find(u, session);
	int rc = nmw_mold_send_put(s->tx, msg, len);
	if (!rc && !s->dirty)
		u->dirty[u->n_dirty++] = (uint16_t)(s - u->v);
	s->dirty = s->dirty || !rc;
	return rc;
}

void udp_sessions_flush(struct udp_sessions *u, uint64_t now_ns)
{
	for (unsigned i = 0; i < u->n_dirty; i++) {
		struct stream *s = &u->v[u->dirty[i]];
		if (s->session && s->dirty)
			nmw_mold_send_flush(s->tx, now_ns);
		s->dirty = false;
	}
	u->n_dirty = 0;
	send_all(u);
}

void udp_sessions_tick(struct udp_sessions *u, uint64_t now_ns)
{
	if (now_ns - u->ticked_ns < TICK_NS)
		return;
	u->ticked_ns = now_ns;
	for (unsigned i = 0; i < u->used; i++)
		if (u->v[i].session)
			nmw_mold_send_tick(u->v[i].tx, now_ns);
	send_all(u);
}

static bool same_address(const struct nmw_endpoint *x, const struct nmw_endpoint *y)
{
	return x->family == y->family && x->port == y->port &&
	       !memcmp(x->addr, y->addr, sizeof x->addr);
}

bool udp_sessions_answer(struct udp_sessions *u, const uint8_t *request, uint32_t len,
			 const struct nmw_endpoint *from)
{
	struct nmw_mold_packet p;
	for (unsigned i = 0; i < u->used; i++)
		if (u->v[i].session && same_address(&u->v[i].to.at, from) &&
		    nmw_mold_send_answer(u->v[i].tx, request, len, &p) == NMW_MOLD_ANSWERED) {
			u->conf.sink->count.extra[SINK_rerequest_messages] += p.messages;
			return u->conf.path->ops->answer(u->conf.path, from, &p);
		}
	return false;
}
