/* Replay of a market-data feed (ITCH) as order flow; the recipe is in nmw-match(1), --check.
 *
 * A and F rest without being matched: the feed says that they do; one that crosses is counted.  E
 * and printable C become an immediate order against the book, which must fill exactly the order
 * that the feed names.  Where another order is first, the difference is counted and the named one
 * is taken, so that one difference does not cause the next.  The queue is by order reference.
 *
 * An order that the capture never added (it began later) has neither side nor price in the
 * messages that use it, so that it cannot be brought back: each use is counted as unknown.
 *
 * Compiled twice: engine_back.h.
 */
#include "book/engine_books.h"
#include "book/engine_out.h"
#include "book/replay_check.h"
#include <string.h>

static struct nmw_passive *passive_of(struct nmw_engine *e)
{
	return e->spec.check ? NMW_AT(e, passive_off, struct nmw_passive) : NULL;
}

static bool matching(struct nmw_engine *e, uint32_t sym)
{
	return !e->feed_off && nmw_symbols_at(nmw_symbols_of(e), sym)->state == 'T';
}

/* The feed's own locate is kept where it is free. */
static uint32_t symbol_open(struct nmw_run *r, const struct nmw_cmd *c, bool announce)
{
	struct nmw_engine *e = r->e;
	struct nmw_symbols *t = nmw_symbols_of(e);
	uint32_t sym = nmw_symbols_find(t, c->info.symbol);
	if (sym != NMW_SYM_NONE || t->closed)
		return sym;
	struct nmw_symbol_conf conf = {.state = 'T', .locate = c->locate};
	memcpy(conf.name, &c->info.symbol, sizeof(conf.name));
	if (c->op == NMW_OP_FEED_DIRECTORY)
		conf.lot = c->qty;
	if (nmw_symbols_add(t, &conf, &sym, NULL)) {
		conf.locate = 0;
		if (nmw_symbols_add(t, &conf, &sym, NULL)) {
			e->stat.capacity++;
			return NMW_SYM_NONE;
		}
	}
	if (announce)
		nmw_announce(r, sym);
	nmw_symbols_at(t, sym)->announced = 1;
	return sym;
}

static void count_crossing(struct nmw_run *r, uint32_t sym, uint32_t side, uint32_t px)
{
	if (nmw_book_crosses(r->b, sym, side, px) && matching(r->e, sym))
		r->e->stat.check_crossed_adds++;
}

/* Rests an order under the feed's reference, which is its rank as well. */
static void rest(struct nmw_run *r, nmw_oid id, const struct nmw_passive_order *o)
{
	struct nmw_entry *x =
		nmw_back_rest_uncrossed(r, id, o->sym, o->side, o->px, o->qty, o->ref);
	if (!x) {
		count_crossing(r, o->sym, o->side, o->px);
		x = nmw_book_rest(r->b, id, o->sym, o->side, o->px, o->qty, o->ref, 0);
	}
	nmw_idmap_put_at(r->ids, id, (struct nmw_id *)(void *)x, o->ref, 0);
	x->bits = 0;
	x->ref = 0;
	if (passive_of(r->e))
		nmw_passive_add(passive_of(r->e), o);
}

/* Is the price one that the symbol's book can have? */
static bool price_ok(struct nmw_engine *e, uint32_t sym, const struct nmw_cmd *c, uint32_t *px)
{
	return c->qty && c->price >= 0 && c->price <= NMW_TICK_MAX &&
	       nmw_symbol_ticks(nmw_symbols_at(nmw_symbols_of(e), sym), (uint32_t)c->price, px);
}

static void feed_add(struct nmw_run *r, const struct nmw_cmd *c)
{
	struct nmw_engine *e = r->e;
	uint32_t px, sym = symbol_open(r, c, true);
	if (sym == NMW_SYM_NONE) {
		e->stat.filtered++;
		return;
	}
	if ((c->side != 'B' && c->side != 'S') || !price_ok(e, sym, c, &px)) {
		e->stat.bad_message++;
		return;
	}
	if (!nmw_idmap_is_new(r->ids, c->key.lo) && nmw_idmap_find(r->ids, c->key.lo, 0)) {
		e->stat.ignored++;
		return;
	}
	nmw_oid id = nmw_book_alloc(r->b);
	if (!id) {
		e->stat.capacity++;
		return;
	}
	e->live++;
	e->stat.entered++;
	rest(r, id, &(struct nmw_passive_order){c->key.lo, sym, nmw_side_of(c->side), px, c->qty});
	nmw_out_add(r, c->key.lo, nmw_symbols_get(r->symbols, sym), c->side == 'B',
		    (uint32_t)c->price, c->qty);
}

/* The shares go without matching: an execution of a cross, or one that could not be reproduced. */
static void take(struct nmw_run *r, nmw_oid id, const struct nmw_cmd *c,
		 const struct nmw_book_order *o)
{
	struct nmw_engine *e = r->e;
	uint32_t qty = c->qty < o->qty ? c->qty : o->qty;
	bool with_price = c->op == NMW_OP_FEED_EXEC_PX;
	nmw_feed(r, &(struct nmw_evt){.kind = with_price ? NMW_EVT_MD_EXEC_PX : NMW_EVT_MD_EXEC,
				      .locate = nmw_symbols_at(nmw_symbols_of(e), o->sym)->locate,
				      .order_ref = c->key.lo,
				      .qty = qty,
				      .price = c->price,
				      .printable = c->printable,
				      .match = e->next_match++});
	if (qty < o->qty) {
		nmw_back_reduce(r, id, o->qty - qty);
		return;
	}
	nmw_back_unlink(r, id);
	nmw_order_dead(r, id);
}

/* Another order stands before the one that the feed says was executed, or it has too few shares. */
static void differs(struct nmw_run *r, const struct nmw_cmd *c, nmw_oid first)
{
	struct nmw_book_order o;
	if (r->e->diff.ref)
		return;
	nmw_book_order(r->b, first, &o);
	r->e->diff = (struct nmw_replay_diff){.tod = nmw_run_tod(r),
					      .ref = c->key.lo,
					      .qty = c->qty,
					      .first_ref = nmw_entry_ref(nmw_entry_of(r->b, first)),
					      .first_qty = o.qty};
}

/* The aggressor that the execution tells of, against the book. True: it filled exactly that order.
 */
static bool aggress(struct nmw_run *r, nmw_oid id, const struct nmw_book_order *o, uint32_t qty)
{
	struct nmw_fill f[2];
	struct nmw_taker t = {.sym = o->sym, .side = 1 - o->side, .limit = o->px, .qty = qty};
	unsigned n = nmw_book_match(r->b, &t, f, 2);
	bool same = n == 1 && f[0].maker == id && f[0].qty == qty && f[0].px == o->px;
	for (unsigned i = 0; i < n; i++) {
		nmw_out_fill(r, NULL, NULL, nmw_symbols_get(r->symbols, o->sym), &f[i]);
		if (f[i].maker_left == 0)
			nmw_order_dead(r, f[i].maker);
	}
	return same;
}

/* A fill that the feed tells of, as it is. */
static void reproduced(struct nmw_run *r, uint32_t sym, const struct nmw_fill *f)
{
	r->e->stat.check_executions++;
	r->e->stat.check_reproduced++;
	nmw_out_fill(r, NULL, NULL, nmw_symbols_get(r->symbols, sym), f);
	if (f->maker_left == 0)
		nmw_order_dead(r, f->maker);
}

/* Against the software book. */
static void execute(struct nmw_run *r, nmw_oid id, const struct nmw_cmd *c,
		    const struct nmw_book_order *o)
{
	struct nmw_engine *e = r->e;
	nmw_oid first = nmw_book_walk(r->b, o->sym, o->side, 0);
	e->stat.check_executions++;
	if (first == id && c->qty && c->qty <= o->qty) {
		e->stat.check_reproduced += aggress(r, id, o, c->qty);
	} else {
		differs(r, c, first);
		take(r, id, c, o);
	}
}

static void feed_exec(struct nmw_run *r, const struct nmw_cmd *c, nmw_oid id)
{
	struct nmw_engine *e = r->e;
	struct nmw_book_order o;
	struct nmw_fill f;
	nmw_book_order(r->b, id, &o);
	if ((c->op == NMW_OP_FEED_EXEC_PX && !c->printable) || !matching(e, o.sym)) {
		e->stat.check_forced++;
		take(r, id, c, &o);
	} else if (nmw_back_execute(r, id, c->qty, &f)) {
		reproduced(r, o.sym, &f);
	} else {
		execute(r, id, c, &o);
	}
	if (passive_of(e))
		nmw_passive_reduce(passive_of(e), c->key.lo, c->qty);
}

static void feed_reduce(struct nmw_run *r, const struct nmw_cmd *c, nmw_oid id)
{
	struct nmw_book_order o;
	nmw_book_order(r->b, id, &o);
	if (passive_of(r->e))
		nmw_passive_reduce(passive_of(r->e), c->key.lo, c->qty);
	uint32_t qty = c->qty < o.qty ? c->qty : o.qty;
	r->e->stat.canceled++;
	nmw_out_reduce(r, c->key.lo, nmw_symbols_get(r->symbols, o.sym)->locate, qty);
	if (qty < o.qty) {
		nmw_back_reduce(r, id, o.qty - qty);
		return;
	}
	nmw_back_unlink(r, id);
	nmw_order_dead(r, id);
}

static void feed_delete(struct nmw_run *r, const struct nmw_cmd *c, nmw_oid id)
{
	if (passive_of(r->e))
		nmw_passive_remove(passive_of(r->e), c->key.lo);
	nmw_order_cancel(r, id, 'U');
}

static void feed_replace(struct nmw_run *r, const struct nmw_cmd *c, nmw_oid id)
{
	struct nmw_engine *e = r->e;
	struct nmw_book_order o;
	uint32_t px;
	nmw_book_order(r->b, id, &o);
	if (!price_ok(e, o.sym, c, &px) || nmw_idmap_find(r->ids, c->key2.lo, 0)) {
		e->stat.bad_message++;
		return;
	}
	e->stat.replaced++;
	if (passive_of(e))
		nmw_passive_remove(passive_of(e), c->key.lo);
	nmw_back_unlink(r, id);
	nmw_order_detach(r, id);
	rest(r, id, &(struct nmw_passive_order){c->key2.lo, o.sym, o.side, px, c->qty});
	nmw_out_replace(r, c->key.lo, c->key2.lo, nmw_symbols_get(r->symbols, o.sym)->locate,
			(uint32_t)c->price, c->qty);
}

static void on_known(struct nmw_run *r, const struct nmw_cmd *c)
{
	nmw_oid oid = nmw_idmap_find(r->ids, c->key.lo, 0);
	if (!oid) {
		r->e->stat.check_unknown_refs++;
		return;
	}
	switch (c->op) {
	case NMW_OP_FEED_EXEC:
	case NMW_OP_FEED_EXEC_PX:
		feed_exec(r, c, oid);
		break;
	case NMW_OP_FEED_REDUCE:
		feed_reduce(r, c, oid);
		break;
	case NMW_OP_FEED_DELETE:
		feed_delete(r, c, oid);
		break;
	default:
		feed_replace(r, c, oid);
		break;
	}
}

/* Directory, trading state and system events change the engine's state and go on as they are. */
static void feed_state(struct nmw_run *r, const struct nmw_cmd *c, const uint8_t *payload,
		       uint32_t len)
{
	struct nmw_engine *e = r->e;
	if (c->op == NMW_OP_FEED_SYSTEM) {
		if (c->code == 'O' || c->code == 'S')
			e->feed_off = true;
		else if (c->code == 'Q')
			e->feed_off = false;
	} else {
		uint32_t sym = symbol_open(r, c, c->op != NMW_OP_FEED_DIRECTORY);
		if (sym == NMW_SYM_NONE) {
			e->stat.filtered++;
			return;
		}
		if (c->op == NMW_OP_FEED_ACTION)
			nmw_symbol_state(nmw_symbols_at(nmw_symbols_of(e), sym), c->code);
	}
	if (e->spec.feed_out) {
		nmw_forward(r, payload, len);
		r->n_feed++;
	}
}

void nmw_feed_apply(struct nmw_run *r, const struct nmw_cmd *c, const uint8_t *payload,
		    uint32_t len)
{
	struct nmw_engine_stat *s = &r->e->stat;
	switch (c->op) {
	case NMW_OP_FEED_ADD:
		feed_add(r, c);
		return;
	case NMW_OP_FEED_EXEC:
	case NMW_OP_FEED_EXEC_PX:
	case NMW_OP_FEED_REDUCE:
	case NMW_OP_FEED_DELETE:
	case NMW_OP_FEED_REPLACE:
		on_known(r, c);
		return;
	case NMW_OP_FEED_DIRECTORY:
	case NMW_OP_FEED_ACTION:
	case NMW_OP_FEED_SYSTEM:
		feed_state(r, c, payload, len);
		return;
	case NMW_OP_FEED_TRADE:
		s->check_trades++;
		break;
	case NMW_OP_FEED_CROSS:
		s->check_crosses++;
		break;
	case NMW_OP_FEED_BROKEN:
		s->check_broken++;
		break;
	default:
		break;
	}
	s->filtered++;
}
