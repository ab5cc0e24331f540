/* book.h: price-time-priority order books of many symbols, one pool of orders, all memory at the
 * start.
 *
 * A level is a queue of orders by rank (u64; default: arrival), an intrusive doubly linked list.
 * Ticks near the market are an array with a bitmap over it, so that the best price after a level
 * empties is a few instructions also across a gap; far ticks are kept in a tree that lies in the
 * orders themselves: every price 0..NMW_TICK_MAX is accepted for every symbol, at no more memory.
 * orders.h draws the region, levels.h a side.
 *
 * Pure: no clock, no I/O, no allocation, no hash iteration order, no floating point; deterministic.
 * All state lies in one region without absolute pointers: it can be copied, stored, mapped
 * elsewhere (snapshot = the bytes of the region).  One thread.  A zeroed page is a valid empty part
 * of it: only what orders touch becomes resident.
 *
 * Memory: 80 bytes an order + (128 + 16.25 * window) a symbol + less than 1 KiB.
 *
 * What a message does most often is inline (book_inline.h): a resting order and its level are one
 * line each, and a call would cost a tenth of it. Nothing here checks a handle: it is the caller's.
 *
 * Life cycle: footprint -> init (or join) -> use.
 */
#ifndef NMW_BOOK_BOOK_H
#define NMW_BOOK_BOOK_H

#include "book/levels.h"
#include "book/orders.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NMW_TICK_MAX	    UINT32_C(0xFFFFFFFE) /* highest price in ticks */
#define NMW_BOOK_ORDERS_MAX (UINT32_C(1) << 29)	 /* every reference then fits 32 bits */
#define NMW_BOOK_USER	    40u			 /* bytes of the caller's own beside every order */
#define NMW_BOOK_ORDER_SZ   80u			 /* bytes an order */
#define NMW_BOOK_WINDOW_MIN 64u			 /* ticks */
#define NMW_BOOK_WINDOW_MAX 65536u

/* Inline whatever the compiler thinks of its size: a call costs a tenth of a message. */
#define NMW_BOOK_HOT static inline __attribute__((always_inline))

enum nmw_side { NMW_BUY = 0, NMW_SELL = 1 };

struct nmw_books_spec {
	uint32_t symbols; /* books, 1..65,535 */
	uint32_t orders;  /* live orders over all books, 1..NMW_BOOK_ORDERS_MAX */
	uint32_t window;  /* ticks of the dense window of a side: power of two, WINDOW_MIN..MAX;
			   * 0 = 65,536, fewer when that made the windows and bitmaps larger than 128
			   * MiB */
};

/* Bytes of the region; 0: the spec is out of range. */
size_t nmw_books_footprint(const struct nmw_books_spec *spec);
/* Formats `mem` (64-byte aligned, zeroed, footprint bytes). Returns it as a handle. */
struct nmw_books *nmw_books_init(void *mem, const struct nmw_books_spec *spec);
/* Takes a formatted region (after a restart, at any address). NULL: not one, or other version. */
struct nmw_books *nmw_books_join(void *mem, size_t size);

/* From one order to the next, of what nmw_book_user gives too. */
#define NMW_BOOK_STRIDE ((uint32_t)sizeof(struct nmw_order))

struct nmw_fill {
	nmw_oid maker; /* still valid handle until the next add of the caller, also when it died */
	uint32_t qty;  /* shares */
	uint32_t px;   /* ticks: the maker's price */
	uint32_t maker_left; /* shares left on the maker; 0 = it left the book */
};

struct nmw_taker {
	uint32_t sym;
	uint32_t side;	/* enum nmw_side of the incoming order */
	uint32_t limit; /* ticks, at most NMW_TICK_MAX; a market order uses the protocol's bound */
	uint32_t qty;	/* shares to fill; decreased as fills are made */
	uint32_t owner; /* self-match prevention: makers of this owner stop the match; 0 = off */
	nmw_oid self;	/* out: maker at which the match stopped because of owner, 0 = none */
};

/* True when an order of this side and limit would find a maker: most do not. */
static inline bool nmw_book_crosses(const struct nmw_books *b, uint32_t sym, uint32_t side,
				    uint32_t limit);
/* Fills the taker against the other side, best price first, then rank: writes up to max fills and
 * returns how many.  Call again while it returns max (more may be left).  Dead makers are unlinked;
 * their handles stay readable (nmw_book_order) until nmw_book_free. */
static inline unsigned nmw_book_match(struct nmw_books *b, struct nmw_taker *t,
				      struct nmw_fill *fills, unsigned max);

/* Takes a handle from the pool: 0 when it is exhausted. nmw_book_free gives it back (of an order
 * that is not linked). */
static inline nmw_oid nmw_book_alloc(struct nmw_books *b);
static inline void nmw_book_free(struct nmw_books *b, nmw_oid id);
/* The caller's bytes beside the order, in the same line; they keep what was last written there,
 * also when the handle is given out anew. */
static inline void *nmw_book_user(struct nmw_books *b, nmw_oid id);

/* Puts an allocated order on the book. rank: among the orders of a level lower goes first; equal
 * ranks in order of arrival. O(1) when the ranks of displayed orders rise and those of hidden ones
 * (from NMW_RANK_HIDDEN on) do; else a walk from the end of its kind. Returns nmw_book_user of it.
 */
NMW_BOOK_HOT void *nmw_book_rest(struct nmw_books *b, nmw_oid id, uint32_t sym, uint32_t side,
				 uint32_t px, uint32_t qty, uint64_t rank, uint32_t owner);
/* Takes it off (it stays allocated). */
NMW_BOOK_HOT void nmw_book_unlink(struct nmw_books *b, nmw_oid id);
/* New quantity 1..current; priority kept. */
static inline void nmw_book_reduce(struct nmw_books *b, nmw_oid id, uint32_t qty);

struct nmw_book_order {
	uint32_t sym, side, px, qty, owner;
	uint64_t rank;
	bool linked;
};
static inline void nmw_book_order(const struct nmw_books *b, nmw_oid id,
				  struct nmw_book_order *out);
static inline uint32_t nmw_book_qty(const struct nmw_books *b, nmw_oid id); /* shares left */
static inline bool nmw_book_linked(const struct nmw_books *b, nmw_oid id);
/* The highest handle that was ever given out. */
static inline nmw_oid nmw_books_top(const struct nmw_books *b);

/* Best price: ticks, or -1 when that side is empty. */
static inline int64_t nmw_book_best(const struct nmw_books *b, uint32_t sym, uint32_t side);
/* Shares that a taker of this side could fill down to its limit, counted up to `enough` (minimum
 * quantity). Orders of skip_owner (0 = none) are not counted. */
uint64_t nmw_book_available(const struct nmw_books *b, uint32_t sym, uint32_t side, uint32_t limit,
			    uint64_t enough, uint32_t skip_owner);
/* Walks a side, best price first, queue order: state dumps, tests, cancel-all.
 * Start with id = 0; returns the next order, 0 at the end. */
nmw_oid nmw_book_walk(const struct nmw_books *b, uint32_t sym, uint32_t side, nmw_oid id);

/* For a burst: an address is known long before its line is needed.  In steps, each after the lines
 * of the one before have come.
 *   an order that will rest     prefetch_level, of what it returned prefetch_last
 *   one that will match         prefetch_best of the other side, of what it returned prefetch_first
 *   one that will go            prefetch_order, then its neighbours in the queue
 * Any symbol, side, price and handle 0..orders is fine, and none changes a result. */
static inline uint32_t nmw_book_prefetch_level(const struct nmw_books *b, uint32_t sym,
					       uint32_t side, uint32_t px);
static inline void nmw_book_prefetch_last(const struct nmw_books *b, uint32_t level);
static inline uint32_t nmw_book_prefetch_best(const struct nmw_books *b, uint32_t sym,
					      uint32_t side);
static inline void nmw_book_prefetch_first(const struct nmw_books *b, uint32_t level);
static inline void nmw_book_prefetch_order(const struct nmw_books *b, nmw_oid id);

struct nmw_books_stat {
	uint64_t live, levels, far_levels;
};
void nmw_books_stat(const struct nmw_books *b, struct nmw_books_stat *out);
/* Full check of every invariant (tests, --paranoid): 0, or a line in why. */
int nmw_books_check(const struct nmw_books *b, char *why, size_t cap);

#include "book/book_inline.h"

#endif
