/* OUCH 4.2: fixed lengths, 14-character tokens. Layouts: sections 2 (inbound) and 3 (outbound) of
 * the specification. */
#include "wire/be.h"
#include "wire/codec.h"
#include "wire/ouch42.h"
#include <errno.h>

enum { /* bytes of each message that ouch42.h does not have */
       OUT_SYSTEM = 10,
       OUT_AIQ = 37,
       OUT_BROKEN = 32,
       OUT_REJECTED = 24,
       OUT_PENDING = 23,
       OUT_PRIORITY = 36,
       OUT_MODIFIED = 28,
};

static void put_token(uint8_t *p, struct nmw_key k)
{
	nmw_put_raw64(p, k.lo);
	memcpy(p + 8, &k.hi, 6);
}

static void get_tif(struct nmw_cmd *c, uint32_t raw)
{
	c->info.tif_raw = raw;
	if (raw == NMW_OUCH42_TIF_IOC) {
		c->tif = NMW_TIF_IOC;
	} else if (raw == NMW_OUCH42_TIF_DAY) {
		c->tif = NMW_TIF_DAY;
	} else if (raw == NMW_OUCH42_TIF_SYSTEM) {
		c->tif = NMW_TIF_SYSTEM;
	} else if (raw < NMW_OUCH42_TIF_DAY) {
		c->tif = NMW_TIF_GTT;
		c->tif_s = raw;
		c->info.expire_s = raw;
	} else {
		c->tif = NMW_TIF_BAD;
	}
}

static uint32_t put_tif(const struct nmw_cmd *c)
{
	switch (c->tif) {
	case NMW_TIF_DAY:
		return NMW_OUCH42_TIF_DAY;
	case NMW_TIF_IOC:
		return NMW_OUCH42_TIF_IOC;
	case NMW_TIF_SYSTEM:
	case NMW_TIF_AFTER: /* the nearest that 4.2 has */
		return NMW_OUCH42_TIF_SYSTEM;
	case NMW_TIF_GTT:
		return c->tif_s;
	default:
		return c->info.tif_raw;
	}
}

static void get_price(struct nmw_cmd *c, uint32_t raw)
{
	c->price = raw;
	c->market = raw == NMW_PX_MARKET_42;
}

static void get_display(struct nmw_cmd *c, uint8_t display)
{
	c->info.display = display;
	c->post_only = display == 'P' || display == 'L';
	c->price_type = display == 'M' || display == 'W' || display == 'm' ? 'M' : 'L';
}

static void get_enter(const uint8_t *p, uint32_t len, struct nmw_cmd *c)
{
	c->op = NMW_OP_ENTER;
	c->key = nmw_ouch42_token(p + 1);
	c->side = p[15];
	c->info.side = p[15];
	c->qty = nmw_be32(p + 16);
	c->info.symbol = nmw_raw64(p + 20);
	get_price(c, nmw_be32(p + 28));
	get_tif(c, nmw_be32(p + 32));
	c->info.firm = nmw_raw32(p + 36);
	get_display(c, p[40]);
	c->info.capacity = p[41];
	c->info.iso = p[42];
	c->info.min_qty = nmw_be32(p + 43);
	c->info.cross = p[47];
	c->info.customer = len == NMW_OUCH42_IN_ENTER ? p[48] : ' ';
}

static void get_replace(const uint8_t *p, struct nmw_cmd *c)
{
	c->op = NMW_OP_REPLACE;
	c->key = nmw_ouch42_token(p + 1);
	c->key2 = nmw_ouch42_token(p + 15);
	c->qty = nmw_be32(p + 29);
	get_price(c, nmw_be32(p + 33));
	get_tif(c, nmw_be32(p + 37));
	get_display(c, p[41]);
	c->info.iso = p[42];
	c->info.min_qty = nmw_be32(p + 43);
}

static int decode(const uint8_t *p, uint32_t len, struct nmw_cmd *c)
{
	if (len == 0)
		return -EBADMSG;
	nmw_cmd_clear(c);
	switch (p[0]) {
	case 'O':
		if (len != NMW_OUCH42_IN_ENTER && len != NMW_OUCH42_IN_ENTER_SHORT)
			return -EBADMSG;
		get_enter(p, len, c);
		return 0;
	case 'U':
		if (len != NMW_OUCH42_IN_REPLACE)
			return -EBADMSG;
		get_replace(p, c);
		return 0;
	case 'X':
		if (len != NMW_OUCH42_IN_CANCEL)
			return -EBADMSG;
		c->op = NMW_OP_CANCEL;
		c->key = nmw_ouch42_token(p + 1);
		c->qty = nmw_be32(p + 15);
		return 0;
	case 'M':
		if (len != NMW_OUCH42_IN_MODIFY)
			return -EBADMSG;
		c->op = NMW_OP_MODIFY;
		c->key = nmw_ouch42_token(p + 1);
		c->side = p[15];
		c->qty = nmw_be32(p + 16);
		return 0;
	case 'N':
		if (len != NMW_OUCH42_IN_TRADE_NOW)
			return -EBADMSG;
		c->op = NMW_OP_TRADE_NOW;
		c->key = nmw_ouch42_token(p + 1);
		return 0;
	default:
		return -EBADMSG;
	}
}

static uint32_t put_enter(const struct nmw_cmd *c, uint8_t *b)
{
	b[0] = 'O';
	put_token(b + 1, c->key);
	b[15] = c->side;
	nmw_put32(b + 16, c->qty);
	nmw_put_raw64(b + 20, c->info.symbol);
	nmw_put32(b + 28, (uint32_t)c->price);
	nmw_put32(b + 32, put_tif(c));
	nmw_put_raw32(b + 36, c->info.firm);
	b[40] = c->info.display;
	b[41] = c->info.capacity;
	b[42] = c->info.iso;
	nmw_put32(b + 43, c->info.min_qty);
	b[47] = c->info.cross;
	b[48] = c->info.customer;
	return NMW_OUCH42_IN_ENTER;
}

static uint32_t put_replace(const struct nmw_cmd *c, uint8_t *b)
{
	b[0] = 'U';
	put_token(b + 1, c->key);
	put_token(b + 15, c->key2);
	nmw_put32(b + 29, c->qty);
	nmw_put32(b + 33, (uint32_t)c->price);
	nmw_put32(b + 37, put_tif(c));
	b[41] = c->info.display;
	b[42] = c->info.iso;
	nmw_put32(b + 43, c->info.min_qty);
	return NMW_OUCH42_IN_REPLACE;
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
		put_token(b + 1, c->key);
		nmw_put32(b + 15, c->qty);
		return NMW_OUCH42_IN_CANCEL;
	case NMW_OP_MODIFY:
		b[0] = 'M';
		put_token(b + 1, c->key);
		b[15] = c->side;
		nmw_put32(b + 16, c->qty);
		return NMW_OUCH42_IN_MODIFY;
	case NMW_OP_TRADE_NOW:
		b[0] = 'N';
		put_token(b + 1, c->key);
		return NMW_OUCH42_IN_TRADE_NOW;
	default:
		return 0;
	}
}

static const uint8_t reject_char[NMW_REJ_MAX] = {
	[NMW_REJ_OTHER] = 'O',	 [NMW_REJ_HALTED] = 'H',  [NMW_REJ_CLOSED] = 'C',
	[NMW_REJ_SYMBOL] = 'S',	 [NMW_REJ_PRICE] = 'X',	  [NMW_REJ_QTY] = 'Z',
	[NMW_REJ_MIN_QTY] = 'N', [NMW_REJ_DISPLAY] = 'D', [NMW_REJ_SIDE] = 'O',
	[NMW_REJ_TIF] = 'O',	 [NMW_REJ_CROSS] = 'R',	  [NMW_REJ_CAPACITY_CODE] = 'O',
	[NMW_REJ_ISO] = 'd',	 [NMW_REJ_PEG] = 'D',	  [NMW_REJ_ROUTING] = 'O',
	[NMW_REJ_RISK] = 'O',	 [NMW_REJ_REPLACE] = 'O', [NMW_REJ_FAT_FINGER] = 'X',
};

static void put_head(uint8_t *b, char type, const struct nmw_evt *e)
{
	b[0] = (uint8_t)type;
	nmw_put64(b + 1, e->ts_ns);
	put_token(b + 9, e->key);
}

/* Offsets 23 to 64 are the same in Accepted and Replaced. */
static void put_order(uint8_t *b, const struct nmw_evt *e)
{
	const struct nmw_order_info *o = e->info ? e->info : &nmw_order_info_none;
	b[23] = e->side;
	nmw_put32(b + 24, e->qty);
	nmw_put_raw64(b + 28, e->symbol);
	nmw_put32(b + 36, (uint32_t)e->price);
	nmw_put32(b + 40, o->tif_raw);
	nmw_put_raw32(b + 44, o->firm);
	b[48] = o->display;
	nmw_put64(b + 49, e->order_ref);
	b[57] = o->capacity;
	b[58] = o->iso;
	nmw_put32(b + 59, o->min_qty);
	b[63] = o->cross;
	b[64] = e->state;
}

static uint32_t put_accepted(const struct nmw_evt *e, uint8_t *b)
{
	put_head(b, 'A', e);
	put_order(b, e);
	b[65] = ' '; /* BBO weight: unspecified */
	return NMW_OUCH42_ACCEPTED;
}

static uint32_t put_replaced(const struct nmw_evt *e, uint8_t *b)
{
	put_head(b, 'U', e);
	put_order(b, e);
	put_token(b + 65, e->old_key);
	b[79] = ' ';
	return NMW_OUCH42_REPLACED;
}

static uint32_t put_executed(const struct nmw_evt *e, uint8_t *b)
{
	put_head(b, 'E', e);
	nmw_put32(b + 23, e->qty);
	nmw_put32(b + 27, (uint32_t)e->price);
	b[31] = e->liquidity;
	nmw_put64(b + 32, e->match);
	return NMW_OUCH42_EXECUTED;
}

static uint32_t put_aiq(const struct nmw_evt *e, uint8_t *b)
{
	put_head(b, 'D', e);
	nmw_put32(b + 23, e->qty);
	b[27] = e->reason;
	nmw_put32(b + 28, e->prevented);
	nmw_put32(b + 32, (uint32_t)e->price);
	b[36] = e->liquidity;
	return OUT_AIQ;
}

static uint32_t put_priority(const struct nmw_evt *e, uint8_t *b)
{
	put_head(b, 'T', e);
	nmw_put32(b + 23, (uint32_t)e->price);
	b[27] = e->info ? e->info->display : ' ';
	nmw_put64(b + 28, e->order_ref);
	return OUT_PRIORITY;
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
		nmw_put32(b + 23, e->qty);
		b[27] = e->reason;
		return NMW_OUCH42_CANCELED;
	case NMW_EVT_REPLACED:
		return put_replaced(e, b);
	case NMW_EVT_REJECTED:
		put_head(b, 'J', e);
		b[23] = reject_char[e->reason < NMW_REJ_MAX ? e->reason : NMW_REJ_OTHER];
		return OUT_REJECTED;
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
		b[23] = e->side;
		nmw_put32(b + 24, e->qty);
		return OUT_MODIFIED;
	case NMW_EVT_BROKEN:
		put_head(b, 'B', e);
		nmw_put64(b + 23, e->match);
		b[31] = e->code;
		return OUT_BROKEN;
	default:
		return 0;
	}
}

const struct nmw_codec nmw_codec_ouch42 = {
	.name = "ouch42",
	.id = NMW_CODEC_OUCH42,
	.max_in = NMW_OUCH42_IN_ENTER,
	.max_out = NMW_OUCH42_REPLACED,
	.decode = decode,
	.encode_cmd = encode_cmd,
	.encode = encode,
};
