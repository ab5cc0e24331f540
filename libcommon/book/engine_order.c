/* Orders on the books: how they rest, leave, and what is kept beside the book for them. */
#include "book/engine_impl.h"

int64_t nmw_price_of(struct nmw_engine *e, uint32_t sym, uint32_t px)
{
	return (int64_t)px * nmw_symbols_at(nmw_symbols_of(e), sym)->tick;
}

nmw_oid nmw_order_find(struct nmw_engine *e, struct nmw_key id)
{
	return nmw_idmap_find(nmw_ids_of(e), id.lo, id.hi);
}

void nmw_order_name(struct nmw_engine *e, nmw_oid id, struct nmw_key key, uint32_t bits,
		    uint64_t ref)
{
	struct nmw_entry *x = nmw_entry_of(nmw_books_of(e), id);
	nmw_idmap_put(nmw_ids_of(e), id, key.lo, key.hi);
	x->bits = bits;
	x->ref = ref;
}

/* Only sessions with cancel on disconnect pay for a list of their orders. */
void nmw_order_chain(struct nmw_engine *e, nmw_oid id)
{
	struct nmw_entry *x = nmw_entry_of(nmw_books_of(e), id);
	struct nmw_session *s = nmw_session_at(nmw_sessions_of(e), nmw_entry_session(x));
	if (!s->cancel_on_disconnect)
		return;
	x->bits |= NMW_ENTRY_CHAINED;
	*nmw_chain_of(e, id) = (struct nmw_chain){.prev = s->last};
	if (s->last)
		nmw_chain_of(e, s->last)->next = id;
	else
		s->first = id;
	s->last = id;
}

void nmw_order_unchain(struct nmw_engine *e, nmw_oid id)
{
	struct nmw_entry *x = nmw_entry_of(nmw_books_of(e), id);
	if (!(x->bits & NMW_ENTRY_CHAINED))
		return;
	struct nmw_session *s = nmw_session_at(nmw_sessions_of(e), nmw_entry_session(x));
	struct nmw_chain c = *nmw_chain_of(e, id);
	if (c.prev)
		nmw_chain_of(e, c.prev)->next = c.next;
	else
		s->first = c.next;
	if (c.next)
		nmw_chain_of(e, c.next)->prev = c.prev;
	else
		s->last = c.prev;
	x->bits &= ~NMW_ENTRY_CHAINED;
}

void nmw_order_detach(struct nmw_engine *e, nmw_oid id)
{
	const struct nmw_entry *x = nmw_entry_of(nmw_books_of(e), id);
	nmw_idmap_del(nmw_ids_of(e), id);
	if (x->bits & NMW_ENTRY_TIMED)
		nmw_timer_clear(e, id);
	if (x->bits & NMW_ENTRY_CHAINED)
		nmw_order_unchain(e, id);
}

void nmw_order_free(struct nmw_engine *e, nmw_oid id)
{
	nmw_book_free(nmw_books_of(e), id);
	e->live--;
}

void nmw_order_dead(struct nmw_engine *e, nmw_oid id)
{
	nmw_order_detach(e, id);
	nmw_order_free(e, id);
}

void nmw_order_cancel(struct nmw_run *r, nmw_oid id, uint8_t reason)
{
	const struct nmw_entry *x = nmw_entry_of(r->b, id);
	struct nmw_book_order o;
	nmw_book_order(r->b, id, &o);
	r->e->stat.canceled++;
	nmw_reply_canceled(r, nmw_entry_owner(r->e, x), nmw_entry_key(x), o.qty, reason);
	if (!nmw_entry_hidden(x))
		nmw_feed_delete(r, nmw_entry_ref(x), o.sym);
	nmw_book_unlink(r->b, id);
	nmw_order_dead(r->e, id);
}

void nmw_order_cancel_session(struct nmw_run *r, uint32_t session)
{
	const struct nmw_session *s = nmw_session_at(nmw_sessions_of(r->e), session);
	while (s->cancel_on_disconnect && s->first)
		nmw_order_cancel(r, s->first, 'U');
}
