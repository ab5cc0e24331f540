/* OUCH 5.0: user reference numbers, u64 prices, an appendage of optional fields. Layouts: sections
 * 2 (inbound), 3 (outbound) and appendix A (optional fields) of the specification. */
#include "wire/be.h"
#include "wire/codec.h"
#include "wire/ouch50.h"
#include <errno.h>

enum { /* bytes of each message, without the appendage */
       OUT_SYSTEM = 10,
       OUT_AIQ = 32,
       OUT_BROKEN = 36,
       OUT_REJECTED = 29,
       OUT_PENDING = 13,
       OUT_PRIORITY = 30,
       OUT_MODIFIED = 18,
       OUT_QUERY = 13,
};

/* Bytes of each optional field's value; 0 = no such tag. */
static const uint8_t tag_size[NMW_TAG_MAX] = {
	[NMW_TAG_SECONDARY_REF] = 8,   [NMW_TAG_FIRM] = 4,
	[NMW_TAG_MIN_QTY] = 4,	       [NMW_TAG_CUSTOMER] = 1,
	[NMW_TAG_MAX_FLOOR] = 4,       [NMW_TAG_PRICE_TYPE] = 1,
	[NMW_TAG_PEG_OFFSET] = 4,      [NMW_TAG_DISCRETION_PRICE] = 8,
	[NMW_TAG_DISCRETION_TYPE] = 1, [NMW_TAG_DISCRETION_OFFSET] = 4,
	[NMW_TAG_POST_ONLY] = 1,       [NMW_TAG_RANDOM_RESERVES] = 4,
	[NMW_TAG_ROUTE] = 4,	       [NMW_TAG_EXPIRE_TIME] = 4,
	[NMW_TAG_TRADE_NOW] = 1,       [NMW_TAG_HANDLE_INST] = 1,
	[NMW_TAG_BBO_WEIGHT] = 1,      [NMW_TAG_DISPLAY_QTY] = 4,
	[NMW_TAG_DISPLAY_PRICE] = 8,   [NMW_TAG_GROUP_ID] = 2,
	[NMW_TAG_SHARES_LOCATED] = 1,
};

static void get_tag(unsigned tag, const uint8_t *v, struct nmw_cmd *c)
{
	switch (tag) {
	case NMW_TAG_FIRM:
		c->info.firm = nmw_raw32(v);
		break;
	case NMW_TAG_MIN_QTY:
		c->info.min_qty = nmw_be32(v);
		break;
	case NMW_TAG_CUSTOMER:
		c->info.customer = v[0];
		break;
	case NMW_TAG_MAX_FLOOR:
	case NMW_TAG_DISPLAY_QTY:
		c->display_qty = nmw_be32(v);
		break;
	case NMW_TAG_PRICE_TYPE:
		c->price_type = v[0];
		break;
	case NMW_TAG_POST_ONLY:
		c->post_only = v[0] == 'P';
		break;
	case NMW_TAG_EXPIRE_TIME:
		c->tif_s = nmw_be32(v);
		c->info.expire_s = c->tif_s;
		break;
	default:
		break; /* its bit in tags says that it is there */
	}
}

/* Appendage: (u8 size of tag and value | u8 tag | value)*.  A known tag must have its size and may
 * come once; an unknown one is passed over, as the specification asks of readers. */
static int get_app(const uint8_t *p, uint32_t n, struct nmw_cmd *c)
{
	if (n > NMW_APP_MAX)
		return -EBADMSG;
	c->app = p;
	c->app_len = (uint16_t)n;
	while (n) {
		uint32_t len = p[0];
		if (len == 0 || len >= n)
			return -EBADMSG;
		unsigned tag = p[1];
		if (tag < NMW_TAG_MAX && tag_size[tag]) {
			if (len - 1 != tag_size[tag] || c->tags & 1u << tag)
				return -EBADMSG;
			c->tags |= 1u << tag;
			get_tag(tag, p + 2, c);
		} else {
			c->tags |= 1u << NMW_TAG_UNKNOWN;
		}
		p += len + 1;
		n -= len + 1;
	}
	return 0;
}

static void get_tif(struct nmw_cmd *c, uint8_t raw)
{
	c->info.tif_raw = raw;
	switch (raw) {
	case '0':
		c->tif = NMW_TIF_DAY;
		break;
	case '3':
		c->tif = NMW_TIF_IOC;
		break;
	case '5':
		c->tif = NMW_TIF_SYSTEM;
		break;
	case '6':
		c->tif = NMW_TIF_GTT;
		break;
	case 'E':
		c->tif = NMW_TIF_AFTER;
		break;
	default:
		c->tif = NMW_TIF_BAD;
		break;
	}
}

static uint8_t put_tif(const struct nmw_cmd *c)
{
	static const char tif[NMW_TIF_BAD] = {
		[NMW_TIF_DAY] = '0', [NMW_TIF_IOC] = '3',   [NMW_TIF_SYSTEM] = '5',
		[NMW_TIF_GTT] = '6', [NMW_TIF_AFTER] = 'E',
	};
	return c->tif < NMW_TIF_BAD ? (uint8_t)tif[c->tif] : (uint8_t)c->info.tif_raw;
}

static void get_price(struct nmw_cmd *c, uint64_t raw)
{
	c->price = (int64_t)raw;
	c->market = raw == NMW_PX_MARKET_42; /* the same bound in both versions */
	c->price_type = 'L';
}

static int get_enter(const uint8_t *p, uint32_t len, struct nmw_cmd *c)
{
	c->op = NMW_OP_ENTER;
	c->key.lo = nmw_be32(p + 1);
	c->side = p[5];
	c->info.side = p[5];
	c->qty = nmw_be32(p + 6);
	c->info.symbol = nmw_raw64(p + 10);
	get_price(c, nmw_be64(p + 18));
	get_tif(c, p[26]);
	c->info.display = p[27];
	c->info.capacity = p[28];
	c->info.iso = p[29];
	c->info.cross = p[30];
	c->info.customer = ' ';
	c->info.firm = nmw_order_info_none.firm;
	memcpy(c->info.clordid, p + 31, 14);
	return get_app(p + NMW_OUCH50_IN_ENTER, len - NMW_OUCH50_IN_ENTER, c);
}

static int get_replace(const uint8_t *p, uint32_t len, struct nmw_cmd *c)
{
	c->op = NMW_OP_REPLACE;
	c->key.lo = nmw_be32(p + 1);
	c->key2.lo = nmw_be32(p + 5);
	c->qty = nmw_be32(p + 9);
	get_price(c, nmw_be64(p + 13));
	get_tif(c, p[21]);
	c->info.display = p[22];
	c->info.iso = p[23];
	memcpy(c->info.clordid, p + 24, 14);
	return get_app(p + NMW_OUCH50_IN_REPLACE, len - NMW_OUCH50_IN_REPLACE, c);
}

static int decode(const uint8_t *p, uint32_t len, struct nmw_cmd *c)
{
	if (len == 0)
		return -EBADMSG;
	nmw_cmd_clear(c);
	switch (p[0]) {
	case 'O':
		if (len < NMW_OUCH50_IN_ENTER || nmw_be16(p + 45) != len - NMW_OUCH50_IN_ENTER)
			return -EBADMSG;
		return get_enter(p, len, c);
	case 'U':
		if (len < NMW_OUCH50_IN_REPLACE || nmw_be16(p + 38) != len - NMW_OUCH50_IN_REPLACE)
			return -EBADMSG;
		return get_replace(p, len, c);
	case 'X':
		if (len != NMW_OUCH50_IN_CANCEL)
			return -EBADMSG;
		c->op = NMW_OP_CANCEL;
		c->key.lo = nmw_be32(p + 1);
		c->qty = nmw_be32(p + 5);
		return 0;
	case 'M':
		if (len != NMW_OUCH50_IN_MODIFY)
			return -EBADMSG;
		c->op = NMW_OP_MODIFY;
		c->key.lo = nmw_be32(p + 1);
		c->side = p[5];
		c->qty = nmw_be32(p + 6);
		return 0;
	case 'Q':
		if (len != NMW_OUCH50_IN_QUERY)
			return -EBADMSG;
		c->op = NMW_OP_QUERY;
		return 0;
	default:
		return -EBADMSG;
	}
}

static uint8_t *put_tag(uint8_t *b, uint8_t tag)
{
	b[0] = (uint8_t)(tag_size[tag] + 1);
	b[1] = tag;
	return b + 2;
}

static uint8_t *put_tag_u32(uint8_t *b, uint8_t tag, uint32_t v)
{
	b = put_tag(b, tag);
	nmw_put32(b, v);
	return b + 4;
}

static uint8_t *put_tag_char(uint8_t *b, uint8_t tag, uint8_t v)
{
	b = put_tag(b, tag);
	b[0] = v;
	return b + 1;
}

/* The appendage that a command's fields need. Returns its end. */
static uint8_t *put_fields(uint8_t *b, const struct nmw_cmd *c)
{
	if (c->info.firm && c->info.firm != nmw_order_info_none.firm) {
		b = put_tag(b, NMW_TAG_FIRM);
		nmw_put_raw32(b, c->info.firm);
		b += 4;
	}
	if (c->info.min_qty)
		b = put_tag_u32(b, NMW_TAG_MIN_QTY, c->info.min_qty);
	if (c->info.customer && c->info.customer != ' ')
		b = put_tag_char(b, NMW_TAG_CUSTOMER, c->info.customer);
	if (c->price_type && c->price_type != 'L')
		b = put_tag_char(b, NMW_TAG_PRICE_TYPE, c->price_type);
	if (c->post_only)
		b = put_tag_char(b, NMW_TAG_POST_ONLY, 'P');
	if (c->tif == NMW_TIF_GTT)
		b = put_tag_u32(b, NMW_TAG_EXPIRE_TIME, c->tif_s);
	if (c->display_qty)
		b = put_tag_u32(b, NMW_TAG_DISPLAY_QTY, c->display_qty);
	return b;
}

/* Writes length and appendage at b. Returns the bytes of the appendage. */
static uint32_t put_app(uint8_t *b, const uint8_t *app, uint32_t n)
{
	if (app == NULL || n > NMW_APP_MAX)
		n = 0;
	nmw_put16(b, (uint16_t)n);
	if (n)
		memcpy(b + 2, app, n);
	return n;
}

static uint32_t put_cmd_app(uint8_t *b, const struct nmw_cmd *c)
{
	if (c->app)
		return put_app(b, c->app, c->app_len);
	uint32_t n = (uint32_t)(put_fields(b + 2, c) - (b + 2));
	nmw_put16(b, (uint16_t)n);
	return n;
}

static uint32_t put_enter(const struct nmw_cmd *c, uint8_t *b)
{
	b[0] = 'O';
	nmw_put32(b + 1, (uint32_t)c->key.lo);
	b[5] = c->side;
	nmw_put32(b + 6, c->qty);
	nmw_put_raw64(b + 10, c->info.symbol);
	nmw_put64(b + 18, (uint64_t)c->price);
	b[26] = put_tif(c);
	b[27] = c->info.display;
	b[28] = c->info.capacity;
	b[29] = c->info.iso;
	b[30] = c->info.cross;
	memcpy(b + 31, c->info.clordid, 14);
	return NMW_OUCH50_IN_ENTER + put_cmd_app(b + 45, c);
}

static uint32_t put_replace(const struct nmw_cmd *c, uint8_t *b)
{
	b[0] = 'U';
	nmw_put32(b + 1, (uint32_t)c->key.lo);
	nmw_put32(b + 5, (uint32_t)c->key2.lo);
	nmw_put32(b + 9, c->qty);
	nmw_put64(b + 13, (uint64_t)c->price);
	b[21] = put_tif(c);
	b[22] = c->info.display;
	b[23] = c->info.iso;
	memcpy(b + 24, c->info.clordid, 14);
	return NMW_OUCH50_IN_REPLACE + put_cmd_app(b + 38, c);
}

static uint32_t encode_cmd(const struct nmw_cmd *c, uint8_t *b)
{
	switch (c->op) {
	case NMW_OP_ENTER:
		return put_enter(c, b);
	case NMW_OP_REPLACE:
		return put_replace(c, b);
	case NMW_OP_CANCEL:
		b[0] = 'X';
		nmw_put32(b + 1, (uint32_t)c->key.lo);
		nmw_put32(b + 5, c->qty);
		return NMW_OUCH50_IN_CANCEL;
	case NMW_OP_MODIFY:
		b[0] = 'M';
		nmw_put32(b + 1, (uint32_t)c->key.lo);
		b[5] = c->side;
		nmw_put32(b + 6, c->qty);
		return NMW_OUCH50_IN_MODIFY;
	case NMW_OP_QUERY:
		b[0] = 'Q';
		return NMW_OUCH50_IN_QUERY;
	default:
		return 0;
	}
}

static const uint16_t reject_code[NMW_REJ_MAX] = {
	[NMW_REJ_OTHER] = 0x0F,	     [NMW_REJ_HALTED] = 0x07,	     [NMW_REJ_CLOSED] = 0x02,
	[NMW_REJ_SYMBOL] = 0x17,     [NMW_REJ_PRICE] = 0x1D,	     [NMW_REJ_QTY] = 0x13,
	[NMW_REJ_MIN_QTY] = 0x0D,    [NMW_REJ_DISPLAY] = 0x03,	     [NMW_REJ_SIDE] = 0x09,
	[NMW_REJ_TIF] = 0x0F,	     [NMW_REJ_CAPACITY_CODE] = 0x0F, [NMW_REJ_CROSS] = 0x14,
	[NMW_REJ_ISO] = 0x08,	     [NMW_REJ_PEG] = 0x05,	     [NMW_REJ_ROUTING] = 0x16,
	[NMW_REJ_FAT_FINGER] = 0x06, [NMW_REJ_RISK] = 0x20,	     [NMW_REJ_REPLACE] = 0x15,
};

static void put_head(uint8_t *b, char type, const struct nmw_evt *e)
{
	b[0] = (uint8_t)type;
	nmw_put64(b + 1, e->ts_ns);
	nmw_put32(b + 9, (uint32_t)e->key.lo);
}

static const struct nmw_order_info *info_of(const struct nmw_evt *e)
{
	return e->info ? e->info : &nmw_order_info_none;
}

/* Side to appendage: the same in Accepted (at 13) and Replaced (at 17). Returns its bytes. */
static uint32_t put_order(uint8_t *b, const struct nmw_evt *e)
{
	const struct nmw_order_info *o = info_of(e);
	b[0] = e->side;
	nmw_put32(b + 1, e->qty);
	nmw_put_raw64(b + 5, e->symbol);
	nmw_put64(b + 13, (uint64_t)e->price);
	b[21] = (uint8_t)o->tif_raw;
	b[22] = o->display;
	nmw_put64(b + 23, e->order_ref);
	b[31] = o->capacity;
	b[32] = o->iso;
	b[33] = o->cross;
	b[34] = e->state;
	memcpy(b + 35, o->clordid, 14);
	return put_app(b + 49, e->app, e->app_len);
}

static uint32_t put_accepted(const struct nmw_evt *e, uint8_t *b)
{
	put_head(b, 'A', e);
	return NMW_OUCH50_ACCEPTED + put_order(b + 13, e);
}

static uint32_t put_replaced(const struct nmw_evt *e, uint8_t *b)
{
	b[0] = 'U';
	nmw_put64(b + 1, e->ts_ns);
	nmw_put32(b + 9, (uint32_t)e->old_key.lo);
	nmw_put32(b + 13, (uint32_t)e->key.lo);
	return NMW_OUCH50_REPLACED + put_order(b + 17, e);
}

static uint32_t put_executed(const struct nmw_evt *e, uint8_t *b)
{
	put_head(b, 'E', e);
	nmw_put32(b + 13, e->qty);
	nmw_put64(b + 17, (uint64_t)e->price);
	b[25] = e->liquidity;
	nmw_put64(b + 26, e->match);
	return NMW_OUCH50_EXECUTED + put_app(b + 34, e->app, e->app_len);
}

static uint32_t put_aiq(const struct nmw_evt *e, uint8_t *b)
{
	put_head(b, 'D', e);
	nmw_put32(b + 13, e->qty);
	b[17] = e->reason;
	nmw_put32(b + 18, e->prevented);
	nmw_put64(b + 22, (uint64_t)e->price);
	b[30] = e->liquidity;
	b[31] = e->code ? e->code : ' '; /* self-match strategy */
	return OUT_AIQ;
}

static uint32_t put_rejected(const struct nmw_evt *e, uint8_t *b)
{
	put_head(b, 'J', e);
	nmw_put16(b + 13, reject_code[e->reason < NMW_REJ_MAX ? e->reason : NMW_REJ_OTHER]);
	memcpy(b + 15, info_of(e)->clordid, 14);
	return OUT_REJECTED;
}

static uint32_t put_priority(const struct nmw_evt *e, uint8_t *b)
{
	put_head(b, 'T', e);
	nmw_put64(b + 13, (uint64_t)e->price);
	b[21] = info_of(e)->display;
	nmw_put64(b + 22, e->order_ref);
	return OUT_PRIORITY;
}

static uint32_t put_broken(const struct nmw_evt *e, uint8_t *b)
{
	put_head(b, 'B', e);
	nmw_put64(b + 13, e->match);
	b[21] = e->code;
	memcpy(b + 22, info_of(e)->clordid, 14);
	return OUT_BROKEN;
}

static uint32_t encode(const struct nmw_evt *e, uint8_t *b)
{
	switch (e->kind) {
	case NMW_EVT_ACCEPTED:
		return put_accepted(e, b);
	case NMW_EVT_EXECUTED:
		return put_executed(e, b);
	case NMW_EVT_CANCELED:
		put_head(b, 'C', e);
		nmw_put32(b + 13, e->qty);
		b[17] = e->reason;
		return NMW_OUCH50_CANCELED;
	case NMW_EVT_REPLACED:
		return put_replaced(e, b);
	case NMW_EVT_REJECTED:
		return put_rejected(e, b);
	case NMW_EVT_SYSTEM:
		b[0] = 'S';
		nmw_put64(b + 1, e->ts_ns);
		b[9] = e->code;
		return OUT_SYSTEM;
	case NMW_EVT_AIQ_CANCELED:
		return put_aiq(e, b);
	case NMW_EVT_CANCEL_PENDING:
		put_head(b, 'P', e);
		return OUT_PENDING;
	case NMW_EVT_CANCEL_REJECT:
		put_head(b, 'I', e);
		return OUT_PENDING;
	case NMW_EVT_PRIORITY:
		return put_priority(e, b);
	case NMW_EVT_MODIFIED:
		put_head(b, 'M', e);
		b[13] = e->side;
		nmw_put32(b + 14, e->qty);
		return OUT_MODIFIED;
	case NMW_EVT_QUERY_REPLY:
		put_head(b, 'Q', e);
		return OUT_QUERY;
	case NMW_EVT_BROKEN:
		return put_broken(e, b);
	default:
		return 0;
	}
}

const struct nmw_codec nmw_codec_ouch50 = {
	.name = "ouch50",
	.id = NMW_CODEC_OUCH50,
	.max_in = NMW_OUCH50_IN_ENTER + NMW_APP_MAX,
	.max_out = NMW_OUCH50_REPLACED + NMW_APP_MAX,
	.decode = decode,
	.encode_cmd = encode_cmd,
	.encode = encode,
};
