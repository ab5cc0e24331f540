/* held.h: books that a device holds: which symbols, which of their orders, and what to do when it
 * cannot.
 *
 *      price  far | window: ticks of the device's book, step apart | far
 *             --- | -------------------------------------------- | ---
 *      bids   host| device                                       |
 *      asks       |                                       device | host
 *
 * A symbol is on the device while there is a book for it there.  The device has its orders inside
 * the window, and says who trades and in which order; the host keeps their records (in the pool of
 * the software books, with the same handles) but no levels of them: a held order lies in a list of
 * its side, by arrival.  Far orders, on the worse side of the window or off its grid there, are the
 * software book's: what is far is worse than all that is held, so that an order which has swept the
 * device goes on among them.
 *
 *      held     its links are NMW_HELD_LINK (nmw_book_linked holds), a handle of the device
 *      far      on the software book
 *
 * Nothing depends on where an order lies.  What the device cannot do is done here, and counted:
 *      a better price outside the window     the window moves: its orders leave and come again
 *      insertion by rank (hidden orders)     those behind leave and come again
 *      no slot, no book, a crossed feed ..   the symbol goes to the software books
 *      the device is lost                    all symbols do; the order in hand goes on there
 *
 * So a symbol may go and come between any two messages (nmw_held_come, nmw_held_go): its orders
 * keep their records, their handles and, by rank, their places.  One that went for a reason that
 * passes comes again by itself: nmw_held_turn.
 *
 * Commands may be sent ahead (nmw_held_ahead_*): their events are taken when it is their message's
 * turn.  One thread.  Deterministic.  All memory at the start, apart from the engine's: it is made
 * anew after a restart (nmw_held_adopt).
 */
#ifndef NMW_BOOK_HELD_H
#define NMW_BOOK_HELD_H

#include "book/port.h"

enum nmw_held_why {
	NMW_HELD_NO_BOOK, /* the device's books are taken */
	NMW_HELD_NO_SLOT, /* or its orders */
	NMW_HELD_WINDOW,  /* its window would move too often */
	NMW_HELD_RANK,	  /* too many hidden orders to keep behind the others */
	NMW_HELD_MIN_QTY, /* a minimum quantity over device and host */
	NMW_HELD_CROSSED, /* a replayed feed's book is crossed */
	NMW_HELD_DIFFERS, /* a replayed feed executes another order than the first */
	NMW_HELD_LOST,	  /* the device */
	NMW_HELD_ASKED,	  /* it is wished so */
	NMW_HELD_WHYS
};

struct nmw_held_stat {
	uint64_t commands, events, ahead; /* ahead: of the commands */
	uint64_t symbols, orders;	  /* now: on the device */
	uint64_t software;		  /* now: symbols in software */
	uint64_t far;		      /* orders of its symbols that came to rest with the host */
	uint64_t moves, moved;	      /* of windows; orders that came again for it */
	uint64_t behind;	      /* orders that came again for a rank */
	uint64_t went[NMW_HELD_WHYS]; /* times that a symbol went to the software books */
	uint64_t came;		      /* and came from there */
};

/* Where a symbol is to be. */
enum nmw_held_wish { NMW_HELD_ANYWHERE, NMW_HELD_DEVICE, NMW_HELD_HOST };

/* What is remembered of a symbol beside its book. */
struct nmw_held_symbol {
	uint32_t rest; /* uses of it until it may come again; 0: it does not by itself */
	uint8_t why;   /* enum nmw_held_why, while it is in software */
	uint8_t wish;  /* enum nmw_held_wish; ANYWHERE: not asked for yet */
	uint8_t times; /* that it went for a reason that passes; each doubles the rest */
	uint8_t pad;
};

/* A symbol's book on the device. */
struct nmw_held_book {
	uint32_t sym;
	uint32_t step; /* ticks of the symbol in one of the device; 0 = no window yet */
	uint64_t base; /* price of the device's tick 0 */
	uint64_t top;  /* and of its last */
	uint64_t inv;  /* ceil(2^64 / step) */
	uint32_t count[2], hidden[2]; /* held orders by side; of those hidden */
	uint64_t rank_top[2];	      /* highest rank of a displayed one so far */
	uint64_t cost, worth;	      /* commands for moves and ranks; commands for orders */
	uint32_t missed;	      /* orders that came to rest far, since the window moved */
	bool used;
};

struct nmw_held_order {
	uint64_t handle;
	nmw_oid next, prev;
};

enum nmw_held_phase { NMW_HELD_IDLE, NMW_HELD_NEAR, NMW_HELD_FAR, NMW_HELD_RESTED };

struct nmw_held {
	struct nmw_port *port;
	struct nmw_books *b;
	uint32_t orders, symbols;
	uint16_t *of_sym; /* book + 1; 0: none yet; NMW_HELD_SOFTWARE */
	struct nmw_held_symbol *symbol;
	uint32_t ready; /* a symbol + 1 that may come again; 0: none */
	/* Where a symbol is to be, asked once, when it is first used; NULL: on the device. */
	enum nmw_held_wish (*wish)(void *arg, uint32_t sym);
	void *wish_arg;
	struct nmw_held_book *book;
	struct nmw_held_order *order; /* by handle of the pool; then 4 lists a book */
	nmw_oid *by_slot;
	nmw_oid *sorted; /* while orders move */
	uint32_t used;	 /* slots that are taken, or may come to be by what was sent */
	uint32_t flying; /* commands without their last event */
	uint32_t tag;	 /* of the next command */
	uint32_t due;	 /* of the next command whose events come */
	bool sent;	 /* the command of the message in hand was sent ahead */
	bool lost;
	/* the order in hand */
	enum nmw_held_phase phase;
	bool split;  /* it went without resting: what is left is placed by the host */
	bool slot;   /* it took one in `used` */
	bool peeked; /* its next event is in `evt` */
	bool last;   /* its last event was seen */
	bool first;  /* no event was believed: it may begin anew in software */
	struct nmw_held_book *hb;
	struct nmw_port_evt evt;
	struct nmw_err err; /* why the device is lost */
	struct nmw_held_stat stat;
};

#define NMW_HELD_SOFTWARE UINT16_MAX
#define NMW_HELD_LINK	  1u /* a reference that nothing has: orders' are even, levels' higher */

/* Bytes of it, for a device and books of so many orders and symbols. */
size_t nmw_held_footprint(const struct nmw_port *p, uint32_t orders, uint32_t symbols);
/* mem: zeroed, 64-byte aligned. The device's books are empty, and so are b's. */
struct nmw_held *nmw_held_init(void *mem, struct nmw_port *p, struct nmw_books *b, uint32_t orders,
			       uint32_t symbols);
/* What a device held rests on the software books again: nmw_engine_join does it, so that the state
 * of an engine with a device is one for any engine. */
void nmw_held_return(struct nmw_books *b);
/* After a restart: symbols 0..n-1 go to the device as far as there is room and it is wished. */
void nmw_held_adopt(struct nmw_held *h, uint32_t n);
/* All orders to the software books (for looking at them), and there they stay. */
void nmw_held_release(struct nmw_held *h);

/* ---- moves: between two messages, no burst is being worked on; held_move.c --------------------
 */

/* The symbol comes to the device with its orders, and is to be there. False: it is in software, and
 * nmw_held_why says why. */
bool nmw_held_come(struct nmw_held *h, uint32_t sym);
/* It goes to software, and is to be there. Orders that left the device. */
uint32_t nmw_held_go(struct nmw_held *h, uint32_t sym);
/* A symbol that is to be on the device, went for a reason that passes and was used often enough
 * since (4,096 times if no book was free, else 65,536 times, twice as many each time) tries again.
 * Cheap when there is none. */
void nmw_held_turn(struct nmw_held *h);
/* The device was lost, and is another one or was reset: it is empty. All symbols are in software
 * still. */
void nmw_held_again(struct nmw_held *h);
/* Orders of a symbol that the device has; -1: it is in software; -2: it was not used yet. */
int64_t nmw_held_orders(const struct nmw_held *h, uint32_t sym);
/* Orders of a symbol that the software book has, counted one by one. */
uint64_t nmw_held_far(const struct nmw_held *h, uint32_t sym);
static inline enum nmw_held_why nmw_held_why(const struct nmw_held *h, uint32_t sym)
{
	return (enum nmw_held_why)h->symbol[sym].why;
}
/* Books of the device that are free. */
uint32_t nmw_held_free(const struct nmw_held *h);

void nmw_held_stat(const struct nmw_held *h, struct nmw_held_stat *out);

/* Is it on the device? Takes a book for a symbol that is new. */
struct nmw_held_book *nmw_held_take(struct nmw_held *h, uint32_t sym);
static inline struct nmw_held_book *nmw_held_of(struct nmw_held *h, uint32_t sym)
{
	uint16_t i = h->of_sym[sym];
	return (uint16_t)(i - 1) < NMW_HELD_SOFTWARE - 1 ? &h->book[i - 1] : nmw_held_take(h, sym);
}

static inline bool nmw_held_is(const struct nmw_books *b, nmw_oid id)
{
	return nmw_link_get(b, nmw_order_ref(id))->prev == NMW_HELD_LINK;
}

/* ---- an order that comes, as taker.h has it; its symbol is on the device ---- */

enum nmw_taker_step nmw_held_start(struct nmw_held *h, struct nmw_incoming *c);
enum nmw_taker_step nmw_held_next(struct nmw_held *h, struct nmw_incoming *c, struct nmw_fill *f);
/* Starts it: does it do more than rest? */
bool nmw_held_takes(struct nmw_held *h, struct nmw_incoming *c);
/* What is left rests: nmw_book_rest. */
void *nmw_held_rest(struct nmw_held *h, nmw_oid id, uint32_t sides, uint32_t px, uint32_t qty,
		    uint64_t rank, uint32_t owner);

/* ---- an order that is held ---- */

void nmw_held_unlink(struct nmw_held *h, nmw_oid id);
void nmw_held_reduce(struct nmw_held *h, nmw_oid id, uint32_t qty);

/* ---- a replayed feed ---- */

/* nmw_book_rest of an order that does not trade. NULL: it would; the symbol is in software now. */
void *nmw_held_rest_uncrossed(struct nmw_held *h, nmw_oid id, uint32_t sides, uint32_t px,
			      uint32_t qty, uint64_t rank);
/* An execution of qty shares of an order: true: it was the first, *f is the fill. False: the
 * software book is to say; the symbol's best orders are there now. */
bool nmw_held_execute(struct nmw_held *h, nmw_oid id, uint32_t qty, struct nmw_fill *f);

/* ---- sent ahead ---- */

/* The command of an order that may only trade and rest: plain, displayed. rank: that of the next
 * order to rest; where one with a later rank lies, others may have to leave for it, for which no
 * command may be on its way. False: not now. */
bool nmw_held_ahead_enter(struct nmw_held *h, const struct nmw_incoming *c, uint64_t rank);
bool nmw_held_ahead_cancel(struct nmw_held *h, nmw_oid id);
/* The events of a command sent ahead whose message had no use for it. */
void nmw_held_skip(struct nmw_held *h);

#endif
