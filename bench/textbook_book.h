/* textbook_book.h: the matching engine as it is usually written: a balanced tree of price levels a
 * side, a list of orders a level, a hash map from id to order, every node from malloc.  What the
 * books of libcommon are measured beside, and the reference of the flows that we make.
 */
#ifndef NMW_BENCH_TEXTBOOK_BOOK_H
#define NMW_BENCH_TEXTBOOK_BOOK_H

#include <stdbool.h>
#include <stdint.h>

struct textbook;

struct textbook_fill {
	uint64_t maker, taker;
	uint32_t px, qty;
};

struct textbook *textbook_new(uint32_t symbols);
void textbook_free(struct textbook *t);

/* Where fills are written to, one after the other; there must be room. */
void textbook_fills(struct textbook *t, struct textbook_fill *to);
uint64_t textbook_filled(const struct textbook *t);

/* Fills up to qty; returns what is left. */
uint32_t textbook_take(struct textbook *t, uint32_t sym, uint32_t side, uint32_t limit,
		       uint32_t qty, uint64_t id);
/* Takes, and rests with what is left, if anything. True: it rests. */
bool textbook_add(struct textbook *t, uint32_t sym, uint32_t side, uint32_t px, uint32_t qty,
		  uint64_t id);
/* False: no such order. */
bool textbook_cancel(struct textbook *t, uint64_t id);

struct textbook_order {
	uint32_t sym, side, px, qty;
};
bool textbook_find(const struct textbook *t, uint64_t id, struct textbook_order *out);
/* Best price of a side, -1 = none. */
int64_t textbook_best(const struct textbook *t, uint32_t sym, uint32_t side);
uint64_t textbook_levels(const struct textbook *t);

#endif
