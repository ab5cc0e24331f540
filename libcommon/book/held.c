/* Which orders a device holds, and how they move between it and the host. */
#include "base/bits.h"
#include "book/held_impl.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define STEP_OFTEN  100u  /* US prices: 1/10,000, a cent apart */
#define HIDDEN_MAX  1024u /* on one side, each of which is looked at for a displayed order */
#define MOVES_FREE  (1u << 16)
#define MOVES_WORTH 8u /* commands for moves to one for orders */

/* ---- memory --------------------------------------------------------------------------------- */

static size_t round_up(size_t n)
{
	return nmw_round_up(n, 64);
}

static size_t lists_of(const struct nmw_port *p, uint32_t orders)
{
	return (size_t)orders + 1 + (size_t)p->books * NMW_HELD_LISTS;
}

size_t nmw_held_footprint(const struct nmw_port *p, uint32_t orders, uint32_t symbols)
{
	return round_up(sizeof(struct nmw_held)) + round_up(symbols * sizeof(uint16_t)) +
	       round_up(symbols * sizeof(struct nmw_held_symbol)) +
	       round_up(p->books * sizeof(struct nmw_held_book)) +
	       round_up(lists_of(p, orders) * sizeof(struct nmw_held_order)) +
	       round_up(p->slots * sizeof(nmw_oid)) +
	       round_up(((size_t)orders + 1) * sizeof(nmw_oid));
}

static void *part(uint8_t **at, size_t size)
{
	uint8_t *p = *at;
	*at += round_up(size);
	return p;
}

static void lists_empty(struct nmw_held *h, const struct nmw_held_book *hb)
{
	for (uint32_t k = 0; k < NMW_HELD_LISTS; k++) {
		nmw_oid list = nmw_held_list(h, hb, k);
		h->order[list].next = h->order[list].prev = list;
	}
}

struct nmw_held *nmw_held_init(void *mem, struct nmw_port *p, struct nmw_books *b, uint32_t orders,
			       uint32_t symbols)
{
	uint8_t *at = mem;
	struct nmw_held *h = part(&at, sizeof(*h));
	*h = (struct nmw_held){.port = p, .b = b, .orders = orders, .symbols = symbols};
	h->of_sym = part(&at, symbols * sizeof(uint16_t));
	h->symbol = part(&at, symbols * sizeof(*h->symbol));
	h->book = part(&at, p->books * sizeof(*h->book));
	h->order = part(&at, lists_of(p, orders) * sizeof(*h->order));
	h->by_slot = part(&at, p->slots * sizeof(*h->by_slot));
	h->sorted = part(&at, ((size_t)orders + 1) * sizeof(*h->sorted));
	for (uint32_t i = 0; i < p->books; i++)
		lists_empty(h, &h->book[i]);
	return h;
}

/* ---- commands and events -------------------------------------------------------------------- */

void nmw_held_put(struct nmw_held *h, struct nmw_port_cmd *c)
{
	c->tag = h->tag++;
	h->flying++;
	h->stat.commands++;
	h->port->put(h->port, c);
}

/* All that the device has rests on the software books, without a word to it. */
static void lose(struct nmw_held *h)
{
	h->lost = true;
	h->flying = 0;
	h->sent = false;
	for (uint32_t i = 0; i < h->port->books; i++)
		if (h->book[i].used)
			nmw_held_spill(h, &h->book[i], NMW_HELD_LOST);
}

void nmw_held_wrong(struct nmw_held *h, const struct nmw_port_evt *v)
{
	if (h->lost)
		return;
	nmw_err_set(&h->err, -EPROTO, NMW_EXIT_RESOURCE,
		    "device: command %u: event of kind %u, reason %u, %u shares found: it does not "
		    "go with the orders that it was given: the design is faulty: load another",
		    h->due, v->kind, v->reason, v->qty);
	lose(h);
}

bool nmw_held_get(struct nmw_held *h, struct nmw_port_evt *v)
{
	if (h->lost)
		return false;
	if (!h->port->get(h->port, v, &h->err)) {
		lose(h);
		return false;
	}
	h->stat.events++;
	if (v->tag != h->due) {
		nmw_held_wrong(h, v);
		return false;
	}
	if (v->flags & NMW_PORT_LAST) {
		h->due++;
		h->flying--;
	}
	return true;
}

bool nmw_held_get_last(struct nmw_held *h, struct nmw_port_evt *v)
{
	/* no command has more: a fill of each order, and its end */
	for (uint32_t n = 0; n < h->port->slots + 2 && nmw_held_get(h, v); n++)
		if (v->flags & NMW_PORT_LAST)
			return true;
	nmw_held_wrong(h, v);
	return false;
}

/* ---- held or not ---------------------------------------------------------------------------- */

void nmw_held_hold(struct nmw_held *h, struct nmw_held_book *hb, nmw_oid id, uint64_t handle)
{
	const struct nmw_order *o = nmw_order_at(h->b, id);
	struct nmw_queued *q = nmw_queued_at(h->b, nmw_order_ref(id));
	uint32_t side = o->sides & 1, hidden = o->rank >= NMW_RANK_HIDDEN;
	nmw_oid list = nmw_held_list(h, hb, side * 2 + hidden), last = h->order[list].prev;
	q->q.next = q->q.prev = NMW_HELD_LINK;
	q->hidden = 0;
	h->order[id] = (struct nmw_held_order){.handle = handle, .next = list, .prev = last};
	h->order[last].next = id;
	h->order[list].prev = id;
	h->by_slot[handle & (h->port->slots - 1)] = id;
	hb->count[side]++;
	hb->hidden[side] += hidden;
	if (!hidden && o->rank > hb->rank_top[side])
		hb->rank_top[side] = o->rank;
	h->stat.orders++;
}

void nmw_held_drop(struct nmw_held *h, nmw_oid id)
{
	const struct nmw_order *o = nmw_order_at(h->b, id);
	struct nmw_held_book *hb = &h->book[h->of_sym[o->sides / 2] - 1];
	struct nmw_held_order *x = &h->order[id];
	nmw_queued_at(h->b, nmw_order_ref(id))->q = (struct nmw_link){0};
	h->order[x->prev].next = x->next;
	h->order[x->next].prev = x->prev;
	h->by_slot[x->handle & (h->port->slots - 1)] = 0;
	hb->count[o->sides & 1]--;
	hb->hidden[o->sides & 1] -= o->rank >= NMW_RANK_HIDDEN;
	h->used--;
	h->stat.orders--;
}

/* A record that is on no book goes to the software book. */
void nmw_held_rest_there(struct nmw_books *b, nmw_oid id)
{
	const struct nmw_order *o = nmw_order_at(b, id);
	nmw_book_rest_at(b, id, o->sides, o->px, nmw_book_qty(b, id), o->rank, o->owner);
}

void nmw_held_spill(struct nmw_held *h, struct nmw_held_book *hb, enum nmw_held_why why)
{
	for (uint32_t k = 0; k < NMW_HELD_LISTS; k++) {
		nmw_oid list = nmw_held_list(h, hb, k), id;
		while ((id = h->order[list].next) != list) {
			nmw_held_drop(h, id);
			nmw_held_rest_there(h->b, id);
		}
	}
	h->stat.symbols--;
	nmw_held_away(h, hb->sym, why);
	*hb = (struct nmw_held_book){0};
}

/* Those of a list leave the device; what it answers does not matter any more. */
static void cancel_list(struct nmw_held *h, nmw_oid list)
{
	struct nmw_port_evt v;
	assert(!h->flying); /* other answers are not for this */
	for (nmw_oid id = h->order[list].next; id != list && !h->lost; id = h->order[id].next) {
		struct nmw_port_cmd c = {.op = NMW_PORT_CANCEL, .handle = h->order[id].handle};
		if (h->flying == h->port->depth && !nmw_held_get_last(h, &v))
			return;
		nmw_held_put(h, &c);
	}
	while (h->flying && nmw_held_get_last(h, &v))
		;
}

void nmw_held_to_software(struct nmw_held *h, struct nmw_held_book *hb, enum nmw_held_why why)
{
	for (uint32_t k = 0; k < NMW_HELD_LISTS && !h->lost; k++)
		cancel_list(h, nmw_held_list(h, hb, k));
	if (hb->used)
		nmw_held_spill(h, hb, why);
}

struct nmw_held_book *nmw_held_take(struct nmw_held *h, uint32_t sym)
{
	struct nmw_held_symbol *s = &h->symbol[sym];
	if (h->of_sym[sym] == NMW_HELD_SOFTWARE) {
		nmw_held_rested(h, sym);
		return NULL;
	}
	if (s->wish == NMW_HELD_ANYWHERE)
		s->wish = (uint8_t)(h->wish ? h->wish(h->wish_arg, sym) : NMW_HELD_DEVICE);
	struct nmw_held_book *hb = NULL;
	for (uint32_t i = 0; i < h->port->books && !hb; i++)
		hb = h->book[i].used ? NULL : &h->book[i];
	if (!hb || h->lost || s->wish == NMW_HELD_HOST) {
		nmw_held_away(h, sym,
			      s->wish == NMW_HELD_HOST ? NMW_HELD_ASKED
			      : h->lost		       ? NMW_HELD_LOST
						       : NMW_HELD_NO_BOOK);
		return NULL;
	}
	*hb = (struct nmw_held_book){.sym = sym, .used = true};
	h->of_sym[sym] = (uint16_t)(hb - h->book + 1);
	h->stat.symbols++;
	return hb;
}

/* ---- the window ----------------------------------------------------------------------------- */

static uint64_t gcd(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t r = a % b;
		a = b;
		b = r;
	}
	return a;
}

static void window_set(const struct nmw_held *h, struct nmw_held_book *hb, uint64_t center,
		       uint64_t step)
{
	uint64_t below = h->port->ticks / 2;
	if (below > center / step)
		below = center / step;
	hb->step = (uint32_t)step;
	hb->inv = UINT64_MAX / step + 1;
	hb->base = center - below * step;
	hb->top = hb->base + (h->port->ticks - UINT64_C(1)) * step;
}

bool nmw_held_inside(const struct nmw_held_book *hb, uint32_t px, uint32_t *pos)
{
	if (!hb->step || px < hb->base || px > hb->top)
		return false;
	*pos = nmw_held_div(hb, px - hb->base);
	return (uint64_t)*pos * hb->step == px - hb->base;
}

void nmw_held_window(struct nmw_held *h, struct nmw_held_book *hb, uint32_t px)
{
	window_set(h, hb, px, gcd(STEP_OFTEN, px));
}

static int by_rank(const void *a, const void *b, void *books)
{
	uint64_t x = nmw_order_get(books, *(const nmw_oid *)a)->rank;
	uint64_t y = nmw_order_get(books, *(const nmw_oid *)b)->rank;
	return x < y ? -1 : x > y;
}

/* Orders of the symbol, near and far, in the order of their ranks. */
static size_t collect(struct nmw_held *h, const struct nmw_held_book *hb)
{
	size_t n = 0;
	for (uint32_t k = 0; k < NMW_HELD_LISTS; k++) {
		nmw_oid list = nmw_held_list(h, hb, k);
		for (nmw_oid id = h->order[list].next; id != list; id = h->order[id].next)
			h->sorted[n++] = id;
	}
	for (uint32_t side = 0; side < 2; side++)
		for (nmw_oid id = 0; (id = nmw_book_walk(h->b, hb->sym, side, id)) != 0;)
			h->sorted[n++] = id;
	qsort_r(h->sorted, n, sizeof(nmw_oid), by_rank, h->b);
	return n;
}

/* The greatest divisor of the step with which all orders that the window spans lie on the grid. */
static uint64_t finer(const struct nmw_held *h, const struct nmw_held_book *hb, uint64_t also,
		      size_t n)
{
	uint64_t step = hb->step, px = also;
	for (size_t i = 0; i <= n; i++) {
		if (px >= hb->base && px <= hb->top)
			step = gcd(step, px - hb->base);
		px = i < n ? nmw_order_get(h->b, h->sorted[i])->px : 0;
	}
	return step;
}

/* The widest grid about the center that has all orders that it spans. */
static void fit(const struct nmw_held *h, struct nmw_held_book *hb, uint64_t center, uint64_t also,
		size_t n)
{
	uint64_t step = gcd(STEP_OFTEN, center), was;
	do {
		window_set(h, hb, center, step);
		was = step;
		step = finer(h, hb, also, n);
	} while (step != was);
}

/* Held orders among n leave the device, all are on no book then. */
static void leave(struct nmw_held *h, size_t n)
{
	struct nmw_port_evt v;
	assert(!h->flying);
	for (size_t i = 0; i < n && !h->lost; i++) {
		nmw_oid id = h->sorted[i];
		if (!nmw_held_is(h->b, id))
			continue;
		struct nmw_port_cmd c = {.op = NMW_PORT_CANCEL, .handle = h->order[id].handle};
		if (h->flying == h->port->depth && !nmw_held_get_last(h, &v))
			break;
		nmw_held_put(h, &c);
	}
	while (h->flying && nmw_held_get_last(h, &v))
		;
	for (size_t i = 0; i < n; i++) {
		nmw_oid id = h->sorted[i];
		if (nmw_held_is(h->b, id))
			nmw_held_drop(h, id);
		else
			nmw_book_unlink(h->b, id);
	}
}

void nmw_held_put_order(struct nmw_held *h, const struct nmw_held_book *hb, nmw_oid id,
			uint32_t pos)
{
	const struct nmw_order *o = nmw_order_at(h->b, id);
	struct nmw_port_cmd c = {.op = NMW_PORT_ENTER,
				 .flags = o->sides & 1 ? NMW_PORT_SELL : 0,
				 .book = (uint16_t)(hb - h->book),
				 .px = pos,
				 .qty = nmw_book_qty(h->b, id),
				 .owner = o->owner};
	h->used++;
	nmw_held_put(h, &c);
}

bool nmw_held_got_order(struct nmw_held *h, struct nmw_held_book *hb, nmw_oid id)
{
	struct nmw_port_evt v;
	if (!nmw_held_get(h, &v)) {
		return false;
	} else if (v.kind != NMW_CORE_RESTED || v.qty != nmw_book_qty(h->b, id) ||
		   !(v.flags & NMW_PORT_LAST) || !nmw_held_slot_free(h, &v)) {
		nmw_held_wrong(h, &v);
		return false;
	}
	nmw_held_hold(h, hb, id, v.handle);
	return true;
}

/* Orders on no book come to the device, or go far. */
static void come(struct nmw_held *h, struct nmw_held_book *hb, size_t n)
{
	size_t near = 0, put = 0, got = 0;
	uint32_t pos = 0;
	for (size_t i = 0; i < n; i++) {
		nmw_oid id = h->sorted[i];
		if (!h->lost && nmw_held_inside(hb, nmw_order_at(h->b, id)->px, &pos))
			h->sorted[near++] = id;
		else
			nmw_held_rest_there(h->b, id);
	}
	while (got < near && !h->lost) {
		for (; put < near && h->flying < h->port->depth; put++) {
			nmw_held_inside(hb, nmw_order_at(h->b, h->sorted[put])->px, &pos);
			nmw_held_put_order(h, hb, h->sorted[put], pos);
		}
		if (nmw_held_got_order(h, hb, h->sorted[got]))
			got++;
	}
	for (; got < near; got++) /* the device was lost meanwhile */
		nmw_held_rest_there(h->b, h->sorted[got]);
}

static size_t count_inside(const struct nmw_held *h, const struct nmw_held_book *hb, size_t n)
{
	size_t near = 0;
	uint32_t pos;
	for (size_t i = 0; i < n; i++)
		near += nmw_held_inside(hb, nmw_order_get(h->b, h->sorted[i])->px, &pos);
	return near;
}

/* The best price of a side among n orders and px. */
static uint32_t best_of(const struct nmw_held *h, size_t n, uint32_t side, uint32_t px)
{
	for (size_t i = 0; i < n; i++) {
		const struct nmw_order *o = nmw_order_get(h->b, h->sorted[i]);
		if ((o->sides & 1) == side && (side == NMW_BUY ? o->px > px : o->px < px))
			px = o->px;
	}
	return px;
}

/* About the best price of that side, px among them: what the window leaves out is worse then. */
bool nmw_held_move(struct nmw_held *h, struct nmw_held_book *hb, uint32_t side, uint32_t px)
{
	size_t n = collect(h, hb);
	uint32_t held = hb->count[0] + hb->count[1];
	hb->cost += held + n;
	if (hb->cost > hb->worth * MOVES_WORTH + MOVES_FREE) {
		nmw_held_to_software(h, hb, NMW_HELD_WINDOW);
		return false;
	}
	fit(h, hb, best_of(h, n, side, px), px, n);
	if (count_inside(h, hb, n) > h->port->slots - (h->used - held)) {
		nmw_held_to_software(h, hb, NMW_HELD_NO_SLOT);
		return false;
	}
	h->stat.moves++;
	h->stat.moved += n;
	leave(h, n);
	come(h, hb, n);
	return !h->lost;
}

/* ---- insertion by rank ---------------------------------------------------------------------- */

/* Orders at its price that a newcomer has to stand before. */
static size_t collect_behind(struct nmw_held *h, const struct nmw_held_book *hb, nmw_oid id)
{
	const struct nmw_order *o = nmw_order_at(h->b, id), *x;
	size_t n = 0;
	for (uint32_t hidden = 0; hidden < 2; hidden++) {
		nmw_oid list = nmw_held_list(h, hb, (o->sides & 1) * 2 + hidden);
		for (nmw_oid i = h->order[list].next; i != list; i = h->order[i].next) {
			x = nmw_order_at(h->b, i);
			if (x->px == o->px && x->rank > o->rank)
				h->sorted[n++] = i;
		}
	}
	qsort_r(h->sorted, n, sizeof(nmw_oid), by_rank, h->b);
	return n;
}

void nmw_held_behind(struct nmw_held *h, struct nmw_held_book *hb, nmw_oid id, uint64_t rank_top)
{
	const struct nmw_order *o = nmw_order_at(h->b, id);
	uint32_t hidden = hb->hidden[o->sides & 1];
	if (o->rank >= NMW_RANK_HIDDEN) {
		if (hidden > HIDDEN_MAX)
			nmw_held_to_software(h, hb, NMW_HELD_RANK);
		return;
	}
	if (!hidden && o->rank > rank_top)
		return;
	size_t n = collect_behind(h, hb, id);
	if (!n)
		return;
	hb->cost += 2 * n;
	h->stat.behind += n;
	leave(h, n);
	come(h, hb, n);
}

/* ---- all of them ---------------------------------------------------------------------------- */

void nmw_held_return(struct nmw_books *b)
{
	for (nmw_oid id = 1; id <= nmw_books_top(b); id++)
		if (nmw_held_is(b, id))
			nmw_held_rest_there(b, id);
}

void nmw_held_release(struct nmw_held *h)
{
	for (uint32_t i = 0; i < h->port->books; i++)
		if (h->book[i].used)
			nmw_held_spill(h, &h->book[i], NMW_HELD_WHYS);
	h->lost = true;
}

void nmw_held_stat(const struct nmw_held *h, struct nmw_held_stat *out)
{
	*out = h->stat;
}
