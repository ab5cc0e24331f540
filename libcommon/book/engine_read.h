/* engine_read.h: order messages as they are read ahead: what plain orders need, straight from their
 * bytes; for engine_entry.c.
 *
 * Plain is an order that asks for nothing special and breaks no rule that its bytes alone can
 * break: that is told by a few bytes of fixed place.  All others are read by way of a struct
 * nmw_cmd (engine_read.c), which has the rules.
 */
#ifndef NMW_BOOK_ENGINE_READ_H
#define NMW_BOOK_ENGINE_READ_H

#include "book/engine_impl.h"
#include "wire/ouch42.h"
#include "wire/ouch50.h"
#include "wire/schema_at.h"

/* Where a message has a field, by its name in schema.def. */
#define NMW_ENTER42(field)   NMW_FIELD_AT(OUCH42_ORDER_enter_order, field)
#define NMW_REPLACE42(field) NMW_FIELD_AT(OUCH42_ORDER_replace_order, field)
#define NMW_CANCEL42(field)  NMW_FIELD_AT(OUCH42_ORDER_cancel_order, field)
#define NMW_ENTER50(field)   NMW_FIELD_AT(OUCH50_ORDER_enter_order, field)
#define NMW_REPLACE50(field) NMW_FIELD_AT(OUCH50_ORDER_replace_order, field)
#define NMW_CANCEL50(field)  NMW_FIELD_AT(OUCH50_ORDER_cancel_order, field)

/* An OUCH 5.0 order's user reference number. */
static inline struct nmw_key nmw_urn_at(const uint8_t *p)
{
	return (struct nmw_key){.lo = nmw_be32(p)};
}

/* The length of the appendage, which ends the fixed part of fixed_len bytes, is 0. */
static inline bool nmw_no_appendage(const uint8_t *p, uint32_t fixed_len)
{
	return (p[fixed_len - 2] | p[fixed_len - 1]) == 0;
}

/* Each character of its class. */
static inline bool nmw_plain_terms(uint8_t display, uint8_t capacity, uint8_t iso)
{
	const uint8_t *is = nmw_rules_class;
	return is[display] & NMW_IS_DISPLAY && is[capacity] & NMW_IS_CAPACITY &&
	       is[iso] & NMW_IS_ISO;
}

/* Day or system hours 0, immediate, else NMW_IN_SPECIAL. */
static inline uint8_t nmw_plain_tif42(uint32_t tif)
{
	if (tif - NMW_OUCH42_TIF_DAY < 2)
		return 0;
	return tif == NMW_OUCH42_TIF_IOC ? NMW_IN_IMMEDIATE : NMW_IN_SPECIAL;
}

static inline uint8_t nmw_plain_tif50(uint8_t tif)
{
	if (tif == '0' || tif == '5')
		return 0;
	return tif == '3' ? NMW_IN_IMMEDIATE : NMW_IN_SPECIAL;
}

static inline uint8_t nmw_flags(uint8_t tif, uint8_t display)
{
	return tif | (display == 'N' ? NMW_IN_HIDDEN : 0);
}

/* Terms that are not those of the last order: they are remembered when they are plain. */
bool nmw_terms42(struct nmw_run *r, const uint8_t *p);
bool nmw_terms50(struct nmw_run *r, const uint8_t *p);

/* The book of a symbol, then its trading state and prices. False: not one that is plain. */
NMW_BOOK_HOT bool nmw_plain_place(const struct nmw_run *r, struct nmw_in *in, uint64_t symbol)
{
	const struct nmw_symbols *t = r->symbols;
	uint32_t sym = nmw_symbols_find(t, symbol);
	if (__builtin_expect(sym == NMW_SYM_NONE, 0))
		return false;
	const struct nmw_symbol *s = nmw_symbols_get(t, sym);
	in->sym = sym;
	in->side = nmw_side_of(in->entered);
	in->why = NMW_RULES_OK;
	return nmw_symbol_takes(s, in->price) && nmw_symbol_ticks(s, in->price, &in->px);
}

/* The id that the message enters or names: all types that have one have it at the same place. */
NMW_BOOK_HOT void nmw_in_name(struct nmw_in *in, bool v42)
{
	const uint8_t *p = in->p, *token = p + NMW_CANCEL42(order_token);
	struct nmw_key k = {0, 0};
	in->type = 0;
	if (__builtin_expect(in->len >= (v42 ? NMW_OUCH42_IN_TRADE_NOW : NMW_OUCH50_IN_CANCEL),
			     1)) {
		k = v42 ? nmw_ouch42_token(token) : nmw_urn_at(p + NMW_CANCEL50(user_ref_num));
		in->type = in->session ? p[0] : 0;
	}
	in->id = nmw_scoped(in->account, k);
	if (v42 && __builtin_expect(k.hi != 0, 1)) /* its last eight characters as they lie there */
		in->number = nmw_number_of_token(k.lo << 16 | in->account, nmw_raw64(token + 6));
	else
		in->number = nmw_number_of(in->id, v42);
	in->hash = nmw_number_hash(in->number);
}

static inline bool nmw_plain_qty(uint32_t qty)
{
	return qty - 1 < NMW_QTY_MAX;
}

/* Price 0, a market price, and a price over 32 bits are none that a symbol takes. */
NMW_BOOK_HOT bool nmw_in_enter42(struct nmw_run *r, struct nmw_in *in)
{
	const uint8_t *p = in->p;
	if (in->len - NMW_OUCH42_IN_ENTER_SHORT > 1)
		return false;
	in->op = NMW_OP_ENTER;
	in->qty = nmw_be32(p + NMW_ENTER42(shares));
	in->price = nmw_be32(p + NMW_ENTER42(price));
	in->entered = p[NMW_ENTER42(side)];
	/* firm, display and capacity lie side by side */
	in->terms = (nmw_raw64(p + NMW_ENTER42(firm)) & UINT64_C(0xFFFFFFFFFFFF)) |
		    (uint64_t)in->entered << 48;
	/* from display to cross type, 8 bytes */
	bool plain = (nmw_raw64(p + NMW_ENTER42(display)) == r->terms42 &&
		      nmw_raw32(p + NMW_ENTER42(time_in_force)) == r->tif42) ||
		     nmw_terms42(r, p);
	in->flags = r->flags42;
	if (__builtin_expect(plain && nmw_rules_class[in->entered] & NMW_IS_SIDE &&
				     nmw_plain_qty(in->qty) &&
				     nmw_plain_place(r, in, nmw_raw64(p + NMW_ENTER42(stock))),
			     1))
		return true;
	return nmw_in_read_slow(r->symbols, in);
}

#define NMW_TERMS50 UINT64_C(0xFFFFFFFFFF) /* time in force, display, capacity, ISO, cross */

NMW_BOOK_HOT bool nmw_in_enter50(struct nmw_run *r, struct nmw_in *in)
{
	const uint8_t *p = in->p;
	if (in->len < NMW_OUCH50_IN_ENTER)
		return false;
	uint64_t price = nmw_be64(p + NMW_ENTER50(price));
	uint64_t terms = nmw_raw64(p + NMW_ENTER50(time_in_force)) & NMW_TERMS50;
	in->op = NMW_OP_ENTER;
	in->qty = nmw_be32(p + NMW_ENTER50(quantity));
	in->price = (uint32_t)price;
	in->entered = p[NMW_ENTER50(side)];
	in->terms = (terms >> 8 & 0xFFFF) << 32 | (uint64_t)in->entered << 48;
	bool plain = terms == r->terms50 || nmw_terms50(r, p);
	in->flags = r->flags50;
	if (__builtin_expect(plain && nmw_rules_class[in->entered] & NMW_IS_SIDE &&
				     nmw_plain_qty(in->qty) && !(price >> 32) &&
				     in->len == NMW_OUCH50_IN_ENTER &&
				     nmw_no_appendage(p, NMW_OUCH50_IN_ENTER) &&
				     nmw_plain_place(r, in, nmw_raw64(p + NMW_ENTER50(symbol))),
			     1))
		return true;
	return nmw_in_read_slow(r->symbols, in);
}

/* A replacement's book is its order's: found when it is its turn. */
NMW_BOOK_HOT bool nmw_in_replace42(struct nmw_run *r, struct nmw_in *in)
{
	const uint8_t *p = in->p;
	if (in->len != NMW_OUCH42_IN_REPLACE)
		return false;
	in->op = NMW_OP_REPLACE;
	in->id2 = nmw_scoped(in->account,
			     nmw_ouch42_token(p + NMW_REPLACE42(replacement_order_token)));
	in->qty = nmw_be32(p + NMW_REPLACE42(shares));
	in->price = nmw_be32(p + NMW_REPLACE42(price));
	uint8_t tif = nmw_plain_tif42(nmw_be32(p + NMW_REPLACE42(time_in_force)));
	uint8_t display = p[NMW_REPLACE42(display)];
	in->flags = nmw_flags(tif, display);
	in->why = NMW_RULES_OK;
	if (__builtin_expect(nmw_plain_terms(display, 'A', p[NMW_REPLACE42(iso)]) &&
				     nmw_plain_qty(in->qty) && in->price - 1 < NMW_PX_MAX_42 &&
				     tif != NMW_IN_SPECIAL &&
				     nmw_raw32(p + NMW_REPLACE42(min_quantity)) == 0,
			     1))
		return true;
	return nmw_in_read_slow(r->symbols, in);
}

NMW_BOOK_HOT bool nmw_in_replace50(struct nmw_run *r, struct nmw_in *in)
{
	const uint8_t *p = in->p;
	if (in->len < NMW_OUCH50_IN_REPLACE)
		return false;
	uint64_t price = nmw_be64(p + NMW_REPLACE50(price));
	in->op = NMW_OP_REPLACE;
	in->id2 = nmw_scoped(in->account, nmw_urn_at(p + NMW_REPLACE50(user_ref_num)));
	in->qty = nmw_be32(p + NMW_REPLACE50(quantity));
	in->price = (uint32_t)price;
	uint8_t tif = nmw_plain_tif50(p[NMW_REPLACE50(time_in_force)]);
	uint8_t display = p[NMW_REPLACE50(display)];
	in->flags = nmw_flags(tif, display);
	in->why = NMW_RULES_OK;
	if (__builtin_expect(nmw_plain_terms(display, 'A', p[NMW_REPLACE50(iso)]) &&
				     nmw_plain_qty(in->qty) && price - 1 < NMW_PX_MAX_42 &&
				     tif != NMW_IN_SPECIAL && in->len == NMW_OUCH50_IN_REPLACE &&
				     nmw_no_appendage(p, NMW_OUCH50_IN_REPLACE),
			     1))
		return true;
	return nmw_in_read_slow(r->symbols, in);
}

NMW_BOOK_HOT bool nmw_in_cancel(struct nmw_in *in, bool v42)
{
	const uint8_t *p = in->p;
	if (in->len != (v42 ? (uint32_t)NMW_OUCH42_IN_CANCEL : NMW_OUCH50_IN_CANCEL))
		return false;
	in->op = NMW_OP_CANCEL;
	in->qty = nmw_be32(p + (v42 ? NMW_CANCEL42(shares) : NMW_CANCEL50(quantity)));
	return true;
}

/* Reads the message whose bytes, session, account, codec and id are set. False: none of its codec.
 */
NMW_BOOK_HOT bool nmw_in_read(struct nmw_run *r, struct nmw_in *in, bool v42)
{
	if (__builtin_expect(in->len == 0, 0))
		return false;
	switch (in->p[0]) {
	case 'O':
		return v42 ? nmw_in_enter42(r, in) : nmw_in_enter50(r, in);
	case 'U':
		return v42 ? nmw_in_replace42(r, in) : nmw_in_replace50(r, in);
	case 'X':
		return nmw_in_cancel(in, v42);
	default:
		return nmw_in_read_slow(r->symbols, in);
	}
}

#endif
