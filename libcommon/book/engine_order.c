/* Orders on the books: how they leave, and what is kept beside the book for them. Compiled twice:
 * engine_back.h. */
#include "book/engine_books.h"
#include "book/engine_out.h"

void nmw_order_chain_last(struct nmw_engine *e, struct nmw_session *s, nmw_oid id)
{
	struct nmw_chain *c = nmw_chain_of(e, id);
	nmw_entry_of(nmw_books_of(e), id)->bits |= NMW_ENTRY_CHAINED;
	c->prev = s->last;
	c->next = 0;
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

void nmw_order_cancel(struct nmw_run *r, nmw_oid id, uint8_t reason)
{
	const struct nmw_entry *x = nmw_entry_of(r->b, id);
	const struct nmw_order *o = nmw_order_at(r->b, id);
	r->e->stat.canceled++;
	nmw_out_canceled(r, nmw_to_owner(r, x), nmw_entry_key(x), nmw_book_qty(r->b, id), reason);
	if (!nmw_entry_hidden(x))
		nmw_out_delete(r, nmw_entry_ref(x),
			       nmw_symbols_get(r->symbols, o->sides / 2)->locate);
	nmw_back_unlink(r, id);
	nmw_order_dead(r, id);
}

void nmw_timers_run(struct nmw_run *r)
{
	nmw_oid id;
	while (nmw_timer_first(r->e, &id) <= r->e->now_ns) {
		nmw_order_cancel(r, id, 'T');
		r->e->stat.expired++;
	}
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
	for (nmw_oid id = 1; id <= nmw_books_top(b); id++) {
		const struct nmw_entry *x = nmw_entry_of(b, id);
		if (!nmw_book_linked(b, id) || nmw_entry_session(x) != session)
			continue;
		if (nmw_entry_account(x) != s->account)
			s->loose = true; /* for when the session is that account's again */
		else if (!(x->bits & NMW_ENTRY_CHAINED))
			nmw_order_chain_last(e, s, id);
	}
	sort_chain(e, s);
}

void nmw_order_cancel_session(struct nmw_run *r, uint32_t session)
{
	const struct nmw_session *s = nmw_session_at(nmw_sessions_of(r->e), session);
	while (s->cancel_on_disconnect && s->first)
		nmw_order_cancel(r, s->first, 'U');
}
