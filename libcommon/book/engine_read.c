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
	in->flags = flags_of(&c);
	in->price = (uint32_t)c.price; /* what does not fit is refused */
	in->min_qty = c.info.min_qty;
	in->show_qty = c.display_qty;
	in->tif_s = c.tif_s;
	int why = c.op == NMW_OP_ENTER ? nmw_rules_enter(&c) : nmw_rules_replace(&c);
	in->why = (int8_t)why;
	if (c.op == NMW_OP_ENTER && why == NMW_RULES_OK)
		nmw_in_place(t, in, c.info.symbol);
	return true;
}
