/* OUCH 5.0: every layout by literal bytes, the appendage, real packets' bytes. */
#include "base/rng.h"
#include "unit.h"
#include "wire_util.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TIME   "00001f1aced9f000"
#define T_930  UINT64_C(34200000000000)
#define CODEC  (&nmw_codec_ouch50)
#define CLORD  "'CL1           '"
#define ENTER  "'O' 00000001 'B' 00000064 'AAPL    ' 000000000016e360 '0YPNN' " CLORD
#define REPLAY "'U' 00000001 00000002 00000032 000000000016e748 '3NY' " CLORD

static struct nmw_cmd cmd;
static uint8_t b[512];

static int decode(const char *hex)
{
	return CODEC->decode(b, hex_bytes(hex, b, sizeof(b)), &cmd);
}

/* An Enter Order with this appendage (its length is put before it). */
static int decode_app(const char *app)
{
	uint32_t n = hex_bytes(ENTER "0000", b, sizeof(b));
	uint32_t more = hex_bytes(app, b + n, (uint32_t)sizeof(b) - n);
	b[45] = (uint8_t)(more >> 8);
	b[46] = (uint8_t)more;
	return CODEC->decode(b, n + more, &cmd);
}

START_TEST(enter_layout)
{
	ck_assert_int_eq(decode(ENTER "0006 05 02 'FIRM'"), 0);
	ck_assert_uint_eq(cmd.op, NMW_OP_ENTER);
	ck_assert_uint_eq(cmd.key.lo, 1);
	ck_assert_uint_eq(cmd.key.hi, 0);
	ck_assert_uint_eq(cmd.side, 'B');
	ck_assert_uint_eq(cmd.info.side, 'B');
	ck_assert_uint_eq(cmd.qty, 100);
	ck_assert_uint_eq(cmd.info.symbol, symbol_of("AAPL"));
	ck_assert_int_eq(cmd.price, 1500000);
	ck_assert_uint_eq(cmd.tif, NMW_TIF_DAY);
	ck_assert_uint_eq(cmd.info.tif_raw, '0');
	ck_assert_uint_eq(cmd.info.display, 'Y');
	ck_assert_uint_eq(cmd.info.capacity, 'P');
	ck_assert_uint_eq(cmd.info.iso, 'N');
	ck_assert_uint_eq(cmd.info.cross, 'N');
	ck_assert_mem_eq(cmd.info.clordid, "CL1           ", 14);
	ck_assert_uint_eq(cmd.info.firm, firm_of("FIRM"));
	ck_assert_uint_eq(cmd.tags, 1u << 2);
	ck_assert_ptr_eq(cmd.app, b + 47);
	ck_assert_uint_eq(cmd.app_len, 6);
	ck_assert_uint_eq(cmd.price_type, 'L');
	uint8_t again[256];
	expect_bytes(again, CODEC->encode_cmd(&cmd, again), ENTER "0006 05 02 'FIRM'");
	ck_assert_int_eq(decode(ENTER "0000"), 0);
	ck_assert_uint_eq(cmd.tags, 0);
	ck_assert_uint_eq(cmd.info.firm, firm_of(""));
	ck_assert_uint_eq(cmd.info.customer, ' ');
}
END_TEST

START_TEST(other_inbound_layouts)
{
	ck_assert_int_eq(decode(REPLAY "0006 05 03 0000000a"), 0);
	ck_assert_uint_eq(cmd.op, NMW_OP_REPLACE);
	ck_assert_uint_eq(cmd.key.lo, 1);
	ck_assert_uint_eq(cmd.key2.lo, 2);
	ck_assert_uint_eq(cmd.qty, 50);
	ck_assert_int_eq(cmd.price, 1501000);
	ck_assert_uint_eq(cmd.tif, NMW_TIF_IOC);
	ck_assert_uint_eq(cmd.info.display, 'N');
	ck_assert_uint_eq(cmd.info.iso, 'Y');
	ck_assert_mem_eq(cmd.info.clordid, "CL1           ", 14);
	ck_assert_uint_eq(cmd.info.min_qty, 10);

	ck_assert_int_eq(decode("'X' 00000002 00000005"), 0);
	ck_assert_uint_eq(cmd.op, NMW_OP_CANCEL);
	ck_assert_uint_eq(cmd.key.lo, 2);
	ck_assert_uint_eq(cmd.qty, 5);

	ck_assert_int_eq(decode("'M' 00000002 'E' 00000006"), 0);
	ck_assert_uint_eq(cmd.op, NMW_OP_MODIFY);
	ck_assert_uint_eq(cmd.side, 'E');
	ck_assert_uint_eq(cmd.qty, 6);

	ck_assert_int_eq(decode("'Q'"), 0);
	ck_assert_uint_eq(cmd.op, NMW_OP_QUERY);
}
END_TEST

START_TEST(lengths_are_exact)
{
	for (unsigned type = 0; type < 256; type++) {
		for (uint32_t len = 0; len < 60; len++) {
			int want = (type == 'O' && len == 47) || (type == 'U' && len == 40) ||
						   (type == 'X' && len == 9) ||
						   (type == 'M' && len == 10) ||
						   (type == 'Q' && len == 1)
					   ? 0
					   : -EBADMSG;
			memset(b, 0, sizeof(b)); /* no appendage */
			b[0] = (uint8_t)type;
			ck_assert_int_eq(CODEC->decode(b, len, &cmd), want);
		}
	}
}
END_TEST

/* Every tag at once: 112 bytes. */
static const char all_tags[] =
	"09 01 0000000000000007 05 02 'LIME' 05 03 00000064 02 04 'R' 05 05 0000000a 02 06 'P' "
	"05 07 ffffff9c 09 09 0000000000002710 02 0a 'L' 05 0b 00000001 02 0c 'P' 05 0d 00000002 "
	"05 0e 'SCAN' 05 0f 00000e10 02 10 'Y' 02 11 'I' 02 12 '0' 05 16 0000000b "
	"09 17 0000000000004e20 03 18 0102 02 19 'Y'";

START_TEST(every_tag)
{
	ck_assert_int_eq(decode_app(all_tags), 0);
	ck_assert_uint_eq(cmd.app_len, 112);
	ck_assert_uint_eq(cmd.tags, 0x3c7fefeu);
	ck_assert_uint_eq(cmd.info.firm, firm_of("LIME"));
	ck_assert_uint_eq(cmd.info.min_qty, 100);
	ck_assert_uint_eq(cmd.info.customer, 'R');
	ck_assert_uint_eq(cmd.display_qty, 11); /* DisplayQty after MaxFloor */
	ck_assert_uint_eq(cmd.price_type, 'P');
	ck_assert_uint_eq(cmd.post_only, 1);
	ck_assert_uint_eq(cmd.tif_s, 3600);
	ck_assert_uint_eq(cmd.info.expire_s, 3600);
	expect_repack(NMW_CODEC_OUCH50, NMW_CH_ORDER, b, 47 + 112);
}
END_TEST

START_TEST(unknown_tags_are_passed_over)
{
	ck_assert_int_eq(decode_app("03 63 0102 05 02 'LIME' 01 ff"), 0);
	ck_assert_uint_eq(cmd.tags, 1u << NMW_TAG_UNKNOWN | 1u << NMW_TAG_FIRM);
	ck_assert_uint_eq(cmd.info.firm, firm_of("LIME"));
	ck_assert_int_eq(decode_app("02 0c 'N'"), 0);
	ck_assert_uint_eq(cmd.post_only, 0);
}
END_TEST

START_TEST(malformed_appendages)
{
	static const char *const bad[] = {
		"00",			/* size 0: not even a tag */
		"01",			/* no tag */
		"05 02 'LIM'",		/* cut */
		"06 02 'LIME'",		/* past the end */
		"04 02 'LIM'",		/* known tag of another size */
		"06 02 'LIMES'",	/* the same */
		"05 02 'LIME' 00",	/* rubbish after */
		"02 0c 'P' 02 0c 'P'",	/* twice */
		"05 02 'LIME' ff 63 00" /* past the end */
	};
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(decode_app(bad[i]) == -EBADMSG, "%s", bad[i]);
	/* the length before it must be that of the rest */
	ck_assert_int_eq(decode(ENTER "0005 05 02 'FIRM'"), -EBADMSG);
	ck_assert_int_eq(decode(ENTER "0007 05 02 'FIRM'"), -EBADMSG);
	ck_assert_int_eq(decode(REPLAY "0001"), -EBADMSG);
}
END_TEST

START_TEST(longest_appendage)
{
	uint32_t n = hex_bytes(ENTER "0080", b, sizeof(b));
	memset(b + n, 0, 200);
	b[n] = 127;
	b[n + 1] = 99;
	ck_assert_int_eq(CODEC->decode(b, n + 128, &cmd), 0);
	ck_assert_uint_eq(n + 128, CODEC->max_in);
	b[46] = 129;
	b[n] = 128;
	ck_assert_int_eq(CODEC->decode(b, n + 129, &cmd), -EBADMSG);
}
END_TEST

START_TEST(time_in_force)
{
	static const char raw[] = "0356EZ";
	static const uint8_t tif[] = {NMW_TIF_DAY, NMW_TIF_IOC,	  NMW_TIF_SYSTEM,
				      NMW_TIF_GTT, NMW_TIF_AFTER, NMW_TIF_BAD};
	for (unsigned i = 0; i < sizeof(tif); i++) {
		hex_bytes(ENTER "0000", b, sizeof(b));
		b[26] = (uint8_t)raw[i];
		ck_assert_int_eq(CODEC->decode(b, 47, &cmd), 0);
		ck_assert_uint_eq(cmd.tif, tif[i]);
		ck_assert_uint_eq(cmd.info.tif_raw, (uint8_t)raw[i]);
		uint8_t again[256];
		CODEC->encode_cmd(&cmd, again);
		ck_assert_int_eq(again[26], raw[i]);
	}
}
END_TEST

START_TEST(prices)
{
	hex_bytes(ENTER "0000", b, sizeof(b));
	hex_bytes("000000007fffffff", b + 18, 8);
	ck_assert_int_eq(CODEC->decode(b, 47, &cmd), 0);
	ck_assert(cmd.market);
	hex_bytes("ffffffffffffffff", b + 18, 8);
	ck_assert_int_eq(CODEC->decode(b, 47, &cmd), 0);
	ck_assert(!cmd.market);
	ck_assert_int_lt(cmd.price, 0);
}
END_TEST

static struct nmw_evt event(enum nmw_evt_kind kind)
{
	static struct nmw_order_info o;
	o = (struct nmw_order_info){
		.tif_raw = '0', .display = 'Y', .capacity = 'P', .iso = 'N', .cross = 'N'};
	memcpy(o.clordid, "CL1           ", 14);
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
		.key = {2, 0},
		.old_key = {1, 0},
		.symbol = symbol_of("AAPL"),
		.info = &o,
		.app = (const uint8_t *)"\5\2FIRM",
		.app_len = 6,
	};
}

#define ORDER                                                                          \
	"'B' 00000064 'AAPL    ' 000000000016e360 '0Y' 0102030405060708 'PNNL' " CLORD \
	" 0006 05 02 'FIRM'"

START_TEST(outbound_layouts)
{
	static const struct {
		enum nmw_evt_kind kind;
		const char *hex;
	} row[] = {
		{NMW_EVT_SYSTEM, "'S' " TIME "'S'"},
		{NMW_EVT_ACCEPTED, "'A' " TIME "00000002 " ORDER},
		{NMW_EVT_REPLACED, "'U' " TIME "00000001 00000002 " ORDER},
		{NMW_EVT_CANCELED, "'C' " TIME "00000002 00000064 'U'"},
		{NMW_EVT_AIQ_CANCELED,
		 "'D' " TIME "00000002 00000064 'U' 00000003 000000000016e360 'RS'"},
		{NMW_EVT_EXECUTED, "'E' " TIME "00000002 00000064 000000000016e360 'R' "
				   "0000000000000007 0006 05 02 'FIRM'"},
		{NMW_EVT_REJECTED, "'J' " TIME "00000002 000f " CLORD},
		{NMW_EVT_CANCEL_PENDING, "'P' " TIME "00000002"},
		{NMW_EVT_CANCEL_REJECT, "'I' " TIME "00000002"},
		{NMW_EVT_PRIORITY, "'T' " TIME "00000002 000000000016e360 'Y' 0102030405060708"},
		{NMW_EVT_MODIFIED, "'M' " TIME "00000002 'B' 00000064"},
		{NMW_EVT_BROKEN, "'B' " TIME "00000002 0000000000000007 'S' " CLORD},
		{NMW_EVT_QUERY_REPLY, "'Q' " TIME "00000002"},
	};
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct nmw_evt e = event(row[i].kind);
		expect_bytes(b, CODEC->encode(&e, b), row[i].hex);
		expect_repack(NMW_CODEC_OUCH50, NMW_CH_REPLY, b, CODEC->encode(&e, b));
	}
}
END_TEST

START_TEST(lengths_of_replies)
{
	static const uint8_t len[NMW_EVT_MAX] = {
		[NMW_EVT_SYSTEM] = 10,	      [NMW_EVT_ACCEPTED] = 64,
		[NMW_EVT_REPLACED] = 68,      [NMW_EVT_CANCELED] = 18,
		[NMW_EVT_AIQ_CANCELED] = 32,  [NMW_EVT_EXECUTED] = 36,
		[NMW_EVT_REJECTED] = 29,      [NMW_EVT_CANCEL_PENDING] = 13,
		[NMW_EVT_CANCEL_REJECT] = 13, [NMW_EVT_PRIORITY] = 30,
		[NMW_EVT_MODIFIED] = 18,      [NMW_EVT_BROKEN] = 36,
		[NMW_EVT_QUERY_REPLY] = 13,
	};
	for (unsigned kind = 0; kind < NMW_EVT_MAX; kind++) {
		struct nmw_evt e = event((enum nmw_evt_kind)kind);
		e.app = NULL;
		ck_assert_uint_eq(CODEC->encode(&e, b), len[kind]);
		e.info = NULL;
		ck_assert_uint_eq(CODEC->encode(&e, b), len[kind]);
	}
	ck_assert_uint_eq(CODEC->max_in, 47 + 128);
	ck_assert_uint_eq(CODEC->max_out, 68 + 128);
}
END_TEST

START_TEST(reject_codes)
{
	static const uint8_t want[NMW_REJ_MAX] = {0x0f, 0x07, 0x02, 0x17, 0x1d, 0x13,
						  0x0d, 0x03, 0x09, 0x0f, 0x0f, 0x14,
						  0x08, 0x05, 0x16, 0x06, 0x20, 0x15};
	for (unsigned i = 0; i < NMW_REJ_MAX; i++) {
		struct nmw_evt e = event(NMW_EVT_REJECTED);
		e.reason = (uint8_t)i;
		ck_assert_uint_eq(CODEC->encode(&e, b), 29);
		ck_assert_uint_eq(b[13], 0);
		ck_assert_uint_eq(b[14], want[i]);
	}
}
END_TEST

/* The bytes of nasdaq-real/OrderAcceptedMessage.pcap come out of an event. */
START_TEST(encodes_a_real_accepted)
{
	struct nmw_order_info o = {
		.tif_raw = '5', .display = 'Y', .capacity = 'A', .iso = 'N', .cross = 'N'};
	memcpy(o.clordid, "7682701       ", 14);
	struct nmw_evt e = {.kind = NMW_EVT_ACCEPTED,
			    .state = 'L',
			    .side = 'B',
			    .qty = 40,
			    .price = 4777800,
			    .ts_ns = 0x0000289b4d64af87,
			    .order_ref = 0x0f56b4f5,
			    .key = {0x00753a8d, 0},
			    .symbol = symbol_of("ADBE"),
			    .info = &o,
			    .app = (const uint8_t *)"\5\2MLRO\2\x12"
						    "0",
			    .app_len = 9};
	expect_bytes(b, CODEC->encode(&e, b),
		     "41 0000289b4d64af87 00753a8d 42 00000028 4144424520202020 000000000048e748 "
		     "35 59 000000000f56b4f5 41 4e 4e 4c 3736383237303120202020202020 0009 "
		     "05024d4c524f 021230");
}
END_TEST

static void random_app(struct nmw_rng *r, struct nmw_cmd *c)
{
	static const uint8_t types[] = "PRMQm";
	if (nmw_rng_below(r, 2))
		c->info.min_qty = 1 + (uint32_t)nmw_rng_below(r, 1000000);
	if (nmw_rng_below(r, 2))
		c->info.firm = (uint32_t)nmw_rng_u64(r) | 0x80;
	if (nmw_rng_below(r, 2))
		c->info.customer = 'R';
	if (nmw_rng_below(r, 2))
		c->price_type = types[nmw_rng_below(r, 5)];
	if (nmw_rng_below(r, 2))
		c->display_qty = 1 + (uint32_t)nmw_rng_below(r, 1000000);
	c->post_only = (uint8_t)nmw_rng_below(r, 2);
	if (c->tif == NMW_TIF_GTT)
		c->info.expire_s = c->tif_s = (uint32_t)nmw_rng_u64(r);
}

static void random_cmd(struct nmw_rng *r, struct nmw_cmd *c)
{
	memset(c, 0, sizeof(*c));
	static const uint8_t ops[] = {NMW_OP_ENTER, NMW_OP_REPLACE, NMW_OP_CANCEL, NMW_OP_MODIFY,
				      NMW_OP_QUERY};
	c->op = ops[nmw_rng_below(r, sizeof(ops))];
	if (c->op == NMW_OP_QUERY)
		return;
	c->key.lo = (uint32_t)nmw_rng_u64(r);
	c->qty = (uint32_t)nmw_rng_u64(r);
	if (c->op == NMW_OP_MODIFY)
		c->side = (uint8_t) "BSTE"[nmw_rng_below(r, 4)];
	if (c->op == NMW_OP_CANCEL || c->op == NMW_OP_MODIFY)
		return;
	c->tif = (uint8_t)nmw_rng_below(r, NMW_TIF_BAD);
	c->info.tif_raw = (uint8_t) "0356E"[c->tif];
	c->price = (int64_t)nmw_rng_u64(r);
	c->price_type = 'L';
	c->info.display = (uint8_t)nmw_rng_u64(r);
	c->info.iso = (uint8_t)nmw_rng_u64(r);
	memcpy(c->info.clordid, "ABCDEFGHIJKLMN", 14);
	c->info.clordid[nmw_rng_below(r, 14)] = (char)nmw_rng_u64(r);
	random_app(r, c);
	if (c->op == NMW_OP_REPLACE) {
		c->key2.lo = (uint32_t)nmw_rng_u64(r);
		return;
	}
	if (c->info.firm == 0)
		c->info.firm = firm_of("");
	if (c->info.customer == 0)
		c->info.customer = ' ';
	c->side = c->info.side = (uint8_t) "BSTE"[nmw_rng_below(r, 4)];
	c->info.symbol = nmw_rng_u64(r);
	c->info.capacity = (uint8_t)nmw_rng_u64(r);
	c->info.cross = (uint8_t)nmw_rng_u64(r);
}

START_TEST(random_commands_come_back)
{
	struct nmw_rng r;
	nmw_rng_seed(&r, 50);
	for (unsigned i = 0; i < 20000; i++) {
		struct nmw_cmd want;
		uint8_t again[256];
		random_cmd(&r, &want);
		uint32_t n = CODEC->encode_cmd(&want, b);
		ck_assert_uint_le(n, CODEC->max_in);
		ck_assert_int_eq(CODEC->decode(b, n, &cmd), 0);
		/* with the appendage in place the same bytes come out once more */
		ck_assert_uint_eq(CODEC->encode_cmd(&cmd, again), n);
		ck_assert_mem_eq(again, b, n);
		expect_repack(NMW_CODEC_OUCH50, NMW_CH_ORDER, b, n);
		cmd.app = NULL;
		cmd.app_len = 0;
		cmd.tags = 0;
		if (memcmp(&cmd, &want, sizeof(cmd)) != 0)
			ck_abort_msg("seed 50, command %u (op %u) came back changed", i, want.op);
	}
}
END_TEST

UNIT_MAIN("ouch50", enter_layout, other_inbound_layouts, lengths_are_exact, every_tag,
	  unknown_tags_are_passed_over, malformed_appendages, longest_appendage, time_in_force,
	  prices, outbound_layouts, lengths_of_replies, reject_codes, encodes_a_real_accepted,
	  random_commands_come_back)
