/* book_inline.h: what a message does to the books most often. Included by book.h, where it is
 * described. */
#ifndef NMW_BOOK_BOOK_INLINE_H
#define NMW_BOOK_BOOK_INLINE_H

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
	return nmw_order_at(b, id) + 1;
}

/* The place behind which an order of this rank stands: an order of the level, or the level. */
static inline uint32_t nmw_book_behind(struct nmw_books *b, uint32_t level, uint32_t tail,
				       uint64_t rank)
{
	while (tail != level && nmw_order_at(b, nmw_order_id(b, tail))->rank > rank)
		tail = nmw_link_at(b, tail)->prev;
	return tail;
}

static inline void nmw_book_rest(struct nmw_books *b, nmw_oid id, uint32_t sym, uint32_t side,
				 uint32_t px, uint32_t qty, uint64_t rank, uint32_t owner)
{
	struct nmw_levels *s = nmw_levels_at(b, sym, side);
	uint32_t level = nmw_levels_slot(b, s, px);
	uint32_t far = !level;
	if (__builtin_expect(far, 0))
		level = nmw_levels_far(b, s, px);
	struct nmw_link *l = nmw_link_at(b, level);
	uint32_t behind = l->prev;
	if (behind == 0 || behind == level) {
		behind = level;
		if (!far)
			nmw_levels_filled(b, s, level);
	} else {
		behind = nmw_book_behind(b, level, behind, rank);
	}
	uint32_t ref = nmw_order_ref(b, id);
	struct nmw_link *p = nmw_link_at(b, behind);
	uint32_t next = behind == level && !l->next ? level : p->next;
	struct nmw_order *o = nmw_order_at(b, id);
	*o = (struct nmw_order){.q = {.next = next, .prev = behind},
				.px = px,
				.qty = qty,
				.rank = rank,
				.owner = owner,
				.sym = (uint16_t)sym,
				.side = (uint8_t)side,
				.state = NMW_ORDER_LINKED};
	nmw_link_at(b, next)->prev = ref;
	p->next = ref;
	b->live++;
	uint32_t key = nmw_key_of(s, px);
	if (key < s->best) {
		s->best = key;
		s->best_ref = level;
	}
	if (__builtin_expect(far, 0))
		nmw_levels_missed(b, s);
}

static inline void nmw_book_unlink(struct nmw_books *b, nmw_oid id)
{
	struct nmw_order *o = nmw_order_at(b, id);
	uint32_t prev = o->q.prev, next = o->q.next;
	nmw_link_at(b, prev)->next = next;
	nmw_link_at(b, next)->prev = prev;
	o->state = NMW_ORDER_TAKEN;
	b->live--;
	if (prev == next) /* only a level stands on both sides of an order */
		nmw_levels_emptied(b, nmw_levels_at(b, o->sym, o->side), next);
}

static inline void nmw_book_reduce(struct nmw_books *b, nmw_oid id, uint32_t qty)
{
	nmw_order_at(b, id)->qty = qty;
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
		nmw_oid id = nmw_order_id(b, nmw_link_at(b, level)->next);
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
				       .linked = o->state == NMW_ORDER_LINKED};
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
	uint32_t level = nmw_levels_slot(b, s, px);
	__builtin_prefetch((const char *)b + (uint64_t)level * 8, 1);
}

static inline void nmw_book_prefetch_tail(const struct nmw_books *b, uint32_t sym, uint32_t side,
					  uint32_t px)
{
	const struct nmw_levels *s = nmw_levels_get(b, sym, side);
	uint32_t level = nmw_levels_slot(b, s, px);
	const char *l = (const char *)b + (uint64_t)level * 8;
	uint32_t tail = ((const struct nmw_link *)(const void *)l)->prev;
	if (level)
		__builtin_prefetch((const char *)b + (uint64_t)tail * 8, 1);
}

static inline void nmw_book_prefetch_order(const struct nmw_books *b, nmw_oid id)
{
	__builtin_prefetch(nmw_order_get(b, id), 1);
}

static inline void nmw_book_prefetch_near(const struct nmw_books *b, nmw_oid id)
{
	const struct nmw_order *o = nmw_order_get(b, id);
	__builtin_prefetch((const char *)b + (uint64_t)o->q.prev * 8, 1);
	__builtin_prefetch((const char *)b + (uint64_t)o->q.next * 8, 1);
}

#endif
