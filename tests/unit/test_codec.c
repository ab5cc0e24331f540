/* The list of codecs, and which protocol a message is of. */
#include "unit.h"
#include "wire_util.h"
#include <string.h>

static enum nmw_codec_id sniff(const char *hex)
{
	uint8_t b[256];
	return nmw_codec_sniff(b, hex_bytes(hex, b, sizeof(b)));
}

START_TEST(by_name_and_id)
{
	static const char *const names[] = {"none", "ouch42", "ouch50", "itch50", "ctl"};
	for (unsigned id = 0; id < NMW_CODEC_MAX; id++) {
		const struct nmw_codec *c = nmw_codec_by_id((enum nmw_codec_id)id);
		ck_assert_str_eq(nmw_codec_name((enum nmw_codec_id)id), names[id]);
		ck_assert_ptr_eq(nmw_codec_by_name(names[id]), c);
		if (c)
			ck_assert_uint_eq(c->id, id);
	}
	ck_assert_ptr_eq(nmw_codec_by_id(NMW_CODEC_OUCH42), &nmw_codec_ouch42);
	ck_assert_ptr_null(nmw_codec_by_id(NMW_CODEC_NONE));
	ck_assert_ptr_null(nmw_codec_by_id((enum nmw_codec_id)99));
	ck_assert_ptr_null(nmw_codec_by_name("ouch"));
	ck_assert_str_eq(nmw_codec_name((enum nmw_codec_id)99), "none");
}
END_TEST

#define E42 "'O' 'TOK1          B' 00000064 'AAPL    ' 0016e360 0001869f 'FIRMYPN' 00000000 'N'"
#define E50 "'O' 00000001 'B' 00000064 'AAPL    ' 000000000016e360 '0YPNNCL1           '"
#define U42 "'U' 'TOK1          TOK2          ' 00000032 0016e748"
#define U50 "'U' 00000001 00000002 00000032 000000000016e748 '0YNCL2           '"

START_TEST(sniffs)
{
	ck_assert_int_eq(sniff(E42), NMW_CODEC_OUCH42);
	ck_assert_int_eq(sniff(E42 "' '"), NMW_CODEC_OUCH42);
	ck_assert_int_eq(sniff(E50 "0000"), NMW_CODEC_OUCH50);
	ck_assert_int_eq(sniff(E50 "0006 05 02 'FIRM'"), NMW_CODEC_OUCH50);
	ck_assert_int_eq(sniff(E50 "0005 05 02 'FIRM'"), NMW_CODEC_NONE);
	ck_assert_int_eq(sniff(U42 "0001869f 'YN' 00000000"), NMW_CODEC_OUCH42);
	ck_assert_int_eq(sniff(U50 "0000"), NMW_CODEC_OUCH50);
	ck_assert_int_eq(sniff("'X' 'TOK1          ' 00000000"), NMW_CODEC_OUCH42);
	ck_assert_int_eq(sniff("'X' 00000001 00000000"), NMW_CODEC_OUCH50);
	ck_assert_int_eq(sniff("'M' 'TOK1          B' 00000000"), NMW_CODEC_OUCH42);
	ck_assert_int_eq(sniff("'M' 00000001 'B' 00000000"), NMW_CODEC_OUCH50);
	ck_assert_int_eq(sniff("'N' 'TOK1          '"), NMW_CODEC_OUCH42);
	ck_assert_int_eq(sniff("'Q'"), NMW_CODEC_OUCH50);
	ck_assert_int_eq(sniff(""), NMW_CODEC_NONE);
	ck_assert_int_eq(sniff("'O'"), NMW_CODEC_NONE);
	ck_assert_int_eq(sniff("'U'"), NMW_CODEC_NONE);
	ck_assert_int_eq(sniff("'X'"), NMW_CODEC_NONE);
	ck_assert_int_eq(sniff("'Z'"), NMW_CODEC_NONE);
}
END_TEST

/* 47 bytes with 7 where 5.0 has the appendage's length: a 4.2 Replace with a time in force of about
 * 1,800 seconds, or a 5.0 one with tags for 7 bytes. */
START_TEST(sniffs_a_replace_of_both_lengths)
{
	ck_assert_int_eq(sniff(U42 "00000708 'YN' 00000000"), NMW_CODEC_OUCH42);
	ck_assert_int_eq(sniff(U50 "0007 02 0c 'P' 03 18 0102"), NMW_CODEC_OUCH50);
}
END_TEST

/* ABI of messages between stages: the engine's structs do not travel, but their fields do. */
START_TEST(numbers)
{
	ck_assert_int_eq(NMW_OP_FEED_INFO, NMW_OP_MAX - 1);
	ck_assert_int_eq(NMW_TAG_SHARES_LOCATED, 25);
	ck_assert_uint_eq(NMW_PX_MARKET_42, 2147483647);
	ck_assert_uint_eq(NMW_PX_MAX_42, 1999999900);
	const struct nmw_order_info *o = &nmw_order_info_none;
	ck_assert_uint_eq(o->symbol, symbol_of(""));
	ck_assert_uint_eq(o->firm, firm_of(""));
	ck_assert_mem_eq(o->clordid, "              ", 14);
}
END_TEST

UNIT_MAIN("codec", by_name_and_id, sniffs, sniffs_a_replace_of_both_lengths, numbers)
