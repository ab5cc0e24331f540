#include "sw_wire.h"

#include "book/engine_impl.h"

#include <string.h>

static void copy(const struct nmw_cmd *c, struct sw_order *out)
{
	*out = (struct sw_order){.op = c->op,
				 .side = c->side,
				 .tif = (uint8_t)c->info.tif_raw,
				 .display = c->info.display,
				 .capacity = c->info.capacity,
				 .iso = c->info.iso,
				 .cross = c->info.cross,
				 .customer = c->info.customer,
				 .post_only = c->post_only,
				 .market = c->market,
				 .urn = (uint32_t)c->key.lo,
				 .qty = c->qty,
				 .firm = c->info.firm,
				 .min_qty = c->info.min_qty,
				 .tags = c->tags,
				 .symbol = c->info.symbol,
				 .price = (uint64_t)c->price,
				 .app_len = c->app_len};
	if (c->op == NMW_OP_REPLACE) {
		out->orig = (uint32_t)c->key.lo;
		out->urn = (uint32_t)c->key2.lo;
	}
	memcpy(out->clordid, c->info.clordid, sizeof out->clordid);
	if (c->app_len)
		memcpy(out->app, c->app, c->app_len);
}

bool sw_order_read(const uint8_t *p, uint32_t len, struct sw_order *out)
{
	struct nmw_cmd c;
	if (nmw_codec_ouch50.decode(p, len, &c))
		return false;
	copy(&c, out);
	if (c.op == NMW_OP_ENTER)
		out->reject = (uint8_t)(nmw_rules_enter(&c) + 1);
	if (c.op == NMW_OP_REPLACE)
		out->reject = (uint8_t)(nmw_rules_replace(&c) + 1);
	return true;
}
