#include "book/core.h"

#include "base/fetch.h"

#define CHUNK	   64u	  /* commands fetched ahead */
#define FETCH_FROM 16384u /* live orders: with fewer, all of them are in the cache */

/* ---- fetching ahead ------------------------------------------------------ */

/* In steps: each reads what the one before has fetched, for all commands, and so waits for nothing.
 *
 *           rests                  goes                   takes
 *      1    level                  slot of its id         best level
 *      2    last order there       the order              first order there
 *      3                           neighbours, record     record
 *
 * Which of them a command does cannot be predicted: one address or another, but no branch. */
struct ahead {
	uint32_t at[CHUNK];  /* level, or of an id the index in the map */
	uint32_t ref[CHUNK]; /* order */
};

static bool comes(const struct nmw_core_cmd *k)
{
	return k->op == NMW_CORE_ENTER;
}

static bool takes(const struct nmw_core_cmd *k)
{
	return k->flags & (NMW_CORE_IOC | NMW_CORE_MARKET);
}

static void ahead_places(struct ahead *a, const struct nmw_core *c, const struct nmw_core_cmd *k,
			 size_t n)
{
	const struct nmw_books *b = c->b;
	for (size_t i = 0; i < n; i++, k++) {
		uint32_t sides = k->sides, level;
		nmw_levels_slot(b, nmw_levels_get(b, sides), k->px, &level);
		level = takes(k) ? nmw_levels_get(b, sides ^ 1)->best_ref : level;
		uint32_t slot = nmw_idmap_place(c->ids, nmw_idmap_hash(k->lo, k->hi));
		a->at[i] = comes(k) ? level : slot;
		const void *line = comes(k) ? (const void *)nmw_link_get(b, level)
					    : (const void *)&c->ids->at[slot];
		nmw_fetch(line);
		if (k->op == NMW_CORE_REPLACE)
			nmw_fetch(nmw_link_get(b, level));
	}
}

static void ahead_orders(struct ahead *a, const struct nmw_core *c, const struct nmw_core_cmd *k,
			 size_t n)
{
	const struct nmw_books *b = c->b;
	for (size_t i = 0; i < n; i++, k++) {
		const struct nmw_link *l = nmw_link_get(b, comes(k) ? a->at[i] : 0);
		uint32_t named = nmw_order_ref(c->ids->at[comes(k) ? 0 : a->at[i]]);
		a->ref[i] = !comes(k) ? named : takes(k) ? l->next : l->prev;
		nmw_fetch(nmw_link_get(b, a->ref[i]));
	}
}

static void ahead_records(const struct ahead *a, const struct nmw_core *c,
			  const struct nmw_core_cmd *k, size_t n)
{
	const struct nmw_books *b = c->b;
	for (size_t i = 0; i < n; i++, k++) {
		uint32_t ref = comes(k) && !takes(k) ? 0 : a->ref[i];
		const struct nmw_link *x = nmw_link_get(b, ref);
		nmw_fetch(nmw_link_get(b, x->prev));
		nmw_fetch(nmw_link_get(b, x->next));
		nmw_fetch(nmw_order_get(b, nmw_order_of_ref(ref)));
	}
}

void nmw_core_ahead(const struct nmw_core *c, const struct nmw_core_cmd *k, size_t n)
{
	struct ahead a;
	for (size_t m; n; k += m, n -= m) {
		m = n < CHUNK ? n : CHUNK;
		ahead_places(&a, c, k, m);
		ahead_orders(&a, c, k, m);
		ahead_records(&a, c, k, m);
	}
}

/* ---- events -------------------------------------------------------------- */

static inline void put(struct nmw_core_evt *ev, const struct nmw_core *c,
		       const struct nmw_core_cmd *k, enum nmw_core_kind kind,
		       enum nmw_core_reason reason, struct nmw_core_evt v)
{
	v.sides = k->sides;
	v.cmd = (uint16_t)c->taker.cmd;
	v.kind = (uint8_t)kind;
	v.reason = (uint8_t)reason;
	*ev = v;
}

static unsigned refuse(const struct nmw_core *c, const struct nmw_core_cmd *k,
		       enum nmw_core_reason why, struct nmw_core_evt *ev)
{
	put(ev, c, k, NMW_CORE_REJECTED, why, (struct nmw_core_evt){.lo = k->lo, .px = k->px});
	return 1;
}

/* ---- an order that comes ------------------------------------------------- */

static uint64_t id_of(const struct nmw_core *c, nmw_oid oid)
{
	return nmw_idmap_id(c->ids, oid)->lo;
}

static bool replaces(const struct nmw_core_cmd *k)
{
	return k->op == NMW_CORE_REPLACE;
}

static uint64_t new_lo(const struct nmw_core_cmd *k)
{
	return replaces(k) ? k->new_lo : k->lo;
}

/* It does not rest: its handle is free. */
static void gone(struct nmw_core *c)
{
	if (c->taker.oid)
		nmw_book_free(c->b, c->taker.oid);
}

static unsigned cancel_taker(struct nmw_core *c, const struct nmw_core_cmd *k,
			     enum nmw_core_reason why, struct nmw_core_evt *ev)
{
	struct nmw_core_taker *t = &c->taker;
	put(ev, c, k, NMW_CORE_CANCELED, why,
	    (struct nmw_core_evt){.lo = new_lo(k), .px = k->px, .qty = t->in.t.qty});
	gone(c);
	return 1;
}

static unsigned rest(struct nmw_core *c, const struct nmw_core_cmd *k, struct nmw_core_evt *ev)
{
	struct nmw_core_taker *t = &c->taker;
	nmw_oid oid = t->oid ? t->oid : nmw_book_alloc(c->b);
	if (!oid)
		return cancel_taker(c, k, NMW_CORE_FULL, ev);
	void *user = nmw_book_rest_at(c->b, oid, k->sides, k->px, t->in.t.qty, k->rank, k->owner);
	nmw_idmap_put_at(c->ids, oid, user, new_lo(k), replaces(k) ? k->new_hi : k->hi);
	put(ev, c, k, NMW_CORE_RESTED, NMW_CORE_ASKED,
	    (struct nmw_core_evt){.lo = new_lo(k), .oid = oid, .px = k->px, .qty = t->in.t.qty});
	return 1;
}

static inline void died(struct nmw_core_dead *d, struct nmw_books *b, uint32_t ref)
{
	nmw_link_at(b, ref)->next = d->top;
	d->bottom = d->top ? d->bottom : ref;
	d->top = ref;
}

static inline void bury(const struct nmw_core_dead *d, struct nmw_books *b)
{
	if (!d->top)
		return;
	nmw_link_at(b, d->bottom)->next = b->free;
	b->free = d->top;
}

/* A maker that the taker took off the book. */
static void left(struct nmw_core *c, nmw_oid oid)
{
	nmw_idmap_del(c->ids, oid);
	died(&c->taker.dead, c->b, nmw_order_ref(oid));
}

static void filled(struct nmw_core *c, const struct nmw_core_cmd *k, const struct nmw_fill *f,
		   struct nmw_core_evt *ev)
{
	put(ev, c, k, NMW_CORE_FILL, NMW_CORE_ASKED,
	    (struct nmw_core_evt){.lo = id_of(c, f->maker),
				  .oid = f->maker,
				  .px = f->px,
				  .qty = f->qty,
				  .left = f->maker_left});
	if (!f->maker_left)
		left(c, f->maker);
}

static void own_left(struct nmw_core *c, const struct nmw_core_cmd *k, const struct nmw_fill *f,
		     struct nmw_core_evt *ev)
{
	put(ev, c, k, NMW_CORE_OWN, NMW_CORE_SELF,
	    (struct nmw_core_evt){.lo = id_of(c, f->maker),
				  .oid = f->maker,
				  .px = f->px,
				  .qty = f->qty,
				  .left = c->taker.in.t.qty});
	left(c, f->maker);
}

static unsigned self_met(struct nmw_core *c, const struct nmw_core_cmd *k, const struct nmw_fill *f,
			 struct nmw_core_evt *ev)
{
	cancel_taker(c, k, NMW_CORE_SELF, ev);
	ev->oid = f->maker;
	ev->px = f->px;
	ev->left = f->maker_left;
	return 1;
}

/* The end of it, in at most one event. */
static unsigned ended(struct nmw_core *c, const struct nmw_core_cmd *k, enum nmw_taker_step step,
		      const struct nmw_fill *f, struct nmw_core_evt *ev)
{
	switch (step) {
	case NMW_TAKER_RESTS:
		return rest(c, k, ev);
	case NMW_TAKER_IMMEDIATE:
		return cancel_taker(c, k, NMW_CORE_IMMEDIATE, ev);
	case NMW_TAKER_MIN_QTY:
		return cancel_taker(c, k, NMW_CORE_MIN_QTY, ev);
	case NMW_TAKER_WOULD_POST:
		return cancel_taker(c, k, NMW_CORE_WOULD_POST, ev);
	case NMW_TAKER_SELF:
		return self_met(c, k, f, ev);
	default:
		gone(c);
		return 0;
	}
}

unsigned nmw_core_more(struct nmw_core *c, const struct nmw_core_cmd *k, struct nmw_core_evt *ev,
		       unsigned max)
{
	struct nmw_core_taker *t = &c->taker;
	enum nmw_taker_step step = NMW_TAKER_GO;
	struct nmw_fill f;
	unsigned n = 0;
	while (n + 1 < max && nmw_taker_goes_on(step)) {
		step = nmw_taker_next(c->b, &t->in, &f);
		if (step == NMW_TAKER_FILL)
			filled(c, k, &f, &ev[n++]);
		else if (step == NMW_TAKER_OWN)
			own_left(c, k, &f, &ev[n++]);
	}
	t->more = nmw_taker_goes_on(step);
	if (t->more)
		return n;
	n += ended(c, k, step, &f, &ev[n]);
	bury(&t->dead, c->b);
	return n;
}

unsigned nmw_core_enter(struct nmw_core *c, const struct nmw_core_cmd *k, nmw_oid oid,
			struct nmw_core_evt *ev, unsigned max)
{
	struct nmw_core_taker *t = &c->taker;
	t->oid = oid;
	t->more = false;
	t->dead = (struct nmw_core_dead){0};
	t->in = (struct nmw_incoming){.t = {.sym = k->sides / 2,
					    .side = k->sides & 1,
					    .limit = nmw_core_limit(k),
					    .qty = k->qty,
					    .owner = k->owner},
				      .min_qty = k->min_qty,
				      .flags = k->flags};
	enum nmw_taker_step step = nmw_taker_start(c->b, &t->in, nmw_core_takes(c, k));
	const struct nmw_fill none = {0};
	return nmw_taker_goes_on(step) ? nmw_core_more(c, k, ev, max)
				       : ended(c, k, step, &none, ev);
}

/* ---- commands ------------------------------------------------------------ */

static unsigned replace(struct nmw_core *c, const struct nmw_core_cmd *k, nmw_oid oid,
			struct nmw_core_evt *ev, unsigned max)
{
	nmw_oid same = nmw_idmap_find(c->ids, k->new_lo, k->new_hi);
	if (same && same != oid)
		return refuse(c, k, NMW_CORE_USED, ev);
	uint32_t qty = nmw_book_qty(c->b, oid);
	put(ev, c, k, NMW_CORE_REPLACED, NMW_CORE_ASKED,
	    (struct nmw_core_evt){.lo = k->lo, .oid = oid, .px = k->px, .qty = qty});
	nmw_core_leave(c, oid);
	return 1 + nmw_core_enter(c, k, oid, ev + 1, max - 1);
}

static unsigned reduce(struct nmw_core *c, const struct nmw_core_cmd *k, nmw_oid oid, uint32_t left,
		       struct nmw_core_evt *ev)
{
	uint32_t qty = nmw_book_qty(c->b, oid);
	struct nmw_core_evt v = {
		.lo = k->lo, .oid = oid, .px = k->px, .qty = qty - left, .left = left};
	if (left >= qty)
		return refuse(c, k, NMW_CORE_NOT_LESS, ev);
	put(ev, c, k, left ? NMW_CORE_REDUCED : NMW_CORE_CANCELED, NMW_CORE_ASKED, v);
	if (left) {
		nmw_book_reduce(c->b, oid, left);
		return 1;
	}
	nmw_core_leave(c, oid);
	nmw_book_free(c->b, oid);
	return 1;
}

/* An order that only goes, from wherever it is. */
static bool goes(struct nmw_books *b, struct nmw_idmap *ids, const struct nmw_core_cmd *k,
		 uint32_t cmd, struct nmw_core_evt *ev)
{
	nmw_oid oid = nmw_idmap_take(ids, k->lo, k->hi);
	if (!oid)
		return false;
	nmw_core_put(ev, k, k->lo, cmd, oid, nmw_book_qty(b, oid), NMW_CORE_CANCELED);
	nmw_book_unlink(b, oid);
	nmw_book_free(b, oid);
	return true;
}

/* What has not traded of a new order rests, or is canceled: one event. */
static void remains(struct nmw_core *c, const struct nmw_core_cmd *k, uint32_t cmd, uint32_t qty,
		    struct nmw_core_evt *ev)
{
	bool stays = !(k->flags & (NMW_CORE_IOC | NMW_CORE_MARKET));
	nmw_oid oid = stays ? nmw_book_alloc(c->b) : 0;
	if (!oid) {
		nmw_core_put(ev, k, k->lo, cmd, 0, qty, NMW_CORE_CANCELED);
		ev->reason = stays ? NMW_CORE_FULL : NMW_CORE_IMMEDIATE;
		return;
	}
	void *user = nmw_book_rest_at(c->b, oid, k->sides, k->px, qty, k->rank, k->owner);
	nmw_idmap_put_at(c->ids, oid, user, k->lo, k->hi);
	nmw_core_put(ev, k, k->lo, cmd, oid, qty, NMW_CORE_RESTED);
}

/* Its limit, side and shares, for nmw_core_more. */
static void goes_on_later(struct nmw_core *c, const struct nmw_core_cmd *k, uint32_t cmd,
			  uint32_t qty, struct nmw_core_dead dead)
{
	c->taker = (struct nmw_core_taker){.in = {.t = {.sym = k->sides / 2,
							.side = k->sides & 1,
							.limit = nmw_core_limit(k),
							.qty = qty},
						  .flags = k->flags},
					   .cmd = cmd,
					   .more = true,
					   .dead = dead};
}

/* A new order that trades on no condition: its fills one by one, straight from the queue. */
static unsigned trades(struct nmw_core *c, const struct nmw_core_cmd *k, uint32_t cmd,
		       struct nmw_core_evt *ev, unsigned max)
{
	struct nmw_books *b = c->b;
	const struct nmw_levels *s = nmw_levels_get(b, k->sides ^ 1);
	uint32_t limit = nmw_key_of(s, nmw_core_limit(k)), qty = k->qty;
	struct nmw_core_evt *const first = ev, *const last = ev + max - 1;
	struct nmw_core_dead dead = {0};
	while (qty && s->best <= limit && ev < last) {
		uint32_t ref = nmw_link_get(b, s->best_ref)->next;
		nmw_oid oid = nmw_order_of_ref(ref);
		struct nmw_queued *q = nmw_queued_at(b, ref);
		const struct nmw_order *o = nmw_order_get(b, oid);
		uint32_t n = q->qty < qty ? q->qty : qty;
		qty -= n;
		q->qty -= n;
		nmw_core_put(ev, k, nmw_idmap_id(c->ids, oid)->lo, cmd, oid, n, NMW_CORE_FILL);
		ev->px = o->px;
		ev->left = q->qty;
		ev++;
		if (q->qty)
			break;
		nmw_idmap_del(c->ids, oid);
		nmw_book_unlink(b, oid);
		died(&dead, b, ref);
	}
	c->taker.more = false;
	if (qty && s->best <= limit) {
		goes_on_later(c, k, cmd, qty, dead);
		return (unsigned)(ev - first);
	}
	if (qty)
		remains(c, k, cmd, qty, ev++);
	bury(&dead, b);
	return (unsigned)(ev - first);
}

/* One that is on the book moves, at once to its new place there: true. */
static bool moves(struct nmw_books *b, struct nmw_idmap *ids, const struct nmw_core_cmd *k,
		  uint32_t cmd, struct nmw_core_evt *ev)
{
	if (nmw_book_crosses_at(b, k->sides, k->px))
		return false;
	if (!nmw_idmap_is_new(ids, k->new_lo) && nmw_idmap_find(ids, k->new_lo, k->new_hi))
		return false;
	nmw_oid oid = nmw_idmap_take(ids, k->lo, k->hi);
	if (!oid)
		return false;
	nmw_core_put(ev, k, k->lo, cmd, oid, nmw_book_qty(b, oid), NMW_CORE_REPLACED);
	nmw_book_unlink(b, oid);
	void *user = nmw_book_rest_at(b, oid, k->sides, k->px, k->qty, k->rank, k->owner);
	nmw_idmap_put_at(ids, oid, user, k->new_lo, k->new_hi);
	nmw_core_put(ev + 1, k, k->new_lo, cmd, oid, k->qty, NMW_CORE_RESTED);
	return true;
}

#define PLAIN_REPLACE ((uint64_t)NMW_CORE_REPLACE << 32)
#define TAKING	      ((uint64_t)(NMW_CORE_IOC | NMW_CORE_MARKET) << 40)

unsigned nmw_core_other(struct nmw_core *c, const struct nmw_core_cmd *k, uint32_t cmd,
			struct nmw_core_evt *ev, unsigned max)
{
	uint64_t form = nmw_core_form(k);
	if (form == PLAIN_REPLACE && moves(c->b, c->ids, k, cmd, ev))
		return 2;
	if (form == NMW_CORE_PLAIN_CANCEL && goes(c->b, c->ids, k, cmd, ev))
		return 1;
	c->taker.cmd = cmd;
	nmw_oid oid = 0;
	if (k->op != NMW_CORE_ENTER || !nmw_idmap_is_new(c->ids, k->lo))
		oid = nmw_idmap_find(c->ids, k->lo, k->hi);
	if (k->op == NMW_CORE_ENTER && oid)
		return refuse(c, k, NMW_CORE_USED, ev);
	if (!(form & ~TAKING) && !k->owner)
		return trades(c, k, cmd, ev, max);
	if (k->op == NMW_CORE_ENTER)
		return nmw_core_enter(c, k, 0, ev, max);
	if (!oid)
		return refuse(c, k, NMW_CORE_UNKNOWN, ev);
	if (k->op == NMW_CORE_REPLACE)
		return replace(c, k, oid, ev, max);
	return reduce(c, k, oid, k->op == NMW_CORE_REDUCE ? k->qty : 0, ev);
}

/* As many of the first n as are plain, an event each: how many. Not inline: what the caller keeps
 * would take the registers that this needs. */
__attribute__((noinline)) static size_t run(struct nmw_books *b, struct nmw_idmap *ids,
					    const struct nmw_core_cmd *k, size_t n, uint32_t cmd,
					    struct nmw_core_evt *ev)
{
	const struct nmw_core_cmd *const first = k, *const end = k + n;
	while (k < end && nmw_core_plain(b, ids, k, cmd, ev))
		k++, ev++, cmd++;
	return (size_t)(k - first);
}

/* Returns where the events end; *k: the first command that is not finished. */
static struct nmw_core_evt *burst(struct nmw_core *c, const struct nmw_core_cmd **first,
				  const struct nmw_core_cmd *end, uint32_t cmd,
				  struct nmw_core_evt *ev, const struct nmw_core_evt *last)
{
	const struct nmw_core_cmd *k = *first;
	while (k < end && ev <= last) {
		size_t n = (size_t)(end - k), room = (size_t)(last - ev) + 1;
		size_t done = run(c->b, c->ids, k, n < room ? n : room, cmd, ev);
		k += done, ev += done, cmd += (uint32_t)done;
		if (k == end || ev > last)
			break;
		ev += nmw_core_other(c, k, cmd, ev, (unsigned)(last - ev) + NMW_CORE_EVENTS);
		if (c->taker.more)
			break;
		k++, cmd++;
	}
	*first = k;
	return ev;
}

size_t nmw_core_burst(struct nmw_core *c, const struct nmw_core_cmd *k, size_t n,
		      struct nmw_core_evt *ev, size_t max, size_t *done)
{
	const struct nmw_core_cmd *at = k;
	struct nmw_core_evt *to = ev;
	if (c->taker.more && n) {
		c->taker.cmd = 0;
		to += nmw_core_more(c, k, ev, (unsigned)max);
		at += !c->taker.more;
	}
	if (!c->taker.more && c->b->live > FETCH_FROM)
		nmw_core_ahead(c, at, (size_t)(k + n - at));
	nmw_idmap_reserve(c->ids, n);
	if (!c->taker.more)
		to = burst(c, &at, k + n, (uint32_t)(at - k), to, ev + max - NMW_CORE_EVENTS);
	*done = (size_t)(at - k);
	return (size_t)(to - ev);
}
