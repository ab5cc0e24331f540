/* book_inline.h: what a message does to the books most often. Included by book.h, where it is
 * described. */
#ifndef NMW_BOOK_BOOK_INLINE_H
#define NMW_BOOK_BOOK_INLINE_H

#include "book/book.h"

static inline uint32_t nmw_books_order_size(const struct nmw_books *b)
{
	return b->order_sz;
}

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

/* The same for a price outside the window. */
void nmw_book_rest_far(struct nmw_books *b, nmw_oid id, uint32_t sym, uint32_t side, uint32_t px,
		       uint32_t qty, uint64_t rank, uint32_t owner);
/* The place behind which an order of this rank stands: an order of the level, or the level. */
uint32_t nmw_book_behind(const struct nmw_books *b, uint32_t level, uint64_t rank);

/* Puts an order into the queue of a level. Returns false when it is the first. */
static inline bool nmw_book_queue(struct nmw_books *b, struct nmw_levels *s, nmw_oid id,
				  uint32_t level, uint64_t rank)
{
	uint32_t behind = nmw_link_at(b, level)->prev, next = level;
	bool more = behind - 1 < level - 1; /* 0: never used; the level itself: emptied */
	behind = more ? behind : level;
	if (__builtin_expect(rank < s->rank_top, 0)) {
		if (more) {
			behind = nmw_book_behind(b, level, rank);
			next = nmw_link_at(b, behind)->next;
		}
	} else {
		s->rank_top = rank;
	}
	*nmw_link_at(b, id) = (struct nmw_link){.next = next, .prev = behind};
	nmw_link_at(b, behind)->next = id;
	nmw_link_at(b, next)->prev = id;
	b->live++;
	return more;
}

static inline void nmw_book_fill_in(struct nmw_books *b, nmw_oid id, uint32_t sym, uint32_t side,
				    uint32_t px, uint32_t qty, uint64_t rank, uint32_t owner)
{
	struct nmw_order *o = nmw_order_at(b, id);
	o->rank = rank;
	o->px = px;
	o->qty = qty;
	o->owner = owner;
	o->sym = (uint16_t)sym;
	o->side = (uint16_t)side;
}

static inline void nmw_book_rest(struct nmw_books *b, nmw_oid id, uint32_t sym, uint32_t side,
				 uint32_t px, uint32_t qty, uint64_t rank, uint32_t owner)
{
	struct nmw_levels *s = nmw_levels_at(b, sym, side);
	uint32_t level = nmw_levels_slot(b, s, px);
	if (__builtin_expect(!level, 0)) {
		nmw_book_rest_far(b, id, sym, side, px, qty, rank, owner);
		return;
	}
	nmw_book_fill_in(b, id, sym, side, px, qty, rank, owner);
	if (nmw_book_queue(b, s, id, level, rank))
		return;
	nmw_levels_filled(b, s, level);
	nmw_levels_better(s, nmw_key_of(s, px), level);
}

static inline void nmw_book_unlink(struct nmw_books *b, nmw_oid id)
{
	struct nmw_link *l = nmw_link_at(b, id);
	uint32_t prev = l->prev, next = l->next;
	nmw_link_at(b, prev)->next = next;
	nmw_link_at(b, next)->prev = prev;
	l->prev = 0;
	b->live--;
	if (prev == next) /* only a level stands on both sides of an order */
		nmw_levels_emptied(b, next, id);
}

static inline void nmw_book_reduce(struct nmw_books *b, nmw_oid id, uint32_t qty)
{
	nmw_order_at(b, id)->qty = qty;
}

static inline bool nmw_book_crosses(const struct nmw_books *b, uint32_t sym, uint32_t side,
				    uint32_t limit)
{
	const struct nmw_levels *s = nmw_levels_get(b, sym, side ^ 1);
	return s->best <= nmw_key_of(s, limit);
}

static inline unsigned nmw_book_match(struct nmw_books *b, struct nmw_taker *t,
				      struct nmw_fill *fills, unsigned max)
{
	struct nmw_levels *s = nmw_levels_at(b, t->sym, t->side ^ 1);
	uint32_t limit = nmw_key_of(s, t->limit);
	unsigned n = 0;
	t->self = 0;
	while (s->best <= limit && t->qty && n < max) {
		uint32_t level = s->best_ref, px = nmw_key_px(s, s->best);
		nmw_oid id = nmw_link_at(b, level)->next;
		struct nmw_order *o = nmw_order_at(b, id);
		if (o->owner == t->owner && t->owner) {
			t->self = id;
			break;
		}
		uint32_t qty = o->qty < t->qty ? o->qty : t->qty;
		t->qty -= qty;
		o->qty -= qty;
		fills[n++] =
			(struct nmw_fill){.maker = id, .qty = qty, .px = px, .maker_left = o->qty};
		if (!o->qty)
			nmw_book_unlink(b, id);
	}
	return n;
}

static inline void nmw_book_order(const struct nmw_books *b, nmw_oid id, struct nmw_book_order *out)
{
	const struct nmw_order *o = nmw_order_get(b, id);
	*out = (struct nmw_book_order){.sym = o->sym,
				       .side = o->side,
				       .px = o->px,
				       .qty = o->qty,
				       .owner = o->owner,
				       .rank = o->rank,
				       .linked = nmw_link_get(b, id)->prev != 0};
}

static inline int64_t nmw_book_best(const struct nmw_books *b, uint32_t sym, uint32_t side)
{
	const struct nmw_levels *s = nmw_levels_get(b, sym, side);
	return s->best_ref ? (int64_t)nmw_key_px(s, s->best) : -1;
}

static inline void nmw_book_prefetch(const struct nmw_books *b, uint32_t sym, uint32_t side,
				     uint32_t px)
{
	const struct nmw_levels *s = nmw_levels_get(b, sym, side);
	__builtin_prefetch(nmw_link_get(b, nmw_levels_slot(b, s, px)), 1);
}

static inline void nmw_book_prefetch_tail(const struct nmw_books *b, uint32_t sym, uint32_t side,
					  uint32_t px)
{
	const struct nmw_levels *s = nmw_levels_get(b, sym, side);
	uint32_t level = nmw_levels_slot(b, s, px);
	__builtin_prefetch(nmw_link_get(b, nmw_link_get(b, level)->prev), 1);
}

static inline void nmw_book_prefetch_order(const struct nmw_books *b, nmw_oid id)
{
	__builtin_prefetch(nmw_link_get(b, id), 1);
	__builtin_prefetch(nmw_order_get(b, id), 1);
}

static inline void nmw_book_prefetch_near(const struct nmw_books *b, nmw_oid id)
{
	const struct nmw_link *l = nmw_link_get(b, id);
	__builtin_prefetch(nmw_link_get(b, l->prev), 1);
	__builtin_prefetch(nmw_link_get(b, l->next), 1);
}

#endif
