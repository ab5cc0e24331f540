/* TotalView-ITCH 5.0: market data. Layouts: section 4 of the specification. */
#include "wire/itch50.h"

#include "wire/be.h"
#include "wire/codec.h"
#include <errno.h>

/* Bytes of each message, by type; 0 = no such type. */
static const uint8_t msg_len[256] = {
	['S'] = 12, ['R'] = 39, ['H'] = 25, ['Y'] = 20, ['L'] = 26, ['V'] = 35,
	['W'] = 12, ['K'] = 28, ['J'] = 35, ['h'] = 21, ['A'] = 36, ['F'] = 40,
	['E'] = 31, ['C'] = 36, ['X'] = 23, ['D'] = 19, ['U'] = 35, ['P'] = 44,
	['Q'] = 40, ['B'] = 19, ['I'] = 50, ['N'] = 20, ['O'] = 48,
};
enum { MAX_LEN = 50 };

static void get_add(const uint8_t *p, struct nmw_cmd *c)
{
	c->op = NMW_OP_FEED_ADD;
	c->key.lo = nmw_be64(p + 11);
	c->side = p[19];
	c->qty = nmw_be32(p + 20);
	c->info.symbol = nmw_raw64(p + 24);
	c->price = nmw_be32(p + 32);
}

static void get_exec(const uint8_t *p, struct nmw_cmd *c)
{
	c->op = NMW_OP_FEED_EXEC;
	c->key.lo = nmw_be64(p + 11);
	c->qty = nmw_be32(p + 19);
	c->match = nmw_be64(p + 23);
}

static void get_replace(const uint8_t *p, struct nmw_cmd *c)
{
	c->op = NMW_OP_FEED_REPLACE;
	c->key.lo = nmw_be64(p + 11);
	c->key2.lo = nmw_be64(p + 19);
	c->qty = nmw_be32(p + 27);
	c->price = nmw_be32(p + 31);
}

static void get_trade(const uint8_t *p, struct nmw_cmd *c)
{
	get_add(p, c);
	c->op = NMW_OP_FEED_TRADE;
	c->match = nmw_be64(p + 36);
}

static void get_cross(const uint8_t *p, struct nmw_cmd *c)
{
	uint64_t shares = nmw_be64(p + 11);
	c->op = NMW_OP_FEED_CROSS;
	c->qty = shares < UINT32_MAX ? (uint32_t)shares : UINT32_MAX;
	c->info.symbol = nmw_raw64(p + 19);
	c->price = nmw_be32(p + 27);
	c->match = nmw_be64(p + 31);
	c->code = p[39];
}

/* Types that are rare: the order messages are taken before. */
static void get_other(const uint8_t *p, struct nmw_cmd *c)
{
	c->op = NMW_OP_FEED_INFO;
	switch (p[0]) {
	case 'Q':
		get_cross(p, c);
		break;
	case 'B':
		c->op = NMW_OP_FEED_BROKEN;
		c->match = nmw_be64(p + 11);
		break;
	case 'R':
		c->op = NMW_OP_FEED_DIRECTORY;
		c->info.symbol = nmw_raw64(p + 11);
		c->qty = nmw_be32(p + 21);
		break;
	case 'H':
		c->op = NMW_OP_FEED_ACTION;
		c->info.symbol = nmw_raw64(p + 11);
		c->code = p[19];
		break;
	case 'h': /* on the other markets of the group (B, X) it says nothing about this book */
		c->info.symbol = nmw_raw64(p + 11);
		c->code = p[20];
		if (p[19] == 'Q')
			c->op = NMW_OP_FEED_ACTION;
		break;
	case 'S':
		c->op = NMW_OP_FEED_SYSTEM;
		c->code = p[11];
		break;
	default:
		break;
	}
}

uint32_t nmw_itch50_len(uint8_t type)
{
	return msg_len[type];
}

static int decode(const uint8_t *p, uint32_t len, struct nmw_cmd *c)
{
	if (len == 0 || msg_len[p[0]] != len)
		return -EBADMSG;
	nmw_cmd_clear(c);
	c->locate = nmw_be16(p + 1);
	c->tracking = nmw_be16(p + 3);
	c->ts_ns = nmw_be48(p + 5);
	switch (p[0]) {
	case 'A':
		get_add(p, c);
		break;
	case 'F':
		get_add(p, c);
		c->info.firm = nmw_raw32(p + 36);
		break;
	case 'E':
		get_exec(p, c);
		break;
	case 'C':
		get_exec(p, c);
		c->op = NMW_OP_FEED_EXEC_PX;
		c->printable = p[31] == 'Y';
		c->price = nmw_be32(p + 32);
		break;
	case 'X':
		c->op = NMW_OP_FEED_REDUCE;
		c->key.lo = nmw_be64(p + 11);
		c->qty = nmw_be32(p + 19);
		break;
	case 'D':
		c->op = NMW_OP_FEED_DELETE;
		c->key.lo = nmw_be64(p + 11);
		break;
	case 'U':
		get_replace(p, c);
		break;
	case 'P':
		get_trade(p, c);
		break;
	default:
		get_other(p, c);
		break;
	}
	return 0;
}

static void put_head(uint8_t *b, char type, const struct nmw_evt *e)
{
	b[0] = (uint8_t)type;
	nmw_put16(b + 1, e->locate);
	nmw_put16(b + 3, e->tracking);
	nmw_put48(b + 5, e->ts_ns);
}

static uint32_t put_add(const struct nmw_evt *e, uint8_t *b)
{
	put_head(b, 'A', e);
	nmw_put64(b + 11, e->order_ref);
	b[19] = e->side == 'B' ? 'B' : 'S'; /* the feed does not tell short sales */
	nmw_put32(b + 20, e->qty);
	nmw_put_raw64(b + 24, e->symbol);
	nmw_put32(b + 32, (uint32_t)e->price);
	return 36;
}

static uint32_t put_exec(const struct nmw_evt *e, uint8_t *b)
{
	put_head(b, 'E', e);
	nmw_put64(b + 11, e->order_ref);
	nmw_put32(b + 19, e->qty);
	nmw_put64(b + 23, e->match);
	return 31;
}

static uint32_t put_exec_px(const struct nmw_evt *e, uint8_t *b)
{
	put_exec(e, b);
	b[0] = 'C';
	b[31] = e->printable ? 'Y' : 'N';
	nmw_put32(b + 32, (uint32_t)e->price);
	return 36;
}

static uint32_t put_replace(const struct nmw_evt *e, uint8_t *b)
{
	put_head(b, 'U', e);
	nmw_put64(b + 11, e->old_ref);
	nmw_put64(b + 19, e->order_ref);
	nmw_put32(b + 27, e->qty);
	nmw_put32(b + 31, (uint32_t)e->price);
	return 35;
}

static uint32_t put_trade(const struct nmw_evt *e, uint8_t *b)
{
	put_add(e, b);
	b[0] = 'P';
	nmw_put64(b + 36, e->match);
	return 44;
}

/* A common share of a test market: what the engine does not know is given as "normal" or "not
 * available", and authenticity P, so that feed handlers take the symbol. */
static uint32_t put_directory(const struct nmw_evt *e, uint8_t *b)
{
	put_head(b, 'R', e);
	nmw_put_raw64(b + 11, e->symbol);
	b[19] = 'Q';				  /* market category: Nasdaq Global Select */
	b[20] = 'N';				  /* financial status: normal */
	nmw_put32(b + 21, e->qty ? e->qty : 100); /* round lot */
	b[25] = 'N';				  /* round lots only: no */
	b[26] = 'C';				  /* issue classification: common stock */
	b[27] = 'Z';				  /* issue subtype: not applicable */
	b[28] = ' ';
	b[29] = 'P'; /* authenticity: live */
	b[30] = 'N'; /* short sale threshold: not restricted */
	b[31] = 'N'; /* IPO: no */
	b[32] = ' '; /* LULD reference price tier: not available */
	b[33] = 'N'; /* exchange traded product: no */
	nmw_put32(b + 34, 0);
	b[38] = 'N'; /* inverse: no */
	return 39;
}

static uint32_t put_action(const struct nmw_evt *e, uint8_t *b)
{
	put_head(b, 'H', e);
	nmw_put_raw64(b + 11, e->symbol);
	b[19] = e->code;
	b[20] = ' ';
	nmw_put_raw32(b + 21, nmw_order_info_none.firm); /* reason: none */
	return 25;
}

static uint32_t encode(const struct nmw_evt *e, uint8_t *b)
{
	switch (e->kind) {
	case NMW_EVT_MD_ADD:
		return put_add(e, b);
	case NMW_EVT_MD_EXEC:
		return put_exec(e, b);
	case NMW_EVT_MD_DELETE:
		put_head(b, 'D', e);
		nmw_put64(b + 11, e->order_ref);
		return 19;
	case NMW_EVT_MD_REDUCE:
		put_head(b, 'X', e);
		nmw_put64(b + 11, e->order_ref);
		nmw_put32(b + 19, e->qty);
		return 23;
	case NMW_EVT_MD_REPLACE:
		return put_replace(e, b);
	case NMW_EVT_MD_EXEC_PX:
		return put_exec_px(e, b);
	case NMW_EVT_MD_TRADE:
		return put_trade(e, b);
	case NMW_EVT_MD_SYSTEM:
		put_head(b, 'S', e);
		b[11] = e->code;
		return 12;
	case NMW_EVT_MD_DIRECTORY:
		return put_directory(e, b);
	case NMW_EVT_MD_ACTION:
		return put_action(e, b);
	default:
		return 0;
	}
}

/* Q and B have no event: the engine never sends them. */
static uint32_t put_print(const struct nmw_cmd *c, const struct nmw_evt *e, uint8_t *b)
{
	if (c->op == NMW_OP_FEED_BROKEN) {
		put_head(b, 'B', e);
		nmw_put64(b + 11, c->match);
		return 19;
	}
	put_head(b, 'Q', e);
	nmw_put64(b + 11, c->qty);
	nmw_put_raw64(b + 19, c->info.symbol);
	nmw_put32(b + 27, (uint32_t)c->price);
	nmw_put64(b + 31, c->match);
	b[39] = c->code;
	return 40;
}

static const uint8_t evt_of[NMW_OP_MAX] = {
	[NMW_OP_FEED_ADD] = NMW_EVT_MD_ADD,	    [NMW_OP_FEED_EXEC] = NMW_EVT_MD_EXEC,
	[NMW_OP_FEED_EXEC_PX] = NMW_EVT_MD_EXEC_PX, [NMW_OP_FEED_REDUCE] = NMW_EVT_MD_REDUCE,
	[NMW_OP_FEED_DELETE] = NMW_EVT_MD_DELETE,   [NMW_OP_FEED_REPLACE] = NMW_EVT_MD_REPLACE,
	[NMW_OP_FEED_TRADE] = NMW_EVT_MD_TRADE,	    [NMW_OP_FEED_DIRECTORY] = NMW_EVT_MD_DIRECTORY,
	[NMW_OP_FEED_ACTION] = NMW_EVT_MD_ACTION,   [NMW_OP_FEED_SYSTEM] = NMW_EVT_MD_SYSTEM,
};

static uint32_t encode_cmd(const struct nmw_cmd *c, uint8_t *b)
{
	bool replace = c->op == NMW_OP_FEED_REPLACE;
	const struct nmw_evt e = {
		.kind = c->op < NMW_OP_MAX ? evt_of[c->op] : NMW_EVT_NONE,
		.side = c->side,
		.code = c->code,
		.printable = c->printable,
		.locate = c->locate,
		.tracking = c->tracking,
		.qty = c->qty,
		.price = c->price,
		.ts_ns = c->ts_ns,
		.order_ref = replace ? c->key2.lo : c->key.lo,
		.old_ref = replace ? c->key.lo : 0,
		.match = c->match,
		.symbol = c->info.symbol,
	};
	if (c->op == NMW_OP_FEED_BROKEN || c->op == NMW_OP_FEED_CROSS)
		return put_print(c, &e, b);
	uint32_t n = encode(&e, b);
	/* as it was read, where an event would be given a default */
	if (c->op == NMW_OP_FEED_ADD || c->op == NMW_OP_FEED_TRADE)
		b[19] = c->side;
	if (c->op == NMW_OP_FEED_DIRECTORY)
		nmw_put32(b + 21, c->qty);
	if (c->op == NMW_OP_FEED_ADD && c->info.firm) { /* F: with attribution */
		b[0] = 'F';
		nmw_put_raw32(b + 36, c->info.firm);
		n = 40;
	}
	return n;
}

const struct nmw_codec nmw_codec_itch50 = {
	.name = "itch50",
	.id = NMW_CODEC_ITCH50,
	.max_in = MAX_LEN,
	.max_out = MAX_LEN,
	.decode = decode,
	.encode_cmd = encode_cmd,
	.encode = encode,
};
