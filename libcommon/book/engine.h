/* engine.h: messages in, messages out.  Sessions, ids, validation, replies, market data, around the
 * books.
 *
 * Pure and deterministic to the byte: the same input in any burst size gives the same output.  Time
 * is that of the messages.  All memory at the start, in one region without absolute pointers.
 *
 * Output goes through struct nmw_engine_out: `slot` hands out the next slot to fill, so that
 * replies are encoded straight into the ring; it may wait for room (backpressure) and never fails:
 * when the output is gone the caller stops after the burst.
 */
#ifndef NMW_BOOK_ENGINE_H
#define NMW_BOOK_ENGINE_H

#include "base/err.h"
#include "base/msg.h"
#include "book/book.h"
#include "wire/codec.h"

enum nmw_stp { NMW_STP_ALLOW, NMW_STP_CANCEL_OLD, NMW_STP_CANCEL_NEW }; /* self-match prevention */

struct nmw_engine_spec {
	uint32_t symbols;  /* most symbols */
	uint32_t orders;   /* most live orders */
	uint32_t sessions; /* most sessions of a day */
	uint64_t ids;	   /* ids remembered for duplicates (OUCH 4.2 tokens), a day */
	uint32_t window;   /* see nmw_books_spec */
	bool check;	   /* --check: replay a feed and compare */
	bool feed_out;	   /* write market data */
	bool replies_out;
	enum nmw_stp stp;
	int64_t utc_offset_ns; /* added to message time for ns since midnight */
};

struct nmw_symbol_conf {
	char name[8];	 /* space padded */
	uint16_t locate; /* 0 = next free */
	uint32_t tick;	 /* price step in 1/10,000; prices off it are rejected; default 1 */
	uint32_t lot;	 /* round lot, shares (directory only) */
	int64_t band_lo, band_hi; /* 1/10,000, inclusive; 0,0 = none */
	uint8_t state;		  /* 'T' trading, 'H' halted, 'P' paused, 'Q' quotation only */
};

struct nmw_engine; /* at the start of the region */

size_t nmw_engine_footprint(const struct nmw_engine_spec *spec);
struct nmw_engine *nmw_engine_init(void *mem, const struct nmw_engine_spec *spec);
struct nmw_engine *nmw_engine_join(void *mem, size_t size);
/* Adds a symbol (at start, from --symbols). closed: symbols that are not listed are rejected. */
int nmw_engine_symbol(struct nmw_engine *e, const struct nmw_symbol_conf *c, struct nmw_err *err);
void nmw_engine_closed_list(struct nmw_engine *e, bool closed);

struct nmw_engine_out {
	/* Slot for the next output message: payload to p (len_max bytes are there). Not yet
	 * published. */
	struct nmw_slot *(*slot)(struct nmw_engine_out *o, uint32_t len_max, uint8_t **payload);
	/* The message in the last slot is complete: its len, channel, codec, session, in_seq, ts_ns
	 * are set. */
	void (*done)(struct nmw_engine_out *o, struct nmw_slot *s, uint32_t len);
	void *arg;
};

/* Counts by which the stage's counters are updated. Names as in metrics.def. */
struct nmw_engine_stat {
	uint64_t entered, replaced, canceled, rejected, fills, fill_shares, ignored, replies,
		feed_out;
	uint64_t bad_message, no_session, capacity, codec, filtered;
	uint64_t check_executions, check_reproduced, check_crossed_adds, check_unknown_refs;
	uint64_t check_trades, check_crosses,
		check_book_diff; /* P, Q; orders differing from the passive book */
	uint64_t live_orders, symbols, levels, sessions_up;
};

/* Takes one message (any channel) and writes what follows from it. The burst form decodes first and
 * prefetches; its result is the same. payload[i] has len[i] bytes. */
void nmw_engine_msg(struct nmw_engine *e, const struct nmw_slot *s, const uint8_t *payload,
		    uint32_t len, struct nmw_engine_out *out);
void nmw_engine_burst(struct nmw_engine *e, const struct nmw_slot *const *s,
		      const uint8_t *const *payload, const uint32_t *len, unsigned n,
		      struct nmw_engine_out *out);
/* First messages of a day: system event O and the directory of the configured symbols. Written
 * before the first input, with its time. End of input: end-of-day messages. */
void nmw_engine_end(struct nmw_engine *e, struct nmw_engine_out *out);
void nmw_engine_stat(const struct nmw_engine *e, struct nmw_engine_stat *out);
const struct nmw_books *nmw_engine_books(const struct nmw_engine *e);

#endif
