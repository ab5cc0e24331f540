/* naive_book.h: the books once more, written to be read: each side an array of its orders in the
 * order in which they would be filled.  Shares nothing with the real ones but the words. */
#ifndef NMW_TESTS_NAIVE_BOOK_H
#define NMW_TESTS_NAIVE_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct naive_order {
	uint32_t name; /* the caller's */
	uint32_t px, qty, owner;
	uint64_t rank;
};

struct naive_side {
	struct naive_order *o; /* best first */
	size_t n, cap;
	bool bids;
};

struct naive_book {
	struct naive_side side[2]; /* bids, asks */
};

struct naive_fill {
	uint32_t name, qty, px, left;
};

void naive_book_init(struct naive_book *b);
void naive_book_free(struct naive_book *b);
void naive_book_add(struct naive_book *b, unsigned side, const struct naive_order *o);
/* Both abort when the side has no such order. */
void naive_book_remove(struct naive_book *b, unsigned side, uint32_t name);
void naive_book_reduce(struct naive_book *b, unsigned side, uint32_t name, uint32_t qty);
/* Fills an order of `side` against the other side; at most max fills. Returns how many. *stop:
 * the order of the same owner at which it ended, 0 = none. */
size_t naive_book_match(struct naive_book *b, unsigned side, uint32_t limit, uint32_t *qty,
			uint32_t owner, struct naive_fill *f, size_t max, uint32_t *stop);
uint64_t naive_book_available(const struct naive_book *b, unsigned side, uint32_t limit,
			      uint64_t enough, uint32_t skip_owner);

#endif
