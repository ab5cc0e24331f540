/* core_inline.h: what most commands come to. Included by core.h, where it is described. */
#ifndef NMW_BOOK_CORE_INLINE_H
#define NMW_BOOK_CORE_INLINE_H

#include "book/core.h"

static inline bool nmw_core_takes(const struct nmw_core *c, const struct nmw_core_cmd *k)
{
	uint32_t any = k->side == NMW_BUY ? NMW_TICK_MAX : 0;
	return nmw_book_crosses(c->b, k->sym, k->side, k->flags & NMW_CORE_MARKET ? any : k->px);
}

static inline void nmw_core_leave(struct nmw_core *c, nmw_oid oid)
{
	nmw_book_unlink(c->b, oid);
	nmw_idmap_del(c->ids, oid);
}

static inline void nmw_core_put(struct nmw_core_evt *ev, const struct nmw_core_cmd *k, uint32_t cmd,
				nmw_oid oid, uint32_t qty, enum nmw_core_kind kind)
{
	*ev = (struct nmw_core_evt){.lo = k->lo,
				    .oid = oid,
				    .px = k->px,
				    .qty = qty,
				    .cmd = cmd,
				    .sym = k->sym,
				    .kind = (uint8_t)kind};
}

/* An order that comes to rest under the next number of the ring: true; or false, and nothing was
 * changed. */
NMW_BOOK_HOT bool nmw_core_rests(struct nmw_books *b, struct nmw_idmap *ids,
				 const struct nmw_core_cmd *k, uint32_t cmd,
				 struct nmw_core_evt *ev)
{
	if (k->flags | k->min_qty | (uint32_t)nmw_book_crosses(b, k->sym, k->side, k->px) |
	    (uint32_t)!nmw_idmap_is_next(ids, k->lo, k->hi))
		return false;
	nmw_oid oid = nmw_book_alloc(b);
	if (!oid)
		return false;
	struct nmw_id *id =
		nmw_book_rest(b, oid, k->sym, k->side, k->px, k->qty, k->rank, k->owner);
	nmw_idmap_put_next(ids, oid, id, k->lo, k->hi);
	nmw_core_put(ev, k, cmd, oid, k->qty, NMW_CORE_RESTED);
	return true;
}

/* An order that goes, and the map has it in the ring. */
NMW_BOOK_HOT bool nmw_core_goes(struct nmw_books *b, struct nmw_idmap *ids,
				const struct nmw_core_cmd *k, uint32_t cmd, struct nmw_core_evt *ev)
{
	nmw_oid oid = nmw_idmap_take_ringed(ids, k->lo, k->hi);
	if (!oid)
		return false;
	nmw_core_put(ev, k, cmd, oid, nmw_book_qty(b, oid), NMW_CORE_CANCELED);
	nmw_book_unlink(b, oid);
	nmw_book_free(b, oid);
	return true;
}

NMW_BOOK_HOT bool nmw_core_plain(struct nmw_books *b, struct nmw_idmap *ids,
				 const struct nmw_core_cmd *k, uint32_t cmd,
				 struct nmw_core_evt *ev)
{
	if (k->op == NMW_CORE_ENTER)
		return nmw_core_rests(b, ids, k, cmd, ev);
	return k->op == NMW_CORE_CANCEL && nmw_core_goes(b, ids, k, cmd, ev);
}

/* All others. */
unsigned nmw_core_other(struct nmw_core *c, const struct nmw_core_cmd *k, uint32_t cmd,
			struct nmw_core_evt *ev, unsigned max);

static inline unsigned nmw_core_apply(struct nmw_core *c, const struct nmw_core_cmd *k,
				      struct nmw_core_evt *ev, unsigned max)
{
	return nmw_core_plain(c->b, c->ids, k, 0, ev) ? 1 : nmw_core_other(c, k, 0, ev, max);
}

#endif
