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
_Static_assert(offsetof(struct nmw_slot, frame_off) == 32, "two pairs before the end");

#define NMW_OUT_SMALL (NMW_SLOT_SZ - NMW_DESC_SZ) /* longest payload that is not asked about */

/* The end of the run, or a payload that may not fit a slot. r->end is where this is called next. */
uint8_t *nmw_out_more(struct nmw_run *r, uint32_t len);

/* Room for a payload of up to len bytes in the next slot. */
NMW_BOOK_HOT uint8_t *nmw_out_open(struct nmw_run *r, uint32_t len)
{
	if (__builtin_expect(r->at == r->end || len > NMW_OUT_SMALL, 0))
		return nmw_out_more(r, len);
	return r->at + NMW_DESC_SZ;
}

/* The payload is written: the descriptor. */
NMW_BOOK_HOT void nmw_out_close(struct nmw_run *r, uint64_t tag, uint32_t len)
{
	uint8_t *s = r->at;
	memcpy(s + offsetof(struct nmw_slot, ts_ns), &r->times, sizeof(r->times));
	memcpy(s + offsetof(struct nmw_slot, in_seq), &r->where, sizeof(r->where));
	nmw_put_raw64(s + offsetof(struct nmw_slot, session), tag | (uint64_t)len << 32);
	r->at = s + r->stride;
	r->bytes += len;
}

NMW_BOOK_HOT void nmw_out_reply(struct nmw_run *r, uint64_t tag, uint32_t len)
{
	nmw_out_close(r, tag, len);
	r->n_replies++;
}

NMW_BOOK_HOT void nmw_out_feed(struct nmw_run *r, uint32_t len)
{
	nmw_out_close(r, nmw_session_tag(0, NMW_CH_FEED, NMW_CODEC_ITCH50), len);
	r->n_feed++;
}

/* ---- replies --------------------------------------------------------------------------------- */

/* Where a reply goes, as the tag of its descriptor; codec NONE: nowhere. */
static inline uint64_t nmw_to_session(const struct nmw_run *r, uint32_t session)
{
	const struct nmw_session *s = nmw_session_at(r->sessions, session);
	return nmw_session_tag(s->id, NMW_CH_REPLY, s->codec);
}

static inline uint8_t nmw_tag_codec(uint64_t tag)
{
	return (uint8_t)(tag >> 56);
}

/* The session that entered it, or that took its account over. */
static inline uint64_t nmw_to_owner(const struct nmw_run *r, const struct nmw_entry *x)
{
	return nmw_to_session(
		r, nmw_session_reply_to(r->sessions, nmw_entry_session(x), nmw_entry_account(x)));
}

NMW_BOOK_HOT void nmw_out_accepted(struct nmw_run *r, const struct nmw_in *in, uint64_t ref,
				   bool v42)
{
	if (!r->replies)
		return;
	uint8_t *b = nmw_out_open(r, v42 ? NMW_OUCH42_ACCEPTED
					 : in->len + NMW_OUCH50_ACCEPTED - NMW_OUCH50_IN_ENTER);
	uint32_t len = v42 ? nmw_ouch42_accepted(b, r->tod_be, in->p, ref, 'L')
			   : nmw_ouch50_accepted(b, r->tod_be, in->p, in->len, ref, 'L');
	nmw_out_reply(r, in->reply, len);
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
	nmw_out_reply(r, in->reply, len);
}

/* v42: the protocol of that session. */
NMW_BOOK_HOT void nmw_out_canceled_in(struct nmw_run *r, uint64_t to, struct nmw_key key,
				      uint32_t qty, uint8_t reason, bool v42)
{
	if (!r->replies)
		return;
	uint8_t *b = nmw_out_open(r, v42 ? NMW_OUCH42_CANCELED : NMW_OUCH50_CANCELED);
	uint32_t len = v42 ? nmw_ouch42_canceled(b, r->tod_be, key, qty, reason)
			   : nmw_ouch50_canceled(b, r->tod_be, (uint32_t)key.lo, qty, reason);
	nmw_out_reply(r, to, len);
}

NMW_BOOK_HOT void nmw_out_canceled(struct nmw_run *r, uint64_t to, struct nmw_key key, uint32_t qty,
				   uint8_t reason)
{
	if (nmw_tag_codec(to))
		nmw_out_canceled_in(r, to, key, qty, reason, nmw_tag_codec(to) == NMW_CODEC_OUCH42);
}

NMW_BOOK_HOT void nmw_out_executed(struct nmw_run *r, uint64_t to, struct nmw_key key, uint32_t qty,
				   uint32_t price, uint8_t liquidity, uint64_t match)
{
	if (!r->replies || !nmw_tag_codec(to))
		return;
	uint8_t *b = nmw_out_open(r, NMW_OUCH42_EXECUTED);
	uint32_t len =
		nmw_tag_codec(to) == NMW_CODEC_OUCH42
			? nmw_ouch42_executed(b, r->tod_be, key, qty, price, liquidity, match)
			: nmw_ouch50_executed(b, r->tod_be, (uint32_t)key.lo, qty, price, liquidity,
					      match);
	nmw_out_reply(r, to, len);
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
