/* The engine's memory, and what a message goes through: codec, clock, channel. */
#include "book/engine_impl.h"
#include "book/replay_check.h"
#include <errno.h>
#include <stddef.h>
#include <string.h>

#define TIMERS_DEF (1u << 20)
#define IDS_MAX	   (UINT64_C(1) << 30)
#define TABLE_MAX  65535u
#define TIMED_MIN  64u

/* ---- memory --------------------------------------------------------------------------------- */

static uint64_t place(uint64_t *end, uint64_t bytes)
{
	uint64_t at = *end;
	*end = (at + bytes + NMW_LINE - 1) / NMW_LINE * NMW_LINE;
	return at;
}

static struct nmw_books_spec books_spec(const struct nmw_engine_spec *s)
{
	return (struct nmw_books_spec){
		.symbols = s->symbols,
		.orders = s->orders,
		.window = s->window,
	};
}

static bool spec_valid(const struct nmw_engine_spec *s)
{
	const struct nmw_books_spec books = books_spec(s);
	return nmw_books_footprint(&books) && s->symbols >= 1 && s->symbols <= TABLE_MAX &&
	       s->orders >= 1 && s->orders <= NMW_BOOK_ORDERS_MAX && s->sessions >= 1 &&
	       s->sessions < TABLE_MAX && s->timers <= s->orders && s->ids >= 1 &&
	       s->ids <= IDS_MAX;
}

/* At most half of them are used. */
static uint64_t timed_slots(uint32_t timers)
{
	uint64_t slots = TIMED_MIN;
	while (slots / 2 < timers)
		slots *= 2;
	return slots;
}

/* Where everything lies; the header's size and offsets to *e. Returns the bytes of all. */
static uint64_t layout(struct nmw_engine *e)
{
	struct nmw_engine_spec *s = &e->spec;
	if (!s->timers)
		s->timers = s->orders < TIMERS_DEF ? s->orders : TIMERS_DEF;
	const struct nmw_books_spec books = books_spec(s);
	uint64_t n = (uint64_t)s->orders + 1, end = 0;
	e->header_sz = sizeof(*e);
	place(&end, sizeof(*e));
	e->sessions_off = place(&end, nmw_sessions_footprint(s->sessions));
	e->symbols_off = place(&end, nmw_symbols_footprint(s->symbols));
	e->chains_off = place(&end, n * sizeof(struct nmw_chain));
	e->timers_off = place(&end, (s->timers + UINT64_C(1)) * sizeof(struct nmw_timer));
	e->timed_mask = timed_slots(s->timers) - 1;
	e->timed_off = place(&end, (e->timed_mask + 1) * sizeof(uint32_t));
	e->ids_off = place(&end, nmw_idmap_footprint(s->orders));
	e->tokens_off = place(&end, nmw_tokens_footprint(s->ids));
	e->books_off = place(&end, nmw_books_footprint(&books));
	e->passive_off = place(&end, s->check ? nmw_passive_footprint(s->orders) : 0);
	return e->size = end;
}

size_t nmw_engine_footprint(const struct nmw_engine_spec *spec)
{
	struct nmw_engine e = {.spec = *spec};
	return spec_valid(spec) ? layout(&e) : 0;
}

struct nmw_engine *nmw_engine_init(void *mem, const struct nmw_engine_spec *spec)
{
	struct nmw_engine *e = mem;
	if (!spec_valid(spec))
		return NULL;
	*e = (struct nmw_engine){.version = NMW_ENGINE_VERSION, .spec = *spec};
	layout(e);
	int64_t day = (int64_t)NMW_NS_PER_DAY;
	e->utc_shift = (uint64_t)((spec->utc_offset_ns % day + day) % day);
	e->next_ref = e->next_match = e->next_rank = 1;
	nmw_sessions_init(nmw_sessions_of(e), spec->sessions);
	nmw_symbols_init(nmw_symbols_of(e), spec->symbols);
	const struct nmw_books_spec books = books_spec(&e->spec);
	struct nmw_books *b = nmw_books_init(nmw_books_of(e), &books);
	if (!b)
		return NULL;
	nmw_idmap_init(nmw_ids_of(e), spec->orders, nmw_entry_of(b, 0), NMW_BOOK_STRIDE);
	nmw_tokens_init(nmw_tokens_of(e), spec->ids);
	if (e->spec.check)
		nmw_passive_init(NMW_AT(e, passive_off, struct nmw_passive), e->spec.orders);
	e->magic = NMW_ENGINE_MAGIC;
	return e;
}

struct nmw_engine *nmw_engine_join(void *mem, size_t size)
{
	struct nmw_engine *e = mem;
	if (size < sizeof(*e) || e->magic != NMW_ENGINE_MAGIC || e->version != NMW_ENGINE_VERSION ||
	    e->header_sz != sizeof(*e) || e->size > size || !spec_valid(&e->spec) ||
	    e->size != nmw_engine_footprint(&e->spec))
		return NULL;
	struct nmw_engine where = {.spec = e->spec};
	layout(&where);
	const size_t from = offsetof(struct nmw_engine, sessions_off),
		     to = offsetof(struct nmw_engine, now_ns);
	if (memcmp((const char *)e + from, (const char *)&where + from, to - from) != 0)
		return NULL;
	return nmw_books_join(nmw_books_of(e), size - e->books_off) ? e : NULL;
}

int nmw_engine_symbol(struct nmw_engine *e, const struct nmw_symbol_conf *c, struct nmw_err *err)
{
	uint32_t sym;
	return nmw_symbols_add(nmw_symbols_of(e), c, &sym, err);
}

void nmw_engine_closed_list(struct nmw_engine *e, bool closed)
{
	nmw_symbols_of(e)->closed = closed;
}

/* ---- a message ------------------------------------------------------------------------------ */

struct decoded {
	struct nmw_cmd c;
	uint8_t codec; /* 0: dropped, counted */
};

uint8_t nmw_engine_codec_of(const struct nmw_engine *e, const struct nmw_slot *s, const uint8_t *p,
			    uint32_t len)
{
	uint8_t want = (uint8_t)e->spec.codec, codec = s->codec;
	if (codec == NMW_CODEC_NONE)
		codec = want			     ? want
			: s->channel == NMW_CH_FEED  ? NMW_CODEC_ITCH50
			: s->channel == NMW_CH_ORDER ? (uint8_t)nmw_codec_sniff(p, len)
						     : NMW_CODEC_NONE;
	return !want || codec == want ? codec : NMW_CODEC_NONE;
}

/* All but order entry. */
static void decode(struct nmw_engine *e, const struct nmw_slot *s, const uint8_t *p, uint32_t len,
		   struct decoded *d)
{
	d->codec = NMW_CODEC_CTL;
	if (s->channel == NMW_CH_CTL)
		return;
	d->codec = NMW_CODEC_NONE;
	if (s->channel != NMW_CH_ORDER && s->channel != NMW_CH_FEED)
		e->stat.filtered++;
	else if (nmw_engine_codec_of(e, s, p, len) != NMW_CODEC_ITCH50)
		e->stat.codec++;
	else if (nmw_codec_itch50.decode(p, len, &d->c))
		e->stat.bad_message++;
	else
		d->codec = NMW_CODEC_ITCH50;
}

static const char no_account[10] = {' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' '};

/* A client that is gone without a word: its id is another account's now. What that brings about
 * goes before the login, as with a loss. */
static void leave_account(struct nmw_run *r, const struct nmw_ctl *ctl)
{
	struct nmw_sessions *t = nmw_sessions_of(r->e);
	uint32_t i = nmw_session_find(t, r->in->session);
	if (i && nmw_session_moves(t, i, ctl->account, ctl->codec)) {
		nmw_order_cancel_session(r, i);
		nmw_session_down(t, i);
	}
}

static void on_login(struct nmw_run *r, const struct nmw_ctl *ctl, const uint8_t *p)
{
	struct nmw_engine *e = r->e;
	uint32_t id = r->in->session;
	if (!id || ctl->codec == NMW_CODEC_ITCH50) { /* a feed's */
		nmw_forward(r, p, sizeof(*ctl));
		return;
	}
	nmw_day_open(r);
	leave_account(r, ctl);
	uint32_t i = nmw_session_login(nmw_sessions_of(e), id, ctl->account, ctl->codec,
				       ctl->flags & NMW_CTL_CANCEL_ON_DISCONNECT);
	if (!i) {
		e->stat.capacity++;
		return;
	}
	nmw_order_cover_session(e, i);
	nmw_forward(r, p, sizeof(*ctl));
	if (nmw_session_at(nmw_sessions_of(e), i)->codec)
		nmw_greet(r, i);
}

/* What the end of a session brings about goes before it, so that a sink that ends the session on
 * it has all of it. */
static void on_logout(struct nmw_run *r, const uint8_t *p)
{
	struct nmw_sessions *t = nmw_sessions_of(r->e);
	uint32_t i = nmw_session_find(t, r->in->session);
	if (i) {
		nmw_order_cancel_session(r, i);
		nmw_session_down(t, i);
	}
	nmw_forward(r, p, sizeof(struct nmw_ctl));
}

static void on_control(struct nmw_run *r, const uint8_t *p, uint32_t len)
{
	struct nmw_ctl ctl;
	if (len != sizeof(ctl)) {
		r->e->stat.bad_message++;
		return;
	}
	memcpy(&ctl, p, sizeof(ctl));
	switch (ctl.kind) {
	case NMW_CTL_LOGIN:
		on_login(r, &ctl, p);
		break;
	case NMW_CTL_LOGOUT:
	case NMW_CTL_LOST:
		on_logout(r, p);
		break;
	case NMW_CTL_GAP:
	case NMW_CTL_END:
		nmw_forward(r, p, len);
		break;
	default:
		r->e->stat.bad_message++;
		break;
	}
}

/* A capture that starts in mid-stream has no login: the session is opened when it is first seen. */
static uint32_t session_open(struct nmw_engine *e, uint32_t id, uint8_t codec)
{
	struct nmw_sessions *t = nmw_sessions_of(e);
	uint32_t i = nmw_session_find(t, id);
	if (!i) {
		i = nmw_session_login(t, id, no_account, codec, false);
		if (i)
			e->stat.implicit_sessions++;
		else
			e->stat.capacity++;
		return i;
	}
	if (!nmw_session_at(t, i)->up) {
		e->stat.no_session++;
		return 0;
	}
	if (!nmw_session_speaks(t, i, codec)) {
		e->stat.codec++;
		return 0;
	}
	return i;
}

uint32_t nmw_engine_session_of(struct nmw_run *r, uint32_t id, uint8_t codec)
{
	if (!id) {
		r->e->stat.no_session++;
		return 0;
	}
	uint32_t session = session_open(r->e, id, codec);
	if (session) {
		nmw_day_open(r);
		nmw_greet(r, session);
	}
	return session;
}

/* ---- time ------------------------------------------------------------------------------------ */

static uint64_t time_of_day(const struct nmw_engine *e, uint64_t ts_ns)
{
	return (ts_ns % NMW_NS_PER_DAY + e->utc_shift) % NMW_NS_PER_DAY;
}

void nmw_run_day(struct nmw_run *r, uint64_t ts_ns)
{
	uint64_t tod = time_of_day(r->e, ts_ns);
	r->tod_be = __builtin_bswap64(tod);
	r->midnight = ts_ns - tod;
	r->day = ts_ns >= tod ? NMW_NS_PER_DAY : 0;
}

/* ---- messages that are not order entry ----------------------------------- */

static void apply(struct nmw_run *r, struct decoded *d, const struct nmw_slot *s, const uint8_t *p,
		  uint32_t len)
{
	nmw_run_clock(r, s);
	if (d->codec == NMW_CODEC_CTL) {
		on_control(r, p, len);
	} else if (d->codec == NMW_CODEC_ITCH50) {
		r->tod_be = __builtin_bswap64(d->c.ts_ns); /* the feed's own clock */
		nmw_feed_apply(r, &d->c, p, len);
	}
}

/* First step: the bucket of its id, the level of its price. */
static void fetch_id(const struct nmw_run *r, const struct nmw_cmd *c)
{
	nmw_idmap_prefetch(r->ids, nmw_idmap_hash(c->key.lo, 0));
	if (c->op != NMW_OP_FEED_ADD)
		return;
	uint32_t px, sym = nmw_symbols_find(r->symbols, c->info.symbol);
	if (sym != NMW_SYM_NONE &&
	    nmw_symbol_ticks(nmw_symbols_get(r->symbols, sym), (uint32_t)c->price, &px))
		nmw_book_prefetch_level(r->b, sym, nmw_side_of(c->side), px);
}

/* Second step, the buckets being there: the order that the message is about. */
static void fetch_order(const struct nmw_run *r, const struct nmw_cmd *c)
{
	if (c->op != NMW_OP_FEED_ADD)
		nmw_book_prefetch_order(r->b, nmw_idmap_find(r->ids, c->key.lo, 0));
}

/* Takes a few messages, order entry or not: none of what is fetched ahead changes a result. */
static unsigned take_mixed(struct nmw_run *r, const struct nmw_slot *const *s,
			   const uint8_t *const *payload, const uint32_t *len, unsigned n)
{
	struct decoded d[NMW_ENGINE_FEEDS];
	unsigned k = 0;
	for (; k < n && k < NMW_ENGINE_FEEDS; k++) {
		if (k && nmw_entry_is(r->e, s[k], payload[k], len[k]))
			break;
		decode(r->e, s[k], payload[k], len[k], &d[k]);
		if (d[k].codec == NMW_CODEC_ITCH50)
			fetch_id(r, &d[k].c);
	}
	for (unsigned i = 0; i < k; i++)
		if (d[i].codec == NMW_CODEC_ITCH50)
			fetch_order(r, &d[i].c);
	for (unsigned i = 0; i < k; i++)
		apply(r, &d[i], s[i], payload[i], len[i]);
	return k;
}

/* ---- a burst ------------------------------------------------------------- */

static void run_begin(struct nmw_run *r, struct nmw_engine *e, struct nmw_engine_out *out,
		      uint64_t ts_ns)
{
	r->e = e;
	r->b = nmw_books_of(e);
	r->ids = nmw_ids_of(e);
	r->sessions = nmw_sessions_of(e);
	r->accounts = nmw_account_at(r->sessions, 0);
	r->symbols = nmw_symbols_of(e);
	r->tokens = nmw_tokens_of(e);
	r->out = out;
	r->at = r->end = (uint8_t *)out->at;
	r->bytes = r->n_replies = r->n_feed = 0;
	r->replies = e->spec.replies_out;
	r->feed = e->spec.feed_out;
	r->want = (uint8_t)e->spec.codec;
	r->owner = e->spec.stp == NMW_STP_ALLOW ? 0 : UINT16_MAX;
	r->own_leaves = e->spec.stp == NMW_STP_CANCEL_OLD ? NMW_TAKER_OWN_LEAVES : 0;
	nmw_read_begin(r);
	nmw_run_day(r, ts_ns);
}

static void run_end(struct nmw_run *r)
{
	struct nmw_engine_out *o = r->out;
	o->at = (struct nmw_slot *)(void *)r->at;
	o->bytes += r->bytes;
	r->e->stat.replies += r->n_replies;
	r->e->stat.feed_out += r->n_feed;
	o->turn(o, false);
}

void nmw_engine_burst(struct nmw_engine *e, const struct nmw_slot *const *s,
		      const uint8_t *const *payload, const uint32_t *len, unsigned n,
		      struct nmw_engine_out *out)
{
	if (!n)
		return;
	struct nmw_run r;
	run_begin(&r, e, out, s[0]->ts_ns);
	for (unsigned i = 0; i < n;) {
		unsigned k = nmw_entry_burst(&r, s + i, payload + i, len + i, n - i);
		i += k ? k : take_mixed(&r, s + i, payload + i, len + i, n - i);
	}
	run_end(&r);
}

void nmw_engine_msg(struct nmw_engine *e, const struct nmw_slot *s, const uint8_t *payload,
		    uint32_t len, struct nmw_engine_out *out)
{
	nmw_engine_burst(e, &s, &payload, &len, 1, out);
}

void nmw_engine_end(struct nmw_engine *e, struct nmw_engine_out *out)
{
	const struct nmw_slot at = {.ts_ns = e->now_ns};
	struct nmw_run r;
	run_begin(&r, e, out, at.ts_ns);
	r.in = &at;
	r.times = (nmw_pair){at.ts_ns, 0};
	r.where = (nmw_pair){0, NMW_INLINE};
	nmw_day_end(&r);
	run_end(&r);
}

/* ---- looking at it -------------------------------------------------------------------------- */

void nmw_engine_stat(const struct nmw_engine *e, struct nmw_engine_stat *out)
{
	struct nmw_engine *w = (struct nmw_engine *)(uintptr_t)e;
	struct nmw_books_stat b;
	nmw_books_stat(nmw_books_of(w), &b);
	*out = e->stat;
	out->live_orders = e->live;
	out->symbols = nmw_symbols_of(w)->count;
	out->levels = b.levels;
	out->sessions_up = nmw_sessions_of(w)->up;
}

void nmw_engine_memory(const struct nmw_engine *e, struct nmw_engine_memory *out)
{
	const struct nmw_books *b = nmw_engine_books(e);
	*out = (struct nmw_engine_memory){
		.orders = (e->spec.orders + UINT64_C(1)) * NMW_BOOK_ORDER_SZ,
		.ids = e->tokens_off - e->ids_off,
		.tokens = e->books_off - e->tokens_off,
		.chains = e->ids_off - e->chains_off,
	};
	out->windows = b->size - out->orders;
	out->other = e->size - b->size - out->ids - out->tokens - out->chains;
}

const struct nmw_books *nmw_engine_books(const struct nmw_engine *e)
{
	return nmw_books_of((struct nmw_engine *)(uintptr_t)e);
}

void nmw_engine_order(const struct nmw_engine *e, nmw_oid id, struct nmw_engine_order *out)
{
	struct nmw_engine *w = (struct nmw_engine *)(uintptr_t)e;
	const struct nmw_entry *x = nmw_entry_of(nmw_books_of(w), id);
	uint32_t session = nmw_entry_session(x);
	*out = (struct nmw_engine_order){
		.key = {x->lo, x->hi & UINT64_C(0xFFFFFFFFFFFF)},
		.order_ref = nmw_entry_ref(x),
		.expire_ns = nmw_timer_at(w, id),
		.executed = nmw_entry_executed(x),
		.session = nmw_session_at(nmw_sessions_of(w), session)->id,
		.side = session ? x->terms.side : 0,
		.hidden = nmw_entry_hidden(x),
	};
}

uint64_t nmw_engine_symbol_name(const struct nmw_engine *e, uint32_t sym)
{
	struct nmw_engine *w = (struct nmw_engine *)(uintptr_t)e;
	return nmw_symbols_at(nmw_symbols_of(w), sym)->name;
}
