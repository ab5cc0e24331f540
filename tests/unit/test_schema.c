/* Tables, text and JSON of messages. */
#include "base/rng.h"
#include "unit.h"
#include "wire/be.h"
#include "wire_util.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static uint8_t b[512];
static char line[NMW_SCHEMA_LINE];

#define ENTER42 "'O' 'TOK1          B' 00000064 'AAPL    ' 0016e360 0001869f 'FIRMYPN' 00000000 'N'"

static const char *text(uint8_t codec, uint8_t channel, const char *hex)
{
	struct nmw_slot s;
	uint32_t n = hex_bytes(hex, b, sizeof(b));
	slot_of(&s, codec, channel, n);
	int len = nmw_schema_text(&s, b, n, line, sizeof(line));
	ck_assert_uint_eq((size_t)len, strlen(line));
	return line;
}

static const char *json(uint8_t codec, uint8_t channel, const char *hex)
{
	struct nmw_slot s;
	uint32_t n = hex_bytes(hex, b, sizeof(b));
	slot_of(&s, codec, channel, n);
	int len = nmw_schema_json(&s, b, n, line, sizeof(line));
	ck_assert_uint_eq((size_t)len, strlen(line));
	json_t *j = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	ck_assert_msg(j != NULL, "not JSON: %s", line);
	json_decref(j);
	return line;
}

/* Fields follow each other without a hole or overlap, from the type byte to the end. */
START_TEST(tables_have_no_hole)
{
	unsigned n;
	const struct nmw_schema *d = nmw_schema_all(&n);
	ck_assert_uint_eq(n, 5 + 14 + 5 + 14 + 23 + 5);
	for (unsigned i = 0; i < n; i++) {
		unsigned at = 1;
		if (d[i].codec == NMW_CODEC_CTL)
			continue; /* a C struct, with padding */
		for (unsigned k = 0; k < d[i].n_fields; k++) {
			const struct nmw_field *f = &d[i].fields[k];
			ck_assert_msg(f->off == at, "%s.%s at %u", d[i].name, f->name, at);
			ck_assert_uint_eq(f->key_len, strlen(f->key));
			at += f->size;
		}
		ck_assert_uint_le(d[i].n_fields, NMW_FIELDS_MAX);
		ck_assert_msg(at + (d[i].app_off ? 2u : 0) == d[i].len, "%s", d[i].name);
		ck_assert(d[i].app_off == 0 || d[i].app_off == at);
		if (d[i].len_alt)
			ck_assert_uint_eq(d[i].len_alt + 1u, d[i].len);
	}
}
END_TEST

START_TEST(names_are_unique_in_a_message)
{
	unsigned n;
	const struct nmw_schema *d = nmw_schema_all(&n);
	static const char *const taken[] = {"seq",   "ts_ns", "in_seq", "session", "channel",
					    "codec", "type",  "name",	"bytes",   "appendage"};
	for (unsigned i = 0; i < n; i++) {
		for (unsigned k = 0; k < d[i].n_fields; k++) {
			const char *name = d[i].fields[k].name;
			for (unsigned m = 0; m < k; m++)
				ck_assert_str_ne(name, d[i].fields[m].name);
			for (unsigned m = 0; m < sizeof(taken) / sizeof(taken[0]); m++)
				ck_assert_str_ne(name, taken[m]);
		}
	}
}
END_TEST

/* Every message, with every byte different, comes back from unpack and pack, prints, and is JSON.
 */
START_TEST(every_message_comes_back)
{
	unsigned n;
	const struct nmw_schema *d = nmw_schema_all(&n);
	for (unsigned i = 0; i < n; i++) {
		struct nmw_slot s;
		for (unsigned k = 0; k < d[i].len; k++)
			b[k] = (uint8_t)(0x81 + k * 7);
		b[0] = (uint8_t)d[i].type;
		if (d[i].app_off)
			b[d[i].app_off] = b[d[i].app_off + 1] = 0;
		if (d[i].codec == NMW_CODEC_CTL) { /* padding is 0 */
			memset(b + 6, 0, 2);
			memset(b + 60, 0, 4);
		}
		ck_assert_ptr_eq(expect_repack(d[i].codec, d[i].channel, b, d[i].len), &d[i]);
		slot_of(&s, d[i].codec, d[i].channel, d[i].len);
		ck_assert_int_lt(nmw_schema_text(&s, b, d[i].len, line, sizeof(line)),
				 NMW_SCHEMA_LINE);
		ck_assert_msg(strncmp(line, d[i].name, strlen(d[i].name)) == 0, "%s", line);
		ck_assert_int_lt(nmw_schema_json(&s, b, d[i].len, line, sizeof(line)),
				 NMW_SCHEMA_LINE);
		json_t *j = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
		ck_assert_msg(j != NULL, "not JSON: %s", line);
		ck_assert_str_eq(json_string_value(json_object_get(j, "name")), d[i].name);
		ck_assert_uint_eq(json_object_size(j), 8u + d[i].n_fields + (d[i].app_off != 0));
		json_decref(j);
	}
}
END_TEST

START_TEST(finds_by_exact_length)
{
	hex_bytes(ENTER42 "'N'", b, sizeof(b));
	ck_assert_ptr_nonnull(nmw_schema_find(NMW_CODEC_OUCH42, NMW_CH_ORDER, b, 49));
	ck_assert_ptr_nonnull(nmw_schema_find(NMW_CODEC_OUCH42, NMW_CH_ORDER, b, 48));
	ck_assert_ptr_null(nmw_schema_find(NMW_CODEC_OUCH42, NMW_CH_ORDER, b, 47));
	ck_assert_ptr_null(nmw_schema_find(NMW_CODEC_OUCH42, NMW_CH_ORDER, b, 50));
	ck_assert_ptr_null(nmw_schema_find(NMW_CODEC_OUCH42, NMW_CH_ORDER, b, 0));
	ck_assert_ptr_null(nmw_schema_find(NMW_CODEC_OUCH42, NMW_CH_REPLY, b, 49));
	ck_assert_ptr_null(nmw_schema_find(NMW_CODEC_OUCH50, NMW_CH_ORDER, b, 49));
	ck_assert_ptr_null(nmw_schema_find(NMW_CODEC_NONE, NMW_CH_ORDER, b, 49));
	b[0] = 'U'; /* the direction decides what U is */
	ck_assert_str_eq(nmw_schema_find(NMW_CODEC_OUCH42, NMW_CH_ORDER, b, 47)->name,
			 "replace_order");
	ck_assert_str_eq(nmw_schema_find(NMW_CODEC_OUCH42, NMW_CH_REPLY, b, 80)->name, "replaced");
	ck_assert_str_eq(nmw_schema_find(NMW_CODEC_OUCH42, NMW_CH_REPLY, b, 79)->name, "replaced");
}
END_TEST

START_TEST(text_of_messages)
{
	ck_assert_str_eq(text(NMW_CODEC_OUCH42, NMW_CH_ORDER, ENTER42 "' '"),
			 "enter_order order_token=\"TOK1\" side=B shares=100 stock=\"AAPL\" "
			 "price=150.0000 time_in_force=99999 firm=\"FIRM\" display=Y capacity=P "
			 "iso=N min_quantity=0 cross_type=N customer_type=\"\"");
	ck_assert_str_eq(text(NMW_CODEC_ITCH50, NMW_CH_FEED,
			      "'V' 0001 0002 1f1aced9f001 0000000000000001 00000000ffffffff "
			      "ffffffffffffffff"),
			 "mwcb_decline_level stock_locate=1 tracking_number=2 "
			 "timestamp=09:30:00.000000001 level_1=0.00000001 level_2=42.94967295 "
			 "level_3=184467440737.09551615");
	ck_assert_str_eq(
		text(NMW_CODEC_OUCH50, NMW_CH_REPLY,
		     "'R' 0000000000000000 00000001 'R' 0013 05 07 ffffff9c 05 0b 000186a0 "
		     "03 63 ab00 02 12 '0'"),
		"restated timestamp=00:00:00.000000000 user_ref_num=1 reason=R "
		"peg_offset=-0.0100 discretion_peg_offset=10.0000 tag_99=ab00 "
		"bbo_weight=0");
	ck_assert_str_eq(text(NMW_CODEC_NONE, NMW_CH_ORDER, "4f00ff"),
			 "unknown codec=none bytes=4f00ff");
	ck_assert_str_eq(text(NMW_CODEC_OUCH42, NMW_CH_ORDER, "4f"),
			 "unknown codec=ouch42 bytes=4f");
	ck_assert_str_eq(text(NMW_CODEC_OUCH42, NMW_CH_ORDER, "'N' ' a' 22 5c 0a 80 '        '"),
			 "trade_now order_token=\" a\\x22\\x5c\\x0a\\x80\"");
}
END_TEST

#define SLOT_JSON \
	"{\"seq\":\"12\",\"ts_ns\":\"1767623400000000001\",\"in_seq\":\"7\",\"session\":3,"

START_TEST(json_of_messages)
{
	ck_assert_str_eq(
		json(NMW_CODEC_OUCH42, NMW_CH_ORDER, ENTER42), SLOT_JSON
		"\"channel\":\"order\",\"codec\":\"ouch42\",\"type\":\"O\",\"name\":\"enter_"
		"order\","
		"\"order_token\":\"TOK1\",\"side\":\"B\",\"shares\":100,\"stock\":\"AAPL\","
		"\"price\":\"150.0000\",\"time_in_force\":99999,\"firm\":\"FIRM\","
		"\"display\":\"Y\",\"capacity\":\"P\",\"iso\":\"N\",\"min_quantity\":0,"
		"\"cross_type\":\"N\"}");
	ck_assert_str_eq(
		json(NMW_CODEC_ITCH50, NMW_CH_FEED,
		     "'Q' 0001 0002 1f1aced9f001 00000000000f4240 'AAPL    ' 00000001 "
		     "ffffffffffffffff 'O'"),
		SLOT_JSON
		"\"channel\":\"feed\",\"codec\":\"itch50\",\"type\":\"Q\",\"name\":\"cross_trade\","
		"\"stock_locate\":1,\"tracking_number\":2,\"timestamp\":\"34200000000001\","
		"\"shares\":\"1000000\",\"stock\":\"AAPL\",\"cross_price\":\"0.0001\","
		"\"match_number\":\"18446744073709551615\",\"cross_type\":\"O\"}");
	ck_assert_str_eq(
		json(NMW_CODEC_OUCH50, NMW_CH_REPLY,
		     "'R' 0000000000000000 00000001 'R' 000d 05 07 ffffff9c 03 63 ab00 02 12 '0'"),
		SLOT_JSON
		"\"channel\":\"reply\",\"codec\":\"ouch50\",\"type\":\"R\",\"name\":\"restated\","
		"\"timestamp\":\"0\",\"user_ref_num\":\"1\",\"reason\":\"R\","
		"\"appendage\":{\"peg_offset\":\"-0.0100\",\"tag_99\":\"ab00\","
		"\"bbo_weight\":\"0\"}}");
}
END_TEST

START_TEST(json_of_what_is_malformed)
{
	ck_assert_str_eq(json(NMW_CODEC_OUCH50, NMW_CH_REPLY,
			      "'R' 0000000000000000 00000001 'R' 0003 05 07 ff"),
			 SLOT_JSON "\"channel\":\"reply\",\"codec\":\"ouch50\",\"type\":\"R\","
				   "\"name\":\"restated\",\"timestamp\":\"0\",\"user_ref_num\":"
				   "\"1\",\"reason\":\"R\",\"appendage_bytes\":\"0507ff\"}");
	ck_assert_str_eq(json(NMW_CODEC_OUCH42, NMW_CH_REPLY, "22 01"),
			 SLOT_JSON "\"channel\":\"reply\",\"codec\":\"ouch42\",\"type\":\"\\\"\","
				   "\"name\":\"unknown\",\"bytes\":\"2201\"}");
	ck_assert_str_eq(json(99, 99, ""),
			 SLOT_JSON "\"channel\":\"unknown\",\"codec\":\"none\",\"type\":\"\","
				   "\"name\":\"unknown\",\"bytes\":\"\"}");
}
END_TEST

/* Any byte of a message can be told from its JSON. */
START_TEST(json_escapes_every_byte)
{
	for (unsigned c = 0; c < 256; c++) {
		struct nmw_slot s;
		size_t n;
		memset(b, 'x', 15);
		b[0] = 'N';
		b[3] = (uint8_t)c;
		slot_of(&s, NMW_CODEC_OUCH42, NMW_CH_ORDER, 15);
		nmw_schema_json(&s, b, 15, line, sizeof(line));
		for (const char *p = line; *p; p++)
			ck_assert(*p >= ' ' && *p < 0x7f);
		json_t *j = json_loads(line, JSON_ALLOW_NUL, NULL);
		ck_assert_msg(j != NULL, "byte %u: not JSON: %s", c, line);
		const char *got = json_string_value(json_object_get(j, "order_token"));
		n = json_string_length(json_object_get(j, "order_token"));
		ck_assert_uint_eq(n, c < 0x80 ? 14 : 15); /* two bytes of UTF-8 */
		unsigned code = c < 0x80 ? (uint8_t)got[2]
					 : ((unsigned)got[2] & 3) << 6 | ((unsigned)got[3] & 63);
		ck_assert_uint_eq(code, c);
		json_decref(j);
	}
}
END_TEST

START_TEST(control_messages)
{
	struct nmw_ctl c = {.kind = NMW_CTL_LOGIN,
			    .flags = NMW_CTL_CANCEL_ON_DISCONNECT,
			    .codec = NMW_CODEC_OUCH50,
			    .family = 4,
			    .port = 4242,
			    .first = UINT64_MAX,
			    .addr = {127, 0, 0, 1}};
	struct nmw_slot s;
	memcpy(c.account, "alice     ", 10);
	memcpy(c.name, "DAY1      ", 10);
	slot_of(&s, NMW_CODEC_CTL, NMW_CH_CTL, sizeof(c));
	memcpy(b, &c, sizeof(c));
	expect_repack(NMW_CODEC_CTL, NMW_CH_CTL, b, sizeof(c));
	nmw_schema_text(&s, b, sizeof(c), line, sizeof(line));
	ck_assert_str_eq(line, "login flags=1 session_codec=ouch50 family=4 port=4242 "
			       "first=18446744073709551615 count=0 addr=\"127.0.0.1\" "
			       "account=\"alice\" session_name=\"DAY1\"");
	c.kind = NMW_CTL_LOST;
	c.family = 6;
	memcpy(b, &c, sizeof(c));
	nmw_schema_json(&s, b, sizeof(c), line, sizeof(line));
	ck_assert_str_eq(line, SLOT_JSON
			 "\"channel\":\"control\",\"codec\":\"ctl\",\"type\":\"3\",\"name\":"
			 "\"lost\",\"flags\":1,\"session_codec\":\"ouch50\",\"family\":6,\"port\":"
			 "4242,\"first\":\"18446744073709551615\",\"count\":\"0\",\"addr\":"
			 "\"7f00:1::\",\"account\":\"alice\",\"session_name\":\"DAY1\"}");
	c.family = 9;
	memcpy(b, &c, sizeof(c));
	nmw_schema_text(&s, b, sizeof(c), line, sizeof(line));
	ck_assert_ptr_nonnull(strstr(line, "addr=\"\""));
}
END_TEST

static void expect_numbers(uint64_t v)
{
	struct nmw_slot s;
	char want[512];
	hex_bytes("'V' 0001 0002 1f1aced9f001", b, sizeof(b));
	nmw_put64(b + 11, v);
	nmw_put64(b + 19, 0);
	nmw_put64(b + 27, v);
	slot_of(&s, NMW_CODEC_ITCH50, NMW_CH_FEED, 35);
	nmw_schema_json(&s, b, 35, line, sizeof(line));
	snprintf(want, sizeof(want), "\"level_1\":\"%llu.%08llu\",\"level_2\":\"0.00000000\"",
		 (unsigned long long)(v / 100000000), (unsigned long long)(v % 100000000));
	ck_assert_msg(strstr(line, want) != NULL, "%s in %s", want, line);
	b[0] = 'D';
	slot_of(&s, NMW_CODEC_ITCH50, NMW_CH_FEED, 19);
	nmw_schema_json(&s, b, 19, line, sizeof(line));
	snprintf(want, sizeof(want), "\"order_reference_number\":\"%llu\"}", (unsigned long long)v);
	ck_assert_msg(strstr(line, want) != NULL, "%s in %s", want, line);
}

START_TEST(numbers_of_every_length)
{
	struct nmw_rng r;
	nmw_rng_seed(&r, 9);
	for (uint64_t ten = 1;; ten *= 10) {
		expect_numbers(ten - 1);
		expect_numbers(ten);
		expect_numbers(ten + 1);
		expect_numbers(ten * 5);
		if (ten > UINT64_MAX / 10)
			break;
	}
	for (unsigned i = 0; i < 2000; i++)
		expect_numbers(nmw_rng_u64(&r) >> nmw_rng_below(&r, 64));
	expect_numbers(UINT64_MAX);
}
END_TEST

/* As snprintf: the length is that of the whole line, what fits is there, with a NUL. */
START_TEST(short_buffers)
{
	struct nmw_slot s;
	char whole[NMW_SCHEMA_LINE], cut[NMW_SCHEMA_LINE];
	uint32_t n = hex_bytes(ENTER42 "'N'", b, sizeof(b));
	slot_of(&s, NMW_CODEC_OUCH42, NMW_CH_ORDER, n);
	int len = nmw_schema_json(&s, b, n, whole, sizeof(whole));
	int tlen = nmw_schema_text(&s, b, n, line, sizeof(line));
	for (unsigned cap = 0; cap <= (unsigned)len + 2; cap++) {
		memset(cut, '#', sizeof(cut));
		ck_assert_int_eq(nmw_schema_json(&s, b, n, cut, cap), len);
		unsigned kept = cap == 0 ? 0 : cap <= (unsigned)len ? cap - 1 : (unsigned)len;
		ck_assert_mem_eq(cut, whole, kept);
		ck_assert(cap == 0 || cut[kept] == 0);
		ck_assert_int_eq(cut[cap], '#');
		ck_assert_int_eq(nmw_schema_text(&s, b, n, cut, cap), tlen);
	}
	ck_assert_int_eq(nmw_schema_text(&s, b, n, NULL, 0), tlen);
}
END_TEST

START_TEST(shorter_forms)
{
	union nmw_value v[NMW_FIELDS_MAX];
	uint8_t again[64];
	uint32_t n = hex_bytes(ENTER42, b, sizeof(b));
	const struct nmw_schema *d = nmw_schema_find(NMW_CODEC_OUCH42, NMW_CH_ORDER, b, n);
	ck_assert_int_eq(nmw_schema_unpack(d, b, n, v, NULL, 0), 0);
	ck_assert_uint_eq(nmw_schema_pack(d, v, NULL, 0, again), 48);
	ck_assert_mem_eq(again, b, 48);
}
END_TEST

START_TEST(appendages)
{
	union nmw_value v[NMW_FIELDS_MAX];
	struct nmw_tlv t[4];
	uint32_t n = hex_bytes("'E' 0000000000000000 00000001 00000001 0000000000000001 'A' "
			       "0000000000000001 000a 05 0b fffffffe 03 63 ab00",
			       b, sizeof(b));
	const struct nmw_schema *d = nmw_schema_find(NMW_CODEC_OUCH50, NMW_CH_REPLY, b, n);
	ck_assert_int_eq(nmw_schema_unpack(d, b, n, v, t, 4), 2);
	ck_assert_uint_eq(t[0].tag, 11);
	ck_assert_int_eq(t[0].v.i, -2);
	ck_assert_uint_eq(t[1].tag, 99);
	ck_assert_uint_eq(t[1].size, 2);
	ck_assert_mem_eq(t[1].v.s, "\xab\0", 2);
	ck_assert_int_eq(nmw_schema_unpack(d, b, n, v, t, 1), -ENOSPC);
	b[n - 4] = 4;
	ck_assert_int_eq(nmw_schema_unpack(d, b, n, v, t, 4), -EBADMSG);
	b[n - 4] = 0;
	ck_assert_int_eq(nmw_schema_unpack(d, b, n, v, t, 4), -EBADMSG);
}
END_TEST

UNIT_MAIN("schema", tables_have_no_hole, names_are_unique_in_a_message, every_message_comes_back,
	  finds_by_exact_length, text_of_messages, json_of_messages, json_of_what_is_malformed,
	  json_escapes_every_byte, control_messages, numbers_of_every_length, short_buffers,
	  shorter_forms, appendages)
