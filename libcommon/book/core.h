/* core.h: the matching core: commands in, events out, over the books and the map of live ids.
 *
 * A command is what a decoder makes of a message: numbers only, 64 bytes.  An event is what comes
 * of it, 32 bytes.  Who is told about an event, and in which words, is the caller's: the engine's,
 * or a device's host.
 *
 *      ENTER    [OWN | FILL]...  then RESTED, or CANCELED with a reason, or nothing (all filled)
 *      REPLACE  REPLACED, then as ENTER: the old order is off, the new one has its handle
 *      CANCEL   CANCELED
 *      REDUCE   REDUCED, or CANCELED when nothing is left
 *      any      REJECTED: the id is not live, or not free
 *
 * The rules of an order that comes are those of taker.h.
 *
 * The order's record (nmw_book_user) begins with its struct nmw_id, which is the core's; what
 * follows is the caller's.  A filled maker is out of the map at once; its handle is free when the
 * command is finished, and its record stays readable until the next one; inside a burst rely on the
 * event alone.
 *
 * Pure and deterministic: the events do not depend on how commands are cut into bursts.  One
 * thread.  What makes a handle, an index or a symbol valid is checked by the caller.
 */
#ifndef NMW_BOOK_CORE_H
#define NMW_BOOK_CORE_H

#include "book/idmap.h"
#include "book/taker.h"

enum nmw_core_op { NMW_CORE_ENTER, NMW_CORE_CANCEL, NMW_CORE_REPLACE, NMW_CORE_REDUCE };

enum nmw_core_flag {
	NMW_CORE_IOC = NMW_TAKER_IOC,
	NMW_CORE_MARKET = NMW_TAKER_MARKET, /* at any price: px is not looked at */
	NMW_CORE_POST_ONLY = NMW_TAKER_POST_ONLY,
	NMW_CORE_OWN_LEAVES = NMW_TAKER_OWN_LEAVES,
};

struct nmw_core_cmd {
	uint64_t lo, hi;	 /* id: ENTER the new one, else that of the live order */
	uint64_t new_lo, new_hi; /* REPLACE */
	uint64_t rank;		 /* ENTER, REPLACE: see nmw_book_rest */
	uint32_t px;		 /* ticks, at most NMW_TICK_MAX */
	uint32_t sides;		 /* symbol * 2 + enum nmw_side: a valid one, whatever the op */
	uint32_t owner;		 /* 0 = no self-match prevention */
	uint32_t qty;		 /* shares; REDUCE: those that stay */
	uint32_t min_qty;	 /* shares that must be there at once; 0 = none */
	uint8_t op, flags;
	uint16_t pad; /* 0 */
};

enum nmw_core_kind {
	NMW_CORE_CANCELED, /* qty: shares that are off; left: 0 */
	NMW_CORE_RESTED,   /* qty: shares on the book; oid: its handle */
	NMW_CORE_FILL, /* qty: shares; px: the maker's; left: on the maker; oid, lo: the maker */
	NMW_CORE_OWN,  /* a maker of one's own is off; qty: its shares; left: the taker's */
	NMW_CORE_REPLACED, /* qty: shares that the old order had */
	NMW_CORE_REDUCED,  /* qty: shares that are off; left: those that stay */
	NMW_CORE_REJECTED,
};

enum nmw_core_reason {
	NMW_CORE_ASKED,	     /* as the command says */
	NMW_CORE_IMMEDIATE,  /* IOC or market */
	NMW_CORE_MIN_QTY,    /* less is there than the least that it takes */
	NMW_CORE_WOULD_POST, /* post-only would have traded */
	NMW_CORE_SELF,	     /* met an order of its own: oid, px: that one; left: its shares */
	NMW_CORE_FULL,	     /* no order is free */
	NMW_CORE_UNKNOWN,    /* the id is not live */
	NMW_CORE_USED,	     /* the new id is live */
	NMW_CORE_NOT_LESS,   /* REDUCE to no less than there is */
};

struct nmw_core_evt {
	uint64_t lo;	/* id of the order that it is about; its hi is in the order's record */
	uint32_t px;	/* ticks: of FILL and OWN the maker's, else as commanded */
	uint32_t sides; /* as commanded */
	nmw_oid oid;	/* the order's handle */
	uint32_t qty;	/* shares */
	uint32_t left;	/* shares */
	uint16_t cmd;	/* index of the command in its burst: the taker */
	uint8_t kind, reason;
};

_Static_assert(sizeof(struct nmw_core_cmd) == 64, "a line");
_Static_assert(sizeof(struct nmw_core_evt) == 32, "half a line");

/* Makers that are off the book, the last one first: free only when what rests has its handle. */
struct nmw_core_dead {
	uint32_t top, bottom; /* references; 0 = none */
};

/* The order that comes, while it trades. */
struct nmw_core_taker {
	struct nmw_incoming in;
	nmw_oid oid; /* the handle that it will rest under; 0: one of the pool */
	uint32_t cmd;
	bool more; /* stopped because the room for events ended */
	struct nmw_core_dead dead;
};

struct nmw_core {
	struct nmw_books *b;
	struct nmw_idmap *ids;
	struct nmw_core_taker taker;
};

#define NMW_CORE_EVENTS 4u     /* room for events that a call needs at least */
#define NMW_CORE_BURST	65536u /* commands at most */

/* Takes one command. Returns the number of events written, at most max (NMW_CORE_EVENTS at least);
 * while c->taker.more, nmw_core_more goes on with the same command. */
static inline unsigned nmw_core_apply(struct nmw_core *c, const struct nmw_core_cmd *k,
				      struct nmw_core_evt *ev, unsigned max);
unsigned nmw_core_more(struct nmw_core *c, const struct nmw_core_cmd *k, struct nmw_core_evt *ev,
		       unsigned max);

/* Takes a burst and fetches what it will touch. *done: commands that are finished, all of them
 * unless the room for events ended: then call again with the rest, the first of which may be one
 * that goes on where it stopped. Returns the number of events. */
size_t nmw_core_burst(struct nmw_core *c, const struct nmw_core_cmd *k, size_t n,
		      struct nmw_core_evt *ev, size_t max, size_t *done);

/* Fetches what a burst will touch; changes nothing. Worth it when the books are larger than the
 * cache. */
void nmw_core_ahead(const struct nmw_core *c, const struct nmw_core_cmd *k, size_t n);

/* ---- in pieces, for a caller who has judged the command ---------------------- */

/* Does the order trade as soon as it comes? */
static inline bool nmw_core_takes(const struct nmw_core *c, const struct nmw_core_cmd *k);
/* What an ENTER does, under a handle that is allocated, unlinked and without an id (0: one of the
 * pool, if it comes to rest). Frees the handle when it does not. Then nmw_core_more as above. */
unsigned nmw_core_enter(struct nmw_core *c, const struct nmw_core_cmd *k, nmw_oid oid,
			struct nmw_core_evt *ev, unsigned max);
/* Takes a live order off the book and its id out of the map; the handle stays allocated. */
static inline void nmw_core_leave(struct nmw_core *c, nmw_oid oid);

#include "book/core_inline.h"

#endif
