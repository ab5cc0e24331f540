#include "book/taker.h"

/* Shares that the order would get before its first own one: what that one's staying leaves to it.
 */
static uint64_t available_before_own(const struct nmw_books *b, const struct nmw_incoming *in)
{
	const struct nmw_taker *t = &in->t;
	uint64_t sum = 0;
	struct nmw_book_order o;
	for (nmw_oid id = 0; sum < in->min_qty && (id = nmw_book_walk(b, t->sym, 1 - t->side, id));
	     sum += o.qty) {
		nmw_book_order(b, id, &o);
		bool in_reach = t->side == NMW_BUY ? o.px <= t->limit : o.px >= t->limit;
		if (!in_reach || o.owner == t->owner)
			break;
	}
	return sum;
}

static bool min_qty_there(const struct nmw_books *b, const struct nmw_incoming *in)
{
	const struct nmw_taker *t = &in->t;
	if (t->owner && !(in->flags & NMW_TAKER_OWN_LEAVES))
		return available_before_own(b, in) >= in->min_qty;
	return nmw_book_available(b, t->sym, t->side, t->limit, in->min_qty, t->owner) >=
	       in->min_qty;
}

enum nmw_taker_step nmw_taker_start(const struct nmw_books *b, const struct nmw_incoming *in,
				    bool crosses)
{
	if (crosses && in->flags & NMW_TAKER_POST_ONLY)
		return NMW_TAKER_WOULD_POST;
	if (in->min_qty && !(crosses && min_qty_there(b, in)))
		return NMW_TAKER_MIN_QTY;
	return NMW_TAKER_GO;
}

enum nmw_taker_step nmw_taker_own(struct nmw_books *b, struct nmw_incoming *in, struct nmw_fill *f)
{
	struct nmw_book_order o;
	nmw_oid own = in->t.self;
	nmw_book_order(b, own, &o);
	in->t.self = 0;
	*f = (struct nmw_fill){.maker = own, .qty = o.qty, .px = o.px, .maker_left = o.qty};
	if (!(in->flags & NMW_TAKER_OWN_LEAVES))
		return NMW_TAKER_SELF;
	f->maker_left = 0;
	nmw_book_unlink(b, own);
	return NMW_TAKER_OWN;
}
