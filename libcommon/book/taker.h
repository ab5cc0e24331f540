/* taker.h: the rules of an order that comes, over the books alone: without ids, without words.
 *
 * In this order: post-only is canceled instead of trading; a minimum quantity that is not there
 * cancels; then fills, best price first, by rank; what is left of an order that may not rest is
 * canceled.  One's own resting order (same owner, not 0) ends the incoming one, or with OWN_LEAVES
 * leaves itself.
 *
 * The caller is told step by step, in order, and says it on: the core as events, the engine as
 * replies and market data.
 *
 *      start -> GO -> next -> FILL, OWN ... -> RESTS | DONE | IMMEDIATE | SELF
 *            -> WOULD_POST | MIN_QTY
 *
 * A maker that was filled is off the book, but its handle is not free yet: to free it, and to rest
 * what is to rest, is the caller's part.  Pure and deterministic; nothing fails.  One thread.
 */
#ifndef NMW_BOOK_TAKER_H
#define NMW_BOOK_TAKER_H

#include "book/book.h"

enum nmw_taker_flag {
	NMW_TAKER_IOC = 1,	  /* what does not trade at once is canceled */
	NMW_TAKER_MARKET = 2,	  /* never rests either; the limit is the caller's */
	NMW_TAKER_POST_ONLY = 4,  /* canceled instead of trading */
	NMW_TAKER_OWN_LEAVES = 8, /* self-match prevention cancels the resting order */
};

enum nmw_taker_step {
	NMW_TAKER_GO,
	NMW_TAKER_FILL, /* the fill */
	NMW_TAKER_OWN,	/* one's own maker is off: the fill's maker, px, qty (its shares) */
	/* the end: t.qty shares of the order */
	NMW_TAKER_RESTS,      /* are to rest */
	NMW_TAKER_DONE,	      /* (none) are left */
	NMW_TAKER_IMMEDIATE,  /* are canceled: IOC or market */
	NMW_TAKER_MIN_QTY,    /* are canceled: the minimum is not there */
	NMW_TAKER_WOULD_POST, /* are canceled: post-only would have traded */
	NMW_TAKER_SELF,	      /* are canceled: met the fill's maker, px, maker_left (its shares) */
	NMW_TAKER_STEPS
};

struct nmw_incoming {
	struct nmw_taker t;
	uint32_t min_qty; /* shares that must be there at once; 0 = none */
	uint32_t flags;	  /* enum nmw_taker_flag */
};

/* GO, WOULD_POST or MIN_QTY. crosses: nmw_book_crosses of it. */
enum nmw_taker_step nmw_taker_start(const struct nmw_books *b, const struct nmw_incoming *in,
				    bool crosses);

/* It met its own, in->t.self: SELF, or OWN. */
enum nmw_taker_step nmw_taker_own(struct nmw_books *b, struct nmw_incoming *in, struct nmw_fill *f);

/* The next step: of FILL and OWN, call again. */
NMW_BOOK_HOT enum nmw_taker_step nmw_taker_next(struct nmw_books *b, struct nmw_incoming *in,
						struct nmw_fill *f)
{
	struct nmw_levels *s = nmw_levels_at(b, (in->t.sym * 2 + in->t.side) ^ 1);
	if (nmw_book_fill(b, s, &in->t, nmw_key_of(s, in->t.limit), f))
		return NMW_TAKER_FILL;
	if (__builtin_expect(in->t.self != 0, 0))
		return nmw_taker_own(b, in, f);
	if (!in->t.qty)
		return NMW_TAKER_DONE;
	return in->flags & (NMW_TAKER_IOC | NMW_TAKER_MARKET) ? NMW_TAKER_IMMEDIATE
							      : NMW_TAKER_RESTS;
}

static inline bool nmw_taker_goes_on(enum nmw_taker_step step)
{
	return step <= NMW_TAKER_OWN;
}

#endif
