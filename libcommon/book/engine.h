/* engine.h: messages in, messages out.  Sessions, ids, validation, replies, market data, around the
 * books.
 *
 * Pure and deterministic to the byte: the same input in any burst size gives the same output.  Time
 * is that of the messages.  All memory at the start, in one region without absolute pointers, so
 * that a snapshot is the bytes of the region:
 *
 *     header | sessions, accounts | symbols | chains | timers | ids | tokens | books | passive
 *
 * A live order touches about 90 bytes: a line and two links in the books, two words of ids.  Chains
 * (orders of a session with cancel on disconnect) are touched by few orders.
 *
 * Output goes through struct nmw_engine_out: a run of slots to fill, so that replies are encoded
 * straight into the ring; `turn` gives the next run, may wait for room (backpressure) and never
 * fails: when the output is gone the caller stops after the burst.
 *
 * Outputs of one order-entry message come in this order: what fell due before it (GTT orders that
 * expired), then the message's own replies in the order Accepted/Replaced, Executed, Canceled; each
 * fill is the aggressor's Executed (R), the resting side's Executed (A), the market data E (P for a
 * hidden order); market data of the order itself comes after the reply that it belongs to.
 *
 * One thread.  A message costs no system call, no allocation, no division by a variable.
 */
#ifndef NMW_BOOK_ENGINE_H
#define NMW_BOOK_ENGINE_H

#include "base/err.h"
#include "base/msg.h"
#include "book/book.h"
#include "wire/codec.h"

/* What happens when an order would trade with one of its own account. */
enum nmw_stp { NMW_STP_ALLOW, NMW_STP_CANCEL_NEW, NMW_STP_CANCEL_OLD };

struct nmw_engine_spec {
	uint32_t symbols;	 /* most symbols, 1..65,535 */
	uint32_t orders;	 /* most live orders, 1..2^29 */
	uint32_t sessions;	 /* most sessions of a day, 1..65,534; as many accounts */
	uint32_t timers;	 /* most live orders with a time to live; 0 = orders, 1 M at most */
	uint64_t ids;		 /* OUCH 4.2 tokens remembered a day: see session_tokens.h */
	uint32_t window;	 /* see nmw_books_spec */
	enum nmw_codec_id codec; /* NONE: each message says its own; else others are dropped */
	bool check;		 /* replay a feed and compare */
	bool feed_out;		 /* write market data */
	bool replies_out;
	enum nmw_stp stp;
	int64_t utc_offset_ns; /* added to message time for ns since midnight */
};

struct nmw_symbol_conf {
	char name[8];		  /* space padded */
	uint16_t locate;	  /* 0 = next free */
	uint32_t tick;		  /* price step in 1/10,000; prices off it are rejected; 0 = 1 */
	uint32_t lot;		  /* round lot, shares (directory only); 0 = 100 */
	int64_t band_lo, band_hi; /* 1/10,000, inclusive; 0,0 = none */
	uint8_t state;		  /* 'T' trading, 'H' halted, 'P' paused, 'Q' quotation only */
};

struct nmw_engine; /* at the start of the region */

/* Bytes of the region; 0 when a figure of the spec is out of range. */
size_t nmw_engine_footprint(const struct nmw_engine_spec *spec);
/* Formats `mem` (64-byte aligned, zeroed, footprint bytes). NULL: spec out of range. */
struct nmw_engine *nmw_engine_init(void *mem, const struct nmw_engine_spec *spec);
/* Takes a formatted region, at any address. NULL: not one, other version, or cut. */
struct nmw_engine *nmw_engine_join(void *mem, size_t size);
/* Adds a symbol (at start, from --symbols). -EEXIST: name or locate is taken; -ENOSPC: too many. */
int nmw_engine_symbol(struct nmw_engine *e, const struct nmw_symbol_conf *c, struct nmw_err *err);
/* closed: symbols that were not added are rejected. */
void nmw_engine_closed_list(struct nmw_engine *e, bool closed);

/* Where outputs go: a run of slots, stride bytes each, with room for inline_max bytes of payload,
 * to be filled in order. The engine sets all of a slot but seq, and never goes back to one. */
struct nmw_engine_out {
	struct nmw_slot *at, *end;   /* next slot to fill; where the run ends */
	uint32_t stride, inline_max; /* bytes */
	uint64_t bytes;		     /* payload bytes of the slots filled; the caller resets it */
	/* The slots before `at` are complete. more: one is wanted, and at == end: gives a new run,
	 * of at least one slot. Called with more = false at the end of every call of the engine. */
	void (*turn)(struct nmw_engine_out *o, bool more);
	/* Where the payload of the slot at `at` goes, which is longer than inline_max and at most
	 * len bytes long: sets its frame_off. May begin another run. */
	uint8_t *(*frame)(struct nmw_engine_out *o, uint32_t len);
	void *arg;
	struct nmw_held *held; /* books that a device holds (held.h); NULL = none */
};

/* Counts by which the stage's counters are updated. Names as in metrics.def. */
struct nmw_engine_stat {
	uint64_t entered, replaced, canceled, rejected, fills, fill_shares, ignored, replies,
		feed_out;
	uint64_t expired, implicit_sessions;
	uint64_t bad_message, no_session, capacity, codec, filtered;
	/* replay of a feed */
	uint64_t check_executions, check_reproduced, check_crossed_adds, check_unknown_refs;
	uint64_t check_forced; /* executions without matching: of a cross, or while halted */
	uint64_t check_trades, check_crosses, check_broken; /* P, Q, B */
	uint64_t check_book_diff; /* orders differing from the passive book; set by the check */
	uint64_t live_orders, symbols, levels, sessions_up;
};

/* Takes one message (any channel) and writes what follows from it. The burst form decodes first and
 * prefetches; its result is the same. payload[i] has len[i] bytes. */
void nmw_engine_msg(struct nmw_engine *e, const struct nmw_slot *s, const uint8_t *payload,
		    uint32_t len, struct nmw_engine_out *out);
void nmw_engine_burst(struct nmw_engine *e, const struct nmw_slot *const *s,
		      const uint8_t *const *payload, const uint32_t *len, unsigned n,
		      struct nmw_engine_out *out);
/* End of the day (the input was closed): system events of both protocols, once. */
void nmw_engine_end(struct nmw_engine *e, struct nmw_engine_out *out);

void nmw_engine_stat(const struct nmw_engine *e, struct nmw_engine_stat *out);
const struct nmw_books *nmw_engine_books(const struct nmw_engine *e);

/* The region by what it is for: bytes. */
struct nmw_engine_memory {
	uint64_t orders;  /* and their queues */
	uint64_t windows; /* with bitmaps and sides */
	uint64_t ids;	  /* of live orders */
	uint64_t tokens;
	uint64_t chains; /* of sessions' orders; timers */
	uint64_t other;	 /* sessions, symbols, what --check compares */
};
void nmw_engine_memory(const struct nmw_engine *e, struct nmw_engine_memory *out);

/* What the engine knows of a resting order beside the book: tests, state dumps. */
struct nmw_engine_order {
	struct nmw_key key; /* as the protocol has it */
	uint64_t order_ref;
	uint64_t expire_ns; /* 0 = none */
	uint32_t executed;  /* shares of its chain of replacements */
	uint32_t session;   /* id; 0 = of a replayed feed */
	uint8_t side;	    /* as entered: B S T E */
	bool hidden;
};
void nmw_engine_order(const struct nmw_engine *e, nmw_oid id, struct nmw_engine_order *out);
/* Name of a book's symbol, 8 characters as in memory. sym: 0..symbols-1. */
uint64_t nmw_engine_symbol_name(const struct nmw_engine *e, uint32_t sym);
/* The book of a name; UINT32_MAX: no order and no file named it. */
uint32_t nmw_engine_symbol_find(const struct nmw_engine *e, uint64_t name);

#endif
