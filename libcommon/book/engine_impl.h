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

#define NMW_ENGINE_MAGIC   UINT64_C(0x656e67696e650001)
#define NMW_ENGINE_VERSION 2u
#define NMW_ENGINE_CHUNK   16u		       /* messages decoded ahead in a burst */
#define NMW_ENGINE_FILLS   16u		       /* fills taken from the book at a time */
#define NMW_QTY_MAX	   999999u	       /* shares of one order */
#define NMW_RANK_HIDDEN	   (UINT64_C(1) << 63) /* hidden orders stand behind displayed ones */

/* What a message about a live order needs beside the book: lies in the book's own line of the order
 * (nmw_book_user), and begins as a struct nmw_id, of which the map of ids makes its chains. */
struct nmw_entry {
	uint64_t lo, hi; /* scoped id: see nmw_scoped */
	uint32_t next;	 /* the map's */
	uint32_t bits;	 /* executed shares of its chain of replacements | NMW_ENTRY_* */
	uint64_t ref;	 /* order reference << 16 | session (index); 0: of a replayed feed */
};
_Static_assert(sizeof(struct nmw_entry) == 32, "half a line");
_Static_assert(offsetof(struct nmw_entry, next) == offsetof(struct nmw_id, next), "is an id");

#define NMW_ENTRY_EXECUTED 0x000FFFFFu /* below 1,000,000 */
#define NMW_ENTRY_HIDDEN   0x20000000u
#define NMW_ENTRY_CHAINED  0x40000000u /* in its session's list, to be canceled on disconnect */
#define NMW_ENTRY_TIMED	   0x80000000u /* has a timer */

/* What only some messages need. */
struct nmw_echo {
	uint32_t firm;	/* 4 characters as in memory */
	uint32_t timer; /* its place in the heap of timers */
	uint8_t side;	/* as entered: B S T E */
	uint8_t capacity;
	uint8_t display;
	char clordid[14]; /* OUCH 5.0 */
	uint8_t pad[7];
};
_Static_assert(sizeof(struct nmw_echo) == 32, "half a line");

struct nmw_chain { /* a session's orders, in order of their references */
	nmw_oid prev, next;
};

struct nmw_timer {
	uint64_t expire_ns, order_ref; /* the heap's order: no two are equal */
	nmw_oid oid;
	uint32_t pad;
};

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
	uint64_t sessions_off, symbols_off, echoes_off, chains_off, timers_off, ids_off, tokens_off,
		books_off, passive_off;
	uint64_t now_ns;    /* highest message time */
	uint64_t utc_shift; /* ns, below a day */
	uint64_t next_ref, next_match, next_rank;
	uint32_t n_timers, live;
	bool opened, ended; /* day start, day end were written */
	bool feed_off;	    /* replayed feed: before the start of market hours */
	uint8_t pad[1];
	struct nmw_engine_stat stat;
	struct nmw_replay_diff diff;
};

/* One message being worked on. */
struct nmw_run {
	struct nmw_engine *e;
	struct nmw_books *b;
	struct nmw_engine_out *out;
	const struct nmw_slot *in;
	uint64_t tod; /* ns since midnight */
};

#define NMW_AT(e, off, type) ((type *)(void *)((uint8_t *)(e) + (e)->off))

static inline struct nmw_entry *nmw_entry_of(struct nmw_books *b, nmw_oid id)
{
	return nmw_book_user(b, id);
}
static inline struct nmw_echo *nmw_echo_of(struct nmw_engine *e, nmw_oid id)
{
	return NMW_AT(e, echoes_off, struct nmw_echo) + id;
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

/* ---- engine_out.c: what goes out ------------------------------------------------------------ */

/* A reply to a session (index; 0: nobody). ts_ns is filled in. */
void nmw_reply(struct nmw_run *r, uint32_t session, struct nmw_evt *v);
void nmw_reply_canceled(struct nmw_run *r, uint32_t session, struct nmw_key key, uint32_t qty,
			uint8_t reason);
void nmw_reply_rejected(struct nmw_run *r, uint32_t session, struct nmw_key key,
			const struct nmw_cmd *c, enum nmw_reject why);
/* Market data. ts_ns is filled in. */
void nmw_feed(struct nmw_run *r, struct nmw_evt *v);
void nmw_feed_add(struct nmw_run *r, const struct nmw_entry *x, uint32_t sym, uint8_t side,
		  int64_t price, uint32_t qty);
void nmw_feed_reduce(struct nmw_run *r, const struct nmw_entry *x, uint32_t sym, uint32_t qty);
void nmw_feed_delete(struct nmw_run *r, uint64_t ref, uint32_t sym);
void nmw_feed_replace(struct nmw_run *r, uint64_t old_ref, uint64_t ref, uint32_t sym,
		      int64_t price, uint32_t qty);
/* The message goes on as it is. */
void nmw_forward(struct nmw_run *r, const uint8_t *payload, uint32_t len);
/* Both sides' replies and the market data of one fill. taker_session 0: nobody to tell. */
struct nmw_taker_id {
	uint32_t session;
	struct nmw_key key;
};
void nmw_fill_out(struct nmw_run *r, const struct nmw_taker_id *t, uint32_t sym,
		  const struct nmw_fill *f);
/* Directory and trading state of a symbol, once. */
void nmw_announce(struct nmw_run *r, uint32_t sym);
/* Start and end of day. */
void nmw_day_open(struct nmw_run *r);
void nmw_day_end(struct nmw_run *r);
void nmw_greet(struct nmw_run *r, uint32_t session);

/* ---- engine_order.c: orders as they come, live and die --------------------------------------- */

nmw_oid nmw_order_find(struct nmw_engine *e, struct nmw_key id); /* 0: not live */
/* Makes an allocated, unlinked handle the live order of an id; bits, ref: see struct nmw_entry. */
void nmw_order_name(struct nmw_engine *e, nmw_oid id, struct nmw_key key, uint32_t bits,
		    uint64_t ref);
void nmw_order_chain(struct nmw_engine *e, nmw_oid id);
void nmw_order_unchain(struct nmw_engine *e, nmw_oid id);
/* It has left the book (filled or unlinked): detach takes its id, timer and place in lists, free
 * its handle, dead both. */
void nmw_order_detach(struct nmw_engine *e, nmw_oid id);
void nmw_order_free(struct nmw_engine *e, nmw_oid id);
void nmw_order_dead(struct nmw_engine *e, nmw_oid id);
/* Takes it off the book, with Canceled (reason) and market data. */
void nmw_order_cancel(struct nmw_run *r, nmw_oid id, uint8_t reason);
/* After a login: with the flag the list holds every live order that the session entered for its
 * account, without it none. Walks all handles, but only when some order may be missing. */
void nmw_order_cover_session(struct nmw_engine *e, uint32_t session);
/* All orders of a session that went away, oldest first. */
void nmw_order_cancel_session(struct nmw_run *r, uint32_t session);
int64_t nmw_price_of(struct nmw_engine *e, uint32_t sym, uint32_t px);

/* ---- engine_entry.c: order entry ------------------------------------------------------------- */

void nmw_entry_apply(struct nmw_run *r, uint32_t session, struct nmw_cmd *c);

/* ---- engine_rules.c: what is refused --------------------------------------------------------- */

#define NMW_RULES_OK (-1)
/* NMW_RULES_OK or an enum nmw_reject; *px: the limit in ticks. A replacement is judged without
 * what it inherits (side, symbol, capacity); qty is what would be outstanding. */
int nmw_rules_enter(const struct nmw_cmd *c);
int nmw_rules_replace(const struct nmw_cmd *c, uint32_t outstanding);
int nmw_rules_price(const struct nmw_symbol *s, const struct nmw_cmd *c, uint32_t side,
		    uint32_t *px);

/* ---- engine_timer.c: time to live ------------------------------------------------------------ */

bool nmw_timers_full(const struct nmw_engine *e);
void nmw_timer_set(struct nmw_engine *e, nmw_oid id, uint64_t expire_ns);
void nmw_timer_clear(struct nmw_engine *e, nmw_oid id);	 /* of one that has a timer */
uint64_t nmw_timer_at(struct nmw_engine *e, nmw_oid id); /* ns; 0 = none */
/* Cancels what is due at now_ns. */
void nmw_timers_run(struct nmw_run *r);

/* ---- engine_feed.c: replay of a market-data feed --------------------------------------------- */

void nmw_feed_apply(struct nmw_run *r, const struct nmw_cmd *c, const uint8_t *payload,
		    uint32_t len);

#endif
