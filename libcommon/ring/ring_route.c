#include "ring/ring_file.h"
#include "ring/route.h"

#include <errno.h>
#include <stdio.h>

/* The names lie in the producer's line, 8 bytes each. */
_Static_assert(sizeof((struct nmw_ring_progress *)0)->route == NMW_ROUTES * NMW_ROUTE_NAME_MAX,
	       "five names of eight bytes");

static void list(const struct nmw_ring *r, char text[64])
{
	size_t at = 0;
	text[0] = 0;
	for (unsigned i = 0; i < NMW_ROUTES; i++)
		if (r->hdr->at.route[i][0])
			at += (size_t)snprintf(text + at, 64 - at, " %.8s", r->hdr->at.route[i]);
}

static bool is_name(const char have[NMW_ROUTE_NAME_MAX], const char *name)
{
	return strlen(name) <= NMW_ROUTE_NAME_MAX && !strncmp(have, name, NMW_ROUTE_NAME_MAX);
}

int nmw_prod_routes(struct nmw_prod *p, const char *const *name, unsigned n, struct nmw_err *e)
{
	struct nmw_ring *r = p->ring;
	char text[64];
	bool fresh = p->next == 1;
	for (unsigned i = 0; i < NMW_ROUTES && !fresh; i++) {
		const char *want = i < n ? name[i] : "";
		if (is_name(r->hdr->at.route[i], want))
			continue;
		list(r, text);
		return nmw_err_set(
			e, -EINVAL, NMW_EXIT_USAGE,
			"ring %s: has messages for the routes%s: start with the same, in "
			"the same order, or with --discard",
			r->name, *text ? text : " of no name");
	}
	for (unsigned i = 0; i < n && fresh; i++)
		memcpy(r->hdr->at.route[i], name[i], strnlen(name[i], NMW_ROUTE_NAME_MAX));
	r->routes.n = n;
	return 0;
}

int nmw_ring_route_find(const struct nmw_ring *r, const char *name, struct nmw_err *e)
{
	char text[64];
	for (unsigned i = 0; i < NMW_ROUTES; i++)
		if (r->hdr->at.route[i][0] && is_name(r->hdr->at.route[i], name))
			return (int)i + 1;
	list(r, text);
	return nmw_err_set(e, -ESRCH, NMW_EXIT_PEER, "ring %s: no route %s: there %s%s", r->name,
			   name, *text ? "are" : "is none: its producer has no --route", text);
}

unsigned nmw_cons_route(const struct nmw_cons *c)
{
	return c->ring->route;
}

int nmw_ring_route(const char *ring, const char *name, struct nmw_err *e)
{
	struct nmw_err why = NMW_ERR_INIT;
	struct nmw_ring *r = nmw_ring_look(ring, &why);
	if (!r) {
		*e = why;
		return why.err;
	}
	int rc = nmw_ring_route_find(r, name, e);
	nmw_ring_file_free(r);
	return rc;
}

/* ---- routes that nobody takes ---------------------------------------------------------------- */

uint64_t nmw_prod_unread(const struct nmw_prod *p, unsigned i)
{
	return i <= NMW_ROUTES ? p->ring->routes.unread[i] : 0;
}

const char *nmw_prod_route(const struct nmw_prod *p, unsigned i, char name[NMW_ROUTE_NAME_MAX + 1])
{
	bool is = i && i <= NMW_ROUTES;
	snprintf(name, NMW_ROUTE_NAME_MAX + 1, "%.8s", is ? p->ring->hdr->at.route[i - 1] : "");
	return name;
}

/* What a consumer writes is not trusted: a route that is none, or a cursor past what there is,
 * counts for nothing. Who left has left its cursor. */
void nmw_prod_look_at_routes(struct nmw_prod *p)
{
	struct nmw_ring_routes *t = &p->ring->routes;
	for (unsigned i = 0; i < NMW_RING_CONSUMERS; i++) {
		const struct nmw_ring_line *l = &p->ring->ctl->line[i];
		uint32_t state = __atomic_load_n(&l->state, __ATOMIC_ACQUIRE);
		uint32_t route = __atomic_load_n(&l->route, __ATOMIC_ACQUIRE);
		uint64_t at = __atomic_load_n(&l->cursor, __ATOMIC_ACQUIRE);
		if (state != NMW_LINE_JOINING && route <= NMW_ROUTES && at < p->next &&
		    at > t->read[route])
			t->read[route] = at;
	}
}

static bool all_read(const struct nmw_ring_routes *t, uint64_t to)
{
	bool all = true;
	for (unsigned i = 1; i <= t->n; i++)
		all = all && (t->read[i] >= to || t->read[0] >= to);
	return all;
}

void nmw_prod_pass_routes(struct nmw_prod *p, uint64_t from, uint64_t end)
{
	struct nmw_ring_routes *t = &p->ring->routes;
	if (from < 1)
		from = 1;
	if (from >= end || all_read(t, end - 1))
		return;
	for (uint64_t seq = from; seq < end; seq++) {
		const struct nmw_slot *s = nmw_ring_slot(p->ring, seq);
		unsigned route = nmw_route_of(s);
		t->unread[route] += s->seq == seq && route && route <= t->n &&
				    seq > t->read[route] && seq > t->read[0];
	}
}

/* Bit i: no consumer takes route i. */
static unsigned without_taker(const struct nmw_ring *r)
{
	unsigned none = (2u << r->routes.n) - 2;
	for (unsigned i = 0; none && i < NMW_RING_CONSUMERS; i++) {
		const struct nmw_ring_line *l = &r->ctl->line[i];
		uint32_t state = __atomic_load_n(&l->state, __ATOMIC_ACQUIRE);
		uint32_t route = __atomic_load_n(&l->route, __ATOMIC_ACQUIRE);
		if (!nmw_ring_line_counts(state) || route > NMW_ROUTES)
			continue;
		none = route ? none & ~(1u << route) : 0;
	}
	return none;
}

/* Where slots are not being filled again. */
static void look_at_messages(struct nmw_prod *p)
{
	struct nmw_ring_routes *t = &p->ring->routes;
	uint64_t cnt = p->mask + 1, from = p->limit > cnt ? p->limit - cnt : 1;
	for (uint64_t seq = from > t->looked ? from : t->looked; seq < p->next; seq++) {
		const struct nmw_slot *s = nmw_ring_slot(p->ring, seq);
		unsigned route = nmw_route_of(s);
		if (s->seq == seq && route <= NMW_ROUTES)
			t->last[route] = seq;
	}
	t->looked = p->next;
}

unsigned nmw_prod_untaken(struct nmw_prod *p, unsigned of)
{
	struct nmw_ring_routes *t = &p->ring->routes;
	unsigned none = t->n ? without_taker(p->ring) & of : 0, found = 0;
	if (!none)
		return 0;
	nmw_prod_look_at_routes(p);
	look_at_messages(p);
	for (unsigned i = 1; i <= t->n; i++)
		if (none & 1u << i && t->last[i] > t->read[i] && t->last[i] > t->read[0])
			found |= 1u << i;
	return found;
}

void nmw_prod_end_routes(struct nmw_prod *p)
{
	struct nmw_ring *r = p->ring;
	uint64_t cnt = p->mask + 1;
	nmw_prod_look_at_routes(p);
	for (unsigned i = 0; i < NMW_RING_CONSUMERS; i++) {
		const struct nmw_ring_line *l = &r->ctl->line[i];
		uint32_t state = __atomic_load_n(&l->state, __ATOMIC_ACQUIRE);
		uint32_t route = __atomic_load_n(&l->route, __ATOMIC_ACQUIRE);
		if (nmw_ring_line_counts(state) && route <= NMW_ROUTES)
			r->routes.read[route] = p->next - 1; /* as it will, while it is there */
	}
	nmw_prod_pass_routes(p, p->limit > cnt ? p->limit - cnt : 1, p->next);
}
