/* engine_impl.h: the engine's memory and its inner functions, for the engine's own files.
 *
 * Everything lies in one region; arrays are found by their offset from the start of it.  Handles
 * are indexes: session, account and order 0 are "none" (a replayed feed's orders belong to session
 * 0), symbols count from 0.
 */
#ifndef NMW_BOOK_ENGINE_IMPL_H
#define NMW_BOOK_ENGINE_IMPL_H

#include "book/engine.h"
#include "book/idmap.h"
#include "book/session.h"
#include "book/session_tokens.h"
#include "book/symbols.h"
#include "book/taker.h"
#include "base/units.h"
#include "book/engine_back.h"

#define NMW_ENGINE_MAGIC   UINT64_C(0x656e67696e650001)
#define NMW_ENGINE_VERSION 6u
#ifdef NMW_ENGINE_HELD
#define NMW_ENGINE_CHUNK 256u /* messages read ahead in a burst: a device has as many in hand */
#else
#define NMW_ENGINE_CHUNK 32u /* the same: as many lines are fetched at once */
#endif
#define NMW_ENGINE_FEEDS 16u	 /* the same, of a feed */
#define NMW_ENGINE_FAR	 16384u	 /* live orders: with fewer, all of it is in the cache */
#define NMW_QTY_MAX	 999999u /* shares of one order */

/* What a message about a live order needs beside the book: lies in the book's own line of the order
 * (nmw_book_user), and begins as a struct nmw_id, of which the map of ids makes its chains.  What
 * only replies to Enter Order echo is not kept: they take it from the message. */
struct nmw_entry {
	uint64_t lo, hi; /* scoped id: see nmw_scoped */
	uint32_t next;	 /* the map's */
	uint32_t bits;	 /* executed shares of its chain of replacements | NMW_ENTRY_* */
	uint64_t ref;	 /* order reference << 16 | session (index); 0: of a replayed feed */
	struct nmw_terms {
		uint32_t firm; /* OUCH 4.2: 4 characters as in memory */
		uint8_t display;
		uint8_t capacity;
		uint8_t side; /* as entered: B S T E */
		uint8_t pad;
	} terms;
};
_Static_assert(sizeof(struct nmw_entry) == NMW_BOOK_USER, "a line with the book's own");
_Static_assert(offsetof(struct nmw_entry, next) == offsetof(struct nmw_id, next), "is an id");

#define NMW_ENTRY_EXECUTED   0x000FFFFFu /* below 1,000,000 */
#define NMW_ENTRY_HIDDEN     0x20000000u
#define NMW_ENTRY_HIDDEN_BIT 29
#define NMW_ENTRY_CHAINED    0x40000000u /* in its session's list, to be canceled on disconnect */
#define NMW_ENTRY_TIMED	     0x80000000u /* has a timer */

/* What few orders need: pages that no such order touches are never taken. */
struct nmw_chain {
	nmw_oid prev, next; /* its session's orders, in order of their references */
};

/* The heap's order is that of expiry, then of the orders' references: no two are equal. */
struct nmw_timer {
	uint64_t expire_ns;
	nmw_oid oid;
	uint32_t slot; /* of the table by order, which says where in the heap this is */
};
_Static_assert(sizeof(struct nmw_timer) == 16, "four to a line");

/* The first execution of a replayed feed that the book did not reproduce. */
struct nmw_replay_diff {
	uint64_t tod, ref, first_ref;
	uint32_t qty, first_qty;
};

struct nmw_engine {
	uint64_t magic;
	uint32_t version, header_sz;
	uint64_t size; /* of the region */
	struct nmw_engine_spec spec;
	/* bytes from the start of the region */
	uint64_t sessions_off, symbols_off, chains_off, timers_off, timed_off, ids_off, tokens_off,
		books_off, passive_off;
	uint64_t timed_mask; /* slots of the table of timers - 1 */
	uint64_t now_ns;     /* highest message time */
	uint64_t utc_shift;  /* ns, below a day */
	uint64_t next_ref, next_match, next_rank;
	uint32_t n_timers, live;
	bool opened, ended; /* day start, day end were written */
	bool feed_off;	    /* replayed feed: before the start of market hours */
	uint8_t pad[1];
	struct nmw_engine_stat stat;
	struct nmw_replay_diff diff;
};

/* An order-entry message, read once: its ids scoped, symbol and price found, and judged by all
 * rules that the orders between it and the last other message cannot change.  Only what its kind
 * has is set. */
struct nmw_in {
	const struct nmw_slot *slot;
	const uint8_t *p;	   /* its bytes: replies echo them */
	struct nmw_key id;	   /* scoped: the order that it enters or names */
	struct nmw_key id2;	   /* REPLACE: the replacement's */
	struct nmw_number number;  /* the id as one */
	uint32_t hash;		   /* nmw_number_hash of that */
	uint64_t reply;		   /* the tag of its replies */
	uint64_t terms;		   /* ENTER: struct nmw_terms */
	uint32_t len;		   /* bytes at p */
	uint32_t qty;		   /* shares; of an order being worked: those that are left */
	uint32_t price;		   /* 1/10,000 */
	uint32_t px;		   /* ticks */
	uint32_t sym, side;	   /* book, enum nmw_side */
	uint32_t level;		   /* ENTER: of its price, for fetching ahead */
	nmw_oid oid;		   /* that the id may have, fetched ahead; 0 = none */
	uint16_t session, account; /* indexes; session 0: was not ready when it was read */
	uint8_t type;		   /* its first byte; 0: session or id were not ready */
	uint8_t op;		   /* enum nmw_op; NONE: dropped, counted */
	uint8_t codec;
	uint8_t flags;			   /* NMW_IN_* */
	int8_t why;			   /* NMW_RULES_* or enum nmw_reject */
	uint32_t executed;		   /* shares of its chain of replacements */
	uint32_t min_qty, show_qty, tif_s; /* if NMW_IN_SPECIAL */
	uint8_t entered;		   /* side as entered; MODIFY: asked for */
	uint8_t ahead,
		use; /* enum nmw_ahead; of its new id, if that was looked at: engine_back.h */
};

#define NMW_IN_IMMEDIATE  0x01u /* what is left is canceled, never rests */
#define NMW_IN_MARKET	  0x02u
#define NMW_IN_POST_ONLY  0x04u
#define NMW_IN_HIDDEN	  0x10u
#define NMW_IN_HIDDEN_BIT 4
#define NMW_IN_TIMED	  0x20u
#define NMW_IN_SPECIAL	  0x40u /* was read by way of a struct nmw_cmd */

#define NMW_IN_TAKER (NMW_IN_IMMEDIATE | NMW_IN_MARKET | NMW_IN_POST_ONLY)
_Static_assert(NMW_IN_IMMEDIATE == NMW_TAKER_IOC && NMW_IN_MARKET == NMW_TAKER_MARKET &&
		       NMW_IN_POST_ONLY == NMW_TAKER_POST_ONLY,
	       "enum nmw_taker_flag as it is");

typedef uint64_t nmw_pair __attribute__((vector_size(16)));

/* A burst being worked on, and its current message. */
struct nmw_run {
	struct nmw_engine *e;
	struct nmw_books *b;
	struct nmw_idmap *ids;
	struct nmw_sessions *sessions;
	const uint16_t *session_table;
	struct nmw_account *accounts;
	struct nmw_symbols *symbols;
	struct nmw_tokens *tokens;
	struct nmw_held *held;	     /* see engine_back.h */
	const struct nmw_in *looked; /* messages before it were looked at ahead of their turn */
	/* output: see engine_out.h */
	uint8_t *at, *end;
	uint64_t stride, bytes, n_replies, n_feed;
	uint32_t session_mask;
	struct nmw_engine_out *out;
	bool replies, feed;
	bool far;	    /* the orders have left the cache: what is next is fetched ahead */
	uint8_t want;	    /* codec; 0 = any */
	uint16_t owner;	    /* self-match prevention: mask of the account; 0 = off */
	uint8_t own_leaves; /* NMW_TAKER_OWN_LEAVES, or 0 */
	/* the message */
	const struct nmw_slot *in;
	nmw_pair times;	   /* of the descriptors of what it causes: ts_ns, ingress_ns */
	nmw_pair where;	   /* in_seq, frame_off */
	uint64_t midnight; /* message time at which tod is 0 */
	uint64_t day;	   /* ns after which that must be looked at again */
	uint64_t tod_be;   /* ns since midnight, big-endian */
	/* the terms of the last plain order of each protocol, so that they need not be judged again
	 */
	uint64_t terms42, terms50;
	uint32_t tif42;
	uint8_t flags42, flags50;
};

#define NMW_AT(e, off, type) ((type *)(void *)((uint8_t *)(e) + (e)->off))

static inline struct nmw_entry *nmw_entry_of(struct nmw_books *b, nmw_oid id)
{
	return nmw_book_user(b, id);
}
static inline struct nmw_chain *nmw_chain_of(struct nmw_engine *e, nmw_oid id)
{
	return NMW_AT(e, chains_off, struct nmw_chain) + id;
}
static inline struct nmw_sessions *nmw_sessions_of(struct nmw_engine *e)
{
	return NMW_AT(e, sessions_off, struct nmw_sessions);
}
static inline struct nmw_symbols *nmw_symbols_of(struct nmw_engine *e)
{
	return NMW_AT(e, symbols_off, struct nmw_symbols);
}
/* Live orders. */
static inline struct nmw_idmap *nmw_ids_of(struct nmw_engine *e)
{
	return NMW_AT(e, ids_off, struct nmw_idmap);
}
static inline struct nmw_tokens *nmw_tokens_of(struct nmw_engine *e)
{
	return NMW_AT(e, tokens_off, struct nmw_tokens);
}
static inline struct nmw_books *nmw_books_of(struct nmw_engine *e)
{
	return NMW_AT(e, books_off, struct nmw_books);
}

static inline uint32_t nmw_side_of(uint8_t side)
{
	return side == 'B' ? NMW_BUY : NMW_SELL;
}

/* Ids are scoped to the account: it takes the 16 bits that a token leaves free. Account 0: feed. */
static inline struct nmw_key nmw_scoped(uint32_t account, struct nmw_key k)
{
	return (struct nmw_key){k.lo, (k.hi & UINT64_C(0xFFFFFFFFFFFF)) | (uint64_t)account << 48};
}
static inline struct nmw_key nmw_entry_key(const struct nmw_entry *x)
{
	return (struct nmw_key){x->lo, x->hi};
}
static inline uint32_t nmw_entry_account(const struct nmw_entry *x)
{
	return (uint32_t)(x->hi >> 48);
}
static inline uint32_t nmw_entry_session(const struct nmw_entry *x)
{
	return (uint16_t)x->ref;
}
/* The session that replies about it go to; 0: nobody. */
static inline uint32_t nmw_entry_owner(struct nmw_engine *e, const struct nmw_entry *x)
{
	return nmw_session_reply_to(nmw_sessions_of(e), nmw_entry_session(x), nmw_entry_account(x));
}
static inline uint64_t nmw_entry_ref(const struct nmw_entry *x)
{
	return x->ref ? x->ref >> 16 : x->lo;
}
static inline uint32_t nmw_entry_executed(const struct nmw_entry *x)
{
	return x->bits & NMW_ENTRY_EXECUTED;
}
static inline bool nmw_entry_hidden(const struct nmw_entry *x)
{
	return x->bits & NMW_ENTRY_HIDDEN;
}

/* ---- engine_out.c: what goes out (engine_out.h: what goes out most) ------ */

/* A reply to a session (index; 0: nobody). ts_ns is filled in. */
void nmw_reply(struct nmw_run *r, uint32_t session, struct nmw_evt *v);
void nmw_reply_rejected(struct nmw_run *r, const struct nmw_in *in, enum nmw_reject why);
/* Market data. ts_ns is filled in. */
void nmw_feed(struct nmw_run *r, struct nmw_evt *v);
/* The message goes on as it is. */
void nmw_forward(struct nmw_run *r, const uint8_t *payload, uint32_t len);
/* Directory and trading state of a symbol, once. */
void nmw_announce(struct nmw_run *r, uint32_t sym);
/* Start and end of day. */
void nmw_day_open(struct nmw_run *r);
void nmw_day_end(struct nmw_run *r);
void nmw_greet(struct nmw_run *r, uint32_t session);

/* ---- engine_order.c: orders as they live and die ------------------------- */

void nmw_order_chain_last(struct nmw_engine *e, struct nmw_session *s, nmw_oid id);
void nmw_order_unchain(struct nmw_engine *e, nmw_oid id);
/* Takes it off the book, with Canceled (reason) and market data. */
void nmw_order_cancel(struct nmw_run *r, nmw_oid id, uint8_t reason);
/* After a login: with the flag the list holds every live order that the session entered for its
 * account, without it none. Walks all handles, but only when some order may be missing. */
void nmw_order_cover_session(struct nmw_engine *e, uint32_t session);
/* Cancels what is due at now_ns. */
void nmw_timers_run(struct nmw_run *r);
/* All orders of a session that went away, oldest first. */
void nmw_order_cancel_session(struct nmw_run *r, uint32_t session);

/* ---- engine_read.c: messages as they are read (engine_read.h: most of them) ---- */

/* By way of a struct nmw_cmd: what engine_read.h does not take. False: is none of its codec. */
void nmw_read_begin(struct nmw_run *r);
bool nmw_in_read_slow(const struct nmw_symbols *t, struct nmw_in *in);

/* ---- engine_entry.c: order entry ------------------------------------------------------------- */

/* Is it for order entry, by channel and codec? */
bool nmw_entry_is(const struct nmw_engine *e, const struct nmw_slot *s, const uint8_t *p,
		  uint32_t len);
/* Takes messages 0..n-1 up to the first that is not order entry: how many. */
unsigned nmw_entry_burst(struct nmw_run *r, const struct nmw_slot *const *s,
			 const uint8_t *const *payload, const uint32_t *len, unsigned n);

/* ---- engine_run.c ---------------------------------------------------------------------------- */

/* nmw_engine_burst, nmw_engine_end. */
void nmw_run_burst(struct nmw_engine *e, const struct nmw_slot *const *s,
		   const uint8_t *const *payload, const uint32_t *len, unsigned n,
		   struct nmw_engine_out *out);
void nmw_run_burst_held(struct nmw_engine *e, const struct nmw_slot *const *s,
			const uint8_t *const *payload, const uint32_t *len, unsigned n,
			struct nmw_engine_out *out);
void nmw_run_end(struct nmw_engine *e, struct nmw_engine_out *out);

/* Which codec reads it; NONE when it is not one that is wanted here. */
uint8_t nmw_engine_codec_of(const struct nmw_engine *e, const struct nmw_slot *s, const uint8_t *p,
			    uint32_t len);
/* The session of an order: opened when it is first seen. 0: the order is dropped, counted. */
uint32_t nmw_engine_session_of(struct nmw_run *r, uint32_t id, uint8_t codec);

/* ---- engine_rules.c: what is refused --------------------------------------------------------- */

#define NMW_RULES_OK   (-1)
#define NMW_RULES_OPEN (-2) /* its symbol is to be opened first */
/* NMW_RULES_OK or an enum nmw_reject. A replacement is judged without what it inherits (side,
 * symbol, capacity), and nmw_rules_size comes later, when what is outstanding is known. */
int nmw_rules_enter(const struct nmw_cmd *c);
int nmw_rules_replace(const struct nmw_cmd *c);
/* Minimum and displayed quantity of an order of so many shares. */
static inline bool nmw_rules_size(const struct nmw_in *in, uint32_t qty)
{
	return in->min_qty <= qty && (!in->show_qty || in->show_qty >= qty);
}

/* What characters stand for, by field. */
enum { NMW_IS_SIDE = 1, NMW_IS_DISPLAY = 2, NMW_IS_CAPACITY = 4, NMW_IS_ISO = 8 };
extern const uint8_t nmw_rules_class[256];

/* Steps and band of the symbol; *px: the limit in ticks. */
static inline int nmw_rules_price(const struct nmw_symbol *s, struct nmw_in *in)
{
	if (__builtin_expect(in->flags & NMW_IN_MARKET, 0)) {
		in->px = in->side == NMW_BUY ? NMW_TICK_MAX : 0;
		return NMW_RULES_OK;
	}
	bool ok = nmw_symbol_takes(s, in->price) && nmw_symbol_ticks(s, in->price, &in->px);
	return ok ? NMW_RULES_OK : NMW_REJ_PRICE;
}

/* ---- engine_timer.c: time to live ------------------------------------------------------------ */

bool nmw_timers_full(const struct nmw_engine *e);
void nmw_timer_set(struct nmw_engine *e, nmw_oid id, uint64_t expire_ns);
void nmw_timer_clear(struct nmw_engine *e, nmw_oid id);	 /* of one that has a timer */
uint64_t nmw_timer_at(struct nmw_engine *e, nmw_oid id); /* ns; 0 = none */
/* When the first is due: ns; UINT64_MAX: there is none. */
uint64_t nmw_timer_first(const struct nmw_engine *e, nmw_oid *id);

/* ---- a message's time ---------------------------------------------------- */

void nmw_run_day(struct nmw_run *r, uint64_t ts_ns);

/* Takes a message in turn: its time is the engine's, and what falls due goes first. */
static inline void nmw_run_clock(struct nmw_run *r, const struct nmw_slot *s)
{
	struct nmw_engine *e = r->e;
	uint64_t ts = s->ts_ns, tod = ts - r->midnight;
	r->in = s;
	memcpy(&r->times, &s->ts_ns, sizeof(r->times));
	r->where = (nmw_pair){s->in_seq ? s->in_seq : s->seq, NMW_INLINE};
	r->tod_be = __builtin_bswap64(tod);
	if (__builtin_expect(tod >= r->day, 0))
		nmw_run_day(r, ts);
	e->now_ns = ts > e->now_ns ? ts : e->now_ns;
	if (__builtin_expect(e->n_timers != 0, 0))
		nmw_timers_run(r);
}

static inline uint64_t nmw_run_tod(const struct nmw_run *r)
{
	return __builtin_bswap64(r->tod_be);
}

/* ---- what happens to most orders ----------------------------------------- */

static inline uint32_t nmw_price_of(const struct nmw_symbol *s, uint32_t px)
{
	return px * s->tick;
}

/* Only sessions with cancel on disconnect pay for a list of their orders. */
static inline void nmw_order_chain(struct nmw_engine *e, nmw_oid id, uint32_t session)
{
	struct nmw_session *s = nmw_session_at(nmw_sessions_of(e), session);
	if (__builtin_expect(s->cancel_on_disconnect, 0))
		nmw_order_chain_last(e, s, id);
	else
		s->loose = true;
}

/* It has left the book (filled or unlinked): detach takes its id, timer and place in lists, free
 * its handle, dead both. hash: of its id as a number. */
static inline void nmw_order_detach_by(struct nmw_run *r, nmw_oid id, uint32_t hash)
{
	const struct nmw_entry *x = nmw_entry_of(r->b, id);
	nmw_idmap_del_by(r->ids, hash, id);
	if (__builtin_expect(x->bits & NMW_ENTRY_TIMED, 0))
		nmw_timer_clear(r->e, id);
	if (__builtin_expect(x->bits & NMW_ENTRY_CHAINED, 0))
		nmw_order_unchain(r->e, id);
}

static inline void nmw_order_detach(struct nmw_run *r, nmw_oid id)
{
	const struct nmw_entry *x = nmw_entry_of(r->b, id);
	nmw_order_detach_by(r, id, nmw_idmap_hash(x->lo, x->hi));
}

static inline void nmw_order_free(struct nmw_run *r, nmw_oid id)
{
	nmw_book_free(r->b, id);
	r->e->live--;
}

static inline void nmw_order_dead(struct nmw_run *r, nmw_oid id)
{
	nmw_order_detach(r, id);
	nmw_order_free(r, id);
}

/* ---- engine_feed.c: replay of a market-data feed --------------------------------------------- */

void nmw_feed_apply(struct nmw_run *r, const struct nmw_cmd *c, const uint8_t *payload,
		    uint32_t len);

#endif
