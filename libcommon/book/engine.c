/* The engine's memory, and what a message goes through: codec, clock, channel. */
#include "book/engine_impl.h"
#include "base/units.h"
#include "book/replay_check.h"
#include <errno.h>
#include <string.h>

#define TIMERS_DEF (1u << 20)
#define IDS_MAX	   (UINT64_C(1) << 30)
#define TABLE_MAX  65535u

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
		.user = sizeof(struct nmw_entry),
	};
}

static bool spec_valid(const struct nmw_engine_spec *s)
{
	return s->symbols >= 1 && s->symbols <= TABLE_MAX && s->orders >= 1 &&
	       s->orders <= NMW_BOOK_ORDERS_MAX && s->sessions >= 1 && s->sessions < TABLE_MAX &&
	       s->timers <= s->orders && s->ids >= 1 && s->ids <= IDS_MAX;
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
	e->echoes_off = place(&end, n * sizeof(struct nmw_echo));
	e->chains_off = place(&end, n * sizeof(struct nmw_chain));
	e->timers_off = place(&end, (s->timers + UINT64_C(1)) * sizeof(struct nmw_timer));
	e->ids_off = place(&end, nmw_idmap_footprint(s->orders));
	e->tokens_off = place(&end, nmw_tokens_footprint(s->ids));
	e->books_off = place(&end, nmw_books_footprint(&books));
	e->passive_off = place(&end, s->check ? nmw_passive_footprint(s->orders) : 0);
	return e->size = end;
}

size_t nmw_engine_footprint(const struct nmw_engine_spec *spec)
{
	struct nmw_engine e = {.spec = *spec};
	const struct nmw_books_spec books = books_spec(spec);
	return spec_valid(spec) && nmw_books_footprint(&books) ? layout(&e) : 0;
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
	nmw_idmap_init(nmw_ids_of(e), spec->orders, nmw_entry_of(b, 0),
		       2 * sizeof(struct nmw_entry));
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
	if (where.books_off != e->books_off || where.tokens_off != e->tokens_off)
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
	uint32_t account; /* as known before the burst: for fetching ahead only */
	uint8_t codec;	  /* 0: dropped, counted */
};

/* Which codec reads it; NONE when it is not one that is wanted here. */
static uint8_t codec_of(const struct nmw_engine *e, const struct nmw_slot *s, const uint8_t *p,
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

static bool decode_with(uint8_t codec, const uint8_t *p, uint32_t len, struct nmw_cmd *c)
{
	switch (codec) {
	case NMW_CODEC_OUCH42:
		return nmw_codec_ouch42.decode(p, len, c) == 0;
	case NMW_CODEC_OUCH50:
		return nmw_codec_ouch50.decode(p, len, c) == 0;
	default:
		return nmw_codec_itch50.decode(p, len, c) == 0;
	}
}

static void decode(struct nmw_engine *e, const struct nmw_slot *s, const uint8_t *p, uint32_t len,
		   struct decoded *d)
{
	d->codec = NMW_CODEC_CTL;
	if (s->channel == NMW_CH_CTL)
		return;
	uint8_t codec = codec_of(e, s, p, len);
	d->codec = NMW_CODEC_NONE;
	if (s->channel != NMW_CH_ORDER && s->channel != NMW_CH_FEED)
		e->stat.filtered++;
	else if (codec != NMW_CODEC_OUCH42 && codec != NMW_CODEC_OUCH50 &&
		 codec != NMW_CODEC_ITCH50)
		e->stat.codec++;
	else if (!decode_with(codec, p, len, &d->c))
		e->stat.bad_message++;
	else
		d->codec = codec;
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
static uint32_t session_of(struct nmw_engine *e, uint32_t id, uint8_t codec)
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

static void on_order(struct nmw_run *r, struct decoded *d)
{
	if (!r->in->session) {
		r->e->stat.no_session++;
		return;
	}
	uint32_t session = session_of(r->e, r->in->session, d->codec);
	if (!session)
		return;
	if (__builtin_expect(!r->e->opened, 0))
		nmw_day_open(r);
	if (__builtin_expect(!nmw_session_at(nmw_sessions_of(r->e), session)->greeted, 0))
		nmw_greet(r, session);
	nmw_entry_apply(r, session, &d->c);
}

static uint64_t time_of_day(const struct nmw_engine *e, uint64_t ts_ns)
{
	return (ts_ns % NMW_NS_PER_DAY + e->utc_shift) % NMW_NS_PER_DAY;
}

static void apply(struct nmw_run *r, struct decoded *d, const uint8_t *p, uint32_t len)
{
	struct nmw_engine *e = r->e;
	r->tod = time_of_day(e, r->in->ts_ns);
	if (r->in->ts_ns > e->now_ns)
		e->now_ns = r->in->ts_ns;
	if (e->n_timers)
		nmw_timers_run(r);
	if (d->codec == NMW_CODEC_CTL) {
		on_control(r, p, len);
	} else if (d->codec == NMW_CODEC_ITCH50) {
		r->tod = d->c.ts_ns; /* the feed's own clock */
		nmw_feed_apply(r, &d->c, p, len);
	} else if (d->codec) {
		on_order(r, d);
	}
}

/* ---- fetching ahead -------------------------------------------------------------------------- */

/* Where an order message's ids are kept; a session that is not there yet has none. */
static uint32_t account_ahead(struct nmw_engine *e, const struct nmw_slot *s,
			      const struct decoded *d)
{
	if (d->codec == NMW_CODEC_ITCH50)
		return 0;
	struct nmw_sessions *t = nmw_sessions_of(e);
	return nmw_session_at(t, nmw_session_find(t, s->session))->account;
}

/* First step: the buckets of ids, the level of a price. */
static void fetch_ids(struct nmw_engine *e, const struct nmw_slot *s, struct decoded *d)
{
	d->account = account_ahead(e, s, d);
	struct nmw_key id = nmw_scoped(d->account, d->c.key);
	nmw_idmap_prefetch(nmw_ids_of(e), id.lo, id.hi);
	if (d->c.op != NMW_OP_ENTER && d->c.op != NMW_OP_FEED_ADD)
		return;
	if (d->codec == NMW_CODEC_OUCH42)
		nmw_tokens_prefetch(nmw_tokens_of(e), id);
	uint32_t px, sym = nmw_symbols_find(nmw_symbols_of(e), d->c.info.symbol);
	if (sym != NMW_SYM_NONE && d->c.price >= 0 && d->c.price <= NMW_TICK_MAX &&
	    nmw_symbol_ticks(nmw_symbols_at(nmw_symbols_of(e), sym), (uint32_t)d->c.price, &px))
		nmw_book_prefetch_level(nmw_books_of(e), sym, nmw_side_of(d->c.side), px);
}

/* Second step, the buckets being there: the order that the message is about. */
static void fetch_order(struct nmw_engine *e, struct decoded *d)
{
	struct nmw_key id = nmw_scoped(d->account, d->c.key);
	if (d->c.op != NMW_OP_ENTER && d->c.op != NMW_OP_FEED_ADD)
		nmw_book_prefetch_order(nmw_books_of(e),
					nmw_idmap_find(nmw_ids_of(e), id.lo, id.hi));
}

/* Decodes a chunk and fetches what it will touch. None of it changes a result. */
static void ahead(struct nmw_engine *e, const struct nmw_slot *const *s,
		  const uint8_t *const *payload, const uint32_t *len, unsigned n, struct decoded *d)
{
	for (unsigned i = 0; i < n; i++) {
		decode(e, s[i], payload[i], len[i], &d[i]);
		if (d[i].codec && d[i].codec != NMW_CODEC_CTL)
			fetch_ids(e, s[i], &d[i]);
	}
	for (unsigned i = 0; i < n; i++)
		if (d[i].codec && d[i].codec != NMW_CODEC_CTL)
			fetch_order(e, &d[i]);
}

void nmw_engine_burst(struct nmw_engine *e, const struct nmw_slot *const *s,
		      const uint8_t *const *payload, const uint32_t *len, unsigned n,
		      struct nmw_engine_out *out)
{
	struct decoded d[NMW_ENGINE_CHUNK];
	struct nmw_run r = {.e = e, .b = nmw_books_of(e), .out = out};
	while (n) {
		unsigned k = n < NMW_ENGINE_CHUNK ? n : NMW_ENGINE_CHUNK;
		ahead(e, s, payload, len, k, d);
		for (unsigned i = 0; i < k; i++) {
			r.in = s[i];
			apply(&r, &d[i], payload[i], len[i]);
		}
		s += k;
		payload += k;
		len += k;
		n -= k;
	}
}

void nmw_engine_msg(struct nmw_engine *e, const struct nmw_slot *s, const uint8_t *payload,
		    uint32_t len, struct nmw_engine_out *out)
{
	nmw_engine_burst(e, &s, &payload, &len, 1, out);
}

void nmw_engine_end(struct nmw_engine *e, struct nmw_engine_out *out)
{
	const struct nmw_slot at = {.ts_ns = e->now_ns};
	struct nmw_run r = {.e = e, .b = nmw_books_of(e), .out = out, .in = &at};
	r.tod = time_of_day(e, e->now_ns);
	nmw_day_end(&r);
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
		.side = session ? nmw_echo_of(w, id)->side : 0,
		.hidden = nmw_entry_hidden(x),
	};
}

uint64_t nmw_engine_symbol_name(const struct nmw_engine *e, uint32_t sym)
{
	struct nmw_engine *w = (struct nmw_engine *)(uintptr_t)e;
	return nmw_symbols_at(nmw_symbols_of(w), sym)->name;
}
