#include "naive_port.h"
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct naive_port *of(struct nmw_port *p)
{
	return (struct naive_port *)(void *)p;
}

static struct nmw_port_evt *say(struct naive_port *n, const struct nmw_port_cmd *c,
				enum nmw_core_kind kind, uint8_t reason, uint32_t qty,
				uint32_t left, uint64_t handle)
{
	if (n->tail == n->cap) {
		n->cap = n->cap ? 2 * n->cap : 64;
		n->evt = realloc(n->evt, n->cap * sizeof(*n->evt));
		ck_assert_ptr_nonnull(n->evt);
	}
	struct nmw_port_evt *v = &n->evt[n->tail++];
	*v = (struct nmw_port_evt){.kind = (uint8_t)kind,
				   .reason = reason,
				   .book = c->book,
				   .px = c->px,
				   .qty = qty,
				   .left = left,
				   .tag = c->tag,
				   .handle = handle};
	return v;
}

static bool reaches(const struct nmw_port_cmd *c, const struct naive_slot *m)
{
	return c->flags & NMW_PORT_SELL ? m->px >= c->px : m->px <= c->px;
}

static bool before(const struct naive_slot *a, const struct naive_slot *b)
{
	if (a->px != b->px)
		return a->sell ? a->px < b->px : a->px > b->px;
	return a->came < b->came;
}

/* The first order of the other side that it reaches, after one of them. */
static struct naive_slot *first(struct naive_port *n, const struct nmw_port_cmd *c,
				const struct naive_slot *after)
{
	bool sell = c->flags & NMW_PORT_SELL;
	struct naive_slot *best = NULL;
	for (uint32_t i = 0; i < n->p.slots; i++) {
		struct naive_slot *m = &n->slot[i];
		if (m->live && m->book == c->book && m->sell != sell && reaches(c, m) &&
		    (!after || before(after, m)) && (!best || before(m, best)))
			best = m;
	}
	return best;
}

static bool own(const struct nmw_port_cmd *c, const struct naive_slot *m)
{
	return c->owner && c->owner == m->owner;
}

static uint64_t available(struct naive_port *n, const struct nmw_port_cmd *c)
{
	uint64_t sum = 0;
	for (struct naive_slot *m = NULL; (m = first(n, c, m)) != NULL;) {
		if (own(c, m) && !(c->flags & NMW_TAKER_OWN_LEAVES))
			break;
		sum += own(c, m) ? 0 : m->qty;
	}
	return sum;
}

static void rest(struct naive_port *n, const struct nmw_port_cmd *c, uint32_t left)
{
	uint32_t i = 0;
	while (i < n->p.slots && n->slot[i].live)
		i++;
	if (i == n->p.slots) {
		say(n, c, NMW_CORE_CANCELED, NMW_CORE_FULL, left, 0, 0);
		return;
	}
	n->slot[i] = (struct naive_slot){.handle = (n->slot[i].handle | (n->p.slots - 1)) + 1 + i,
					 .came = ++n->clock,
					 .px = c->px,
					 .qty = left,
					 .owner = c->owner,
					 .book = c->book,
					 .sell = !!(c->flags & NMW_PORT_SELL),
					 .live = 1};
	say(n, c, NMW_CORE_RESTED, NMW_CORE_ASKED, left, 0, n->slot[i].handle);
}

static void enter(struct naive_port *n, const struct nmw_port_cmd *c)
{
	uint32_t left = c->qty;
	struct naive_slot *m;
	if (!left || c->px >= n->p.ticks || c->book >= n->p.books) {
		say(n, c, NMW_CORE_CANCELED, NMW_PORT_RANGE, left, 0, 0);
	} else if (c->flags & NMW_TAKER_POST_ONLY && first(n, c, NULL)) {
		say(n, c, NMW_CORE_CANCELED, NMW_CORE_WOULD_POST, left, 0, 0);
	} else if (c->min_qty && available(n, c) < c->min_qty) {
		say(n, c, NMW_CORE_CANCELED, NMW_CORE_MIN_QTY, left, 0, 0);
	} else {
		while (left && (m = first(n, c, NULL)) != NULL) {
			if (own(c, m) && !(c->flags & NMW_TAKER_OWN_LEAVES)) {
				say(n, c, NMW_CORE_CANCELED, NMW_CORE_SELF, left, m->qty,
				    m->handle);
				return;
			}
			if (own(c, m)) {
				m->live = 0;
				say(n, c, NMW_CORE_OWN, 0, m->qty, left, m->handle);
				continue;
			}
			uint32_t qty = left < m->qty ? left : m->qty;
			left -= qty;
			m->qty -= qty;
			m->live = m->qty != 0;
			say(n, c, NMW_CORE_FILL, 0, qty, m->qty, m->handle);
		}
		if (left && c->flags & (NMW_TAKER_IOC | NMW_TAKER_MARKET))
			say(n, c, NMW_CORE_CANCELED, NMW_CORE_IMMEDIATE, left, 0, 0);
		else if (left)
			rest(n, c, left);
	}
}

static void on_order(struct naive_port *n, const struct nmw_port_cmd *c)
{
	struct naive_slot *o = &n->slot[c->handle & (n->p.slots - 1)];
	if (!o->live || o->handle != c->handle) {
		say(n, c, NMW_CORE_REJECTED, NMW_CORE_UNKNOWN, 0, 0, c->handle);
	} else if (c->op == NMW_PORT_REDUCE && c->qty >= o->qty) {
		say(n, c, NMW_CORE_REJECTED, NMW_CORE_NOT_LESS, 0, 0, c->handle);
	} else if (c->op == NMW_PORT_REDUCE) {
		say(n, c, NMW_CORE_REDUCED, 0, o->qty - c->qty, c->qty, c->handle);
		o->qty = c->qty;
	} else {
		say(n, c, NMW_CORE_CANCELED, 0, o->qty, 0, c->handle);
		o->live = 0;
	}
}

static void put(struct nmw_port *p, const struct nmw_port_cmd *c)
{
	struct naive_port *n = of(p);
	n->commands++;
	ck_assert_uint_lt(n->flying, p->depth);
	n->flying++;
	n->most = n->flying > n->most ? n->flying : n->most;
	if (c->op == NMW_PORT_ENTER)
		enter(n, c);
	else
		on_order(n, c);
	n->evt[n->tail - 1].flags |= NMW_PORT_LAST;
}

static bool get(struct nmw_port *p, struct nmw_port_evt *v, struct nmw_err *e)
{
	struct naive_port *n = of(p);
	bool none = n->head == n->tail;
	ck_assert(!none || n->may_end); /* it would wait for ever */
	if (none || (n->lose_after && n->given >= n->lose_after)) {
		nmw_err_set(e, -EIO, NMW_EXIT_RESOURCE, "device: lost");
		return false;
	}
	*v = n->evt[n->head++];
	if (n->lie)
		n->lie(n, v);
	n->flying -= v->flags & NMW_PORT_LAST;
	if (n->head == n->tail)
		n->head = n->tail = 0;
	if (++n->given == n->lie_after)
		v->qty++;
	return true;
}

void naive_port_open(struct naive_port *n, uint32_t books, uint32_t ticks, uint32_t slots,
		     uint32_t depth)
{
	*n = (struct naive_port){.p = {.books = books,
				       .ticks = ticks,
				       .slots = slots,
				       .depth = depth,
				       .put = put,
				       .get = get},
				 .slot = calloc(slots, sizeof(*n->slot))};
	ck_assert_ptr_nonnull(n->slot);
}

void naive_port_close(struct naive_port *n)
{
	free(n->slot);
	free(n->evt);
}
