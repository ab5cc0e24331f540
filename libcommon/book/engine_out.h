/* engine_out.h: the outputs that make up a flow, straight into their slots; for the engine's own
 * files. The others are events and go through their codec: engine_out.c.
 */
#ifndef NMW_BOOK_ENGINE_OUT_H
#define NMW_BOOK_ENGINE_OUT_H

#include "book/engine_impl.h"
#include "wire/itch50.h"
#include "wire/ouch42.h"
#include "wire/ouch50.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a descriptor's end is one store");

/* Room for a payload of up to len bytes in the next slot. */
NMW_BOOK_HOT uint8_t *nmw_out_open(struct nmw_run *r, uint32_t len)
{
	struct nmw_engine_out *o = r->out;
	if (__builtin_expect(o->at == o->end, 0))
		o->turn(o, true);
	if (__builtin_expect(len > o->inline_max, 0))
		return o->frame(o, len);
	o->at->frame_off = NMW_INLINE;
	return o->at->payload;
}

/* The payload is written: the descriptor. */
NMW_BOOK_HOT void nmw_out_close(struct nmw_run *r, uint32_t session, uint32_t len, uint8_t channel,
				uint8_t codec)
{
	struct nmw_engine_out *o = r->out;
	struct nmw_slot *s = o->at;
	uint64_t end =
		session | (uint64_t)len << 32 | (uint64_t)channel << 48 | (uint64_t)codec << 56;
	s->ts_ns = r->in->ts_ns;
	s->ingress_ns = r->in->ingress_ns;
	s->in_seq = r->in_seq;
	memcpy(&s->session, &end, sizeof(end));
	o->at = (struct nmw_slot *)(void *)((uint8_t *)s + o->stride);
	o->bytes += len;
}

NMW_BOOK_HOT void nmw_out_reply(struct nmw_run *r, uint32_t session_id, uint8_t codec, uint32_t len)
{
	nmw_out_close(r, session_id, len, NMW_CH_REPLY, codec);
	r->e->stat.replies++;
}

NMW_BOOK_HOT void nmw_out_feed(struct nmw_run *r, uint32_t len)
{
	nmw_out_close(r, 0, len, NMW_CH_FEED, NMW_CODEC_ITCH50);
	r->e->stat.feed_out++;
}

/* ---- replies --------------------------------------------------------------------------------- */

/* Where a reply goes; codec 0: nowhere. */
struct nmw_to {
	uint32_t session_id;
	uint8_t codec;
};

static inline struct nmw_to nmw_to_session(const struct nmw_run *r, uint32_t session)
{
	const struct nmw_session *s = nmw_session_at(r->sessions, session);
	return (struct nmw_to){s->id, s->codec};
}

static inline struct nmw_to nmw_to_sender(const struct nmw_in *in)
{
	return (struct nmw_to){in->session_id, in->codec};
}

/* The session that entered it, or that took its account over. */
static inline struct nmw_to nmw_to_owner(const struct nmw_run *r, const struct nmw_entry *x)
{
	return nmw_to_session(
		r, nmw_session_reply_to(r->sessions, nmw_entry_session(x), nmw_entry_account(x)));
}

NMW_BOOK_HOT void nmw_out_accepted(struct nmw_run *r, const struct nmw_in *in, uint64_t ref)
{
	if (!r->replies)
		return;
	bool v42 = in->codec == NMW_CODEC_OUCH42;
	uint8_t *b = nmw_out_open(r, v42 ? NMW_OUCH42_ACCEPTED
					 : in->len + NMW_OUCH50_ACCEPTED - NMW_OUCH50_IN_ENTER);
	uint32_t len = v42 ? nmw_ouch42_accepted(b, r->tod_be, in->p, ref, 'L')
			   : nmw_ouch50_accepted(b, r->tod_be, in->p, in->len, ref, 'L');
	nmw_out_reply(r, in->session_id, in->codec, len);
}

NMW_BOOK_HOT void nmw_out_replaced(struct nmw_run *r, const struct nmw_in *in,
				   const struct nmw_inherited *o, uint64_t ref, uint8_t state)
{
	if (!r->replies)
		return;
	bool v42 = in->codec == NMW_CODEC_OUCH42;
	uint8_t *b = nmw_out_open(r, v42 ? NMW_OUCH42_REPLACED
					 : in->len + NMW_OUCH50_REPLACED - NMW_OUCH50_IN_REPLACE);
	uint32_t len =
		v42 ? nmw_ouch42_replaced(b, r->tod_be, in->p, o, in->qty, ref, state)
		    : nmw_ouch50_replaced(b, r->tod_be, in->p, in->len, o, in->qty, ref, state);
	nmw_out_reply(r, in->session_id, in->codec, len);
}

NMW_BOOK_HOT void nmw_out_canceled(struct nmw_run *r, struct nmw_to to, struct nmw_key key,
				   uint32_t qty, uint8_t reason)
{
	if (!r->replies || !to.codec)
		return;
	uint8_t *b = nmw_out_open(r, NMW_OUCH42_CANCELED);
	uint32_t len = to.codec == NMW_CODEC_OUCH42
			       ? nmw_ouch42_canceled(b, r->tod_be, key, qty, reason)
			       : nmw_ouch50_canceled(b, r->tod_be, (uint32_t)key.lo, qty, reason);
	nmw_out_reply(r, to.session_id, to.codec, len);
}

NMW_BOOK_HOT void nmw_out_executed(struct nmw_run *r, struct nmw_to to, struct nmw_key key,
				   uint32_t qty, uint32_t price, uint8_t liquidity, uint64_t match)
{
	if (!r->replies || !to.codec)
		return;
	uint8_t *b = nmw_out_open(r, NMW_OUCH42_EXECUTED);
	uint32_t len =
		to.codec == NMW_CODEC_OUCH42
			? nmw_ouch42_executed(b, r->tod_be, key, qty, price, liquidity, match)
			: nmw_ouch50_executed(b, r->tod_be, (uint32_t)key.lo, qty, price, liquidity,
					      match);
	nmw_out_reply(r, to.session_id, to.codec, len);
}

/* ---- market data ----------------------------------------------------------------------------- */

NMW_BOOK_HOT void nmw_out_add(struct nmw_run *r, uint64_t ref, const struct nmw_symbol *s,
			      bool buys, uint32_t price, uint32_t qty)
{
	if (!r->feed)
		return;
	uint8_t *b = nmw_out_open(r, NMW_ITCH50_ADD);
	nmw_out_feed(r, nmw_itch50_add(b, s->locate, r->tod_be, ref, buys, qty, s->name, price));
}

NMW_BOOK_HOT void nmw_out_exec(struct nmw_run *r, uint64_t ref, uint16_t locate, uint32_t qty,
			       uint64_t match)
{
	if (!r->feed)
		return;
	uint8_t *b = nmw_out_open(r, NMW_ITCH50_EXEC);
	nmw_out_feed(r, nmw_itch50_exec(b, locate, r->tod_be, ref, qty, match));
}

NMW_BOOK_HOT void nmw_out_reduce(struct nmw_run *r, uint64_t ref, uint16_t locate, uint32_t qty)
{
	if (!r->feed)
		return;
	uint8_t *b = nmw_out_open(r, NMW_ITCH50_REDUCE);
	nmw_out_feed(r, nmw_itch50_reduce(b, locate, r->tod_be, ref, qty));
}

NMW_BOOK_HOT void nmw_out_delete(struct nmw_run *r, uint64_t ref, uint16_t locate)
{
	if (!r->feed)
		return;
	uint8_t *b = nmw_out_open(r, NMW_ITCH50_DELETE);
	nmw_out_feed(r, nmw_itch50_delete(b, locate, r->tod_be, ref));
}

NMW_BOOK_HOT void nmw_out_replace(struct nmw_run *r, uint64_t old_ref, uint64_t ref,
				  uint16_t locate, uint32_t price, uint32_t qty)
{
	if (!r->feed)
		return;
	uint8_t *b = nmw_out_open(r, NMW_ITCH50_REPLACE);
	nmw_out_feed(r, nmw_itch50_replace(b, locate, r->tod_be, old_ref, ref, qty, price));
}

/* Both sides' replies and the market data of one fill. taker NULL: nobody to tell. */
void nmw_out_fill(struct nmw_run *r, const struct nmw_in *taker, const struct nmw_key *key,
		  const struct nmw_symbol *s, const struct nmw_fill *f);

#endif
