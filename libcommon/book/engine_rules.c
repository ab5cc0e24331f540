/* What is refused, and with which code.  The first rule that an order breaks decides, in this
 * order: side, quantity, minimum quantity, time in force, display, capacity, ISO, cross, optional
 * fields, price range; then (by the caller) symbol, trading state; then tick and band. */
#include "book/engine_impl.h"
#include <string.h>

enum { /* character classes */
       SIDE = 1,
       DISPLAY = 2,
       CAPACITY = 4,
       ISO = 8,
       HANDLING = 16 /* values of HandleInst that ask for nothing */
};

static const uint8_t class_of[256] = {
	['B'] = SIDE,
	['S'] = SIDE,
	['T'] = SIDE,
	['E'] = SIDE,
	['A'] = DISPLAY | CAPACITY,
	['Y'] = DISPLAY | ISO,
	['N'] = DISPLAY | ISO | HANDLING,
	['P'] = CAPACITY,
	['R'] = CAPACITY,
	['O'] = CAPACITY,
	['y'] = ISO,
	[' '] = HANDLING,
};

static bool is(uint8_t c, uint8_t class)
{
	return class_of[c] & class;
}

#define TAGS_PEG                                                     \
	(1u << NMW_TAG_PEG_OFFSET | 1u << NMW_TAG_DISCRETION_PRICE | \
	 1u << NMW_TAG_DISCRETION_TYPE | 1u << NMW_TAG_DISCRETION_OFFSET)
#define TAGS_RESERVE (1u << NMW_TAG_RANDOM_RESERVES | 1u << NMW_TAG_DISPLAY_PRICE)

/* Value of an optional field of one byte; 0 when it is not there. */
static uint8_t tag_char(const struct nmw_cmd *c, uint8_t tag)
{
	for (uint32_t at = 0; at + 2 < c->app_len; at += c->app[at] + 1u)
		if (c->app[at + 1] == tag)
			return c->app[at + 2];
	return 0;
}

/* Optional fields that ask for what this book does not do. */
static int rules_tags(const struct nmw_cmd *c, uint32_t qty)
{
	if (c->tags & TAGS_PEG)
		return NMW_REJ_PEG;
	if (c->tags & TAGS_RESERVE || (c->display_qty && c->display_qty < qty))
		return NMW_REJ_DISPLAY;
	if (c->tags & 1u << NMW_TAG_ROUTE)
		return NMW_REJ_ROUTING;
	if (c->tags & 1u << NMW_TAG_HANDLE_INST && !is(tag_char(c, NMW_TAG_HANDLE_INST), HANDLING))
		return NMW_REJ_OTHER;
	return NMW_RULES_OK;
}

static int rules_tif(const struct nmw_cmd *c)
{
	if (c->tif == NMW_TIF_AFTER)
		return NMW_REJ_CLOSED;
	if (c->tif == NMW_TIF_BAD || (c->tif == NMW_TIF_GTT && c->tif_s == 0))
		return NMW_REJ_TIF;
	return NMW_RULES_OK;
}

static int rules_display(const struct nmw_cmd *c)
{
	if (c->price_type && c->price_type != 'L')
		return NMW_REJ_PEG;
	/* OUCH 4.2, which has no appendage, says post-only by the display letter (P, L). */
	if (is(c->info.display, DISPLAY) || (c->post_only && !c->app))
		return NMW_RULES_OK;
	return NMW_REJ_DISPLAY;
}

static int rules_range(const struct nmw_cmd *c)
{
	if (c->market)
		return c->post_only ? NMW_REJ_PRICE : NMW_RULES_OK;
	return c->price > 0 && c->price <= NMW_PX_MAX_42 ? NMW_RULES_OK : NMW_REJ_PRICE;
}

/* What an order and a replacement have in common. */
static int rules_common(const struct nmw_cmd *c, uint32_t qty, bool replace)
{
	int why;
	if (c->info.min_qty > qty || (c->info.min_qty && c->post_only))
		return NMW_REJ_MIN_QTY;
	if ((why = rules_tif(c)) != NMW_RULES_OK || (why = rules_display(c)) != NMW_RULES_OK)
		return why;
	if (!replace && !is(c->info.capacity, CAPACITY))
		return NMW_REJ_CAPACITY_CODE;
	if (!is(c->info.iso, ISO))
		return NMW_REJ_ISO;
	if (!replace && c->info.cross != 'N')
		return NMW_REJ_CROSS;
	if (c->tags && (why = rules_tags(c, qty)) != NMW_RULES_OK)
		return why;
	return rules_range(c);
}

int nmw_rules_enter(const struct nmw_cmd *c)
{
	if (!is(c->side, SIDE))
		return NMW_REJ_SIDE;
	if (c->qty == 0 || c->qty > NMW_QTY_MAX)
		return NMW_REJ_QTY;
	return rules_common(c, c->qty, false);
}

int nmw_rules_replace(const struct nmw_cmd *c, uint32_t outstanding)
{
	if (c->qty == 0 || c->qty > NMW_QTY_MAX)
		return NMW_REJ_QTY;
	return rules_common(c, outstanding, true);
}

int nmw_rules_price(const struct nmw_symbol *s, const struct nmw_cmd *c, uint32_t side,
		    uint32_t *px)
{
	if (c->market) {
		*px = side == NMW_BUY ? NMW_TICK_MAX : 0;
		return NMW_RULES_OK;
	}
	if (!nmw_symbol_ticks(s, (uint32_t)c->price, px))
		return NMW_REJ_PRICE;
	return c->price >= s->band_lo && c->price <= s->band_hi ? NMW_RULES_OK : NMW_REJ_PRICE;
}
