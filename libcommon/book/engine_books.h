/* engine_books.h: what the engine does to the books, over both of its backs: see engine_back.h. For
 * the files that are compiled twice. */
#ifndef NMW_BOOK_ENGINE_BOOKS_H
#define NMW_BOOK_ENGINE_BOOKS_H

#include "book/engine_impl.h"
#ifdef NMW_ENGINE_HELD
#include "book/held.h"
#endif

#ifndef NMW_ENGINE_HELD

static inline void nmw_back_begin(struct nmw_run *r, const struct nmw_engine_out *out)
{
	(void)r, (void)out;
}

static inline void nmw_back_chunk(struct nmw_run *r, struct nmw_in *in)
{
	(void)r, (void)in;
}

static inline void nmw_back_unseen(struct nmw_in *in)
{
	(void)in;
}

static inline bool nmw_back_looked_at(const struct nmw_in *in)
{
	(void)in;
	return false;
}

/* Is the symbol's book on the device? */
static inline bool nmw_back_holds(const struct nmw_run *r, uint32_t sym)
{
	(void)r, (void)sym;
	return false;
}

static inline bool nmw_back_takes(const struct nmw_run *r, const struct nmw_incoming *c)
{
	(void)r, (void)c;
	return false;
}

static inline enum nmw_taker_step nmw_back_start(struct nmw_run *r, bool held,
						 struct nmw_incoming *c, bool takes)
{
	(void)held;
	return nmw_taker_start(r->b, c, takes);
}

static inline enum nmw_taker_step nmw_back_next(struct nmw_run *r, bool held,
						struct nmw_incoming *c, struct nmw_fill *f)
{
	(void)held;
	return nmw_taker_next(r->b, c, f);
}

NMW_BOOK_HOT void *nmw_back_rest(struct nmw_run *r, nmw_oid id, uint32_t sym, uint32_t side,
				 uint32_t px, uint32_t qty, uint64_t rank, uint32_t owner)
{
	return nmw_book_rest(r->b, id, sym, side, px, qty, rank, owner);
}

NMW_BOOK_HOT void nmw_back_unlink(struct nmw_run *r, nmw_oid id)
{
	nmw_book_unlink(r->b, id);
}

static inline void nmw_back_reduce(struct nmw_run *r, nmw_oid id, uint32_t qty)
{
	nmw_book_reduce(r->b, id, qty);
}

/* A replayed feed's order rests; NULL: it may trade, and the software book has the symbol. */
static inline void *nmw_back_rest_uncrossed(const struct nmw_run *r, nmw_oid id, uint32_t sym,
					    uint32_t side, uint32_t px, uint32_t qty, uint64_t rank)
{
	(void)r, (void)id, (void)sym, (void)side, (void)px, (void)qty, (void)rank;
	return NULL;
}

/* A replayed feed's execution; false: the software book is to say. */
static inline bool nmw_back_execute(const struct nmw_run *r, nmw_oid id, uint32_t qty,
				    const struct nmw_fill *f)
{
	(void)r, (void)id, (void)qty, (void)f;
	return false;
}

#else

static inline void nmw_back_begin(struct nmw_run *r, const struct nmw_engine_out *out)
{
	r->held = out->held;
}

/* Messages are read anew: none was looked at ahead. */
static inline void nmw_back_chunk(struct nmw_run *r, struct nmw_in *in)
{
	r->looked = in;
}

static inline void nmw_back_unseen(struct nmw_in *in)
{
	in->ahead = NMW_AHEAD_NOT;
}

static inline bool nmw_back_looked_at(const struct nmw_in *in)
{
	return in->ahead != NMW_AHEAD_NOT;
}

static inline bool nmw_back_holds(const struct nmw_run *r, uint32_t sym)
{
	return nmw_held_of(r->held, sym) != NULL;
}

static inline bool nmw_back_takes(const struct nmw_run *r, struct nmw_incoming *c)
{
	return nmw_held_takes(r->held, c);
}

static inline enum nmw_taker_step nmw_back_start(struct nmw_run *r, bool held,
						 struct nmw_incoming *c, bool takes)
{
	return held ? nmw_held_start(r->held, c) : nmw_taker_start(r->b, c, takes);
}

static inline enum nmw_taker_step nmw_back_next(struct nmw_run *r, bool held,
						struct nmw_incoming *c, struct nmw_fill *f)
{
	return held ? nmw_held_next(r->held, c, f) : nmw_taker_next(r->b, c, f);
}

static inline void *nmw_back_rest(struct nmw_run *r, nmw_oid id, uint32_t sym, uint32_t side,
				  uint32_t px, uint32_t qty, uint64_t rank, uint32_t owner)
{
	return nmw_held_rest(r->held, id, sym * 2 + side, px, qty, rank, owner);
}

static inline void nmw_back_unlink(struct nmw_run *r, nmw_oid id)
{
	if (nmw_held_is(r->b, id))
		nmw_held_unlink(r->held, id);
	else
		nmw_book_unlink(r->b, id);
}

static inline void nmw_back_reduce(struct nmw_run *r, nmw_oid id, uint32_t qty)
{
	if (nmw_held_is(r->b, id))
		nmw_held_reduce(r->held, id, qty);
	else
		nmw_book_reduce(r->b, id, qty);
}

static inline void *nmw_back_rest_uncrossed(const struct nmw_run *r, nmw_oid id, uint32_t sym,
					    uint32_t side, uint32_t px, uint32_t qty, uint64_t rank)
{
	if (!nmw_back_holds(r, sym))
		return NULL;
	return nmw_held_rest_uncrossed(r->held, id, sym * 2 + side, px, qty, rank);
}

static inline bool nmw_back_execute(const struct nmw_run *r, nmw_oid id, uint32_t qty,
				    struct nmw_fill *f)
{
	return nmw_held_execute(r->held, id, qty, f);
}

#endif
#endif
