/* TotalView-ITCH 5.0: every layout by literal bytes. */
#include "base/rng.h"
#include "unit.h"
#include "wire_util.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CODEC (&nmw_codec_itch50)
#define HEAD  "0d11 0002 1f1aced9f000"
#define AAPL  "'AAPL    '"
#define REF   "0102030405060708"

static struct nmw_cmd cmd;
static uint8_t b[256];

static void decode(const char *hex)
{
	uint32_t n = hex_bytes(hex, b, sizeof(b));
	ck_assert_int_eq(CODEC->decode(b, n, &cmd), 0);
	ck_assert_uint_eq(cmd.locate, 0x0d11);
	ck_assert_uint_eq(cmd.tracking, 2);
	ck_assert_uint_eq(cmd.ts_ns, UINT64_C(34200000000000));
	expect_repack(NMW_CODEC_ITCH50, NMW_CH_FEED, b, n);
}

/* What decodes to this command is what it encodes to. */
static void both_ways(const char *hex)
{
	uint8_t again[64];
	decode(hex);
	expect_bytes(again, CODEC->encode_cmd(&cmd, again), hex);
}

START_TEST(adds)
{
	both_ways("'A' " HEAD REF "'B' 00000064 " AAPL "0018b820");
	ck_assert_uint_eq(cmd.op, NMW_OP_FEED_ADD);
	ck_assert_uint_eq(cmd.key.lo, 0x0102030405060708);
	ck_assert_uint_eq(cmd.side, 'B');
	ck_assert_uint_eq(cmd.qty, 100);
	ck_assert_uint_eq(cmd.info.symbol, symbol_of("AAPL"));
	ck_assert_int_eq(cmd.price, 1620000);
	ck_assert_uint_eq(cmd.info.firm, 0);
	both_ways("'F' " HEAD REF "'S' 00000064 " AAPL "0018b820 'MLCO'");
	ck_assert_uint_eq(cmd.op, NMW_OP_FEED_ADD);
	ck_assert_uint_eq(cmd.info.firm, firm_of("MLCO"));
}
END_TEST

START_TEST(executions)
{
	both_ways("'E' " HEAD REF "00000019 000000000003e63b");
	ck_assert_uint_eq(cmd.op, NMW_OP_FEED_EXEC);
	ck_assert_uint_eq(cmd.key.lo, 0x0102030405060708);
	ck_assert_uint_eq(cmd.qty, 25);
	ck_assert_uint_eq(cmd.match, 0x3e63b);
	both_ways("'C' " HEAD REF "00000019 000000000003e63b 'Y' 0018b820");
	ck_assert_uint_eq(cmd.op, NMW_OP_FEED_EXEC_PX);
	ck_assert_uint_eq(cmd.printable, 1);
	ck_assert_int_eq(cmd.price, 1620000);
	both_ways("'C' " HEAD REF "00000019 000000000003e63b 'N' 0018b820");
	ck_assert_uint_eq(cmd.printable, 0);
}
END_TEST

START_TEST(cancels_and_replaces)
{
	both_ways("'X' " HEAD REF "0000000a");
	ck_assert_uint_eq(cmd.op, NMW_OP_FEED_REDUCE);
	ck_assert_uint_eq(cmd.qty, 10);
	both_ways("'D' " HEAD REF);
	ck_assert_uint_eq(cmd.op, NMW_OP_FEED_DELETE);
	ck_assert_uint_eq(cmd.key.lo, 0x0102030405060708);
	both_ways("'U' " HEAD REF "0000000000000009 00000064 0018b820");
	ck_assert_uint_eq(cmd.op, NMW_OP_FEED_REPLACE);
	ck_assert_uint_eq(cmd.key.lo, 0x0102030405060708);
	ck_assert_uint_eq(cmd.key2.lo, 9);
	ck_assert_uint_eq(cmd.qty, 100);
	ck_assert_int_eq(cmd.price, 1620000);
}
END_TEST

START_TEST(prints)
{
	both_ways("'P' " HEAD "0000000000000000 'B' 00000064 " AAPL "0018b820 0000000000000007");
	ck_assert_uint_eq(cmd.op, NMW_OP_FEED_TRADE);
	ck_assert_uint_eq(cmd.match, 7);
	both_ways("'Q' " HEAD "00000000000f4240 " AAPL "0018b820 0000000000000007 'O'");
	ck_assert_uint_eq(cmd.op, NMW_OP_FEED_CROSS);
	ck_assert_uint_eq(cmd.qty, 1000000);
	ck_assert_uint_eq(cmd.code, 'O');
	decode("'Q' " HEAD "0000000100000000 " AAPL "0018b820 0000000000000007 'O'");
	ck_assert_uint_eq(cmd.qty, UINT32_MAX);
	both_ways("'B' " HEAD "0000000000000007");
	ck_assert_uint_eq(cmd.op, NMW_OP_FEED_BROKEN);
	ck_assert_uint_eq(cmd.match, 7);
}
END_TEST

START_TEST(states)
{
	both_ways("'S' " HEAD "'Q'");
	ck_assert_uint_eq(cmd.op, NMW_OP_FEED_SYSTEM);
	ck_assert_uint_eq(cmd.code, 'Q');
	both_ways("'H' " HEAD AAPL "'T' '     '");
	ck_assert_uint_eq(cmd.op, NMW_OP_FEED_ACTION);
	ck_assert_uint_eq(cmd.code, 'T');
	decode("'h' " HEAD AAPL "'QH'");
	ck_assert_uint_eq(cmd.op, NMW_OP_FEED_ACTION);
	ck_assert_uint_eq(cmd.code, 'H');
	decode("'h' " HEAD AAPL "'BH'");
	ck_assert_uint_eq(cmd.op, NMW_OP_FEED_INFO);
	both_ways("'R' " HEAD AAPL "'QN' 00000064 'NCZ PNN N' 00000000 'N'");
	ck_assert_uint_eq(cmd.op, NMW_OP_FEED_DIRECTORY);
	ck_assert_uint_eq(cmd.info.symbol, symbol_of("AAPL"));
	ck_assert_uint_eq(cmd.qty, 100);
	both_ways("'R' " HEAD AAPL "'QN' 00000000 'NCZ PNN N' 00000000 'N'");
}
END_TEST

/* What is not in the specification goes back as it came: only events are given defaults. */
START_TEST(odd_values_stay)
{
	both_ways("'A' " HEAD REF "'T' 00000064 " AAPL "0018b820");
	both_ways("'P' " HEAD REF "00 00000064 " AAPL "0018b820 0000000000000007");
}
END_TEST

START_TEST(no_effect_on_a_book)
{
	static const char *const hex[] = {
		"'Y' " HEAD AAPL "'0'",
		"'L' " HEAD "'MAXM' " AAPL "'YNA'",
		"'V' " HEAD "0000000000000001 0000000000000002 0000000000000003",
		"'W' " HEAD "'1'",
		"'K' " HEAD AAPL "00008598 'A' 0018b820",
		"'J' " HEAD AAPL "00000001 00000002 00000003 00000004",
		"'I' " HEAD "0000000000000100 0000000000000000 'N' " AAPL
		"00000001 00000002 00000003 'OL'",
		"'N' " HEAD AAPL "'A'",
		"'O' " HEAD AAPL "'Y' 00000001 00000002 00000003 00001f1aced9f000 00000004 "
		"00000005",
	};
	for (unsigned i = 0; i < sizeof(hex) / sizeof(hex[0]); i++) {
		decode(hex[i]);
		ck_assert_uint_eq(cmd.op, NMW_OP_FEED_INFO);
		ck_assert_uint_eq(CODEC->encode_cmd(&cmd, b), 0);
	}
}
END_TEST

START_TEST(lengths_are_exact)
{
	static const char types[] = "SRHYLVWKJhAFECXDUPQBINO";
	static const uint8_t lens[] = {12, 39, 25, 20, 26, 35, 12, 28, 35, 21, 36, 40,
				       31, 36, 23, 19, 35, 44, 40, 19, 50, 20, 48};
	for (unsigned type = 0; type < 256; type++) {
		const char *at = type ? strchr(types, (int)type) : NULL;
		for (uint32_t len = 0; len < 60; len++) {
			memset(b, 0, sizeof(b));
			b[0] = (uint8_t)type;
			int want = at && lens[at - types] == len ? 0 : -EBADMSG;
			ck_assert_int_eq(CODEC->decode(b, len, &cmd), want);
			ck_assert_int_eq(nmw_schema_find(NMW_CODEC_ITCH50, NMW_CH_FEED, b, len) !=
						 NULL,
					 want == 0);
		}
	}
}
END_TEST

START_TEST(events)
{
	static const struct {
		enum nmw_evt_kind kind;
		const char *hex;
	} row[] = {
		{NMW_EVT_MD_SYSTEM, "'S' " HEAD "'Q'"},
		{NMW_EVT_MD_DIRECTORY, "'R' " HEAD AAPL "'QN' 00000064 'NCZ PNN N' 00000000 'N'"},
		{NMW_EVT_MD_ACTION, "'H' " HEAD AAPL "'Q' '     '"},
		{NMW_EVT_MD_ADD, "'A' " HEAD REF "'S' 00000064 " AAPL "0018b820"},
		{NMW_EVT_MD_EXEC, "'E' " HEAD REF "00000064 0000000000000007"},
		{NMW_EVT_MD_EXEC_PX, "'C' " HEAD REF "00000064 0000000000000007 'Y' 0018b820"},
		{NMW_EVT_MD_REDUCE, "'X' " HEAD REF "00000064"},
		{NMW_EVT_MD_DELETE, "'D' " HEAD REF},
		{NMW_EVT_MD_REPLACE, "'U' " HEAD "0000000000000005 " REF "00000064 0018b820"},
		{NMW_EVT_MD_TRADE,
		 "'P' " HEAD REF "'S' 00000064 " AAPL "0018b820 0000000000000007"},
	};
	struct nmw_evt e = {.code = 'Q',
			    .side = 'T', /* a short sale: S on the feed */
			    .printable = 1,
			    .locate = 0x0d11,
			    .tracking = 2,
			    .qty = 100,
			    .price = 1620000,
			    .ts_ns = UINT64_C(34200000000000),
			    .order_ref = 0x0102030405060708,
			    .old_ref = 5,
			    .match = 7,
			    .symbol = symbol_of("AAPL")};
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		e.kind = (uint8_t)row[i].kind;
		expect_bytes(b, CODEC->encode(&e, b), row[i].hex);
		expect_repack(NMW_CODEC_ITCH50, NMW_CH_FEED, b, CODEC->encode(&e, b));
	}
	for (e.kind = 0; e.kind < NMW_EVT_MD_SYSTEM; e.kind++)
		ck_assert_uint_eq(CODEC->encode(&e, b), 0);
	e.kind = NMW_EVT_MD_DIRECTORY;
	e.qty = 0;
	CODEC->encode(&e, b);
	ck_assert_uint_eq(b[24], 100); /* the usual round lot */
}
END_TEST

static void random_cmd(struct nmw_rng *r, struct nmw_cmd *c)
{
	memset(c, 0, sizeof(*c));
	c->op = (uint8_t)(NMW_OP_FEED_ADD + nmw_rng_below(r, 6));
	c->locate = (uint16_t)nmw_rng_u64(r);
	c->tracking = (uint16_t)nmw_rng_u64(r);
	c->ts_ns = nmw_rng_u64(r) >> 16;
	c->key.lo = nmw_rng_u64(r);
	if (c->op == NMW_OP_FEED_DELETE)
		return;
	c->qty = (uint32_t)nmw_rng_u64(r);
	if (c->op == NMW_OP_FEED_REDUCE)
		return;
	if (c->op == NMW_OP_FEED_EXEC || c->op == NMW_OP_FEED_EXEC_PX)
		c->match = nmw_rng_u64(r);
	if (c->op == NMW_OP_FEED_EXEC)
		return;
	c->price = (uint32_t)nmw_rng_u64(r);
	if (c->op == NMW_OP_FEED_EXEC_PX)
		c->printable = (uint8_t)nmw_rng_below(r, 2);
	if (c->op == NMW_OP_FEED_REPLACE)
		c->key2.lo = nmw_rng_u64(r);
	if (c->op == NMW_OP_FEED_ADD) {
		c->side = (uint8_t) "BS"[nmw_rng_below(r, 2)];
		c->info.symbol = nmw_rng_u64(r);
		c->info.firm = nmw_rng_below(r, 2) ? (uint32_t)nmw_rng_u64(r) : 0;
	}
}

START_TEST(random_commands_come_back)
{
	struct nmw_rng r;
	nmw_rng_seed(&r, 5);
	for (unsigned i = 0; i < 20000; i++) {
		struct nmw_cmd want;
		random_cmd(&r, &want);
		uint32_t n = CODEC->encode_cmd(&want, b);
		ck_assert_uint_le(n, CODEC->max_in);
		ck_assert_int_eq(CODEC->decode(b, n, &cmd), 0);
		if (memcmp(&cmd, &want, sizeof(cmd)) != 0)
			ck_abort_msg("seed 5, command %u (op %u) came back changed", i, want.op);
	}
}
END_TEST

UNIT_MAIN("itch50", adds, executions, cancels_and_replaces, prints, states, odd_values_stay,
	  no_effect_on_a_book, lengths_are_exact, events, random_commands_come_back)
