/* Orders that come to books which a device holds: what it is told, and what its events mean. */
#include "book/held_impl.h"
#include <assert.h>

#define NEVER_RESTS (NMW_TAKER_IOC | NMW_TAKER_MARKET)

/* ---- an order that comes -------------------------------------------------------------------- */

/* The last tick of the window that a limit reaches. False: it does not reach into it. */
static bool reach(const struct nmw_held *h, const struct nmw_held_book *hb, uint32_t side,
		  uint32_t limit, uint32_t *pos)
{
	uint32_t last = h->port->ticks - 1;
	if (!hb->step || (side == NMW_BUY ? limit < hb->base : limit > hb->top))
		return false;
	if (limit < hb->base)
		*pos = 0;
	else if (limit > hb->top)
		*pos = last;
	else if (!nmw_held_inside(hb, limit, pos) && side == NMW_SELL)
		++*pos; /* the quotient is rounded down */
	return *pos <= last;
}

static void put_taker(struct nmw_held *h, struct nmw_held_book *hb, const struct nmw_incoming *c,
		      uint32_t pos, bool rests)
{
	uint32_t flags = c->flags & (NMW_TAKER_POST_ONLY | NMW_TAKER_OWN_LEAVES);
	struct nmw_port_cmd k = {.op = NMW_PORT_ENTER,
				 .flags = (uint8_t)(flags | (rests ? 0 : NMW_TAKER_IOC) |
						    (c->t.side == NMW_SELL ? NMW_PORT_SELL : 0)),
				 .book = (uint16_t)(hb - h->book),
				 .px = pos,
				 .qty = c->t.qty,
				 .owner = c->t.owner,
				 .min_qty = c->min_qty};
	hb->worth++;
	h->used += rests;
	nmw_held_put(h, &k);
}

static void taken_in_hand(struct nmw_held *h, bool slot, bool split)
{
	h->phase = NMW_HELD_NEAR;
	h->slot = slot;
	h->split = split;
	h->first = true;
	h->peeked = h->last = false;
}

static bool crosses(const struct nmw_held *h, const struct nmw_incoming *c)
{
	return nmw_book_crosses(h->b, c->t.sym, c->t.side, c->t.limit);
}

/* The software book says it all. */
static enum nmw_taker_step start_far(struct nmw_held *h, struct nmw_incoming *c)
{
	enum nmw_taker_step step = nmw_taker_start(h->b, c, crosses(h, c));
	h->phase = nmw_taker_goes_on(step) ? NMW_HELD_FAR : NMW_HELD_IDLE;
	return step;
}

enum nmw_taker_step nmw_held_start(struct nmw_held *h, struct nmw_incoming *c)
{
	if (h->phase != NMW_HELD_IDLE)
		return NMW_TAKER_GO;
	h->hb = nmw_held_of(h, c->t.sym);
	bool ends = c->flags & NEVER_RESTS, far = crosses(h, c);
	if (h->sent) {
		h->sent = false;
		taken_in_hand(h, !ends, false);
		return NMW_TAKER_GO;
	}
	if (far && c->min_qty)
		nmw_held_to_software(h, h->hb, NMW_HELD_MIN_QTY);
	if (far && (c->min_qty || c->flags & NMW_TAKER_POST_ONLY))
		return start_far(h, c);
	uint32_t pos, at;
	if (!h->hb->step && !(c->flags & NMW_TAKER_MARKET))
		nmw_held_window(h, h->hb, c->t.limit);
	if (!reach(h, h->hb, c->t.side, c->t.limit, &pos))
		return start_far(h, c);
	bool rests = !ends && nmw_held_inside(h->hb, c->t.limit, &at) && h->used < h->port->slots;
	put_taker(h, h->hb, c, pos, rests);
	taken_in_hand(h, rests, !ends && !rests);
	return NMW_TAKER_GO;
}

static bool peek(struct nmw_held *h)
{
	h->peeked = h->peeked || nmw_held_get(h, &h->evt);
	return h->peeked;
}

/* The held order that the event is about, if the one that comes can meet it: in a trade, or as its
 * own; else 0. */
static nmw_oid maker_of(const struct nmw_held *h, const struct nmw_incoming *c, bool own)
{
	nmw_oid id = h->by_slot[h->evt.handle & (h->port->slots - 1)];
	if (!id || h->order[id].handle != h->evt.handle || c->flags & NMW_TAKER_POST_ONLY)
		return 0;
	const struct nmw_order *o = nmw_order_get(h->b, id);
	bool reached = c->t.side == NMW_BUY ? o->px <= c->t.limit : o->px >= c->t.limit;
	bool is_own = c->t.owner && o->owner == c->t.owner;
	return o->sides == ((c->t.sym * 2 + c->t.side) ^ 1) && reached && is_own == own ? id : 0;
}

/* A reason that it has. */
static bool may_be_canceled(const struct nmw_held *h, const struct nmw_incoming *c)
{
	switch (h->evt.reason) {
	case NMW_CORE_SELF:
		return maker_of(h, c, true) && !(c->flags & NMW_TAKER_OWN_LEAVES);
	case NMW_CORE_MIN_QTY:
		return h->first && c->min_qty;
	case NMW_CORE_WOULD_POST:
		return h->first && c->flags & NMW_TAKER_POST_ONLY;
	case NMW_CORE_IMMEDIATE:
		return !h->slot;
	default:
		return false;
	}
}

/* Is the event one that the order in hand can have, by what the host knows? */
static bool can_be(const struct nmw_held *h, const struct nmw_incoming *c)
{
	const struct nmw_port_evt *v = &h->evt;
	bool last = v->flags & NMW_PORT_LAST, all = c->t.qty && v->qty == c->t.qty;
	nmw_oid maker;
	switch (v->kind) {
	case NMW_CORE_FILL:
		maker = maker_of(h, c, false);
		return maker && v->qty && v->qty <= c->t.qty && (!v->left || v->qty == c->t.qty) &&
		       nmw_book_qty(h->b, maker) == (uint64_t)v->qty + v->left;
	case NMW_CORE_OWN:
		return maker_of(h, c, true) && c->flags & NMW_TAKER_OWN_LEAVES;
	case NMW_CORE_CANCELED:
		return last && (all || v->reason == NMW_CORE_SELF) && may_be_canceled(h, c);
	case NMW_CORE_RESTED:
		return last && all && h->slot && nmw_held_slot_free(h, v);
	default:
		return false;
	}
}

/* Its first event says that it found nothing, and rests or is to be placed. */
static bool only_rests(const struct nmw_held *h, const struct nmw_incoming *c)
{
	const struct nmw_port_evt *v = &h->evt;
	return v->kind == NMW_CORE_RESTED ||
	       (v->kind == NMW_CORE_CANCELED && v->reason == NMW_CORE_IMMEDIATE && h->split &&
		v->qty == c->t.qty && !crosses(h, c));
}

bool nmw_held_takes(struct nmw_held *h, struct nmw_incoming *c)
{
	enum nmw_taker_step step = nmw_held_start(h, c);
	if (!nmw_taker_goes_on(step))
		return true;
	bool near = h->phase == NMW_HELD_NEAR && peek(h);
	if (near && !can_be(h, c)) {
		nmw_held_wrong(h, &h->evt);
		near = false;
	}
	if (near && !only_rests(h, c))
		return true;
	if (near && h->evt.kind == NMW_CORE_RESTED)
		h->phase = NMW_HELD_RESTED;
	else /* what is said of it is on the software book */
		h->phase = NMW_HELD_IDLE;
	return !near && crosses(h, c);
}

static enum nmw_taker_step next_far(struct nmw_held *h, struct nmw_incoming *c, struct nmw_fill *f)
{
	enum nmw_taker_step step = nmw_taker_next(h->b, c, f);
	h->phase = nmw_taker_goes_on(step) ? NMW_HELD_FAR : NMW_HELD_IDLE;
	return step;
}

/* The device is lost, and the software books have all that was held. */
static enum nmw_taker_step next_lost(struct nmw_held *h, struct nmw_incoming *c, struct nmw_fill *f)
{
	enum nmw_taker_step step = h->first ? start_far(h, c) : NMW_TAKER_GO;
	return nmw_taker_goes_on(step) ? next_far(h, c, f) : step;
}

static enum nmw_taker_step next_wrong(struct nmw_held *h, struct nmw_incoming *c,
				      struct nmw_fill *f)
{
	nmw_held_wrong(h, &h->evt);
	return next_lost(h, c, f);
}

/* The order's end on the device; it holds none of it. */
static enum nmw_taker_step ends(struct nmw_held *h, enum nmw_taker_step step)
{
	h->used -= h->slot;
	h->phase = NMW_HELD_IDLE;
	return step;
}

static struct nmw_fill fill_of(const struct nmw_held *h, nmw_oid maker, uint32_t qty, uint32_t left)
{
	return (struct nmw_fill){.maker = maker,
				 .qty = qty,
				 .px = nmw_order_get(h->b, maker)->px,
				 .maker_left = left};
}

static enum nmw_taker_step on_fill(struct nmw_held *h, struct nmw_incoming *c, struct nmw_fill *f)
{
	const struct nmw_port_evt *v = &h->evt;
	nmw_oid maker = maker_of(h, c, false);
	h->first = false;
	c->t.qty -= v->qty;
	*f = fill_of(h, maker, v->qty, v->left);
	nmw_book_reduce(h->b, maker, v->left);
	if (!v->left)
		nmw_held_drop(h, maker);
	return NMW_TAKER_FILL;
}

/* Its own maker: it left, or it ends the order. */
static enum nmw_taker_step on_own(struct nmw_held *h, const struct nmw_incoming *c,
				  struct nmw_fill *f, bool leaves)
{
	nmw_oid maker = maker_of(h, c, true);
	uint32_t open = nmw_book_qty(h->b, maker);
	*f = fill_of(h, maker, open, leaves ? 0 : open);
	if (!leaves)
		return ends(h, NMW_TAKER_SELF);
	h->first = false;
	nmw_held_drop(h, maker);
	return NMW_TAKER_OWN;
}

static enum nmw_taker_step on_canceled(struct nmw_held *h, struct nmw_incoming *c,
				       struct nmw_fill *f)
{
	switch (h->evt.reason) {
	case NMW_CORE_SELF:
		return on_own(h, c, f, false);
	case NMW_CORE_MIN_QTY:
		return ends(h, NMW_TAKER_MIN_QTY);
	case NMW_CORE_WOULD_POST:
		return ends(h, NMW_TAKER_WOULD_POST);
	default: /* among the far ones, if it reaches them */
		ends(h, NMW_TAKER_GO);
		return next_far(h, c, f);
	}
}

enum nmw_taker_step nmw_held_next(struct nmw_held *h, struct nmw_incoming *c, struct nmw_fill *f)
{
	if (h->phase == NMW_HELD_FAR)
		return next_far(h, c, f);
	if (h->last) /* with a fill, or an own order that left: nothing rests, nothing is canceled
		      */
		return c->t.qty ? next_wrong(h, c, f) : ends(h, NMW_TAKER_DONE);
	if (!peek(h))
		return next_lost(h, c, f);
	h->peeked = false;
	h->last = h->evt.flags & NMW_PORT_LAST;
	if (!can_be(h, c))
		return next_wrong(h, c, f);
	switch (h->evt.kind) {
	case NMW_CORE_FILL:
		return on_fill(h, c, f);
	case NMW_CORE_OWN:
		return on_own(h, c, f, true);
	case NMW_CORE_CANCELED:
		return on_canceled(h, c, f);
	default:
		h->phase = NMW_HELD_RESTED;
		return NMW_TAKER_RESTS;
	}
}

/* ---- what rests ----------------------------------------------------------------------------- */

static void *record(struct nmw_held *h, nmw_oid id, uint32_t sides, uint32_t px, uint32_t qty,
		    uint64_t rank, uint32_t owner)
{
	struct nmw_order *o = nmw_order_at(h->b, id);
	o->rank = rank;
	o->px = px;
	o->sides = sides;
	o->owner = owner;
	o->far = 0;
	nmw_queued_at(h->b, nmw_order_ref(id))->qty = qty;
	return o->user;
}

static bool worse_than_window(const struct nmw_held_book *hb, uint32_t side, uint32_t px)
{
	return hb->step && (side == NMW_BUY ? px < hb->base : px > hb->top);
}

/* A record that trades with nothing goes to the device, or where it can be instead. */
static void place(struct nmw_held *h, struct nmw_held_book *hb, nmw_oid id)
{
	const struct nmw_order *o = nmw_order_at(h->b, id);
	uint32_t side = o->sides & 1, pos;
	uint64_t rank_top = hb->rank_top[side];
	assert(!h->flying);
	if (!hb->step)
		nmw_held_window(h, hb, o->px);
	bool inside = nmw_held_inside(hb, o->px, &pos);
	if (!inside && !worse_than_window(hb, side, o->px)) {
		if (!nmw_held_move(h, hb, side, o->px)) {
			nmw_held_rest_there(h->b, id);
			return;
		}
		inside = nmw_held_inside(hb, o->px, &pos);
	}
	if (inside && h->used == h->port->slots) {
		nmw_held_to_software(h, hb, NMW_HELD_NO_SLOT);
		nmw_held_rest_there(h->b, id);
		return;
	}
	if (!inside) {
		h->stat.far++;
		nmw_held_rest_there(h->b, id);
		return;
	}
	nmw_held_put_order(h, hb, id, pos);
	if (nmw_held_got_order(h, hb, id))
		nmw_held_behind(h, hb, id, rank_top);
	else
		nmw_held_rest_there(h->b, id);
}

void *nmw_held_rest(struct nmw_held *h, nmw_oid id, uint32_t sides, uint32_t px, uint32_t qty,
		    uint64_t rank, uint32_t owner)
{
	bool rested = h->phase == NMW_HELD_RESTED;
	struct nmw_held_book *hb = nmw_held_of(h, sides / 2);
	void *user = record(h, id, sides, px, qty, rank, owner);
	h->phase = NMW_HELD_IDLE;
	if (!hb) {
		nmw_held_rest_there(h->b, id);
	} else if (rested) {
		uint64_t rank_top = hb->rank_top[sides & 1];
		nmw_held_hold(h, hb, id, h->evt.handle);
		nmw_held_behind(h, hb, id, rank_top);
	} else {
		place(h, hb, id);
	}
	return user;
}

/* ---- an order that is held ------------------------------------------------------------------ */

/* The event of a command about one order; false: the device is lost. */
static bool answer(struct nmw_held *h, struct nmw_port_cmd *c, enum nmw_core_kind kind,
		   uint32_t qty)
{
	struct nmw_port_evt v;
	if (!h->sent)
		nmw_held_put(h, c);
	h->sent = false;
	if (!nmw_held_get(h, &v))
		return false;
	if (v.kind == kind && v.qty == qty && v.flags & NMW_PORT_LAST)
		return true;
	nmw_held_wrong(h, &v);
	return false;
}

void nmw_held_unlink(struct nmw_held *h, nmw_oid id)
{
	struct nmw_port_cmd c = {.op = NMW_PORT_CANCEL, .handle = h->order[id].handle};
	if (answer(h, &c, NMW_CORE_CANCELED, nmw_book_qty(h->b, id)))
		nmw_held_drop(h, id);
	else
		nmw_book_unlink(h->b, id);
}

void nmw_held_reduce(struct nmw_held *h, nmw_oid id, uint32_t qty)
{
	struct nmw_port_cmd c = {.op = NMW_PORT_REDUCE, .qty = qty, .handle = h->order[id].handle};
	answer(h, &c, NMW_CORE_REDUCED, nmw_book_qty(h->b, id) - qty);
	nmw_book_reduce(h->b, id, qty);
}

/* ---- a replayed feed ------------------------------------------------------------------------ */

void *nmw_held_rest_uncrossed(struct nmw_held *h, nmw_oid id, uint32_t sides, uint32_t px,
			      uint32_t qty, uint64_t rank)
{
	struct nmw_incoming c = {
		.t = {.sym = sides / 2, .side = sides & 1, .limit = px, .qty = qty},
		.flags = NMW_TAKER_POST_ONLY};
	struct nmw_fill f;
	enum nmw_taker_step step = nmw_held_start(h, &c);
	if (nmw_taker_goes_on(step))
		step = nmw_held_next(h, &c, &f);
	if (step == NMW_TAKER_RESTS)
		return nmw_held_rest(h, id, sides, px, qty, rank, 0);
	struct nmw_held_book *hb = nmw_held_of(h, sides / 2);
	if (hb)
		nmw_held_to_software(h, hb, NMW_HELD_CROSSED);
	return NULL;
}

/* Does the device fill just that order with so many shares? */
static bool fills(struct nmw_held *h, struct nmw_held_book *hb, nmw_oid id, uint32_t qty)
{
	const struct nmw_order *o = nmw_order_at(h->b, id);
	const struct nmw_incoming c = {
		.t = {.sym = hb->sym, .side = (o->sides & 1) ^ 1, .qty = qty}};
	struct nmw_port_evt v;
	uint32_t pos, open = nmw_book_qty(h->b, id);
	if (!qty || qty > open || !nmw_held_inside(hb, o->px, &pos))
		return false;
	put_taker(h, hb, &c, pos, false);
	if (!nmw_held_get(h, &v))
		return false;
	bool last = v.flags & NMW_PORT_LAST, same = v.kind == NMW_CORE_FILL && v.qty == qty &&
						    v.left == open - qty &&
						    v.handle == h->order[id].handle;
	return last ? same : nmw_held_get_last(h, &v) && false;
}

bool nmw_held_execute(struct nmw_held *h, nmw_oid id, uint32_t qty, struct nmw_fill *f)
{
	const struct nmw_order *o = nmw_order_at(h->b, id);
	struct nmw_held_book *hb = nmw_held_of(h, o->sides / 2);
	if (!hb || (!nmw_held_is(h->b, id) && !hb->count[o->sides & 1]))
		return false;
	if (!nmw_held_is(h->b, id) || !fills(h, hb, id, qty)) {
		if (hb->used) /* not lost */
			nmw_held_to_software(h, hb, NMW_HELD_DIFFERS);
		return false;
	}
	uint32_t left = nmw_book_qty(h->b, id) - qty;
	*f = fill_of(h, id, qty, left);
	nmw_book_reduce(h->b, id, left);
	if (!left)
		nmw_held_drop(h, id);
	return true;
}

/* ---- sent ahead ----------------------------------------------------------------------------- */

bool nmw_held_ahead_enter(struct nmw_held *h, const struct nmw_incoming *c, uint64_t rank)
{
	struct nmw_held_book *hb = nmw_held_of(h, c->t.sym);
	bool rests = !(c->flags & NEVER_RESTS);
	uint32_t pos;
	if (!hb || h->flying == h->port->depth || !nmw_held_inside(hb, c->t.limit, &pos) ||
	    (rests && (hb->hidden[c->t.side] || rank <= hb->rank_top[c->t.side] ||
		       h->used == h->port->slots)))
		return false;
	put_taker(h, hb, c, pos, rests);
	h->stat.ahead++;
	return true;
}

bool nmw_held_ahead_cancel(struct nmw_held *h, nmw_oid id)
{
	struct nmw_port_cmd c = {.op = NMW_PORT_CANCEL, .handle = h->order[id].handle};
	if (h->flying == h->port->depth)
		return false;
	nmw_held_put(h, &c);
	h->stat.ahead++;
	return true;
}

void nmw_held_skip(struct nmw_held *h)
{
	struct nmw_port_evt v;
	h->sent = false;
	nmw_held_get_last(h, &v);
}
