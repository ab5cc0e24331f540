#include "book/engine_read.h"

static const struct nmw_codec *codec_at(uint8_t codec)
{
	return codec == NMW_CODEC_OUCH42 ? &nmw_codec_ouch42 : &nmw_codec_ouch50;
}

static uint8_t flags_of(const struct nmw_cmd *c)
{
	return (uint8_t)(NMW_IN_SPECIAL | (c->info.display == 'N' ? NMW_IN_HIDDEN : 0) |
			 (c->tif == NMW_TIF_IOC || c->market ? NMW_IN_IMMEDIATE : 0) |
			 (c->post_only ? NMW_IN_POST_ONLY : 0) |
			 (c->tif == NMW_TIF_GTT ? NMW_IN_TIMED : 0) |
			 (c->market ? NMW_IN_MARKET : 0));
}

bool nmw_terms42(struct nmw_run *r, const uint8_t *p)
{
	uint8_t tif = nmw_plain_tif42(nmw_be32(p + NMW_ENTER42(time_in_force)));
	uint8_t display = p[NMW_ENTER42(display)];
	if (tif == NMW_IN_SPECIAL ||
	    !nmw_plain_terms(display, p[NMW_ENTER42(capacity)], p[NMW_ENTER42(iso)]) ||
	    nmw_raw32(p + NMW_ENTER42(min_quantity)) != 0 || p[NMW_ENTER42(cross_type)] != 'N')
		return false;
	r->terms42 = nmw_raw64(p + NMW_ENTER42(display));
	r->tif42 = nmw_raw32(p + NMW_ENTER42(time_in_force));
	r->flags42 = nmw_flags(tif, display);
	return true;
}

bool nmw_terms50(struct nmw_run *r, const uint8_t *p)
{
	uint8_t tif = nmw_plain_tif50(p[NMW_ENTER50(time_in_force)]);
	uint8_t display = p[NMW_ENTER50(display)];
	if (tif == NMW_IN_SPECIAL ||
	    !nmw_plain_terms(display, p[NMW_ENTER50(capacity)], p[NMW_ENTER50(iso)]) ||
	    p[NMW_ENTER50(cross_type)] != 'N')
		return false;
	r->terms50 = nmw_raw64(p + NMW_ENTER50(time_in_force)) & NMW_TERMS50;
	r->flags50 = nmw_flags(tif, display);
	return true;
}

/* Before the first order: what most orders have. */
void nmw_read_begin(struct nmw_run *r)
{
	uint8_t enter42[NMW_OUCH42_IN_ENTER] = {[NMW_ENTER42(display)] = 'Y',
						[NMW_ENTER42(capacity)] = 'P',
						[NMW_ENTER42(iso)] = 'N',
						[NMW_ENTER42(cross_type)] = 'N'};
	nmw_put32(enter42 + NMW_ENTER42(time_in_force), NMW_OUCH42_TIF_DAY);
	static const uint8_t enter50[NMW_OUCH50_IN_ENTER] = {[NMW_ENTER50(time_in_force)] = '0',
							     [NMW_ENTER50(display)] = 'Y',
							     [NMW_ENTER50(capacity)] = 'P',
							     [NMW_ENTER50(iso)] = 'N',
							     [NMW_ENTER50(cross_type)] = 'N'};
	nmw_terms42(r, enter42);
	nmw_terms50(r, enter50);
}

/* The book of a symbol, then its trading state and prices. */
static void place(const struct nmw_symbols *t, struct nmw_in *in, uint64_t symbol)
{
	in->side = nmw_side_of(in->entered);
	in->sym = nmw_symbols_find(t, symbol);
	if (in->sym == NMW_SYM_NONE) {
		in->why = t->closed ? NMW_REJ_SYMBOL : NMW_RULES_OPEN;
		return;
	}
	const struct nmw_symbol *s = nmw_symbols_get(t, in->sym);
	in->why = s->state == 'T' ? (int8_t)nmw_rules_price(s, in) : NMW_REJ_HALTED;
}

static uint64_t terms_of(const struct nmw_cmd *c)
{
	return (c->info.firm & UINT32_MAX) | (uint64_t)c->info.display << 32 |
	       (uint64_t)c->info.capacity << 40 | (uint64_t)c->side << 48;
}

bool nmw_in_read_slow(const struct nmw_symbols *t, struct nmw_in *in)
{
	struct nmw_cmd c;
	if (codec_at(in->codec)->decode(in->p, in->len, &c))
		return false;
	in->op = c.op;
	in->id = nmw_scoped(in->account, c.key);
	in->qty = c.qty;
	in->entered = c.side;
	if (c.op != NMW_OP_ENTER && c.op != NMW_OP_REPLACE)
		return true;
	in->id2 = nmw_scoped(in->account, c.key2);
	in->terms = terms_of(&c);
	in->flags = flags_of(&c);
	in->price = (uint32_t)c.price; /* what does not fit is refused */
	in->min_qty = c.info.min_qty;
	in->show_qty = c.display_qty;
	in->tif_s = c.tif_s;
	int why = c.op == NMW_OP_ENTER ? nmw_rules_enter(&c) : nmw_rules_replace(&c);
	in->why = (int8_t)why;
	if (c.op == NMW_OP_ENTER && why == NMW_RULES_OK)
		place(t, in, c.info.symbol);
	return true;
}
