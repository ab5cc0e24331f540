/* orders.h: the region of the books, and the pool of orders in it.
 *
 *   0        256                                                                       size
 *   +--------+-------------------+-----------+----------------+----------+------------+
 *   | struct | orders 0..N       | far nodes | windows        | sides    | bitmaps    |
 *   | books  | 32 or 64 bytes    | 24 bytes  | 8 bytes a tick | 64 bytes | 512 bytes  |
 *   +--------+-------------------+-----------+----------------+----------+------------+
 *
 * A queue is a circular doubly linked list whose sentinel is its level: the same pair of links lies
 * at the start of an order, of a far node, and is all that a tick of a window is.  A link is a
 * reference: the distance from the start of the region in units of 8 bytes, so that taking an order
 * out is two stores wherever it stands: there is no case of a first or last one.
 *
 * The pool hands out the handle that died last (its line is warm).
 */
#ifndef NMW_BOOK_ORDERS_H
#define NMW_BOOK_ORDERS_H

#include <stddef.h>
#include <stdint.h>

/* Handle of a resting order: its index in the pool, 1..orders; 0 = none. Reused after the order
 * died. */
typedef uint32_t nmw_oid;

#define NMW_BOOKS_MAGIC	  UINT64_C(0x004b4f4f42574d4e) /* "NMWBOOK" */
#define NMW_BOOKS_VERSION 1u

struct nmw_link {
	uint32_t next; /* of a level: its first order */
	uint32_t prev; /* of a level: its last order */
};

enum nmw_order_state { NMW_ORDER_FREE = 0, NMW_ORDER_TAKEN = 1, NMW_ORDER_LINKED = 2 };

struct nmw_order {
	struct nmw_link q;
	uint32_t px;  /* ticks */
	uint32_t qty; /* shares left */
	uint64_t rank;
	uint32_t owner;
	uint16_t sym;
	uint8_t side;  /* enum nmw_side */
	uint8_t state; /* enum nmw_order_state */
};

_Static_assert(sizeof(struct nmw_order) == 32, "half a line");

/* At the start of the region; the first order follows at a fixed distance. */
struct nmw_books {
	uint64_t magic;
	uint32_t version;
	uint32_t symbols;
	uint64_t size;	      /* bytes of the region */
	uint64_t sides_off;   /* bytes */
	uint64_t bitmaps_off; /* bytes */
	uint32_t orders;
	uint32_t window;   /* ticks of a side's window */
	uint32_t far_ref;  /* far node 0 */
	uint32_t win_ref;  /* window of side 0 */
	uint32_t word_sh;  /* log2 of the bits in a word of a bitmap */
	uint32_t order_sh; /* log2 of the bytes of an order */
	/* what changes */
	uint32_t free;	    /* last order given back, chained through q.next; 0 = none */
	uint32_t fresh;	    /* orders that were ever taken */
	uint32_t far_free;  /* the same for far nodes */
	uint32_t far_fresh; /* */
	uint64_t live;	    /* orders on the books */
	uint64_t levels;
	uint64_t far_levels;
	uint8_t pad[152];
};

#define NMW_BOOKS_HEAD 256u /* bytes */
_Static_assert(sizeof(struct nmw_books) == NMW_BOOKS_HEAD, "orders start at a fixed distance");

static inline struct nmw_link *nmw_link_at(struct nmw_books *b, uint32_t ref)
{
	return (struct nmw_link *)(void *)((char *)b + (uint64_t)ref * 8);
}

static inline struct nmw_order *nmw_order_at(struct nmw_books *b, nmw_oid id)
{
	char *first = (char *)b + NMW_BOOKS_HEAD;
	return (struct nmw_order *)(void *)(first + ((uint64_t)id << b->order_sh));
}

static inline const struct nmw_order *nmw_order_get(const struct nmw_books *b, nmw_oid id)
{
	const char *first = (const char *)b + NMW_BOOKS_HEAD;
	return (const struct nmw_order *)(const void *)(first + ((uint64_t)id << b->order_sh));
}

static inline uint32_t nmw_order_ref(const struct nmw_books *b, nmw_oid id)
{
	return NMW_BOOKS_HEAD / 8 + (id << (b->order_sh - 3));
}

/* Only of a reference to an order, not of one to a level. */
static inline nmw_oid nmw_order_id(const struct nmw_books *b, uint32_t ref)
{
	return (ref - NMW_BOOKS_HEAD / 8) >> (b->order_sh - 3);
}

static inline nmw_oid nmw_orders_take(struct nmw_books *b)
{
	nmw_oid id = b->free;
	if (id)
		b->free = nmw_order_at(b, id)->q.next;
	else if (b->fresh < b->orders)
		id = ++b->fresh;
	else
		return 0;
	nmw_order_at(b, id)->state = NMW_ORDER_TAKEN;
	return id;
}

static inline void nmw_orders_give(struct nmw_books *b, nmw_oid id)
{
	struct nmw_order *o = nmw_order_at(b, id);
	o->q.next = b->free;
	o->state = NMW_ORDER_FREE;
	b->free = id;
}

#endif
