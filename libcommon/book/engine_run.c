/* What a message goes through: codec, clock, channel. Compiled twice: engine_back.h. */
#include "book/engine_books.h"
#include <string.h>

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
	nmw_session_at(nmw_sessions_of(e), i)->said = true;
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
	nmw_back_begin(r, out);
	r->e = e;
	r->b = nmw_books_of(e);
	r->ids = nmw_ids_of(e);
	r->sessions = nmw_sessions_of(e);
	r->session_table = nmw_session_table(r->sessions);
	r->session_mask = r->sessions->mask;
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

static void finish(struct nmw_run *r)
{
	struct nmw_engine_out *o = r->out;
	o->at = (struct nmw_slot *)(void *)r->at;
	o->bytes += r->bytes;
	r->e->stat.replies += r->n_replies;
	r->e->stat.feed_out += r->n_feed;
	o->turn(o, false);
}

void nmw_run_burst(struct nmw_engine *e, const struct nmw_slot *const *s,
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
	finish(&r);
}

void nmw_run_end(struct nmw_engine *e, struct nmw_engine_out *out)
{
	const struct nmw_slot at = {.ts_ns = e->now_ns};
	struct nmw_run r;
	run_begin(&r, e, out, at.ts_ns);
	r.in = &at;
	r.times = (nmw_pair){at.ts_ns, 0};
	r.where = (nmw_pair){0, NMW_INLINE};
	nmw_day_end(&r);
	finish(&r);
}
