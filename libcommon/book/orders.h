/* orders.h: the region of the books, and the pool of orders in it.
 *
 *   0        256
 *   +--------+----------+----------+----------+----------+----------+
 *   | struct | queued   | windows  | sides    | bitmaps  | orders   |
 *   | books  | 0..N, 16 | 8 a tick | 64       | 1/8 tick | 0..N, 64 |
 *   +--------+----------+----------+----------+----------+----------+
 *
 * A queue is a circular doubly linked list whose sentinel is its level: the same pair of links is
 * all that a tick of a window is, and stands at the start of a queued order.  A reference is the
 * distance from the first pair in units of 8 bytes: twice its handle for an order.  Taking an order
 * out is two stores wherever it stands: there is no case of a first or last one.  Orders outside
 * the windows have no sentinel: far.h.
 *
 * What is queued lies apart from the rest of the order (4 to a line) because an order that goes
 * touches no more than that of itself and its neighbours.
 *
 * Record 0 is a dummy: writes that have no target go there, which saves a branch.
 *
 * The pool hands out the handle that died last (its lines are warm).
 */
#ifndef NMW_BOOK_ORDERS_H
#define NMW_BOOK_ORDERS_H

#include <stddef.h>
#include <stdint.h>

/* Handle of a resting order: its index in the pool, 1..orders; 0 = none. Reused after the order
 * died. */
typedef uint32_t nmw_oid;

#define NMW_BOOKS_MAGIC	  UINT64_C(0x004b4f4f42574d4e) /* "NMWBOOK" */
#define NMW_BOOKS_VERSION 4u
#define NMW_RANK_HIDDEN	  (UINT64_C(1) << 63) /* ranks from here on: of hidden orders */
#define NMW_FAR_HEAD	  0x80000000u	      /* over every reference of an order */

struct nmw_link {
	uint32_t next; /* of a level: its first order; of a free order: the next free one */
	uint32_t prev; /* of a level: its last order; of an order that is on no book: 0 */
};

struct nmw_queued {
	struct nmw_link q;
	uint32_t qty;	 /* shares left */
	uint32_t hidden; /* 0 = displayed; of the last order of a level: its first hidden one;
			  * of the first order of a far level: NMW_FAR_HEAD | a child (far.h) */
};

struct nmw_order {
	uint64_t rank;
	uint32_t px;	/* ticks */
	uint32_t sides; /* symbol * 2 + enum nmw_side */
	uint32_t owner;
	uint32_t far;	  /* first order of a far level: its other child */
	uint64_t user[5]; /* the caller's: comes into the cache with the rest */
};

_Static_assert(sizeof(struct nmw_queued) == 16, "four to a line");
_Static_assert(sizeof(struct nmw_order) == 64, "a line");

/* At the start of the region; the first link follows at a fixed distance. */
struct nmw_books {
	uint64_t magic;
	uint32_t version;
	uint32_t symbols;
	uint64_t size; /* bytes of the region */
	uint32_t orders;
	uint32_t window;  /* ticks of a side's window */
	uint32_t win_ref; /* window of side 0: every reference below it is an order's */
	uint32_t pad2;
	uint64_t orders_off;  /* bytes from the start */
	uint64_t sides_off;   /* bytes from the start */
	uint64_t bitmaps_off; /* bytes from the start */
	uint64_t sum_unit;    /* see bitmap.h: of the bitmap, or of the second one */
	uint32_t window_log2;
	uint32_t pad0;
	/* what changes */
	uint64_t live;	 /* orders on the books */
	uint64_t levels; /* with an order */
	uint64_t far_levels;
	uint32_t free;	      /* reference of the order given back last, 0 = none */
	uint32_t fresh;	      /* handles that were ever free: 1..fresh */
	uint32_t window_mask; /* window - 1 */
	uint32_t pad1;
	uint64_t bitmaps2_off; /* bytes from the start */
	uint64_t pad[16];
};

#define NMW_BOOKS_HEAD 256u /* bytes */
_Static_assert(sizeof(struct nmw_books) == NMW_BOOKS_HEAD, "links start at a fixed distance");

static inline struct nmw_link *nmw_link_at(struct nmw_books *b, uint32_t ref)
{
	return (struct nmw_link *)(void *)((char *)b + NMW_BOOKS_HEAD) + ref;
}

static inline const struct nmw_link *nmw_link_get(const struct nmw_books *b, uint32_t ref)
{
	return (const struct nmw_link *)(const void *)((const char *)b + NMW_BOOKS_HEAD) + ref;
}

static inline uint32_t nmw_order_ref(nmw_oid id)
{
	return id * 2;
}

static inline nmw_oid nmw_order_of_ref(uint32_t ref)
{
	return ref / 2;
}

static inline struct nmw_queued *nmw_queued_at(struct nmw_books *b, uint32_t ref)
{
	return (struct nmw_queued *)(void *)nmw_link_at(b, ref);
}

static inline const struct nmw_queued *nmw_queued_get(const struct nmw_books *b, uint32_t ref)
{
	return (const struct nmw_queued *)(const void *)nmw_link_get(b, ref);
}

static inline struct nmw_order *nmw_order_at(struct nmw_books *b, nmw_oid id)
{
	return (struct nmw_order *)(void *)((char *)b + b->orders_off) + id;
}

static inline const struct nmw_order *nmw_order_get(const struct nmw_books *b, nmw_oid id)
{
	return (const struct nmw_order *)(const void *)((const char *)b + b->orders_off) + id;
}

/* Puts handles that were never used before the free ones, and returns how many. */
uint32_t nmw_orders_more(struct nmw_books *b);

static inline nmw_oid nmw_orders_take(struct nmw_books *b)
{
	if (__builtin_expect(!b->free, 0) && !nmw_orders_more(b))
		return 0;
	uint32_t ref = b->free;
	b->free = nmw_link_at(b, ref)->next;
	return nmw_order_of_ref(ref);
}

static inline void nmw_orders_give(struct nmw_books *b, nmw_oid id)
{
	uint32_t ref = nmw_order_ref(id);
	nmw_link_at(b, ref)->next = b->free;
	b->free = ref;
}

#endif
