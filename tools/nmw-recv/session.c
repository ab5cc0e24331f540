#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int sessions_init(struct sessions *t, struct emit *emit, struct nmw_err *e)
{
	memset(t, 0, sizeof *t);
	t->emit = emit;
	t->v = calloc(SESSIONS_MAX, sizeof *t->v);
	if (t->v)
		return 0;
	return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "no memory for %u sessions",
			   SESSIONS_MAX);
}

void sessions_fini(struct sessions *t)
{
	free(t->v);
	t->v = NULL;
}

struct endpoint endpoint_from(const struct nmw_flow_key *k, unsigned dir)
{
	struct endpoint p = {.port = dir ? k->b_port : k->a_port, .family = k->family};
	memcpy(p.addr, dir ? k->b : k->a, sizeof p.addr);
	return p;
}

static bool same_end(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && a->family == b->family &&
	       !memcmp(a->addr, b->addr, sizeof a->addr);
}

static void set_text(char to[10], const char *from, size_t n)
{
	memset(to, ' ', 10);
	if (from)
		memcpy(to, from, n);
}

static void ctl_peer(struct nmw_ctl *c, const struct endpoint *p)
{
	c->family = p->family;
	c->port = p->port;
	memcpy(c->addr, p->addr, sizeof c->addr);
}

static void ctl_of(struct nmw_ctl *c, const struct session *s, enum nmw_ctl_kind kind)
{
	memset(c, 0, sizeof *c);
	c->kind = (uint8_t)kind;
	ctl_peer(c, &s->client);
	memcpy(c->account, s->account, sizeof c->account);
	memcpy(c->name, s->name, sizeof c->name);
}

/* A session of this account at this port whose connection ended; 0 = none. */
static uint32_t find_again(const struct sessions *t, const struct session *s)
{
	for (uint32_t i = 0; i < t->n; i++) { /* logins are rare */
		const struct session *o = &t->v[i];
		if (!o->up && !memcmp(o->account, s->account, sizeof s->account) &&
		    same_end(&o->host, &s->host))
			return i + 1;
	}
	return 0;
}

uint32_t session_login(struct sessions *t, uint64_t ts_ns, const struct session_who *who)
{
	struct session s = {.client = who->client, .host = who->host, .up = true};
	set_text(s.account, who->account, 6);
	set_text(s.name, who->name, 10);
	uint32_t id = who->account ? find_again(t, &s) : 0;
	if (!id) {
		if (t->n == SESSIONS_MAX)
			return 0;
		id = ++t->n;
		nmw_count(t->emit->st->m, NMW_M_in_sessions, 1);
	}
	t->v[id - 1] = s;
	struct nmw_ctl c;
	ctl_of(&c, &s, NMW_CTL_LOGIN);
	c.flags = t->login_flags;
	c.codec = t->codec;
	c.first = who->first;
	emit_ctl(t->emit, ts_ns, id, &c);
	return id;
}

uint32_t session_of_client(const struct sessions *t, const struct endpoint *client,
			   const struct endpoint *host)
{
	static const char none[10] = {' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' '};
	for (uint32_t i = 0; i < t->n; i++) { /* once a stream */
		const struct session *s = &t->v[i];
		if (s->up && !memcmp(s->account, none, sizeof none) &&
		    same_end(&s->client, client) && same_end(&s->host, host))
			return i + 1;
	}
	return 0;
}

void session_end(struct sessions *t, uint64_t ts_ns, uint32_t id, enum nmw_ctl_kind kind)
{
	if (!id || !t->v[id - 1].up)
		return;
	t->v[id - 1].up = false;
	struct nmw_ctl c;
	ctl_of(&c, &t->v[id - 1], kind);
	emit_ctl(t->emit, ts_ns, id, &c);
}

void session_ctl(struct sessions *t, uint64_t ts_ns, uint32_t id, enum nmw_ctl_kind kind,
		 const struct endpoint *from, const char name[10], uint64_t first, uint64_t count)
{
	struct session feed = {.client = *from};
	set_text(feed.account, NULL, 0);
	set_text(feed.name, name, 10);
	struct nmw_ctl c;
	ctl_of(&c, id ? &t->v[id - 1] : &feed, kind);
	c.first = first;
	c.count = count;
	emit_ctl(t->emit, ts_ns, id, &c);
}
