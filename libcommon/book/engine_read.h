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

/* Each character of its class. */
static inline bool nmw_plain_terms(uint8_t side, uint8_t display, uint8_t capacity, uint8_t iso)
{
	const uint8_t *is = nmw_rules_class;
	return is[side] & is[display] >> 1 & is[capacity] >> 2 & is[iso] >> 3 & NMW_IS_SIDE;
}

static inline bool nmw_plain_size(uint32_t qty, uint64_t price)
{
	return qty - 1 < NMW_QTY_MAX && price - 1 < NMW_PX_MAX_42;
}

/* Day or system hours 0, immediate, else NMW_IN_SPECIAL. */
static inline uint8_t nmw_plain_tif42(uint32_t tif)
{
	if (__builtin_expect(tif - NMW_OUCH42_TIF_DAY < 2, 1))
		return 0;
	return tif == NMW_OUCH42_TIF_IOC ? NMW_IN_IMMEDIATE : NMW_IN_SPECIAL;
}

static inline uint8_t nmw_plain_tif50(uint8_t tif)
{
	if (__builtin_expect(tif == '0' || tif == '5', 1))
		return 0;
	return tif == '3' ? NMW_IN_IMMEDIATE : NMW_IN_SPECIAL;
}

static inline uint8_t nmw_flags(uint8_t tif, uint8_t display)
{
	return tif | (display == 'N' ? NMW_IN_HIDDEN : 0);
}

/* The book of a symbol, then its trading state and prices. */
static inline void nmw_in_place(const struct nmw_symbols *t, struct nmw_in *in, uint64_t symbol)
{
	in->side = nmw_side_of(in->entered);
	in->sym = nmw_symbols_find(t, symbol);
	if (__builtin_expect(in->sym == NMW_SYM_NONE, 0)) {
		in->why = t->closed ? NMW_REJ_SYMBOL : NMW_RULES_OPEN;
		return;
	}
	const struct nmw_symbol *s = nmw_symbols_get(t, in->sym);
	in->why = s->state == 'T' ? (int8_t)nmw_rules_price(s, in) : NMW_REJ_HALTED;
}

NMW_BOOK_HOT bool nmw_in_enter42(const struct nmw_symbols *t, struct nmw_in *in)
{
	const uint8_t *p = in->p;
	if (in->len - NMW_OUCH42_IN_ENTER_SHORT > 1)
		return false;
	in->op = NMW_OP_ENTER;
	in->id = nmw_scoped(in->account, nmw_ouch42_token(p + 1));
	in->qty = nmw_be32(p + 16);
	in->price = nmw_be32(p + 28);
	uint8_t tif = nmw_plain_tif42(nmw_be32(p + 32));
	bool plain = nmw_plain_terms(p[15], p[40], p[41], p[42]) &&
		     nmw_plain_size(in->qty, in->price) && tif != NMW_IN_SPECIAL &&
		     nmw_raw32(p + 43) == 0 && p[47] == 'N';
	if (__builtin_expect(!plain, 0))
		return nmw_in_read_slow(t, in);
	in->entered = p[15];
	in->flags = nmw_flags(tif, p[40]);
	nmw_in_place(t, in, nmw_raw64(p + 20));
	return true;
}

NMW_BOOK_HOT bool nmw_in_enter50(const struct nmw_symbols *t, struct nmw_in *in)
{
	const uint8_t *p = in->p;
	if (in->len < NMW_OUCH50_IN_ENTER)
		return false;
	uint64_t price = nmw_be64(p + 18);
	in->op = NMW_OP_ENTER;
	in->id = nmw_scoped(in->account, (struct nmw_key){.lo = nmw_be32(p + 1)});
	in->qty = nmw_be32(p + 6);
	in->price = (uint32_t)price;
	uint8_t tif = nmw_plain_tif50(p[26]);
	bool plain = nmw_plain_terms(p[5], p[27], p[28], p[29]) && nmw_plain_size(in->qty, price) &&
		     tif != NMW_IN_SPECIAL && p[30] == 'N' && in->len == NMW_OUCH50_IN_ENTER &&
		     (p[45] | p[46]) == 0;
	if (__builtin_expect(!plain, 0))
		return nmw_in_read_slow(t, in);
	in->entered = p[5];
	in->flags = nmw_flags(tif, p[27]);
	nmw_in_place(t, in, nmw_raw64(p + 10));
	return true;
}

/* A replacement's book is its order's: found when it is its turn. */
NMW_BOOK_HOT bool nmw_in_replace42(const struct nmw_symbols *t, struct nmw_in *in)
{
	const uint8_t *p = in->p;
	if (in->len != NMW_OUCH42_IN_REPLACE)
		return false;
	in->op = NMW_OP_REPLACE;
	in->id = nmw_scoped(in->account, nmw_ouch42_token(p + 1));
	in->id2 = nmw_scoped(in->account, nmw_ouch42_token(p + 15));
	in->qty = nmw_be32(p + 29);
	in->price = nmw_be32(p + 33);
	uint8_t tif = nmw_plain_tif42(nmw_be32(p + 37));
	bool plain = nmw_plain_terms('B', p[41], 'A', p[42]) &&
		     nmw_plain_size(in->qty, in->price) && tif != NMW_IN_SPECIAL &&
		     nmw_raw32(p + 43) == 0;
	if (__builtin_expect(!plain, 0))
		return nmw_in_read_slow(t, in);
	in->flags = nmw_flags(tif, p[41]);
	in->why = NMW_RULES_OK;
	return true;
}

NMW_BOOK_HOT bool nmw_in_replace50(const struct nmw_symbols *t, struct nmw_in *in)
{
	const uint8_t *p = in->p;
	if (in->len < NMW_OUCH50_IN_REPLACE)
		return false;
	uint64_t price = nmw_be64(p + 13);
	in->op = NMW_OP_REPLACE;
	in->id = nmw_scoped(in->account, (struct nmw_key){.lo = nmw_be32(p + 1)});
	in->id2 = nmw_scoped(in->account, (struct nmw_key){.lo = nmw_be32(p + 5)});
	in->qty = nmw_be32(p + 9);
	in->price = (uint32_t)price;
	uint8_t tif = nmw_plain_tif50(p[21]);
	bool plain = nmw_plain_terms('B', p[22], 'A', p[23]) && nmw_plain_size(in->qty, price) &&
		     tif != NMW_IN_SPECIAL && in->len == NMW_OUCH50_IN_REPLACE &&
		     (p[38] | p[39]) == 0;
	if (__builtin_expect(!plain, 0))
		return nmw_in_read_slow(t, in);
	in->flags = nmw_flags(tif, p[22]);
	in->why = NMW_RULES_OK;
	return true;
}

/* Reads the message whose bytes, session, account and codec are set. False: none of its codec. */
NMW_BOOK_HOT bool nmw_in_read(const struct nmw_symbols *t, struct nmw_in *in)
{
	const uint8_t *p = in->p;
	bool v42 = in->codec == NMW_CODEC_OUCH42;
	if (__builtin_expect(in->len == 0, 0))
		return false;
	switch (p[0]) {
	case 'O':
		return v42 ? nmw_in_enter42(t, in) : nmw_in_enter50(t, in);
	case 'U':
		return v42 ? nmw_in_replace42(t, in) : nmw_in_replace50(t, in);
	case 'X':
		if (in->len != (v42 ? (uint32_t)NMW_OUCH42_IN_CANCEL : NMW_OUCH50_IN_CANCEL))
			return false;
		in->op = NMW_OP_CANCEL;
		in->id = nmw_scoped(in->account, v42 ? nmw_ouch42_token(p + 1)
						     : (struct nmw_key){.lo = nmw_be32(p + 1)});
		in->qty = nmw_be32(p + (v42 ? 15 : 5));
		return true;
	default:
		return nmw_in_read_slow(t, in);
	}
}

#endif
