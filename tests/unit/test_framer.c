/* What the framer writes is read back by the project's own readers, which share no code with it. */
#include "base/rng.h"
#include "unit.h"
#include "wire/framer.h"
#include "wire/mold.h"
#include "wire/packet.h"
#include "wire/soup.h"
#include "wire/tcp_stream.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TS0	1767623400000000000ull
#define LOG_MAX (4u << 20)
#define FLOWS	1024u

/* What the packets say, in order: a line a message. */
static char log_buf[LOG_MAX], log_kept[LOG_MAX];
static uint32_t log_len;

struct seen {
	uint64_t packets, bytes, msgs;
	uint64_t last_ts;
	uint32_t longest; /* IP packet */
	uint32_t bare_acks, syns, fins;
	bool wrapped;	   /* a TCP sequence number */
	char names[8][11]; /* MoldUDP64 sessions of feeds, by port */
	uint64_t next[8];
};
static struct seen seen;
static struct nmw_tcp *tcp;
static struct nmw_framer *framer;
static struct nmw_framer_conf conf;

__attribute__((format(printf, 1, 2))) static void note(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(log_buf + log_len, LOG_MAX - log_len, fmt, ap);
	va_end(ap);
	ck_assert(n >= 0 && log_len + (uint32_t)n < LOG_MAX);
	log_len += (uint32_t)n;
}

static void note_msg(const char *what, uint32_t who, const uint8_t *p, uint32_t len)
{
	uint32_t sum = 0;
	for (uint32_t i = 0; i < len; i++)
		sum = sum * 31 + p[i];
	note("%s %u %u %u\n", what, who, len, sum);
}

/* ---- reading -------------------------------------------------------------------------------- */

static uint32_t on_data(void *arg, uint32_t flow, unsigned dir, const uint8_t *p, uint32_t len)
{
	uint32_t at = 0;
	struct nmw_soup s;
	int n;
	(void)arg;
	const struct nmw_flow_key *k = nmw_tcp_key(tcp, flow);
	bool a_is_server = k->a_port == conf.server.port;
	bool from_client = (dir == 0) != a_is_server;
	uint32_t session = (uint32_t)((a_is_server ? k->b_port : k->a_port) - conf.client.port) + 1;
	while ((n = nmw_soup_next(p + at, len - at, &s)) > 0) {
		struct nmw_soup_login l;
		at += (uint32_t)n;
		switch (s.type) {
		case 'U':
			ck_assert(from_client);
			note_msg("order", session, s.payload, s.len);
			break;
		case 'S':
			ck_assert(!from_client);
			note_msg("reply", session, s.payload, s.len);
			break;
		case 'L':
			ck_assert(from_client);
			ck_assert_int_eq(nmw_soup_login_parse(&s, &l), 0);
			note("login %u %.6s %llu\n", session, l.user, (unsigned long long)l.next);
			break;
		case 'A':
			ck_assert(!from_client);
			ck_assert_int_eq(nmw_soup_accepted_parse(&s, &l), 0);
			note("accepted %u %.10s %llu\n", session, l.session,
			     (unsigned long long)l.next);
			break;
		default:
			note("soup %u %c %s\n", session, s.type, from_client ? "C" : "S");
		}
	}
	ck_assert_int_ge(n, 0);
	return at;
}

static void on_event(void *arg, uint32_t flow, unsigned dir, enum nmw_tcp_event ev, uint64_t n)
{
	(void)arg;
	(void)flow;
	(void)dir;
	(void)n;
	ck_assert_int_ne(ev, NMW_TCP_EV_GAP);
	ck_assert_int_ne(ev, NMW_TCP_EV_TAIL);
	if (ev == NMW_TCP_EV_FIN)
		note("fin\n");
}

static void read_mold(const struct nmw_packet *p)
{
	struct nmw_mold m;
	uint16_t len;
	const uint8_t *msg;
	ck_assert_int_eq(nmw_mold_open(&m, p->payload, p->len), 0);
	unsigned i = p->multicast ? (unsigned)(p->dport - conf.feed.port)
		     : p->dport == conf.server.port
			     ? 3 + 2u * (unsigned)(p->sport - conf.client.port)
			     : 4 + 2u * (unsigned)(p->dport - conf.client.port);
	ck_assert_uint_lt(i, 8);
	if (!seen.next[i])
		seen.next[i] = 1;
	if (m.seq != seen.next[i])
		note("gap %u %llu\n", i, (unsigned long long)(m.seq - seen.next[i]));
	memcpy(seen.names[i], m.session, 10);
	seen.next[i] = m.seq + (m.count == NMW_MOLD_END ? 0 : m.count);
	if (m.count == NMW_MOLD_END)
		note("end %u\n", i);
	while ((msg = nmw_mold_next(&m, &len)))
		note_msg(p->multicast ? "feed" : "mold", i, msg, len);
	ck_assert_ptr_eq(m.at, m.end);
}

static void on_frame(void *arg, uint64_t ts, const uint8_t *f, uint32_t len, uint32_t msgs,
		     uint32_t bytes)
{
	struct nmw_packet p;
	(void)arg;
	ck_assert_uint_ge(ts, seen.last_ts);
	seen.last_ts = ts;
	seen.packets++;
	seen.msgs += msgs;
	seen.bytes += bytes;
	if (len - 14 > seen.longest)
		seen.longest = len - 14;
	ck_assert_int_eq(nmw_packet_parse(NMW_LINK_ETHERNET, f, len, len, &p), NMW_PACKET_OK);
	if (p.proto == NMW_IPPROTO_UDP) {
		read_mold(&p);
		return;
	}
	seen.bare_acks += p.flags == NMW_TCP_ACK && !p.len;
	seen.wrapped = seen.wrapped || p.seq + p.len < p.seq;
	seen.syns += p.flags == NMW_TCP_SYN;
	seen.fins += (p.flags & NMW_TCP_FIN) != 0;
	nmw_tcp_segment(tcp, &p);
}

/* ---- writing -------------------------------------------------------------------------------- */

static void begin(void)
{
	const struct nmw_tcp_spec spec = {FLOWS, 64, NMW_TCP_WINDOW_MIN};
	const struct nmw_tcp_ops ops = {on_data, on_event, NULL};
	tcp = nmw_tcp_new(&spec, &ops, NULL);
	ck_assert_ptr_nonnull(tcp);
	memset(&seen, 0, sizeof seen);
	log_len = 0;
	ck_assert_int_eq(nmw_framer_open(&framer, &conf, on_frame, NULL, NULL), 0);
}

static void end(void)
{
	nmw_framer_finish(framer);
	nmw_tcp_flush(tcp);
	nmw_framer_close(framer);
	nmw_tcp_free(tcp);
}

static int put(uint8_t channel, uint32_t session, uint64_t ts, const void *p, uint32_t len)
{
	const struct nmw_slot d = {.ts_ns = ts,
				   .session = session,
				   .channel = channel,
				   .codec = NMW_CODEC_OUCH42,
				   .len = (uint16_t)len};
	return nmw_framer_put(framer, &d, p, len);
}

static int ctl(uint8_t kind, uint32_t session, uint64_t ts, uint64_t first, uint64_t count,
	       uint8_t codec)
{
	struct nmw_ctl c = {.kind = kind, .codec = codec, .first = first, .count = count};
	memcpy(c.account, "ALICE     ", 10);
	memcpy(c.name, "DAY1      ", 10);
	return put(NMW_CH_CTL, session, ts, &c, sizeof c);
}

static void expect(const char *want)
{
	log_buf[log_len] = 0;
	ck_assert_str_eq(log_buf, want);
}

/* ---- tests ---------------------------------------------------------------------------------- */

START_TEST(a_session_from_login_to_logout)
{
	nmw_framer_conf_init(&conf);
	begin();
	ck_assert_int_eq(ctl(NMW_CTL_LOGIN, 1, TS0, 1, 0, NMW_CODEC_OUCH42), 0);
	ck_assert_int_eq(put(NMW_CH_ORDER, 1, TS0 + 1, "a", 1), 0);
	ck_assert_int_eq(put(NMW_CH_REPLY, 1, TS0 + 1, "b", 1), 0);
	ck_assert_int_eq(put(NMW_CH_REPLY, 1, TS0 + 1, "c", 1), 0);
	ck_assert_int_eq(ctl(NMW_CTL_LOGOUT, 1, TS0 + 2, 0, 0, 0), 0);
	end();
	expect("login 1 ALICE  1\naccepted 1 DAY1       1\norder 1 1 97\nreply 1 1 98\n"
	       "reply 1 1 99\nsoup 1 O C\nfin\nfin\n");
	/* SYN, SYN/ACK, ACK, L, A; U; S S; O; FIN, FIN, ACK */
	ck_assert_uint_eq(seen.packets, 5 + 1 + 1 + 1 + 3);
	ck_assert_uint_eq(seen.msgs, 5);
	ck_assert_uint_eq(seen.bytes, 3 + 2 * 64);
}
END_TEST

START_TEST(who_does_not_log_in_is_logged_in)
{
	nmw_framer_conf_init(&conf);
	begin();
	ck_assert_int_eq(put(NMW_CH_REPLY, 2, TS0, "r", 1), 0);
	ck_assert_int_eq(put(NMW_CH_ORDER, 1, TS0, "o", 1), 0);
	end();
	expect("login 2 S00002 1\naccepted 2 NMW0000002 1\nreply 2 1 114\n"
	       "login 1 S00001 1\naccepted 1 NMW0000001 1\norder 1 1 111\n");
	ck_assert_uint_eq(seen.fins, 0); /* nobody logged out */
}
END_TEST

/* The sequence of a session goes on over its logins; replies in between belong to the next one. */
START_TEST(a_session_comes_back)
{
	nmw_framer_conf_init(&conf);
	begin();
	ctl(NMW_CTL_LOGIN, 1, TS0, 5, 0, NMW_CODEC_OUCH42);
	put(NMW_CH_REPLY, 1, TS0, "a", 1);
	ck_assert_int_eq(ctl(NMW_CTL_LOST, 1, TS0, 0, 0, 0), 0);
	ck_assert_int_eq(put(NMW_CH_REPLY, 1, TS0, "b", 1), -ENOTCONN);
	ck_assert_int_eq(put(NMW_CH_ORDER, 1, TS0, "o", 1), -ENOTCONN);
	ck_assert_int_eq(ctl(NMW_CTL_LOST, 1, TS0, 0, 0, 0), -ENOTSUP);
	ctl(NMW_CTL_LOGIN, 1, TS0, 6, 0, NMW_CODEC_OUCH42);
	ctl(NMW_CTL_END, 1, TS0, 0, 0, 0);
	end();
	expect("login 1 ALICE  5\naccepted 1 DAY1       5\nreply 1 1 97\nfin\nfin\n"
	       "login 1 ALICE  6\naccepted 1 DAY1       7\nsoup 1 Z S\n");
	ck_assert_uint_eq(seen.syns, 2);
}
END_TEST

START_TEST(packets_are_shared_by_equal_times_only)
{
	nmw_framer_conf_init(&conf);
	begin();
	put(NMW_CH_ORDER, 1, TS0, "a", 1);
	nmw_framer_flush(framer);
	uint64_t before = seen.packets;
	put(NMW_CH_ORDER, 1, TS0, "a", 1); /* packet 1 */
	put(NMW_CH_ORDER, 1, TS0, "b", 1);
	put(NMW_CH_ORDER, 1, TS0 + 1, "c", 1); /* 2 */
	put(NMW_CH_REPLY, 1, TS0 + 1, "d", 1); /* 3 */
	put(NMW_CH_FEED, 0, TS0 + 1, "e", 1);  /* 4 */
	put(NMW_CH_FEED, 0, TS0 + 1, "f", 1);
	put(NMW_CH_REPLY, 1, TS0 + 1, "g", 1); /* 5 */
	put(NMW_CH_FEED, 0, TS0 + 1, "h", 1);  /* 6 */
	put(NMW_CH_FEED, 0, TS0 + 2, "i", 1);  /* 7 */
	nmw_framer_flush(framer);
	ck_assert_uint_eq(seen.packets - before, 7);
	end();
}
END_TEST

/* With a window the packet goes when its time is over, with that time, or when it is full. */
START_TEST(a_window_packs_market_data)
{
	uint8_t big[700] = {0};
	nmw_framer_conf_init(&conf);
	conf.pack_ns = 10;
	begin();
	put(NMW_CH_FEED, 0, TS0, "a", 1);
	put(NMW_CH_ORDER, 1, TS0 + 5, "x", 1);
	put(NMW_CH_FEED, 0, TS0 + 10, "b", 1);
	ck_assert_uint_eq(seen.packets, 5 + 1); /* the flow's; the feed's is still open */
	put(NMW_CH_ORDER, 1, TS0 + 11, "y", 1);
	ck_assert_uint_eq(seen.packets, 7);
	ck_assert_uint_eq(seen.last_ts, TS0 + 10);
	put(NMW_CH_FEED, 0, TS0 + 12, big, 700);
	put(NMW_CH_FEED, 0, TS0 + 13, big, 700);
	put(NMW_CH_FEED, 0, TS0 + 14, big, 700); /* does not fit */
	ck_assert_uint_eq(seen.last_ts, TS0 + 14);
	end();
	ck_assert_uint_eq(seen.msgs, 7);
}
END_TEST

START_TEST(feeds_keep_their_numbers)
{
	nmw_framer_conf_init(&conf);
	begin();
	ck_assert_int_eq(ctl(NMW_CTL_LOGIN, 3, TS0, 1, 0, NMW_CODEC_ITCH50), 1);
	put(NMW_CH_FEED, 3, TS0, "a", 1);
	put(NMW_CH_FEED, 0, TS0, "b", 1);
	ck_assert_int_eq(ctl(NMW_CTL_GAP, 3, TS0, 2, 7, 0), 1);
	put(NMW_CH_FEED, 3, TS0, "c", 1);
	ck_assert_int_eq(ctl(NMW_CTL_END, 3, TS0, 0, 0, 0), 0);
	end();
	expect("feed 0 1 97\nfeed 1 1 98\ngap 0 7\nfeed 0 1 99\nend 0\nend 1\n");
	ck_assert_str_eq(seen.names[0], "DAY1      ");
	ck_assert_str_eq(seen.names[1], "NMW0000000");
	ck_assert_uint_eq(seen.next[0], 10);
}
END_TEST

START_TEST(order_entry_over_mold)
{
	nmw_framer_conf_init(&conf);
	conf.framing = NMW_FRAMING_MOLD;
	begin();
	ck_assert_int_eq(ctl(NMW_CTL_LOGIN, 1, TS0, 1, 0, NMW_CODEC_OUCH42), 1);
	put(NMW_CH_ORDER, 1, TS0, "a", 1);
	put(NMW_CH_ORDER, 1, TS0, "b", 1);
	put(NMW_CH_REPLY, 1, TS0, "c", 1);
	put(NMW_CH_ORDER, 2, TS0, "d", 1);
	ck_assert_int_eq(ctl(NMW_CTL_GAP, 1, TS0, 3, 2, 0), 1);
	put(NMW_CH_ORDER, 1, TS0, "e", 1);
	ck_assert_int_eq(ctl(NMW_CTL_LOGOUT, 1, TS0, 0, 0, 0), -ENOTSUP);
	ck_assert_int_eq(ctl(NMW_CTL_END, 1, TS0, 0, 0, 0), 0);
	end();
	expect("mold 3 1 97\nmold 3 1 98\nmold 4 1 99\nmold 5 1 100\ngap 3 2\nmold 3 1 101\nend "
	       "3\n");
}
END_TEST

START_TEST(refusals)
{
	static uint8_t big[65535];
	nmw_framer_conf_init(&conf);
	conf.sessions = 5;
	begin();
	ck_assert_int_eq(put(NMW_CH_ORDER, 0, TS0, "a", 1), -EINVAL);
	ck_assert_int_eq(put(NMW_CH_ORDER, 6, TS0, "a", 1), -ENOSPC);
	ck_assert_int_eq(put(NMW_CH_ORDER, 1, TS0, big, 65535), -EMSGSIZE);
	ck_assert_int_eq(put(NMW_CH_FEED, 1, TS0, big, 1472 - 21), -EMSGSIZE);
	ck_assert_int_eq(put(NMW_CH_FEED, 1, TS0, big, 1472 - 22), 0);
	ck_assert_int_eq(put(NMW_CH_CTL, 1, TS0, "a", 1), -ENOTSUP);
	ck_assert_int_eq(put(9, 1, TS0, "a", 1), -ENOTSUP);
	ck_assert_int_eq(ctl(99, 1, TS0, 0, 0, 0), -ENOTSUP);
	ck_assert_int_eq(ctl(NMW_CTL_GAP, 2, TS0, 1, 1, 0), -ENOTSUP);
	end();
}
END_TEST

START_TEST(conf_is_checked)
{
	struct nmw_err e = NMW_ERR_INIT;
	nmw_framer_conf_init(&conf);
	conf.mtu = 100;
	ck_assert_int_lt(nmw_framer_open(&framer, &conf, on_frame, NULL, &e), 0);
	ck_assert_int_eq(e.exit, NMW_EXIT_USAGE);
	nmw_framer_conf_init(&conf);
	nmw_endpoint_parse("[::1]:9001", &conf.server, NULL);
	ck_assert_int_lt(nmw_framer_open(&framer, &conf, on_frame, NULL, &e), 0);
}
END_TEST

/* ---- random streams ------------------------------------------------------------------------- */

static void random_conf(struct nmw_rng *r)
{
	nmw_framer_conf_init(&conf);
	conf.mtu = (uint32_t)(576 + nmw_rng_below(r, 2) * nmw_rng_below(r, 8640));
	if (nmw_rng_chance(r, 300000)) {
		nmw_endpoint_parse("[2001:db8::1]:9001", &conf.server, NULL);
		nmw_endpoint_parse("[2001:db8::2]:40000", &conf.client, NULL);
		nmw_endpoint_parse("[ff02::1]:26400", &conf.feed, NULL);
		nmw_endpoint_parse("[2001:db8::1]:26400", &conf.feed_source, NULL);
	}
}

/* Puts a random stream and composes what must be read back. */
static void random_stream(struct nmw_rng *r, uint64_t *msgs, uint64_t *bytes)
{
	static uint8_t p[65534];
	uint64_t ts = TS0;
	bool up[4] = {false};
	uint32_t kept = 0;
	*msgs = *bytes = 0;
	for (int i = 0; i < 3000; i++) {
		uint32_t s = 1 + (uint32_t)nmw_rng_below(r, 3);
		uint32_t len = (uint32_t)(nmw_rng_chance(r, 20000) ? nmw_rng_below(r, 65535)
								   : nmw_rng_below(r, 100));
		unsigned what = (unsigned)nmw_rng_below(r, 3);
		for (uint32_t k = 0; k < len; k += 17)
			p[k] = (uint8_t)nmw_rng_u64(r);
		if (what == 2 && len > 400)
			len = 400;
		ts += nmw_rng_chance(r, 500000) ? nmw_rng_below(r, 1000) : 0;
		if (what < 2 && !up[s]) {
			kept += (uint32_t)sprintf(log_kept + kept,
						  "login %u S%05u 1\naccepted %u NMW%07u 1\n", s, s,
						  s, s);
			up[s] = true;
		}
		uint32_t sum = 0;
		for (uint32_t k = 0; k < len; k++)
			sum = sum * 31 + p[k];
		static const char *const words[] = {"order", "reply", "feed"};
		kept += (uint32_t)sprintf(log_kept + kept, "%s %u %u %u\n", words[what],
					  what == 2 ? 0 : s, len, sum);
		ck_assert_int_eq(put((uint8_t)(NMW_CH_ORDER + what), what == 2 ? 0 : s, ts, p, len),
				 0);
		*msgs += 1;
		*bytes += len;
	}
	sprintf(log_kept + kept, "end 0\n");
}

START_TEST(any_stream_reads_back)
{
	for (uint64_t seed = 1; seed <= 30; seed++) {
		struct nmw_rng r;
		uint64_t msgs, bytes;
		nmw_rng_seed(&r, seed);
		random_conf(&r);
		begin();
		random_stream(&r, &msgs, &bytes);
		end();
		log_buf[log_len] = 0;
		ck_assert_msg(strcmp(log_buf, log_kept) == 0, "seed %llu",
			      (unsigned long long)seed);
		ck_assert_uint_eq(seen.msgs, msgs);
		ck_assert_uint_eq(seen.bytes, bytes);
		ck_assert_uint_le(seen.longest, conf.mtu);
	}
}
END_TEST

/* One side only talks: the other acknowledges before a window is full. */
START_TEST(the_silent_side_acknowledges)
{
	uint8_t p[100] = {0};
	nmw_framer_conf_init(&conf);
	begin();
	for (uint64_t i = 0; i < 10000; i++)
		ck_assert_int_eq(put(NMW_CH_ORDER, 1, TS0 + i, p, sizeof p), 0);
	end();
	/* 318 messages of 103 bytes stay below 32,768 bytes in flight */
	ck_assert_uint_eq(seen.bare_acks, 1 + (10000 - 1) / 318);
}
END_TEST

/* A session whose flow starts less than 1 MiB before the end of TCP's sequence space. */
static uint32_t late_starter(void)
{
	uint32_t id = 1;
	while ((id + 1) * 0x9E3779B1u < 0xFFF00000u)
		id++;
	return id;
}

START_TEST(sequence_numbers_wrap)
{
	static uint8_t p[60000];
	nmw_framer_conf_init(&conf);
	uint32_t id = late_starter();
	begin();
	for (uint64_t i = 0; i < 20; i++)
		ck_assert_int_eq(put(NMW_CH_ORDER, id, TS0 + i, p, sizeof p), 0);
	end();
	ck_assert(seen.wrapped);
	ck_assert_uint_eq(seen.msgs, 20);
}
END_TEST

/* Random control messages at random moments: nothing is written that cannot be read. */
START_TEST(control_at_random)
{
	for (uint64_t seed = 1; seed <= 50; seed++) {
		struct nmw_rng r;
		nmw_rng_seed(&r, seed);
		nmw_framer_conf_init(&conf);
		conf.framing = (enum nmw_framing)(seed & 1);
		conf.pack_ns = seed % 3 * 100;
		begin();
		for (uint64_t i = 0, ts = TS0; i < 1000; i++) {
			uint32_t s = 1 + (uint32_t)nmw_rng_below(&r, 2);
			ts += nmw_rng_below(&r, 100);
			if (nmw_rng_chance(&r, 100000))
				ctl((uint8_t)nmw_rng_below(&r, NMW_CTL_MAX + 1), s, ts,
				    nmw_rng_below(&r, 3), nmw_rng_below(&r, 3),
				    (uint8_t)nmw_rng_below(&r, NMW_CODEC_MAX));
			else
				put((uint8_t)(1 + nmw_rng_below(&r, 3)), s, ts, "abc", 3);
		}
		end();
	}
}
END_TEST

UNIT_MAIN("framer", a_session_from_login_to_logout, who_does_not_log_in_is_logged_in,
	  a_session_comes_back, packets_are_shared_by_equal_times_only, a_window_packs_market_data,
	  feeds_keep_their_numbers, order_entry_over_mold, refusals, conf_is_checked,
	  any_stream_reads_back, the_silent_side_acknowledges, sequence_numbers_wrap,
	  control_at_random)
