/* The codecs and tables against real packets: nasdaq-real, jnx-real, a day's feed, and the probes
 * that hold one message of each kind. */
#include "unit.h"
#include "wire/mold.h"
#include "wire/soup.h"
#include "wire_util.h"
#include <stdio.h>
#include <string.h>

/* ---- walking framing ------------------------------------------------------------------------ */

struct walk {
	uint8_t codec;
	unsigned mold_packets, msgs, soup_packets, heartbeats;
	const struct nmw_schema *last; /* of the last message */
	uint8_t msg[256];	       /* its bytes */
	uint32_t len;
};

static void take(struct walk *w, uint8_t channel, const uint8_t *p, uint32_t len)
{
	w->last = expect_repack(w->codec, channel, p, len);
	ck_assert_uint_le(len, sizeof(w->msg));
	memcpy(w->msg, p, len);
	w->len = len;
	w->msgs++;
	if (channel == NMW_CH_REPLY)
		return;
	struct nmw_cmd c; /* what has a schema decodes */
	ck_assert_int_eq(nmw_codec_by_id((enum nmw_codec_id)w->codec)->decode(p, len, &c), 0);
	if (channel == NMW_CH_ORDER)
		ck_assert_int_eq(nmw_codec_sniff(p, len), w->codec);
	uint8_t again[256];
	uint32_t n = nmw_codec_by_id((enum nmw_codec_id)w->codec)->encode_cmd(&c, again);
	/* A directory or trading action has fields that a command does not carry. */
	if (n && p[0] != 'R' && p[0] != 'H' && p[0] != 'h') {
		ck_assert_uint_eq(n, len);
		ck_assert_mem_eq(again, p, len);
	}
}

static void walk_mold(struct walk *w, const struct packet *k)
{
	struct nmw_mold m;
	uint16_t len;
	const uint8_t *p;
	ck_assert_int_eq(nmw_mold_open(&m, k->payload, k->len), 0);
	w->mold_packets++;
	while ((p = nmw_mold_next(&m, &len)))
		take(w, NMW_CH_FEED, p, len);
	if (m.count != NMW_MOLD_END)
		ck_assert_ptr_eq(m.at, m.end);
}

/* Each packet of these captures holds whole SoupBinTCP packets. */
static void walk_soup(struct walk *w, const struct packet *k)
{
	struct nmw_soup s;
	for (uint32_t at = 0; at < k->len;) {
		int n = nmw_soup_next(k->payload + at, k->len - at, &s);
		ck_assert_int_gt(n, 0);
		at += (uint32_t)n;
		w->soup_packets++;
		if (s.type == NMW_SOUP_UNSEQUENCED)
			take(w, NMW_CH_ORDER, s.payload, s.len);
		else if (s.type == NMW_SOUP_SEQUENCED)
			take(w, NMW_CH_REPLY, s.payload, s.len);
		else if (s.len == 0)
			w->heartbeats++;
	}
}

static void on_packet(const struct packet *k, void *arg)
{
	if (k->proto == 17)
		walk_mold(arg, k);
	else
		walk_soup(arg, k);
}

static void walk(struct walk *w, uint8_t codec, const char *name)
{
	memset(w, 0, sizeof(*w));
	w->codec = codec;
	each_packet(shared_path(name), on_packet, w);
}

static void expect_text(const struct walk *w, uint8_t channel, const char *want)
{
	struct nmw_slot s;
	char line[NMW_SCHEMA_LINE];
	slot_of(&s, w->codec, channel, w->len);
	nmw_schema_text(&s, w->msg, w->len, line, sizeof(line));
	ck_assert_str_eq(line, want);
}

/* ---- real packets ---------------------------------------------------------------------------- */

START_TEST(nasdaq_ouch50)
{
	static const struct {
		const char *file;
		uint8_t channel;
		const char *text;
	} row[] = {
		{"EnterOrderMessage", NMW_CH_ORDER,
		 "enter_order user_ref_num=113 side=T quantity=225 symbol=\"CVLT\" price=63.0200 "
		 "time_in_force=0 display=Y capacity=A iso=N cross_type=N "
		 "cl_ord_id=\"H8FUB8IV\" firm=\"LIME\""},
		{"CancelOrderMessage", NMW_CH_ORDER,
		 "cancel_order user_ref_num=7679601 quantity=0"},
		{"OrderAcceptedMessage", NMW_CH_REPLY,
		 "accepted timestamp=12:24:07.483486087 user_ref_num=7682701 side=B quantity=40 "
		 "symbol=\"ADBE\" price=477.7800 time_in_force=5 display=Y "
		 "order_reference_number=257340661 capacity=A iso=N cross_type=N order_state=L "
		 "cl_ord_id=\"7682701\" firm=\"MLRO\" bbo_weight=0"},
		{"CanceledMessage", NMW_CH_REPLY,
		 "canceled timestamp=12:24:07.483708183 user_ref_num=7682701 quantity=40 "
		 "reason=U"},
	};
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct walk w;
		char name[128];
		snprintf(name, sizeof(name), "nasdaq-real/%s.pcap", row[i].file);
		walk(&w, NMW_CODEC_OUCH50, name);
		ck_assert_uint_eq(w.msgs, 1);
		expect_text(&w, row[i].channel, row[i].text);
	}
}
END_TEST

START_TEST(nasdaq_itch50)
{
	static const struct {
		const char *file, *text;
	} row[] = {
		{"AddOrderNoMpidAttributionMessage",
		 "add_order stock_locate=5528 tracking_number=0 timestamp=09:29:59.999894278 "
		 "order_reference_number=23508286 side=B shares=1600 stock=\"IVOO\" price=87.3900"},
		{"MarketParticipantPositionMessage",
		 "market_participant_position stock_locate=3731 tracking_number=0 "
		 "timestamp=09:30:24.494802989 mpid=\"MAXM\" stock=\"FGMC\" "
		 "primary_market_maker=Y market_maker_mode=N market_participant_state=A"},
		{"NetOrderImbalanceIndicatorMessage",
		 "noii stock_locate=6462 tracking_number=0 timestamp=09:30:00.000268978 "
		 "paired_shares=1 imbalance_shares=0 imbalance_direction=N stock=\"MDC\" "
		 "far_price=46.4400 near_price=46.4400 current_reference_price=46.4400 "
		 "cross_type=O price_variation_indicator=L"},
		{"OrderDeleteMessage",
		 "order_delete stock_locate=3517 tracking_number=0 timestamp=09:29:59.999896280 "
		 "order_reference_number=23497686"},
		{"OrderExecutedMessage",
		 "order_executed stock_locate=2345 tracking_number=2 timestamp=09:29:59.999934561 "
		 "order_reference_number=23499418 executed_shares=25 match_number=255547"},
		{"OrderReplaceMessage",
		 "order_replace stock_locate=7603 tracking_number=0 timestamp=09:29:59.999836649 "
		 "original_order_reference_number=15108479 new_order_reference_number=21361351 "
		 "shares=100 price=106.2600"},
		{"StockTradingActionMessage",
		 "stock_trading_action stock_locate=464 tracking_number=0 "
		 "timestamp=09:39:23.322465824 stock=\"AMC\" trading_state=T reserved=\"\" "
		 "reason=\"\""},
	};
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct walk w;
		char name[128];
		snprintf(name, sizeof(name), "nasdaq-real/%s.pcap", row[i].file);
		walk(&w, NMW_CODEC_ITCH50, name);
		ck_assert_uint_eq(w.msgs, 1);
		expect_text(&w, NMW_CH_FEED, row[i].text);
	}
}
END_TEST

START_TEST(nasdaq_full_packet)
{
	struct walk w;
	walk(&w, NMW_CODEC_ITCH50, "nasdaq-real/Multiple.Packets.pcap");
	ck_assert_uint_eq(w.mold_packets, 2);
	ck_assert_uint_eq(w.msgs, 1 + 38);
}
END_TEST

START_TEST(nasdaq_heartbeats)
{
	struct walk w;
	walk(&w, NMW_CODEC_OUCH50, "nasdaq-real/ClientHeartbeatPacket.pcap");
	ck_assert_uint_eq(w.heartbeats, 1);
	walk(&w, NMW_CODEC_OUCH50, "nasdaq-real/ServerHeartbeatPacket.pcap");
	ck_assert_uint_eq(w.heartbeats, 1);
}
END_TEST

static void on_login(const struct packet *k, void *arg)
{
	struct nmw_soup s;
	struct nmw_soup_login *l = arg;
	uint8_t again[64];
	ck_assert_int_eq(nmw_soup_next(k->payload, k->len, &s), k->len);
	if (s.type == NMW_SOUP_LOGIN) {
		ck_assert_int_eq(nmw_soup_login_parse(&s, l), 0);
		ck_assert_uint_eq(nmw_soup_put_login(again, l), k->len);
	} else {
		ck_assert_int_eq(nmw_soup_accepted_parse(&s, l), 0);
		ck_assert_uint_eq(nmw_soup_put_accepted(again, l->session, l->next), k->len);
	}
	ck_assert_mem_eq(again, k->payload, k->len);
}

START_TEST(jnx_login)
{
	struct nmw_soup_login l;
	each_packet(shared_path("jnx-real/LoginRequestPacket.L.pcap"), on_login, &l);
	ck_assert_mem_eq(l.user, "user  ", 6);
	ck_assert_mem_eq(l.password, "password  ", 10);
	ck_assert_mem_eq(l.session, "          ", 10);
	ck_assert_uint_eq(l.next, 0);
	each_packet(shared_path("jnx-real/LoginAcceptedPacket.A.pcap"), on_login, &l);
	ck_assert_mem_eq(l.session, "1689192121", 10);
	ck_assert_uint_eq(l.next, 135);
}
END_TEST

START_TEST(probes)
{
	struct walk w;
	walk(&w, NMW_CODEC_OUCH42, "probes/ouch42_probe.pcap");
	ck_assert_uint_eq(w.soup_packets, 15);
	ck_assert_uint_eq(w.msgs, 9);
	walk(&w, NMW_CODEC_OUCH50, "probes/ouch50_probe.pcap");
	ck_assert_uint_ge(w.msgs, 9);
}
END_TEST

/* ---- a day's feed ---------------------------------------------------------------------------- */

START_TEST(feed_file)
{
	size_t size;
	unsigned n = 0;
	struct walk w = {.codec = NMW_CODEC_ITCH50};
	uint8_t *file = read_whole(shared_path("aapl-20190130/feed.itch"), &size);
	for (size_t at = 0; at + 2 <= size; n++) {
		uint32_t len = nmw_be16(file + at);
		if (len == 0)
			break;
		ck_assert_uint_le(at + 2 + len, size);
		take(&w, NMW_CH_FEED, file + at + 2, len);
		at += 2 + len;
	}
	ck_assert_uint_ge(n, 10000);
	free(file);
}
END_TEST

START_TEST(feed_capture)
{
	struct walk file = {.codec = NMW_CODEC_ITCH50}, w;
	size_t size;
	uint8_t *p = read_whole(shared_path("aapl-20190130/feed.itch"), &size);
	for (size_t at = 0; at + 2 <= size && nmw_be16(p + at); at += 2u + nmw_be16(p + at))
		file.msgs++;
	free(p);
	walk(&w, NMW_CODEC_ITCH50, "aapl-20190130/feed.pcap");
	ck_assert_uint_eq(w.msgs, file.msgs);
}
END_TEST

START_TEST(truncated_file)
{
	size_t size, at = 0;
	struct walk w = {.codec = NMW_CODEC_ITCH50};
	uint8_t *file = read_whole(shared_path("truncated-real.itch"), &size);
	while (at + 2 <= size && at + 2 + nmw_be16(file + at) <= size) {
		take(&w, NMW_CH_FEED, file + at + 2, nmw_be16(file + at));
		at += 2u + nmw_be16(file + at);
	}
	ck_assert_uint_eq(size, 4096);
	ck_assert_uint_lt(at, size);
	ck_assert_uint_gt(w.msgs, 50);
	free(file);
}
END_TEST

int main(void)
{
	static const char *const need[] = {"nasdaq-real", "jnx-real", "probes", "aapl-20190130"};
	const TTest *const tests[] = {nasdaq_ouch50,	 nasdaq_itch50, nasdaq_full_packet,
				      nasdaq_heartbeats, jnx_login,	probes,
				      feed_file,	 feed_capture,	truncated_file};
	for (unsigned i = 0; i < sizeof(need) / sizeof(need[0]); i++) {
		if (shared_path(need[i]) == NULL) {
			printf("no %s in the shared data\n", need[i]);
			return 77;
		}
	}
	return unit_run("wire_data", tests, sizeof(tests) / sizeof(tests[0]));
}
