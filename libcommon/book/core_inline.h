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

static inline void nmw_core_put(struct nmw_core_evt *ev, const struct nmw_core_cmd *k, uint32_t cmd,
				nmw_oid oid, uint32_t qty, enum nmw_core_kind kind)
{
	ev->lo = k->lo;
	ev->px = k->px;
	ev->sides = k->sides;
	ev->oid = oid;
	ev->qty = qty;
	ev->left = 0;
	ev->cmd = (uint16_t)cmd;
	ev->kind = (uint8_t)kind;
	ev->reason = NMW_CORE_ASKED;
}

/* An order that only comes to rest, under an id that is plainly new: true; or false, and nothing
 * was changed. */
NMW_BOOK_HOT bool nmw_core_rests(struct nmw_books *b, struct nmw_idmap *ids,
				 const struct nmw_core_cmd *k, uint32_t cmd,
				 struct nmw_core_evt *ev)
{
	uint32_t hash = nmw_idmap_hash(k->lo, k->hi);
	if (nmw_book_crosses_at(b, k->sides, k->px) ||
	    (!nmw_idmap_is_new(ids, k->lo) && nmw_idmap_find_by(ids, hash, k->lo, k->hi)))
		return false;
	nmw_oid oid = nmw_book_alloc(b);
	if (!oid)
		return false;
	struct nmw_id *id = nmw_book_rest_at(b, oid, k->sides, k->px, k->qty, k->rank, k->owner);
	nmw_idmap_put_by(ids, hash, oid, id, k->lo, k->hi);
	nmw_core_put(ev, k, cmd, oid, k->qty, NMW_CORE_RESTED);
	return true;
}

/* An order that only goes. */
NMW_BOOK_HOT bool nmw_core_goes(struct nmw_books *b, struct nmw_idmap *ids,
				const struct nmw_core_cmd *k, uint32_t cmd, struct nmw_core_evt *ev)
{
	nmw_oid oid = nmw_idmap_take(ids, k->lo, k->hi);
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
	return nmw_core_plain(c->b, c->ids, k, 0, ev) ? 1 : nmw_core_other(c, k, 0, ev, max);
}

#endif
