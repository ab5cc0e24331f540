/* book_inline.h: what a message does to the books most often. Included by book.h, where it is
 * described. */
#ifndef NMW_BOOK_BOOK_INLINE_H
#define NMW_BOOK_BOOK_INLINE_H

#include "base/fetch.h"
#include "book/book.h"

static inline nmw_oid nmw_book_alloc(struct nmw_books *b)
{
	return nmw_orders_take(b);
}

static inline void nmw_book_free(struct nmw_books *b, nmw_oid id)
{
	nmw_orders_give(b, id);
}

static inline void *nmw_book_user(struct nmw_books *b, nmw_oid id)
{
	return nmw_order_at(b, id)->user;
}

/* Puts an order that is filled in into its queue: at a price that the window has no level for, or
 * where it need not stand last. */
void nmw_book_rest_other(struct nmw_books *b, nmw_oid id);
/* An order was taken out from between prev and next: a hidden one, or the first of a far level. */
void nmw_book_unlinked(struct nmw_books *b, uint32_t ref, uint32_t prev, uint32_t next);

/* As the first order of a level. */
static inline void nmw_book_queue_first(struct nmw_books *b, uint32_t ref, uint32_t level)
{
	*nmw_link_at(b, ref) = (struct nmw_link){.next = level, .prev = level};
	*nmw_link_at(b, level) = (struct nmw_link){.next = ref, .prev = ref};
}

static inline void nmw_book_queue_between(struct nmw_books *b, uint32_t ref, uint32_t prev,
					  uint32_t next)
{
	*nmw_link_at(b, ref) = (struct nmw_link){.next = next, .prev = prev};
	nmw_link_at(b, prev)->next = ref;
	nmw_link_at(b, next)->prev = ref;
}

#define NMW_BOOK_WARM 16384u /* live orders: with fewer, bitmaps are in the cache */

/* As the last order of a level of the window, or the first: whether others are there cannot be
 * predicted, and is known late, so that no branch is on it while the bitmap is at hand. */
NMW_BOOK_HOT void nmw_book_append(struct nmw_books *b, struct nmw_levels *s, uint32_t ref,
				  uint32_t level, uint32_t px)
{
	uint32_t last = nmw_link_get(b, level)->prev, key = nmw_key_of(s, px);
	last = last ? last : level; /* 0: it never had one */
	nmw_book_queue_between(b, ref, last, level);
	if (b->live < NMW_BOOK_WARM || last == level)
		nmw_levels_hold(b, s, level);
	if (key < s->best) {
		s->best = key;
		s->best_ref = level;
	}
}

/* nmw_book_rest; sides: symbol * 2 + side. */
NMW_BOOK_HOT void *nmw_book_rest_at(struct nmw_books *b, nmw_oid id, uint32_t sides, uint32_t px,
				    uint32_t qty, uint64_t rank, uint32_t owner)
{
	uint32_t level, ref = nmw_order_ref(id);
	struct nmw_levels *s = nmw_levels_at(b, sides);
	struct nmw_order *o = nmw_order_at(b, id);
	struct nmw_queued *q = nmw_queued_at(b, ref);
	o->rank = rank;
	o->px = px;
	o->sides = sides;
	o->owner = owner;
	q->qty = qty;
	q->hidden = 0;
	b->live++;
	bool slot = nmw_levels_slot(b, s, px, &level);
	if (__builtin_expect(!slot | ((int64_t)rank <= s->rank_top), 0)) {
		nmw_book_rest_other(b, id);
		return o->user;
	}
	s->rank_top = (int64_t)rank;
	nmw_book_append(b, s, ref, level, px);
	return o->user;
}

NMW_BOOK_HOT void *nmw_book_rest(struct nmw_books *b, nmw_oid id, uint32_t sym, uint32_t side,
				 uint32_t px, uint32_t qty, uint64_t rank, uint32_t owner)
{
	return nmw_book_rest_at(b, id, sym * 2 + side, px, qty, rank, owner);
}

NMW_BOOK_HOT void nmw_book_unlink(struct nmw_books *b, nmw_oid id)
{
	uint32_t ref = nmw_order_ref(id);
	struct nmw_queued *x = nmw_queued_at(b, ref);
	uint32_t prev = x->q.prev, next = x->q.next;
	nmw_link_at(b, prev)->next = next;
	nmw_link_at(b, next)->prev = prev;
	x->q.prev = 0;
	b->live--;
	if (__builtin_expect(x->hidden != 0, 0))
		nmw_book_unlinked(b, ref, prev, next);
	if (prev == next) /* a level stands on both sides of its last order */
		nmw_levels_emptied(b, next);
}

static inline void nmw_book_reduce(struct nmw_books *b, nmw_oid id, uint32_t qty)
{
	nmw_queued_at(b, nmw_order_ref(id))->qty = qty;
}

static inline bool nmw_book_crosses_at(const struct nmw_books *b, uint32_t sides, uint32_t limit)
{
	const struct nmw_levels *s = nmw_levels_get(b, sides ^ 1);
	return s->best <= nmw_key_of(s, limit);
}

static inline bool nmw_book_crosses(const struct nmw_books *b, uint32_t sym, uint32_t side,
				    uint32_t limit)
{
	return nmw_book_crosses_at(b, sym * 2 + side, limit);
}

/* The next fill of a taker, in *f, its shares taken from both; false: none, or one's own maker, in
 * t->self. limit: nmw_key_of t->limit. */
NMW_BOOK_HOT bool nmw_book_fill(struct nmw_books *b, struct nmw_levels *s, struct nmw_taker *t,
				uint32_t limit, struct nmw_fill *f)
{
	if (s->best > limit || !t->qty)
		return false;
	uint32_t ref = nmw_link_at(b, s->best_ref)->next;
	nmw_oid id = nmw_order_of_ref(ref);
	if (t->owner && t->owner == nmw_order_get(b, id)->owner) {
		t->self = id;
		return false;
	}
	struct nmw_queued *q = nmw_queued_at(b, ref);
	uint32_t qty = q->qty < t->qty ? q->qty : t->qty;
	t->qty -= qty;
	q->qty -= qty;
	*f = (struct nmw_fill){
		.maker = id, .qty = qty, .px = nmw_key_px(s, s->best), .maker_left = q->qty};
	if (!q->qty)
		nmw_book_unlink(b, id);
	return true;
}

static inline unsigned nmw_book_match(struct nmw_books *b, struct nmw_taker *t,
				      struct nmw_fill *fills, unsigned max)
{
	struct nmw_levels *s = nmw_levels_at(b, (t->sym * 2 + t->side) ^ 1);
	uint32_t limit = nmw_key_of(s, t->limit);
	unsigned n = 0;
	t->self = 0;
	while (n < max && nmw_book_fill(b, s, t, limit, &fills[n]))
		n++;
	return n;
}

static inline uint32_t nmw_book_qty(const struct nmw_books *b, nmw_oid id)
{
	return nmw_queued_get(b, nmw_order_ref(id))->qty;
}

static inline bool nmw_book_linked(const struct nmw_books *b, nmw_oid id)
{
	return nmw_link_get(b, nmw_order_ref(id))->prev != 0;
}

static inline nmw_oid nmw_books_top(const struct nmw_books *b)
{
	return b->fresh;
}

static inline void nmw_book_order(const struct nmw_books *b, nmw_oid id, struct nmw_book_order *out)
{
	const struct nmw_order *o = nmw_order_get(b, id);
	*out = (struct nmw_book_order){.sym = o->sides / 2,
				       .side = o->sides & 1,
				       .px = o->px,
				       .qty = nmw_book_qty(b, id),
				       .owner = o->owner,
				       .rank = o->rank,
				       .linked = nmw_book_linked(b, id)};
}

static inline int64_t nmw_book_best(const struct nmw_books *b, uint32_t sym, uint32_t side)
{
	const struct nmw_levels *s = nmw_levels_get(b, sym * 2 + side);
	return s->best != NMW_KEY_NONE ? (int64_t)nmw_key_px(s, s->best) : -1;
}

static inline uint32_t nmw_book_prefetch_level(const struct nmw_books *b, uint32_t sym,
					       uint32_t side, uint32_t px)
{
	uint32_t level;
	nmw_levels_slot(b, nmw_levels_get(b, sym * 2 + side), px, &level);
	nmw_fetch(nmw_link_get(b, level));
	return level;
}

static inline void nmw_book_prefetch_last(const struct nmw_books *b, uint32_t level)
{
	nmw_fetch(nmw_link_get(b, nmw_link_get(b, level)->prev));
}

static inline uint32_t nmw_book_prefetch_best(const struct nmw_books *b, uint32_t sym,
					      uint32_t side)
{
	uint32_t level = nmw_levels_get(b, sym * 2 + side)->best_ref;
	nmw_fetch(nmw_link_get(b, level));
	return level;
}

static inline void nmw_book_prefetch_first(const struct nmw_books *b, uint32_t level)
{
	nmw_book_prefetch_order(b, nmw_order_of_ref(nmw_link_get(b, level)->next));
}

static inline void nmw_book_prefetch_order(const struct nmw_books *b, nmw_oid id)
{
	nmw_fetch(nmw_link_get(b, nmw_order_ref(id)));
	nmw_fetch(nmw_order_get(b, id));
}

#endif
