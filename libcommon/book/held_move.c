/* Symbols that come to the device and go from it in mid-stream. */
#include "book/held_impl.h"

#define REST_NO_BOOK 4096u  /* uses until it is looked for another */
#define REST	     65536u /* until a symbol tries again; as many commands are free for moves */
#define TIMES_MAX    12u

/* Uses of a symbol after which it may come again; 0: the reason does not pass by itself. */
static uint32_t rest_of(const struct nmw_held_symbol *s, enum nmw_held_why why)
{
	switch (why) {
	case NMW_HELD_NO_BOOK:
		return REST_NO_BOOK;
	case NMW_HELD_NO_SLOT:
	case NMW_HELD_WINDOW:
	case NMW_HELD_RANK:
	case NMW_HELD_MIN_QTY:
		return REST << s->times;
	default:
		return 0;
	}
}

/* It is in software for that reason, from now on or still. */
static void stays(struct nmw_held *h, uint32_t sym, enum nmw_held_why why)
{
	struct nmw_held_symbol *s = &h->symbol[sym];
	h->stat.software += h->of_sym[sym] != NMW_HELD_SOFTWARE;
	h->of_sym[sym] = NMW_HELD_SOFTWARE;
	s->why = (uint8_t)why;
	s->rest = rest_of(s, why);
}

void nmw_held_away(struct nmw_held *h, uint32_t sym, enum nmw_held_why why)
{
	struct nmw_held_symbol *s = &h->symbol[sym];
	stays(h, sym, why);
	if (s->rest && why != NMW_HELD_NO_BOOK && s->times < TIMES_MAX)
		s->times++;
	if (why < NMW_HELD_WHYS)
		h->stat.went[why]++;
}

uint32_t nmw_held_free(const struct nmw_held *h)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < h->port->books; i++)
		n += !h->book[i].used;
	return n;
}

/* The symbol's orders, if it has any, come from the software book to a book that it has. */
static void fill(struct nmw_held *h, struct nmw_held_book *hb)
{
	int64_t bid = nmw_book_best(h->b, hb->sym, NMW_BUY);
	int64_t ask = nmw_book_best(h->b, hb->sym, NMW_SELL);
	if (bid >= 0 && ask >= 0 && bid >= ask)
		nmw_held_to_software(h, hb, NMW_HELD_CROSSED);
	else if (bid >= 0)
		nmw_held_move(h, hb, NMW_BUY, (uint32_t)bid);
	else if (ask >= 0)
		nmw_held_move(h, hb, NMW_SELL, (uint32_t)ask);
}

/* From software. False: it stays there. */
static bool come(struct nmw_held *h, uint32_t sym)
{
	if (h->lost || !nmw_held_free(h)) {
		stays(h, sym, h->lost ? NMW_HELD_LOST : NMW_HELD_NO_BOOK);
		return false;
	}
	h->stat.software -= h->of_sym[sym] == NMW_HELD_SOFTWARE;
	h->of_sym[sym] = 0;
	fill(h, nmw_held_take(h, sym));
	bool came = h->of_sym[sym] != NMW_HELD_SOFTWARE;
	h->stat.came += came;
	return came;
}

bool nmw_held_come(struct nmw_held *h, uint32_t sym)
{
	h->symbol[sym].wish = NMW_HELD_DEVICE;
	return nmw_held_orders(h, sym) >= 0 || come(h, sym);
}

uint32_t nmw_held_go(struct nmw_held *h, uint32_t sym)
{
	int64_t n = nmw_held_orders(h, sym);
	h->symbol[sym].wish = NMW_HELD_HOST;
	if (n >= 0)
		nmw_held_to_software(h, &h->book[h->of_sym[sym] - 1], NMW_HELD_ASKED);
	stays(h, sym, NMW_HELD_ASKED);
	return n > 0 ? (uint32_t)n : 0;
}

void nmw_held_turn(struct nmw_held *h)
{
	if (__builtin_expect(!h->ready, 1))
		return;
	uint32_t sym = h->ready - 1;
	h->ready = 0;
	if (h->of_sym[sym] == NMW_HELD_SOFTWARE && h->symbol[sym].wish == NMW_HELD_DEVICE)
		come(h, sym);
}

void nmw_held_again(struct nmw_held *h)
{
	h->lost = h->sent = h->slot = h->split = h->peeked = h->last = h->first = false;
	h->phase = NMW_HELD_IDLE;
	h->used = h->flying = h->tag = h->due = 0;
	h->err = (struct nmw_err)NMW_ERR_INIT;
}

int64_t nmw_held_orders(const struct nmw_held *h, uint32_t sym)
{
	uint16_t i = h->of_sym[sym];
	if (!i || i == NMW_HELD_SOFTWARE)
		return i ? -1 : -2;
	return (int64_t)h->book[i - 1].count[0] + h->book[i - 1].count[1];
}

uint64_t nmw_held_far(const struct nmw_held *h, uint32_t sym)
{
	uint64_t n = 0;
	for (uint32_t side = 0; side < 2; side++)
		for (nmw_oid id = 0; (id = nmw_book_walk(h->b, sym, side, id)) != 0;)
			n++;
	return n;
}

/* ---- all of them ---------------------------------------------------------------------------- */

void nmw_held_adopt(struct nmw_held *h, uint32_t n)
{
	for (uint32_t sym = 0; sym < n; sym++) {
		if (nmw_book_best(h->b, sym, NMW_BUY) < 0 && nmw_book_best(h->b, sym, NMW_SELL) < 0)
			continue;
		struct nmw_held_book *hb = nmw_held_take(h, sym);
		if (hb)
			fill(h, hb);
	}
}
