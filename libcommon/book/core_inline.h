/* core_inline.h: what most commands come to. Included by core.h, where it is described. */
#ifndef NMW_BOOK_CORE_INLINE_H
#define NMW_BOOK_CORE_INLINE_H

#include "book/core.h"

#include <string.h>

/* The worst price that the order takes. */
static inline uint32_t nmw_core_limit(const struct nmw_core_cmd *k)
{
	uint32_t any = k->sides & NMW_SELL ? 0 : NMW_TICK_MAX;
	return k->flags & NMW_CORE_MARKET ? any : k->px;
}

static inline bool nmw_core_takes(const struct nmw_core *c, const struct nmw_core_cmd *k)
{
	return nmw_book_crosses_at(c->b, k->sides, nmw_core_limit(k));
}

/* What it is, and what is asked for: 0 for an ENTER with nothing special. */
static inline uint64_t nmw_core_form(const struct nmw_core_cmd *k)
{
	uint64_t form;
	memcpy(&form, &k->min_qty, sizeof form);
	return form;
}

#define NMW_CORE_PLAIN_CANCEL ((uint64_t)NMW_CORE_CANCEL << 32)

static inline void nmw_core_leave(struct nmw_core *c, nmw_oid oid)
{
	nmw_book_unlink(c->b, oid);
	nmw_idmap_del(c->ids, oid);
}

/* An event about the command's own price, of the usual reason; left is 0. Written in pieces as
 * large as can be. */
static inline void nmw_core_put(struct nmw_core_evt *ev, const struct nmw_core_cmd *k, uint64_t lo,
				uint32_t cmd, nmw_oid oid, uint32_t qty, enum nmw_core_kind kind)
{
	uint32_t tail = cmd | (uint32_t)kind << 16;
	ev->lo = lo;
	memcpy(&ev->px, &k->px, sizeof ev->px + sizeof ev->sides);
	ev->oid = oid;
	ev->qty = qty;
	ev->left = 0;
	memcpy(&ev->cmd, &tail, sizeof tail);
}

/* ---- the two that most commands are ----
 *
 * At the least that they can cost: what is not usual is found first, by branches that are hardly
 * ever taken, and left to nmw_core_other with nothing changed.  Which of the two a command is, is
 * the one branch that cannot be predicted; to do both and keep one costs more. The records of the
 * ids are those of the orders. */

/* The side on which an order only comes to rest, and the level of its window where it stands last;
 * NULL: not so simply. */
NMW_BOOK_HOT struct nmw_levels *nmw_core_level(struct nmw_books *b, const struct nmw_core_cmd *k,
					       uint32_t *level)
{
	struct nmw_levels *s = nmw_levels_at(b, k->sides);
	const struct nmw_levels *other = nmw_levels_get(b, k->sides ^ 1);
	uint32_t px = k->px;
	if (other->best <= nmw_key_of(other, px) || !nmw_levels_slot(b, s, px, level) ||
	    (int64_t)k->rank <= s->rank_top)
		return NULL;
	__asm__("" : "+r"(*level)); /* now: later it would be four values to keep in place of one */
	return s;
}

/* Gives an id to a handle that is free; false: it may be live already. */
NMW_BOOK_HOT bool nmw_core_named(struct nmw_idmap *ids, const struct nmw_core_cmd *k, nmw_oid oid,
				 struct nmw_id *id)
{
	uint64_t lo = k->lo, hi = k->hi;
	uint32_t *at = &ids->at[nmw_idmap_place(ids, nmw_idmap_hash(lo, hi))], head = *at;
	if (nmw_idmap_is_new(ids, lo))
		ids->highest = lo;
	else if (head)
		return false;
	*at = oid;
	ids->count++;
	id->lo = lo;
	id->hi = hi;
	id->next = head;
	return true;
}

/* An order that only comes to rest. */
NMW_BOOK_HOT bool nmw_core_rests(struct nmw_books *b, struct nmw_idmap *ids,
				 const struct nmw_core_cmd *k, uint32_t cmd,
				 struct nmw_core_evt *ev)
{
	uint32_t ref = b->free, level;
	nmw_oid oid = nmw_order_of_ref(ref);
	struct nmw_levels *s;
	if (!ref || !(s = nmw_core_level(b, k, &level)))
		return false;
	struct nmw_order *o = nmw_order_at(b, oid);
	if (!nmw_core_named(ids, k, oid, (struct nmw_id *)(void *)o->user))
		return false;
	o->rank = k->rank;
	s->rank_top = (int64_t)k->rank;
	memcpy(&o->px, &k->px, sizeof o->px + sizeof o->sides);
	o->owner = k->owner;
	struct nmw_queued *q = nmw_queued_at(b, ref);
	b->free = q->q.next;
	b->live++;
	q->qty = k->qty;
	q->hidden = 0;
	nmw_core_put(ev, k, k->lo, cmd, oid, k->qty, NMW_CORE_RESTED);
	nmw_book_append(b, s, ref, level, k->px);
	return true;
}

/* One that only goes. */
NMW_BOOK_HOT bool nmw_core_goes(struct nmw_books *b, struct nmw_idmap *ids,
				const struct nmw_core_cmd *k, uint32_t cmd, struct nmw_core_evt *ev)
{
	uint64_t lo = k->lo, hi = k->hi;
	uint32_t *at = &ids->at[nmw_idmap_place(ids, nmw_idmap_hash(lo, hi))];
	nmw_oid oid = *at;
	struct nmw_id *id = nmw_book_user(b, oid);
	while (__builtin_expect(oid && (id->lo != lo || id->hi != hi), 0)) {
		at = &id->next;
		oid = *at;
		id = nmw_book_user(b, oid);
	}
	uint32_t ref = nmw_order_ref(oid);
	struct nmw_queued *q = nmw_queued_at(b, ref);
	if (!oid || q->hidden)
		return false;
	*at = id->next;
	ids->count--;
	b->live--;
	nmw_core_put(ev, k, lo, cmd, oid, q->qty, NMW_CORE_CANCELED);
	uint32_t prev = q->q.prev, next = q->q.next;
	nmw_link_at(b, prev)->next = next;
	nmw_link_at(b, next)->prev = prev;
	q->q.next = b->free;
	q->q.prev = 0;
	b->free = ref;
	if (prev == next)
		nmw_levels_emptied(b, next);
	return true;
}

NMW_BOOK_HOT bool nmw_core_plain(struct nmw_books *b, struct nmw_idmap *ids,
				 const struct nmw_core_cmd *k, uint32_t cmd,
				 struct nmw_core_evt *ev)
{
	uint64_t form = nmw_core_form(k);
	if (form == 0)
		return nmw_core_rests(b, ids, k, cmd, ev);
	return form == NMW_CORE_PLAIN_CANCEL && nmw_core_goes(b, ids, k, cmd, ev);
}

/* All others. */
unsigned nmw_core_other(struct nmw_core *c, const struct nmw_core_cmd *k, uint32_t cmd,
			struct nmw_core_evt *ev, unsigned max);

static inline unsigned nmw_core_apply(struct nmw_core *c, const struct nmw_core_cmd *k,
				      struct nmw_core_evt *ev, unsigned max)
{
	nmw_idmap_reserve(c->ids, 1);
	return nmw_core_plain(c->b, c->ids, k, 0, ev) ? 1 : nmw_core_other(c, k, 0, ev, max);
}

#endif
