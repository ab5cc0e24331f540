/* held_impl.h: what held.c and held_taker.c share. */
#ifndef NMW_BOOK_HELD_IMPL_H
#define NMW_BOOK_HELD_IMPL_H

#include "book/held.h"
#include <errno.h>

#define NMW_HELD_LISTS 4u /* of a book: side * 2 + hidden */

static inline nmw_oid nmw_held_list(const struct nmw_held *h, const struct nmw_held_book *hb,
				    uint32_t k)
{
	return h->orders + 1 + (uint32_t)(hb - h->book) * NMW_HELD_LISTS + k;
}

static inline uint32_t nmw_held_div(const struct nmw_held_book *hb, uint64_t off)
{
	__extension__ typedef unsigned __int128 u128;
	return hb->step == 1 ? (uint32_t)off : (uint32_t)(((u128)hb->inv * off) >> 64);
}

/* No order is held in the slot that the event names. */
static inline bool nmw_held_slot_free(const struct nmw_held *h, const struct nmw_port_evt *v)
{
	return !h->by_slot[v->handle & (h->port->slots - 1)];
}

/* A command; there is room. */
void nmw_held_put(struct nmw_held *h, struct nmw_port_cmd *c);
/* The next event, which is the oldest command's. False: the device is lost; its orders are on the
 * software books. */
bool nmw_held_get(struct nmw_held *h, struct nmw_port_evt *v);
/* The last event of the oldest command. */
bool nmw_held_get_last(struct nmw_held *h, struct nmw_port_evt *v);
/* The event cannot be: the device is lost. */
void nmw_held_wrong(struct nmw_held *h, const struct nmw_port_evt *v);

/* The device has it, under that handle. */
void nmw_held_hold(struct nmw_held *h, struct nmw_held_book *hb, nmw_oid id, uint64_t handle);
/* The device has it no more: it is on no book. */
void nmw_held_drop(struct nmw_held *h, nmw_oid id);
/* A record that is on no book goes to the software book. */
void nmw_held_rest_there(struct nmw_books *b, nmw_oid id);
/* Its command, and what comes of it. False: the device is lost, and the order on no book. */
void nmw_held_put_order(struct nmw_held *h, const struct nmw_held_book *hb, nmw_oid id,
			uint32_t pos);
bool nmw_held_got_order(struct nmw_held *h, struct nmw_held_book *hb, nmw_oid id);

/* The symbol's orders leave the device for the software book; spill: it is not told. */
void nmw_held_to_software(struct nmw_held *h, struct nmw_held_book *hb, enum nmw_held_why why);
void nmw_held_spill(struct nmw_held *h, struct nmw_held_book *hb, enum nmw_held_why why);

/* A symbol is in software from now on. NMW_HELD_WHYS: nobody asks why. */
void nmw_held_away(struct nmw_held *h, uint32_t sym, enum nmw_held_why why);
/* One that is in software was used once more. There is one place in `ready`: who finds it taken has
 * its turn at its next use. */
static inline void nmw_held_rested(struct nmw_held *h, uint32_t sym)
{
	struct nmw_held_symbol *s = &h->symbol[sym];
	if (s->rest > 1) {
		s->rest--;
	} else if (s->rest && !h->ready) {
		s->rest = 0;
		h->ready = sym + 1;
	}
}

/* The tick of a price, in the window and on its grid. */
bool nmw_held_inside(const struct nmw_held_book *hb, uint32_t px, uint32_t *pos);
/* The first one, about a price. */
void nmw_held_window(struct nmw_held *h, struct nmw_held_book *hb, uint32_t px);
/* Moves it so that an order of that side and price can rest. False: the symbol went to software. */
bool nmw_held_move(struct nmw_held *h, struct nmw_held_book *hb, uint32_t side, uint32_t px);
/* What has to stand behind a newly held order leaves and comes again. rank_top: before it came. */
void nmw_held_behind(struct nmw_held *h, struct nmw_held_book *hb, nmw_oid id, uint64_t rank_top);

#endif
