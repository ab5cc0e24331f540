/* What goes out: events become protocol bytes straight in the output slot. */
#include "book/engine_out.h"
#include "book/engine_read.h"
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

uint8_t *nmw_out_more(struct nmw_run *r, uint32_t len)
{
	struct nmw_engine_out *o = r->out;
	o->at = (struct nmw_slot *)(void *)r->at;
	o->bytes += r->bytes;
	r->bytes = 0;
	r->where[1] = NMW_INLINE;
	if (o->at == o->end)
		o->turn(o, true);
	bool framed = len > o->inline_max;
	uint8_t *p = framed ? o->frame(o, len) : o->at->payload;
	if (framed)
		r->where[1] = o->at->frame_off;
	r->at = (uint8_t *)o->at;
	r->stride = o->stride;
	/* small slots, and a frame, are looked at one by one */
	r->end = framed || o->inline_max < NMW_OUT_SMALL ? r->at + r->stride : (uint8_t *)o->end;
	return p;
}

static bool emit(struct nmw_run *r, uint64_t to, struct nmw_evt *v)
{
	uint8_t codec = nmw_tag_codec(to);
	uint8_t *p = nmw_out_open(r, out_max[codec] + v->app_len);
	v->ts_ns = nmw_run_tod(r);
	uint32_t len = codecs[codec]->encode(v, p);
	if (len)
		nmw_out_close(r, to, len);
	return len;
}

void nmw_reply(struct nmw_run *r, uint32_t session, struct nmw_evt *v)
{
	uint64_t to = nmw_to_session(r, session);
	uint8_t codec = nmw_tag_codec(to);
	if (r->replies && (codec == NMW_CODEC_OUCH42 || codec == NMW_CODEC_OUCH50))
		r->n_replies += emit(r, to, v);
}

void nmw_reply_rejected(struct nmw_run *r, const struct nmw_in *in, enum nmw_reject why)
{
	bool replace = in->op == NMW_OP_REPLACE;
	struct nmw_order_info info = nmw_order_info_none;
	if (in->codec == NMW_CODEC_OUCH50)
		memcpy(info.clordid,
		       in->p + (replace ? NMW_REPLACE50(cl_ord_id) : NMW_ENTER50(cl_ord_id)),
		       sizeof(info.clordid));
	r->e->stat.rejected++;
	nmw_reply(r, in->session,
		  &(struct nmw_evt){.kind = NMW_EVT_REJECTED,
				    .reason = (uint8_t)why,
				    .key = replace ? in->id2 : in->id,
				    .info = &info});
}

void nmw_feed(struct nmw_run *r, struct nmw_evt *v)
{
	if (r->feed)
		r->n_feed += emit(r, nmw_session_tag(0, NMW_CH_FEED, NMW_CODEC_ITCH50), v);
}

void nmw_forward(struct nmw_run *r, const uint8_t *payload, uint32_t len)
{
	uint8_t *p = nmw_out_open(r, len);
	memcpy(p, payload, len);
	nmw_out_close(r, nmw_session_tag_of(r->in), len);
}

/* A displayed order's execution is E; a hidden one's is P, which tells neither order nor side. */
static void fill_feed(struct nmw_run *r, const struct nmw_entry *m, const struct nmw_symbol *s,
		      uint32_t qty, uint32_t price, uint64_t match)
{
	if (!nmw_entry_hidden(m))
		nmw_out_exec(r, nmw_entry_ref(m), s->locate, qty, match);
	else
		nmw_feed(r, &(struct nmw_evt){.kind = NMW_EVT_MD_TRADE,
					      .locate = s->locate,
					      .side = 'B',
					      .symbol = s->name,
					      .qty = qty,
					      .price = price,
					      .match = match});
}

void nmw_out_fill(struct nmw_run *r, const struct nmw_in *taker, const struct nmw_key *key,
		  const struct nmw_symbol *s, const struct nmw_fill *f)
{
	const struct nmw_entry *m = nmw_entry_of(r->b, f->maker);
	uint32_t price = nmw_price_of(s, f->px);
	uint64_t match = r->e->next_match++;
	r->e->stat.fills++;
	r->e->stat.fill_shares += f->qty;
	if (taker)
		nmw_out_executed(r, taker->reply, *key, f->qty, price, 'R', match);
	nmw_out_executed(r, nmw_to_owner(r, m), nmw_entry_key(m), f->qty, price, 'A', match);
	fill_feed(r, m, s, f->qty, price, match);
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
	nmw_session_make_ready(s);
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
