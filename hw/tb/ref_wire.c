/* The software's encoders behind ref_wire.h: C, because their headers are. */
#include "ref_wire.h"

#include "wire/codec.h"

static uint8_t reply_kind(uint8_t type)
{
	switch (type) {
	case 'A':
		return NMW_EVT_ACCEPTED;
	case 'U':
		return NMW_EVT_REPLACED;
	case 'C':
		return NMW_EVT_CANCELED;
	case 'D':
		return NMW_EVT_AIQ_CANCELED;
	case 'E':
		return NMW_EVT_EXECUTED;
	case 'J':
		return NMW_EVT_REJECTED;
	case 'M':
		return NMW_EVT_MODIFIED;
	case 'T':
		return NMW_EVT_PRIORITY;
	case 'S':
		return NMW_EVT_SYSTEM;
	case 'P':
		return NMW_EVT_CANCEL_PENDING;
	case 'I':
		return NMW_EVT_CANCEL_REJECT;
	case 'Q':
		return NMW_EVT_QUERY_REPLY;
	default:
		return NMW_EVT_NONE;
	}
}

static uint8_t feed_kind(uint8_t type)
{
	switch (type) {
	case 'A':
		return NMW_EVT_MD_ADD;
	case 'E':
		return NMW_EVT_MD_EXEC;
	case 'C':
		return NMW_EVT_MD_EXEC_PX;
	case 'X':
		return NMW_EVT_MD_REDUCE;
	case 'D':
		return NMW_EVT_MD_DELETE;
	case 'U':
		return NMW_EVT_MD_REPLACE;
	case 'P':
		return NMW_EVT_MD_TRADE;
	case 'S':
		return NMW_EVT_MD_SYSTEM;
	case 'R':
		return NMW_EVT_MD_DIRECTORY;
	case 'H':
		return NMW_EVT_MD_ACTION;
	default:
		return NMW_EVT_NONE;
	}
}

uint32_t ref_wire_encode(const struct ref_wire *r, uint8_t *b)
{
	bool feed = r->dest == 16, replaced = r->type == 'U';
	struct nmw_order_info info = {
		.tif_raw = r->tif,
		.display = r->display,
		.capacity = r->capacity,
		.iso = r->iso,
		.cross = r->cross,
	};
	memcpy(info.clordid, r->clordid, sizeof(info.clordid));
	struct nmw_evt e = {
		.kind = feed ? feed_kind(r->type) : reply_kind(r->type),
		.reason = r->type == 'J' ? NMW_REJ_OTHER : r->reason,
		.state = r->state,
		.liquidity = r->liquidity,
		.side = r->side,
		.code = r->type == 'D' ? 0 : (uint8_t)r->code,
		.printable = 1,
		.locate = r->locate,
		.app_len = r->app_len,
		.qty = r->qty,
		.prevented = r->prevented,
		.price = (int64_t)r->price,
		.ts_ns = r->day_ns,
		.order_ref = feed && replaced ? r->ref2 : r->ref,
		.old_ref = r->ref,
		.match = r->match,
		.key = {.lo = r->urn},
		.old_key = {.lo = r->orig},
		.info = &info,
		.app = r->type == 'A' || r->type == 'U' ? r->app : NULL,
	};
	memcpy(&e.symbol, r->symbol, sizeof(e.symbol));
	uint32_t n = (feed ? &nmw_codec_itch50 : &nmw_codec_ouch50)->encode(&e, b);
	if (!feed && r->type == 'J') { /* the code is chosen before it comes here */
		b[13] = (uint8_t)(r->code >> 8);
		b[14] = (uint8_t)r->code;
	}
	return n;
}
