/* What is refused, and with which code.  The first rule that an order breaks decides, in this
 * order: side, quantity, minimum quantity, time in force, display, capacity, ISO, cross, optional
 * fields, price range; then (by the caller) symbol, trading state; then tick and band. */
#include "book/engine_impl.h"
#include <string.h>

enum { HANDLING = 16 }; /* values of HandleInst that ask for nothing */

const uint8_t nmw_rules_class[256] = {
	['B'] = NMW_IS_SIDE,
	['S'] = NMW_IS_SIDE,
	['T'] = NMW_IS_SIDE,
	['E'] = NMW_IS_SIDE,
	['A'] = NMW_IS_DISPLAY | NMW_IS_CAPACITY,
	['Y'] = NMW_IS_DISPLAY | NMW_IS_ISO,
	['N'] = NMW_IS_DISPLAY | NMW_IS_ISO | HANDLING,
	['P'] = NMW_IS_CAPACITY,
	['R'] = NMW_IS_CAPACITY,
	['O'] = NMW_IS_CAPACITY,
	['y'] = NMW_IS_ISO,
	[' '] = HANDLING,
};

static bool is(uint8_t c, uint8_t class)
{
	return nmw_rules_class[c] & class;
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
static int rules_tags(const struct nmw_cmd *c, uint32_t shown)
{
	if (c->tags & TAGS_PEG)
		return NMW_REJ_PEG;
	if (c->tags & TAGS_RESERVE || (c->display_qty && c->display_qty < shown))
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
	if (is(c->info.display, NMW_IS_DISPLAY) || (c->post_only && !c->app))
		return NMW_RULES_OK;
	return NMW_REJ_DISPLAY;
}

static int rules_range(const struct nmw_cmd *c)
{
	if (c->market)
		return c->post_only ? NMW_REJ_PRICE : NMW_RULES_OK;
	return c->price > 0 && c->price <= NMW_PX_MAX_42 ? NMW_RULES_OK : NMW_REJ_PRICE;
}

/* What an order and a replacement have in common.  The minimum is at most so many shares, what is
 * shown at least so many. */
static int rules_common(const struct nmw_cmd *c, uint32_t least, uint32_t shown, bool replace)
{
	int why;
	if (c->info.min_qty > least || (c->info.min_qty && c->post_only))
		return NMW_REJ_MIN_QTY;
	if ((why = rules_tif(c)) != NMW_RULES_OK || (why = rules_display(c)) != NMW_RULES_OK)
		return why;
	if (!replace && !is(c->info.capacity, NMW_IS_CAPACITY))
		return NMW_REJ_CAPACITY_CODE;
	if (!is(c->info.iso, NMW_IS_ISO))
		return NMW_REJ_ISO;
	if (!replace && c->info.cross != 'N')
		return NMW_REJ_CROSS;
	if (c->tags && (why = rules_tags(c, shown)) != NMW_RULES_OK)
		return why;
	return rules_range(c);
}

int nmw_rules_enter(const struct nmw_cmd *c)
{
	if (!is(c->side, NMW_IS_SIDE))
		return NMW_REJ_SIDE;
	if (c->qty == 0 || c->qty > NMW_QTY_MAX)
		return NMW_REJ_QTY;
	return rules_common(c, c->qty, c->qty, false);
}

int nmw_rules_replace(const struct nmw_cmd *c)
{
	if (c->qty == 0 || c->qty > NMW_QTY_MAX)
		return NMW_REJ_QTY;
	return rules_common(c, UINT32_MAX, 0, true);
}
