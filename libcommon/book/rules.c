#include "book/rules.h"

#include "book/engine_impl.h"
#include "book/symbols.h"

static int by_symbol(const struct nmw_symbols *t, bool open, const struct nmw_cmd *c)
{
	uint32_t sym = nmw_symbols_find(t, c->info.symbol), px;
	if (sym == NMW_SYM_NONE)
		return open ? NMW_RULES_TAKEN : NMW_REJ_SYMBOL;
	const struct nmw_symbol *s = nmw_symbols_get(t, sym);
	if (s->state != 'T')
		return NMW_REJ_HALTED;
	uint32_t price = (uint32_t)c->price; /* in range, by the rules before */
	if (c->market || (nmw_symbol_takes(s, price) && nmw_symbol_ticks(s, price, &px)))
		return NMW_RULES_TAKEN;
	return NMW_REJ_PRICE;
}

int nmw_rules_judge(const struct nmw_symbols *t, bool open, const struct nmw_cmd *c)
{
	int why = c->op == NMW_OP_REPLACE ? nmw_rules_replace(c) : nmw_rules_enter(c);
	if (why != NMW_RULES_OK)
		return why;
	return c->op == NMW_OP_REPLACE ? NMW_RULES_TAKEN : by_symbol(t, open, c);
}
