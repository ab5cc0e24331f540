/* OUCH 4.2: every layout by literal bytes. */
#include "base/rng.h"
#include "unit.h"
#include "wire_util.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TOKEN	 "'TOK1          '"
#define TIME	 "00001f1aced9f000"
#define T_930	 UINT64_C(34200000000000)
#define CODEC	 (&nmw_codec_ouch42)
#define ENTER_48 "'O' " TOKEN "'B' 00000064 'AAPL    ' 0016e360 0001869f 'FIRM' 'YPN' 00000005 'N'"

static struct nmw_cmd cmd;
static uint8_t b[256];

static int decode(const char *hex)
{
	return CODEC->decode(b, hex_bytes(hex, b, sizeof(b)), &cmd);
}

static void expect_enter(uint8_t customer)
{
	struct nmw_key k = token_of("TOK1");
	ck_assert_uint_eq(cmd.op, NMW_OP_ENTER);
	ck_assert_mem_eq(&cmd.key, &k, sizeof(k));
	ck_assert_uint_eq(cmd.side, 'B');
	ck_assert_uint_eq(cmd.info.side, 'B');
	ck_assert_uint_eq(cmd.qty, 100);
	ck_assert_uint_eq(cmd.info.symbol, symbol_of("AAPL"));
	ck_assert_int_eq(cmd.price, 1500000);
	ck_assert(!cmd.market);
	ck_assert_uint_eq(cmd.tif, NMW_TIF_SYSTEM);
	ck_assert_uint_eq(cmd.info.tif_raw, 99999);
	ck_assert_uint_eq(cmd.info.firm, firm_of("FIRM"));
	ck_assert_uint_eq(cmd.info.display, 'Y');
	ck_assert_uint_eq(cmd.info.capacity, 'P');
	ck_assert_uint_eq(cmd.info.iso, 'N');
	ck_assert_uint_eq(cmd.info.min_qty, 5);
	ck_assert_uint_eq(cmd.info.cross, 'N');
	ck_assert_uint_eq(cmd.info.customer, customer);
	ck_assert_uint_eq(cmd.post_only, 0);
	ck_assert_uint_eq(cmd.price_type, 'L');
}

START_TEST(enter_layout)
{
	ck_assert_int_eq(decode(ENTER_48 "'R'"), 0);
	expect_enter('R');
	expect_bytes(b, CODEC->encode_cmd(&cmd, b), ENTER_48 "'R'");
	ck_assert_int_eq(decode(ENTER_48), 0); /* before 4.2: no customer type */
	expect_enter(' ');
}
END_TEST

START_TEST(other_inbound_layouts)
{
	struct nmw_key k1 = token_of("TOK1"), k2 = token_of("Token 2 of 14c");
	ck_assert_int_eq(decode("'U' " TOKEN "'Token 2 of 14c' 000f423f 7fffffff 00000000 'LY' "
				"000003e7"),
			 0);
	ck_assert_uint_eq(cmd.op, NMW_OP_REPLACE);
	ck_assert_mem_eq(&cmd.key, &k1, sizeof(k1));
	ck_assert_mem_eq(&cmd.key2, &k2, sizeof(k2));
	ck_assert_uint_eq(cmd.qty, 999999);
	ck_assert(cmd.market);
	ck_assert_uint_eq(cmd.tif, NMW_TIF_IOC);
	ck_assert_uint_eq(cmd.post_only, 1);
	ck_assert_uint_eq(cmd.info.display, 'L');
	ck_assert_uint_eq(cmd.info.iso, 'Y');
	ck_assert_uint_eq(cmd.info.min_qty, 999);

	ck_assert_int_eq(decode("'X' " TOKEN "0000000a"), 0);
	ck_assert_uint_eq(cmd.op, NMW_OP_CANCEL);
	ck_assert_mem_eq(&cmd.key, &k1, sizeof(k1));
	ck_assert_uint_eq(cmd.qty, 10);

	ck_assert_int_eq(decode("'M' " TOKEN "'T' 0000000b"), 0);
	ck_assert_uint_eq(cmd.op, NMW_OP_MODIFY);
	ck_assert_uint_eq(cmd.side, 'T');
	ck_assert_uint_eq(cmd.qty, 11);

	ck_assert_int_eq(decode("'N' " TOKEN), 0);
	ck_assert_uint_eq(cmd.op, NMW_OP_TRADE_NOW);
	ck_assert_mem_eq(&cmd.key, &k1, sizeof(k1));
}
END_TEST

START_TEST(lengths_are_exact)
{
	static const struct {
		uint8_t type, len, len2;
	} ok[] = {{'O', 49, 48}, {'U', 47, 47}, {'X', 19, 19}, {'M', 20, 20}, {'N', 15, 15}};
	for (unsigned type = 0; type < 256; type++) {
		for (uint32_t len = 0; len < 100; len++) {
			int want = -EBADMSG;
			memset(b, ' ', sizeof(b));
			b[0] = (uint8_t)type;
			for (unsigned i = 0; i < 5; i++)
				if (type == ok[i].type && (len == ok[i].len || len == ok[i].len2))
					want = 0;
			ck_assert_int_eq(CODEC->decode(b, len, &cmd), want);
		}
	}
}
END_TEST

START_TEST(time_in_force)
{
	static const struct {
		uint32_t raw;
		uint8_t tif;
		uint32_t s;
	} row[] = {{0, NMW_TIF_IOC, 0},		{1, NMW_TIF_GTT, 1},
		   {99997, NMW_TIF_GTT, 99997}, {99998, NMW_TIF_DAY, 0},
		   {99999, NMW_TIF_SYSTEM, 0},	{100000, NMW_TIF_BAD, 0},
		   {UINT32_MAX, NMW_TIF_BAD, 0}};
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char hex[256];
		snprintf(hex, sizeof(hex),
			 "'O' " TOKEN "'B' 00000064 'AAPL    ' 0016e360 %08x 'FIRM' 'YPN' "
			 "00000005 'N '",
			 row[i].raw);
		ck_assert_int_eq(decode(hex), 0);
		ck_assert_uint_eq(cmd.tif, row[i].tif);
		ck_assert_uint_eq(cmd.tif_s, row[i].s);
		ck_assert_uint_eq(cmd.info.expire_s, row[i].s);
		ck_assert_uint_eq(cmd.info.tif_raw, row[i].raw);
		expect_bytes(b, CODEC->encode_cmd(&cmd, b), hex);
	}
}
END_TEST

/* How each display code reads: post-only and pegs are what the book must know. */
START_TEST(display_codes)
{
	for (const char *d = "AYNPIMWLOTQmn"; *d; d++) {
		char hex[256];
		snprintf(hex, sizeof(hex),
			 "'U' " TOKEN "'T2            ' 00000001 00000001 00000000 '%cN' 00000000",
			 *d);
		ck_assert_int_eq(decode(hex), 0);
		ck_assert_uint_eq(cmd.post_only, *d == 'P' || *d == 'L');
		ck_assert_uint_eq(cmd.price_type, strchr("MWm", *d) ? 'M' : 'L');
	}
}
END_TEST

static const struct nmw_order_info info = {
	.tif_raw = 99999,
	.display = 'Y',
	.capacity = 'P',
	.iso = 'N',
	.min_qty = 5,
	.cross = 'N',
};

static struct nmw_evt event(enum nmw_evt_kind kind)
{
	static struct nmw_order_info o;
	o = info;
	o.firm = firm_of("FIRM");
	return (struct nmw_evt){
		.kind = (uint8_t)kind,
		.state = 'L',
		.side = 'B',
		.qty = 100,
		.price = 1500000,
		.ts_ns = T_930,
		.order_ref = 0x0102030405060708,
		.match = 7,
		.liquidity = 'R',
		.reason = 'U',
		.code = 'S',
		.prevented = 3,
		.key = token_of("TOK1"),
		.old_key = token_of("TOK0"),
		.symbol = symbol_of("AAPL"),
		.info = &o,
	};
}

static void expect_event(const struct nmw_evt *e, const char *hex)
{
	expect_bytes(b, CODEC->encode(e, b), hex);
	expect_repack(NMW_CODEC_OUCH42, NMW_CH_REPLY, b, CODEC->encode(e, b));
}

#define ORDER                                                                                  \
	"'B' 00000064 'AAPL    ' 0016e360 0001869f 'FIRM' 'Y' 0102030405060708 'PN' 00000005 " \
	"'NL'"

START_TEST(outbound_layouts)
{
	static const struct {
		enum nmw_evt_kind kind;
		const char *hex;
	} row[] = {
		{NMW_EVT_SYSTEM, "'S' " TIME "'S'"},
		{NMW_EVT_ACCEPTED, "'A' " TIME TOKEN ORDER "' '"},
		{NMW_EVT_REPLACED, "'U' " TIME TOKEN ORDER "'TOK0          ' ' '"},
		{NMW_EVT_CANCELED, "'C' " TIME TOKEN "00000064 'U'"},
		{NMW_EVT_AIQ_CANCELED, "'D' " TIME TOKEN "00000064 'U' 00000003 0016e360 'R'"},
		{NMW_EVT_EXECUTED, "'E' " TIME TOKEN "00000064 0016e360 'R' 0000000000000007"},
		{NMW_EVT_CANCEL_PENDING, "'P' " TIME TOKEN},
		{NMW_EVT_CANCEL_REJECT, "'I' " TIME TOKEN},
		{NMW_EVT_PRIORITY, "'T' " TIME TOKEN "0016e360 'Y' 0102030405060708"},
		{NMW_EVT_MODIFIED, "'M' " TIME TOKEN "'B' 00000064"},
		{NMW_EVT_BROKEN, "'B' " TIME TOKEN "0000000000000007 'S'"},
	};
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct nmw_evt e = event(row[i].kind);
		expect_event(&e, row[i].hex);
	}
}
END_TEST

START_TEST(lengths_of_replies)
{
	static const uint8_t len[NMW_EVT_MAX] = {
		[NMW_EVT_SYSTEM] = 10,	      [NMW_EVT_ACCEPTED] = 66,
		[NMW_EVT_REPLACED] = 80,      [NMW_EVT_CANCELED] = 28,
		[NMW_EVT_AIQ_CANCELED] = 37,  [NMW_EVT_EXECUTED] = 40,
		[NMW_EVT_REJECTED] = 24,      [NMW_EVT_CANCEL_PENDING] = 23,
		[NMW_EVT_CANCEL_REJECT] = 23, [NMW_EVT_PRIORITY] = 36,
		[NMW_EVT_MODIFIED] = 28,      [NMW_EVT_BROKEN] = 32,
	};
	for (unsigned kind = 0; kind < NMW_EVT_MAX; kind++) {
		struct nmw_evt e = event((enum nmw_evt_kind)kind);
		ck_assert_uint_eq(CODEC->encode(&e, b), len[kind]);
		e.info = NULL;
		ck_assert_uint_eq(CODEC->encode(&e, b), len[kind]);
	}
	ck_assert_uint_eq(CODEC->max_in, 49);
	ck_assert_uint_eq(CODEC->max_out, 80);
}
END_TEST

START_TEST(reject_reasons)
{
	static const char want[NMW_REJ_MAX + 1] = "OHCSXZNDOOORdDOXOO";
	for (unsigned i = 0; i < NMW_REJ_MAX; i++) {
		struct nmw_evt e = event(NMW_EVT_REJECTED);
		e.reason = (uint8_t)i;
		ck_assert_uint_eq(CODEC->encode(&e, b), 24);
		ck_assert_int_eq(b[23], want[i]);
	}
	struct nmw_evt e = event(NMW_EVT_REJECTED);
	e.reason = 255;
	expect_event(&e, "'J' " TIME TOKEN "'O'");
}
END_TEST

static void random_cmd(struct nmw_rng *r, struct nmw_cmd *c)
{
	static const uint8_t tif[] = {NMW_TIF_DAY, NMW_TIF_IOC, NMW_TIF_SYSTEM, NMW_TIF_GTT};
	static const char display[] = "AYNPIMWLOTQmn";
	uint64_t any = nmw_rng_u64(r);
	memset(c, 0, sizeof(*c));
	c->op = (uint8_t)(NMW_OP_ENTER + nmw_rng_below(r, 5));
	c->key = (struct nmw_key){nmw_rng_u64(r), nmw_rng_u64(r) >> 16};
	if (c->op == NMW_OP_TRADE_NOW)
		return;
	c->qty = (uint32_t)any;
	if (c->op == NMW_OP_CANCEL)
		return;
	c->side = (uint8_t) "BSTE"[any & 3];
	if (c->op == NMW_OP_MODIFY)
		return;
	c->tif = tif[nmw_rng_below(r, sizeof(tif))];
	c->tif_s = c->tif == NMW_TIF_GTT ? 1 + (uint32_t)nmw_rng_below(r, 99997) : 0;
	c->info.expire_s = c->tif_s;
	c->info.tif_raw = c->tif == NMW_TIF_DAY	     ? 99998
			  : c->tif == NMW_TIF_SYSTEM ? 99999
						     : c->tif_s;
	c->price = nmw_rng_chance(r, 50000) ? NMW_PX_MARKET_42 : (int64_t)(uint32_t)(any >> 32);
	c->market = c->price == NMW_PX_MARKET_42;
	c->info.display = (uint8_t)display[nmw_rng_below(r, sizeof(display) - 1)];
	c->post_only = c->info.display == 'P' || c->info.display == 'L';
	c->price_type = strchr("MWm", c->info.display) ? 'M' : 'L';
	c->info.iso = (uint8_t)nmw_rng_u64(r);
	c->info.min_qty = (uint32_t)nmw_rng_u64(r);
	if (c->op == NMW_OP_REPLACE) {
		c->side = 0;
		c->key2 = (struct nmw_key){nmw_rng_u64(r), nmw_rng_u64(r) >> 16};
		return;
	}
	c->info.side = c->side;
	c->info.symbol = nmw_rng_u64(r);
	c->info.firm = (uint32_t)nmw_rng_u64(r);
	c->info.capacity = (uint8_t)nmw_rng_u64(r);
	c->info.cross = (uint8_t)nmw_rng_u64(r);
	c->info.customer = (uint8_t)nmw_rng_u64(r);
}

START_TEST(random_commands_come_back)
{
	struct nmw_rng r;
	nmw_rng_seed(&r, 42);
	for (unsigned i = 0; i < 20000; i++) {
		struct nmw_cmd want;
		random_cmd(&r, &want);
		uint32_t n = CODEC->encode_cmd(&want, b);
		ck_assert_uint_le(n, CODEC->max_in);
		ck_assert_int_eq(CODEC->decode(b, n, &cmd), 0);
		if (memcmp(&cmd, &want, sizeof(cmd)) != 0)
			ck_abort_msg("seed 42, command %u (op %u) came back changed", i, want.op);
		if (b[n - 1] && want.op == NMW_OP_ENTER)
			expect_repack(NMW_CODEC_OUCH42, NMW_CH_ORDER, b, n);
	}
}
END_TEST

UNIT_MAIN("ouch42", enter_layout, other_inbound_layouts, lengths_are_exact, time_in_force,
	  display_codes, outbound_layouts, lengths_of_replies, reject_reasons,
	  random_commands_come_back)
