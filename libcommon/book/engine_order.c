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
	if (!s->cancel_on_disconnect) {
		s->loose = true;
		return;
	}
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

/* Two lists by their next, oldest first, into one. */
static nmw_oid merge(struct nmw_engine *e, nmw_oid a, nmw_oid b)
{
	nmw_oid first = 0, last = 0;
	while (a || b) {
		bool from_b = !a || (b && nmw_entry_ref(nmw_entry_of(nmw_books_of(e), b)) <
						  nmw_entry_ref(nmw_entry_of(nmw_books_of(e), a)));
		nmw_oid id = from_b ? b : a;
		*(from_b ? &b : &a) = nmw_chain_of(e, id)->next;
		if (last)
			nmw_chain_of(e, last)->next = id;
		else
			first = id;
		last = id;
	}
	return first;
}

/* Sorts a session's list by the orders' references: part[k] is a sorted list of 2^k of them. */
static void sort_chain(struct nmw_engine *e, struct nmw_session *s)
{
	nmw_oid part[32] = {0}, id = s->first;
	while (id) {
		nmw_oid next = nmw_chain_of(e, id)->next;
		unsigned k = 0;
		nmw_chain_of(e, id)->next = 0;
		for (; part[k]; k++) { /* at most 2^31 orders live */
			id = merge(e, part[k], id);
			part[k] = 0;
		}
		part[k] = id;
		id = next;
	}
	for (unsigned k = 0; k < 32; k++)
		id = merge(e, part[k], id);
	s->first = id;
	s->last = 0;
	for (; id; id = nmw_chain_of(e, id)->next) {
		nmw_chain_of(e, id)->prev = s->last;
		s->last = id;
	}
}

void nmw_order_cover_session(struct nmw_engine *e, uint32_t session)
{
	struct nmw_session *s = nmw_session_at(nmw_sessions_of(e), session);
	struct nmw_books *b = nmw_books_of(e);
	while (!s->cancel_on_disconnect && s->first) {
		s->loose = true;
		nmw_order_unchain(e, s->first);
	}
	if (!s->cancel_on_disconnect || !s->loose)
		return;
	s->loose = false;
	for (nmw_oid id = 1; id <= b->fresh; id++) {
		const struct nmw_entry *x = nmw_entry_of(b, id);
		if (!nmw_link_get(b, id)->prev || nmw_entry_session(x) != session)
			continue;
		if (nmw_entry_account(x) != s->account)
			s->loose = true; /* for when the session is that account's again */
		else if (!(x->bits & NMW_ENTRY_CHAINED))
			nmw_order_chain(e, id);
	}
	sort_chain(e, s);
}

void nmw_order_cancel_session(struct nmw_run *r, uint32_t session)
{
	const struct nmw_session *s = nmw_session_at(nmw_sessions_of(r->e), session);
	while (s->cancel_on_disconnect && s->first)
		nmw_order_cancel(r, s->first, 'U');
}
