/* Which symbols the device has, and where their windows lie: from --symbols, from --center, and
 * from the orders of a capture that is read twice (wire_learn.c). */
#include "wire_symbols.h"

#include "base/conf.h"
#include "base/log.h"
#include "book/symbols.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SYMBOLS	   8192u /* as nmw-match has by default */
#define STEP_OFTEN 100u	 /* US prices: 1/10,000, a cent apart */
#define NAME_MAX_8 8

static int no_memory(struct nmw_err *e)
{
	return nmw_err_set(e, -ENOMEM, NMW_EXIT_RESOURCE, "no memory for a table of symbols");
}

/* ---- what is given -------------------------------------------------------------------------- */

static int listed(void *arg, const struct nmw_symbol_conf *c, struct nmw_err *e)
{
	struct wire_symbols *s = arg;
	uint32_t sym;
	int rc = nmw_symbols_add(s->table, c, &sym, e);
	s->listed += !rc;
	return rc;
}

/* SYMBOL=PRICE */
static int center(struct wire_symbols *s, const char *text, struct nmw_err *e)
{
	const char *eq = strchr(text, '=');
	uint64_t price, key;
	if (!eq || nmw_symbol_name(text, (size_t)(eq - text), &key, NULL) ||
	    nmw_conf_price_text(eq + 1, &price) || !price || price > NMW_PX_MAX_42)
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "--center %s: SYMBOL=PRICE is expected, such as AAPL=182.50",
				   text);
	uint32_t sym = nmw_symbols_find(s->table, key);
	if (sym == NMW_SYM_NONE) {
		struct nmw_symbol_conf c = {.state = 'T'};
		memcpy(c.name, &key, sizeof c.name);
		int rc = nmw_symbols_add(s->table, &c, &sym, e);
		if (rc)
			return rc;
	}
	if (s->center[sym])
		return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
				   "--center %s: this symbol was given twice: leave one out", text);
	s->center[sym] = (uint32_t)price;
	return 0;
}

int wire_symbols_open(struct wire_symbols *s, const char *file, const struct nmw_opt_list *centers,
		      struct nmw_err *e)
{
	*s = (struct wire_symbols){.open = true};
	s->table = calloc(1, nmw_symbols_footprint(SYMBOLS));
	s->center = calloc(SYMBOLS, sizeof *s->center);
	s->orders = calloc(SYMBOLS, sizeof *s->orders);
	s->cents = calloc(SYMBOLS, sizeof *s->cents);
	if (!s->table || !s->center || !s->orders || !s->cents)
		return no_memory(e);
	nmw_symbols_init(s->table, SYMBOLS);
	int rc = file ? nmw_symbols_read(file, listed, s, &s->open, e) : 0;
	for (unsigned i = 0; !rc && i < centers->n; i++)
		rc = center(s, centers->v[i], e);
	return rc;
}

void wire_symbols_close(struct wire_symbols *s)
{
	free(s->table);
	free(s->center);
	free(s->orders);
	free(s->cents);
	*s = (struct wire_symbols){0};
}

/* ---- what a capture shows ------------------------------------------------------------------- */

/* It opens a book, and the first price of a symbol is the center of its window. */
void wire_symbols_order(struct wire_symbols *s, uint64_t name, uint32_t price)
{
	uint32_t sym = nmw_symbols_find(s->table, name);
	if (sym == NMW_SYM_NONE) {
		struct nmw_symbol_conf conf = {.state = 'T'};
		memcpy(conf.name, &name, sizeof conf.name);
		if (!s->open || nmw_symbols_add(s->table, &conf, &sym, NULL))
			return;
	}
	if (!s->center[sym])
		s->center[sym] = price;
	s->orders[sym]++;
	s->cents[sym] += price % STEP_OFTEN == 0;
}

/* ---- the device's table --------------------------------------------------------------------- */

static bool has_band(const struct nmw_symbol *y)
{
	return y->band_lo || y->band_hi != INT64_MAX;
}

static void say_left(const struct nmw_symbol *y, const char *why)
{
	char name[NAME_MAX_8 + 1] = "";
	memcpy(name, &y->name, NAME_MAX_8);
	nmw_log(NMW_LOG_WARN, "symbol %.*s: %s: its orders are left to the host",
		(int)strcspn(name, " "), name, why);
}

/* The symbol's own; without one, what most of its prices are apart: a cent, or the least there is.
 */
static uint32_t step_of(const struct wire_symbols *s, uint32_t sym)
{
	uint32_t tick = nmw_symbols_get(s->table, sym)->tick;
	if (tick > 1)
		return tick;
	bool cents = s->orders[sym] ? s->cents[sym] >= s->orders[sym] / 2
				    : s->center[sym] % STEP_OFTEN == 0;
	return cents ? STEP_OFTEN : 1;
}

static void put(const struct wire_symbols *s, uint32_t sym, uint32_t ticks,
		struct nmw_wire_symbol *to)
{
	const struct nmw_symbol *y = nmw_symbols_get(s->table, sym);
	uint32_t step = step_of(s, sym);
	bool is_listed = sym < s->listed;
	*to = (struct nmw_wire_symbol){
		.name = y->name,
		.lot = y->lot,
		.locate = y->locate,
		.state = y->state,
		.flags = (uint8_t)(NMW_WIRE_VALID | (is_listed ? NMW_WIRE_LISTED : 0))};
	nmw_wire_window(to, ticks, s->center[sym] - s->center[sym] % step, step);
}

void wire_symbols_conf(const struct wire_symbols *s, uint32_t ticks, struct nmw_wire_conf *c)
{
	bool all = true;
	c->n = 0;
	for (uint32_t i = 0; i < s->table->count; i++) {
		const struct nmw_symbol *y = nmw_symbols_get(s->table, i);
		const char *why = has_band(y)		     ? "its price band is not the device's"
				  : 10000 % y->tick	     ? "its price step is not the device's"
				  : c->n == NMW_WIRE_SYMBOLS ? "no book is left for it"
							     : NULL;
		if (why)
			say_left(y, why);
		else
			put(s, i, ticks, &c->symbol[c->n++]);
		all = all && !why;
	}
	c->closed = !s->open && all;
}
