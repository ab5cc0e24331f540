#include "session.h"

#include "base/bits.h"
#include "base/pages.h"

#include <errno.h>
#include <string.h>

#define BUCKETS (2u * SESSIONS_MAX)

int sessions_init(struct sessions *t, struct emit *emit, struct nmw_err *e)
{
	memset(t, 0, sizeof *t);
	t->emit = emit;
	t->v = nmw_pages_take(SESSIONS_MAX * sizeof *t->v);
	t->bucket = nmw_pages_take(BUCKETS * sizeof *t->bucket);
	if (t->v && t->bucket)
		return 0;
	sessions_fini(t);
	return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "no memory for %u sessions",
			   SESSIONS_MAX);
}

void sessions_fini(struct sessions *t)
{
	nmw_pages_give(t->v, SESSIONS_MAX * sizeof *t->v);
	nmw_pages_give(t->bucket, BUCKETS * sizeof *t->bucket);
	t->v = NULL;
	t->bucket = NULL;
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

/* ---- looking for one ------------------------------------------------------------------------- */

static uint64_t mix(uint64_t h, const void *p, size_t n)
{
	h = nmw_fnv(h, p, n);
	return h ^ h >> 29;
}

static uint64_t mix_end(uint64_t h, const struct endpoint *p)
{
	h = mix(h, p->addr, sizeof p->addr);
	h = mix(h, &p->port, sizeof p->port);
	return mix(h, &p->family, sizeof p->family);
}

static bool has_account(const struct session *s)
{
	static const char none[10] = {' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' '};
	return memcmp(s->account, none, sizeof none) != 0;
}

/* Where the session stands, as it is: ended, or up without an account. */
static uint32_t *bucket_of(const struct sessions *t, const struct session *s)
{
	uint64_t h = mix_end(NMW_FNV_START, &s->host);
	h = s->up ? mix_end(h, &s->client) : mix(h, s->account, sizeof s->account);
	return &t->bucket[(h ^ h >> 32) % BUCKETS];
}

static void put(struct sessions *t, uint32_t id)
{
	struct session *s = &t->v[id - 1];
	if (s->up && has_account(s))
		return;
	uint32_t *at = bucket_of(t, s);
	s->next = *at;
	*at = id;
}

static void take_out(struct sessions *t, uint32_t id)
{
	const struct session *s = &t->v[id - 1];
	if (s->up && has_account(s))
		return;
	uint32_t *at = bucket_of(t, s);
	while (*at != id)
		at = &t->v[*at - 1].next;
	*at = s->next;
}

/* A session that ended, of the same account at the same port; or one that is up without an account
 * and has the same ends; 0 = none. */
static uint32_t find(const struct sessions *t, const struct session *like)
{
	uint32_t id = *bucket_of(t, like);
	for (; id; id = t->v[id - 1].next) {
		const struct session *o = &t->v[id - 1];
		if (o->up != like->up || !same_end(&o->host, &like->host))
			continue;
		if (like->up ? same_end(&o->client, &like->client)
			     : !memcmp(o->account, like->account, sizeof o->account))
			break;
	}
	return id;
}

void session_reserve(struct sessions *t, uint32_t id, const char *account,
		     const struct endpoint *host)
{
	struct session *s = &t->v[id - 1];
	s->host = *host;
	set_text(s->account, account, 6);
	put(t, id);
	t->n = id > t->n ? id : t->n;
}

uint32_t session_begin(struct sessions *t, const struct session_who *who, struct nmw_ctl *login)
{
	struct session s = {.client = who->client, .host = who->host};
	set_text(s.account, who->account, 6);
	set_text(s.name, who->name, 10);
	uint32_t id = who->account ? find(t, &s) : 0;
	s.up = s.seen = true;
	if (id)
		take_out(t, id);
	else if (t->n == SESSIONS_MAX)
		return 0;
	else
		id = ++t->n;
	nmw_count(t->emit->st->m, NMW_M_in_sessions, !t->v[id - 1].seen);
	t->v[id - 1] = s;
	put(t, id);
	ctl_of(login, &s, NMW_CTL_LOGIN);
	login->flags = t->login_flags;
	login->codec = t->codec;
	login->first = who->first;
	login->host_port = who->host_port;
	return id;
}

uint32_t session_login(struct sessions *t, uint64_t ts_ns, const struct session_who *who)
{
	struct nmw_ctl c;
	uint32_t id = session_begin(t, who, &c);
	if (id)
		emit_ctl(t->emit, ts_ns, id, &c);
	return id;
}

uint32_t session_of_client(const struct sessions *t, const struct endpoint *client,
			   const struct endpoint *host)
{
	const struct session like = {.client = *client, .host = *host, .up = true};
	return find(t, &like);
}

void session_forget(struct sessions *t, uint32_t id)
{
	take_out(t, id);
	t->v[id - 1].up = false;
	put(t, id);
}

void session_end(struct sessions *t, uint64_t ts_ns, uint32_t id, enum nmw_ctl_kind kind)
{
	if (!id || !t->v[id - 1].up)
		return;
	session_forget(t, id);
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
