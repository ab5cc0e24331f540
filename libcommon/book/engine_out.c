/* What goes out: events become protocol bytes straight in the output slot. */
#include "book/engine_impl.h"
#include <string.h>

static const struct nmw_codec *const codecs[NMW_CODEC_MAX] = {
	[NMW_CODEC_OUCH42] = &nmw_codec_ouch42,
	[NMW_CODEC_OUCH50] = &nmw_codec_ouch50,
	[NMW_CODEC_ITCH50] = &nmw_codec_itch50,
};

/* Longest message without an appendage. */
static const uint32_t out_max[NMW_CODEC_MAX] = {
	[NMW_CODEC_OUCH42] = 80,
	[NMW_CODEC_OUCH50] = 68,
	[NMW_CODEC_ITCH50] = 50,
};

static void describe(const struct nmw_run *r, struct nmw_slot *s, uint32_t session, uint8_t channel,
		     uint8_t codec)
{
	s->ts_ns = r->in->ts_ns;
	s->ingress_ns = r->in->ingress_ns;
	s->in_seq = r->in->in_seq ? r->in->in_seq : r->in->seq;
	s->session = session;
	s->channel = channel;
	s->codec = codec;
}

static bool emit(struct nmw_run *r, uint8_t codec, uint32_t session, uint8_t channel,
		 struct nmw_evt *v)
{
	uint8_t *p;
	struct nmw_slot *s = r->out->slot(r->out, out_max[codec] + v->app_len, &p);
	v->ts_ns = r->tod;
	uint32_t len = codecs[codec]->encode(v, p);
	if (len == 0)
		return false;
	describe(r, s, session, channel, codec);
	r->out->done(r->out, s, len);
	return true;
}

void nmw_reply(struct nmw_run *r, uint32_t session, struct nmw_evt *v)
{
	struct nmw_engine *e = r->e;
	if (!session || !e->spec.replies_out)
		return;
	const struct nmw_session *s = nmw_session_at(nmw_sessions_of(e), session);
	if (s->codec != NMW_CODEC_OUCH42 && s->codec != NMW_CODEC_OUCH50)
		return;
	if (emit(r, s->codec, s->id, NMW_CH_REPLY, v))
		e->stat.replies++;
}

void nmw_reply_canceled(struct nmw_run *r, uint32_t session, struct nmw_key key, uint32_t qty,
			uint8_t reason)
{
	nmw_reply(r, session,
		  &(struct nmw_evt){
			  .kind = NMW_EVT_CANCELED, .reason = reason, .qty = qty, .key = key});
}

void nmw_reply_rejected(struct nmw_run *r, uint32_t session, struct nmw_key key,
			const struct nmw_cmd *c, enum nmw_reject why)
{
	r->e->stat.rejected++;
	nmw_reply(r, session,
		  &(struct nmw_evt){.kind = NMW_EVT_REJECTED,
				    .reason = (uint8_t)why,
				    .key = key,
				    .info = &c->info});
}

void nmw_feed(struct nmw_run *r, struct nmw_evt *v)
{
	if (r->e->spec.feed_out && emit(r, NMW_CODEC_ITCH50, 0, NMW_CH_FEED, v))
		r->e->stat.feed_out++;
}

static uint16_t locate_of(struct nmw_run *r, uint32_t sym)
{
	return nmw_symbols_at(nmw_symbols_of(r->e), sym)->locate;
}

void nmw_feed_add(struct nmw_run *r, const struct nmw_entry *x, uint32_t sym, uint8_t side,
		  int64_t price, uint32_t qty)
{
	const struct nmw_symbol *s = nmw_symbols_at(nmw_symbols_of(r->e), sym);
	nmw_feed(r, &(struct nmw_evt){.kind = NMW_EVT_MD_ADD,
				      .locate = s->locate,
				      .order_ref = nmw_entry_ref(x),
				      .side = side,
				      .qty = qty,
				      .symbol = s->name,
				      .price = price});
}

void nmw_feed_reduce(struct nmw_run *r, const struct nmw_entry *x, uint32_t sym, uint32_t qty)
{
	nmw_feed(r, &(struct nmw_evt){.kind = NMW_EVT_MD_REDUCE,
				      .locate = locate_of(r, sym),
				      .order_ref = nmw_entry_ref(x),
				      .qty = qty});
}

void nmw_feed_delete(struct nmw_run *r, uint64_t ref, uint32_t sym)
{
	nmw_feed(r, &(struct nmw_evt){.kind = NMW_EVT_MD_DELETE,
				      .locate = locate_of(r, sym),
				      .order_ref = ref});
}

void nmw_feed_replace(struct nmw_run *r, uint64_t old_ref, uint64_t ref, uint32_t sym,
		      int64_t price, uint32_t qty)
{
	nmw_feed(r, &(struct nmw_evt){.kind = NMW_EVT_MD_REPLACE,
				      .locate = locate_of(r, sym),
				      .old_ref = old_ref,
				      .order_ref = ref,
				      .qty = qty,
				      .price = price});
}

void nmw_forward(struct nmw_run *r, const uint8_t *payload, uint32_t len)
{
	uint8_t *p;
	struct nmw_slot *s = r->out->slot(r->out, len, &p);
	memcpy(p, payload, len);
	describe(r, s, r->in->session, r->in->channel, r->in->codec);
	r->out->done(r->out, s, len);
}

/* A displayed order's execution is E; a hidden one's is P, which tells neither order nor side. */
static void fill_feed(struct nmw_run *r, const struct nmw_entry *m, uint32_t sym, uint32_t qty,
		      int64_t price, uint64_t match)
{
	const struct nmw_symbol *s = nmw_symbols_at(nmw_symbols_of(r->e), sym);
	struct nmw_evt v = {.kind = NMW_EVT_MD_EXEC,
			    .locate = s->locate,
			    .order_ref = nmw_entry_ref(m),
			    .qty = qty,
			    .price = price,
			    .match = match};
	if (nmw_entry_hidden(m)) {
		v.kind = NMW_EVT_MD_TRADE;
		v.order_ref = 0;
		v.side = 'B';
		v.symbol = s->name;
	}
	nmw_feed(r, &v);
}

void nmw_fill_out(struct nmw_run *r, const struct nmw_taker_id *t, uint32_t sym,
		  const struct nmw_fill *f)
{
	const struct nmw_entry *m = nmw_entry_of(r->b, f->maker);
	struct nmw_evt v = {.kind = NMW_EVT_EXECUTED,
			    .liquidity = 'R',
			    .qty = f->qty,
			    .price = nmw_price_of(r->e, sym, f->px),
			    .match = r->e->next_match++,
			    .key = t->key};
	r->e->stat.fills++;
	r->e->stat.fill_shares += f->qty;
	nmw_reply(r, t->session, &v);
	v.liquidity = 'A';
	v.key = nmw_entry_key(m);
	nmw_reply(r, nmw_entry_owner(r->e, m), &v);
	fill_feed(r, m, sym, f->qty, v.price, v.match);
}

void nmw_announce(struct nmw_run *r, uint32_t sym)
{
	struct nmw_symbol *s = nmw_symbols_at(nmw_symbols_of(r->e), sym);
	if (s->announced)
		return;
	s->announced = 1;
	struct nmw_evt v = {.kind = NMW_EVT_MD_DIRECTORY,
			    .locate = s->locate,
			    .symbol = s->name,
			    .qty = s->lot};
	nmw_feed(r, &v);
	v.kind = NMW_EVT_MD_ACTION;
	v.code = s->state;
	nmw_feed(r, &v);
}

static void system_event(struct nmw_run *r, uint8_t code)
{
	nmw_feed(r, &(struct nmw_evt){.kind = NMW_EVT_MD_SYSTEM, .code = code});
}

void nmw_day_open(struct nmw_run *r)
{
	struct nmw_engine *e = r->e;
	if (e->opened)
		return;
	e->opened = true;
	system_event(r, 'O');
	for (uint32_t i = 0; i < nmw_symbols_of(e)->count; i++)
		nmw_announce(r, i);
	system_event(r, 'S');
	system_event(r, 'Q');
}

void nmw_greet(struct nmw_run *r, uint32_t session)
{
	struct nmw_session *s = nmw_session_at(nmw_sessions_of(r->e), session);
	if (s->greeted)
		return;
	s->greeted = true;
	nmw_reply(r, session, &(struct nmw_evt){.kind = NMW_EVT_SYSTEM, .code = 'S'});
}

void nmw_day_end(struct nmw_run *r)
{
	struct nmw_engine *e = r->e;
	if (!e->opened || e->ended)
		return;
	e->ended = true;
	struct nmw_sessions *t = nmw_sessions_of(e);
	for (uint32_t i = 1; i <= t->count; i++)
		if (nmw_session_at(t, i)->up)
			nmw_reply(r, i, &(struct nmw_evt){.kind = NMW_EVT_SYSTEM, .code = 'E'});
	system_event(r, 'M');
	system_event(r, 'E');
	system_event(r, 'C');
}
