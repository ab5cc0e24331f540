/* Writes captures of order entry to stdout, for the tests of nmw-recv.
 *
 *     make_capture CASE [SEED] [micro] [big]
 *
 * The messages are OUCH 4.2 cancels whose tokens count from T0000001, so that a reader of the text
 * sees at once what is missing, twice or out of order.  micro: microseconds; big: big-endian file.
 * CASE is one of the table at the end.  The same seed makes the same bytes.
 */
#include "../unit/frames.h"
#include "base/rng.h"
#include "wire/mold.h"
#include "wire/soup.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define MESSAGES   40u
#define STREAM_MAX 8192u
#define CANCEL_LEN 19u
#define START_S	   1767623400u

static struct nmw_rng rng;
static bool micro, big;
static uint64_t clock_ns;

/* ---- the file ------------------------------------------------------------ */

static void put(const void *p, size_t n)
{
	if (n && fwrite(p, n, 1, stdout) != 1)
		exit(EXIT_FAILURE);
}

static void put32(uint32_t v)
{
	v = big ? __builtin_bswap32(v) : v;
	put(&v, sizeof v);
}

static void file_start(uint32_t datalink)
{
	const uint16_t version[2] = {big ? 0x0200 : 2, big ? 0x0400 : 4};
	put32(micro ? 0xA1B2C3D4u : 0xA1B23C4Du);
	put(version, sizeof version);
	put32(0);
	put32(0);
	put32(262144);
	put32(datalink);
}

static void file_packet(const uint8_t *p, uint32_t caplen, uint32_t len)
{
	clock_ns += 1000000;
	put32(START_S + (uint32_t)(clock_ns / 1000000000));
	put32((uint32_t)(clock_ns % 1000000000) / (micro ? 1000 : 1));
	put32(caplen);
	put32(len);
	put(p, caplen);
}

static uint32_t datalink_of(enum nmw_link link)
{
	static const uint32_t types[] = {
		[NMW_LINK_ETHERNET] = 1, [NMW_LINK_RAW] = 101, [NMW_LINK_SLL] = 113,
		[NMW_LINK_SLL2] = 276,	 [NMW_LINK_NULL] = 0,  [NMW_LINK_LOOP] = 108,
	};
	return types[link];
}

/* ---- connections --------------------------------------------------------- */

/* A client's connection, or the other direction of it. */
struct conn {
	struct frame_spec spec;
	uint32_t first; /* sequence number of stream position 0 */
	uint8_t stream[STREAM_MAX];
	uint32_t n;
};

static struct conn client, server;

static void conn_init(struct conn *c, uint8_t number, bool is_server, uint32_t first)
{
	memset(c, 0, sizeof *c);
	c->first = first;
	c->spec = (struct frame_spec){.link = NMW_LINK_ETHERNET,
				      .family = 4,
				      .proto = NMW_IPPROTO_TCP,
				      .flags = NMW_TCP_ACK,
				      .src = is_server ? 9 : number,
				      .dst = is_server ? number : 9,
				      .sport = is_server ? 9001 : 40000,
				      .dport = is_server ? 40000 : 9001};
}

static uint32_t cancel(uint8_t *to, unsigned number)
{
	char token[16];
	snprintf(token, sizeof token, "T%07u      ", number % 10000000);
	to[0] = 'X';
	memcpy(to + 1, token, 14);
	nmw_put32(to + 15, 0);
	return CANCEL_LEN;
}

static void add_packet(struct conn *c, uint8_t type, const uint8_t *p, uint16_t len)
{
	c->n += nmw_soup_put(c->stream + c->n, type, p, len);
}

static void add_login(struct conn *c, const char user[6])
{
	struct nmw_soup_login l = {.next = 1};
	memcpy(l.user, user, 6);
	memset(l.password, ' ', sizeof l.password);
	memset(l.session, ' ', sizeof l.session);
	c->n += nmw_soup_put_login(c->stream + c->n, &l);
}

static void add_cancel(struct conn *c, unsigned number)
{
	uint8_t msg[CANCEL_LEN];
	add_packet(c, NMW_SOUP_UNSEQUENCED, msg, (uint16_t)cancel(msg, number));
}

static void send_frame(const struct frame_spec *s)
{
	uint8_t frame[FRAME_MAX];
	uint32_t n = frame_build(s, frame);
	file_packet(frame, n, n);
}

/* Bytes from..to of the stream as one segment. */
static void send_part(const struct conn *c, uint32_t from, uint32_t to)
{
	struct frame_spec s = c->spec;
	s.seq = c->first + from;
	s.payload = c->stream + from;
	s.len = to - from;
	send_frame(&s);
}

static void send_flags(const struct conn *c, uint32_t at, uint8_t flags, uint32_t ack)
{
	struct frame_spec s = c->spec;
	s.seq = c->first + at;
	s.flags = flags;
	s.ack = ack;
	send_frame(&s);
}

static void send_syn(const struct conn *c)
{
	send_flags(c, UINT32_MAX, NMW_TCP_SYN, 0);
}

/* What was added since `from`, as one segment. */
static void send_rest(const struct conn *c, uint32_t from)
{
	send_part(c, from, c->n);
}

static void add_all(struct conn *c)
{
	add_login(c, "alice ");
	for (unsigned i = 1; i <= MESSAGES; i++)
		add_cancel(c, i);
}

/* ---- cases: links -------------------------------------------------------- */

static void whole_session(enum nmw_link link, unsigned family, unsigned tags, const uint8_t *ext)
{
	file_start(datalink_of(link));
	conn_init(&client, 1, false, 1000);
	client.spec.link = link;
	client.spec.family = family;
	client.spec.tags = tags;
	client.spec.ext = ext;
	client.spec.tcp_options = 12;
	client.spec.ip_options = ext ? 8 : 0;
	client.spec.pad = link == NMW_LINK_ETHERNET ? 17 : 0;
	send_syn(&client);
	add_login(&client, "alice ");
	send_rest(&client, 0);
	for (unsigned i = 1; i <= MESSAGES; i++) {
		uint32_t from = client.n;
		add_cancel(&client, i);
		send_rest(&client, from);
	}
}

static const uint8_t exts[] = {255, 60, 43, 51, 44, 0};
static void eth4(void)
{
	whole_session(NMW_LINK_ETHERNET, 4, 0, NULL);
}
static void eth6(void)
{
	whole_session(NMW_LINK_ETHERNET, 6, 0, NULL);
}
static void vlan4(void)
{
	whole_session(NMW_LINK_ETHERNET, 4, 1, exts);
}
static void qinq6(void)
{
	whole_session(NMW_LINK_ETHERNET, 6, 2, exts);
}
static void sll4(void)
{
	whole_session(NMW_LINK_SLL, 4, 0, NULL);
}
static void sll26(void)
{
	whole_session(NMW_LINK_SLL2, 6, 0, exts);
}
static void raw4(void)
{
	whole_session(NMW_LINK_RAW, 4, 0, exts);
}
static void raw6(void)
{
	whole_session(NMW_LINK_RAW, 6, 0, NULL);
}
static void null6(void)
{
	whole_session(NMW_LINK_NULL, 6, 0, NULL);
}
static void loop4(void)
{
	whole_session(NMW_LINK_LOOP, 4, 0, NULL);
}

/* ---- cases: TCP ---------------------------------------------------------- */

static void start(struct conn *c)
{
	file_start(datalink_of(NMW_LINK_ETHERNET));
	conn_init(c, 1, false, 0u - (uint32_t)nmw_rng_below(&rng, 900));
	send_syn(c);
	add_all(c);
}

/* Random pieces, repeated, overlapping and out of order; the sequence number wraps. */
static void segments(void)
{
	start(&client);
	uint32_t at = 0;
	while (at < client.n) { /* at: what a receiver has in order */
		uint32_t from = at, to;
		switch (nmw_rng_below(&rng, 4)) {
		case 0: /* again */
			from = at > 200 ? at - (uint32_t)nmw_rng_below(&rng, 200) : 0;
			break;
		case 1: /* ahead */
			from = at + (uint32_t)nmw_rng_below(&rng, 200);
			break;
		default:
			break;
		}
		to = from + 1 + (uint32_t)nmw_rng_below(&rng, 90);
		to = to < client.n ? to : client.n;
		if (from >= to)
			continue;
		send_part(&client, from, to);
		if (from <= at && to > at)
			at = to;
	}
}

/* The 10th of the messages is on no packet; the server acknowledges all of them. */
static void hole(void)
{
	start(&client);
	conn_init(&server, 1, true, 5000);
	uint32_t at = NMW_SOUP_LOGIN_LEN + 2, step = CANCEL_LEN + NMW_SOUP_HDR;
	send_part(&client, 0, at);
	for (unsigned i = 1; i <= MESSAGES; i++, at += step) {
		if (i != 10)
			send_part(&client, at, at + step);
		send_flags(&server, 0, NMW_TCP_ACK, client.first + at + step);
	}
}

/* The capture starts inside the third message. */
static void midstream(void)
{
	file_start(datalink_of(NMW_LINK_ETHERNET));
	conn_init(&client, 1, false, 77);
	add_all(&client);
	uint32_t at = NMW_SOUP_LOGIN_LEN + 2 + 2 * (CANCEL_LEN + NMW_SOUP_HDR) + 5;
	for (; at < client.n; at += 100)
		send_part(&client, at, at + 100 < client.n ? at + 100 : client.n);
}

/* The capture ends inside the last message. */
static void unfinished(void)
{
	start(&client);
	send_part(&client, 0, client.n - 3);
}

/* Only the first 60 bytes of a packet were captured. */
static void snapped(void)
{
	uint8_t frame[FRAME_MAX];
	start(&client);
	send_part(&client, 0, NMW_SOUP_LOGIN_LEN + 2);
	uint32_t at = NMW_SOUP_LOGIN_LEN + 2, step = CANCEL_LEN + NMW_SOUP_HDR;
	for (unsigned i = 1; i <= MESSAGES; i++, at += step) {
		struct frame_spec s = client.spec;
		s.seq = client.first + at;
		s.payload = client.stream + at;
		s.len = step;
		uint32_t n = frame_build(&s, frame);
		file_packet(frame, i % 4 ? n : 60, n);
	}
}

/* Five clients at once, each with a share of the numbers. */
static void flows(void)
{
	static struct conn c[5];
	static const char *const users[] = {"alice ", "bob   ", "carol ", "dave  ", "erin  "};
	file_start(datalink_of(NMW_LINK_ETHERNET));
	for (uint8_t i = 0; i < 5; i++) {
		conn_init(&c[i], (uint8_t)(i + 1), false, 1000u * i);
		c[i].spec.family = i % 2 ? 6 : 4;
		send_syn(&c[i]);
		add_login(&c[i], users[i]);
		send_rest(&c[i], 0);
	}
	for (unsigned i = 1; i <= MESSAGES; i++) {
		struct conn *one = &c[nmw_rng_below(&rng, 5)];
		uint32_t from = one->n;
		add_cancel(one, i);
		send_rest(one, from);
	}
}

static void login_and(struct conn *c, const char user[6], uint16_t port, unsigned number)
{
	conn_init(c, 1, false, 1000000 * number);
	c->spec.sport = port;
	send_syn(c);
	add_login(c, user);
	add_cancel(c, number);
	send_rest(c, 0);
}

/* alice logs out and in again from another port; bob is reset; carol ends without a word and dave
 * takes over her port; erin stays. */
static void ends(void)
{
	file_start(datalink_of(NMW_LINK_ETHERNET));
	login_and(&client, "alice ", 41000, 1);
	uint32_t from = client.n;
	add_packet(&client, NMW_SOUP_LOGOUT, NULL, 0);
	send_rest(&client, from);
	send_flags(&client, client.n, NMW_TCP_FIN | NMW_TCP_ACK, 0);
	login_and(&client, "alice ", 41001, 2);
	login_and(&client, "bob   ", 41002, 3);
	send_flags(&client, client.n, NMW_TCP_RST, 0);
	login_and(&client, "carol ", 41003, 4);
	send_flags(&client, client.n, NMW_TCP_FIN | NMW_TCP_ACK, 0);
	login_and(&client, "dave  ", 41003, 5);
	login_and(&client, "erin  ", 41004, 6);
}

/* A server that speaks, heartbeats of both sides, debug, end of session. */
static void both(void)
{
	static const uint8_t event[10] = {'S', 0, 0, 0, 0, 0, 0, 0, 0, 'S'};
	file_start(datalink_of(NMW_LINK_ETHERNET));
	conn_init(&client, 1, false, 10);
	conn_init(&server, 1, true, 20);
	add_login(&client, "alice ");
	add_packet(&client, NMW_SOUP_CLIENT_HEARTBEAT, NULL, 0);
	send_rest(&client, 0);
	server.n += nmw_soup_put_accepted(server.stream, "SESSION001", 1);
	add_packet(&server, NMW_SOUP_SERVER_HEARTBEAT, NULL, 0);
	add_packet(&server, NMW_SOUP_DEBUG, (const uint8_t *)"hello", 5);
	add_packet(&server, NMW_SOUP_SEQUENCED, event, sizeof event);
	send_rest(&server, 0);
	uint32_t from = client.n;
	add_cancel(&client, 1);
	send_rest(&client, from);
	from = server.n;
	add_packet(&server, NMW_SOUP_END, NULL, 0);
	send_rest(&server, from);
}

/* ---- cases: UDP ---------------------------------------------------------- */

static void send_datagram(const uint8_t *p, uint32_t len)
{
	struct frame_spec s = {.link = NMW_LINK_ETHERNET,
			       .family = 4,
			       .proto = NMW_IPPROTO_UDP,
			       .src = 1,
			       .dst = 2,
			       .sport = 5000,
			       .dport = 26400,
			       .payload = p,
			       .len = len,
			       .pad = 9};
	send_frame(&s);
}

static void send_mold(const char *session, uint64_t seq, unsigned count, unsigned override)
{
	uint8_t buf[2048], msg[CANCEL_LEN];
	struct nmw_mold_out o;
	nmw_mold_start(&o, buf, sizeof buf, session, seq);
	for (unsigned i = 0; i < count; i++) {
		cancel(msg, (unsigned)seq + i);
		nmw_mold_add(&o, msg, CANCEL_LEN);
	}
	send_datagram(buf, nmw_mold_finish(&o, (uint16_t) override));
}

/* 1-5, 4-8 (4 and 5 again), 9-10 missing, 11-20, heartbeats, 21-22 missing (a heartbeat tells), end
 * three times; another session; a malformed packet. */
static void mold(void)
{
	static const uint8_t broken[22] = "SESSION001\0\0\0\0\0\0\0\x63\0\3";
	file_start(datalink_of(NMW_LINK_ETHERNET));
	send_mold("SESSION001", 1, 5, 0);
	send_mold("SESSION001", 4, 5, 0);
	send_mold("SESSION001", 11, 10, 0);
	send_mold("SESSION001", 21, 0, 0);
	send_mold("SESSION001", 23, 0, 0);
	send_mold("SESSION002", 100, 2, 0);
	send_datagram(broken, sizeof broken);
	for (unsigned i = 0; i < 3; i++)
		send_mold("SESSION001", 23, 0, NMW_MOLD_END);
}

/* 40 messages in packets of one and the end of the session: the first begins the stream, then each
 * eight of them in any order, some of them twice: a window of 16 takes them all. */
static void molddisorder(void)
{
	unsigned at[MESSAGES + 1];
	for (unsigned i = 0; i <= MESSAGES; i++)
		at[i] = i + 1;
	for (unsigned i = 1; i <= MESSAGES; i++) {
		unsigned j = i + (unsigned)nmw_rng_below(&rng, 8 - (i - 1) % 8);
		unsigned was = at[i];
		at[i] = at[j];
		at[j] = was;
	}
	file_start(datalink_of(NMW_LINK_ETHERNET));
	for (unsigned i = 0; i <= MESSAGES; i++)
		for (unsigned twice = nmw_rng_below(&rng, 4) == 0; twice != UINT32_MAX; twice--)
			send_mold("SESSION001", at[i], at[i] <= MESSAGES,
				  at[i] <= MESSAGES ? 0 : NMW_MOLD_END);
}

/* 2 and 22 are missing: 17 packets behind each; in between the stream is whole. */
static void moldwindow(void)
{
	file_start(datalink_of(NMW_LINK_ETHERNET));
	for (unsigned i = 1; i <= MESSAGES; i++)
		if (i != 2 && i != 22)
			send_mold("SESSION001", i, 1, 0);
	send_mold("SESSION001", 2, 1, 0);
}

/* 70 streams, each with a hole that is filled only at the end, when six were given up. */
static void moldstreams(void)
{
	char name[16];
	file_start(datalink_of(NMW_LINK_ETHERNET));
	for (unsigned turn = 0; turn < 3; turn++)
		for (unsigned i = 0; i < 70; i++) {
			static const unsigned offset[] = {0, 2, 1};
			snprintf(name, sizeof name, "SESSION%03u", i);
			send_mold(name, 10 * i + 1 + offset[turn], 1, 0);
		}
}

static void plain(void)
{
	uint8_t msg[CANCEL_LEN];
	file_start(datalink_of(NMW_LINK_ETHERNET));
	for (unsigned i = 1; i <= MESSAGES; i++)
		send_datagram(msg, cancel(msg, i));
}

/* What else there is on a wire: none of it is an order. */
static void noise(void)
{
	static const char http[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
	uint8_t frame[FRAME_MAX] = {0};
	eth4();
	nmw_put16(frame + 12, 0x0806); /* ARP */
	file_packet(frame, 60, 60);
	send_datagram((const uint8_t *)"\x12\x34\1\0\0\1\0\0\0\0\0\0\7example\3com\0\0\1\0\1", 29);
	send_datagram(NULL, 0);
	conn_init(&client, 3, false, 900);
	memcpy(client.stream, http, sizeof http);
	client.n = sizeof http - 1;
	send_syn(&client);
	send_rest(&client, 0);
	send_rest(&client, 0);
	client.spec.frag = 0x2000;
	send_rest(&client, 0);
	client.spec.frag = 0;
	client.spec.proto = 1; /* ICMP */
	send_rest(&client, 0);
	uint32_t n = frame_build(&client.spec, frame);
	frame[14] = 0x4F; /* a header longer than the packet */
	file_packet(frame, n, n);
}

static const struct {
	const char *name;
	void (*make)(void);
} cases[] = {
	{"eth4", eth4},
	{"eth6", eth6},
	{"vlan4", vlan4},
	{"qinq6", qinq6},
	{"sll4", sll4},
	{"sll26", sll26},
	{"raw4", raw4},
	{"raw6", raw6},
	{"null6", null6},
	{"loop4", loop4},
	{"segments", segments},
	{"hole", hole},
	{"midstream", midstream},
	{"unfinished", unfinished},
	{"snapped", snapped},
	{"flows", flows},
	{"ends", ends},
	{"both", both},
	{"mold", mold},
	{"plain", plain},
	{"noise", noise},
	{"molddisorder", molddisorder},
	{"moldwindow", moldwindow},
	{"moldstreams", moldstreams},
};

int main(int argc, char **argv)
{
	uint64_t seed = 1;
	for (int i = 2; i < argc; i++) {
		micro = micro || !strcmp(argv[i], "micro");
		big = big || !strcmp(argv[i], "big");
		if (argv[i][0] >= '0' && argv[i][0] <= '9')
			seed = strtoull(argv[i], NULL, 0);
	}
	nmw_rng_seed(&rng, seed);
	for (unsigned i = 0; argc > 1 && i < sizeof cases / sizeof cases[0]; i++)
		if (!strcmp(argv[1], cases[i].name)) {
			cases[i].make();
			return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
		}
	fprintf(stderr, "usage: make_capture CASE [SEED] [micro] [big]; CASE:");
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
		fprintf(stderr, " %s", cases[i].name);
	fprintf(stderr, "\n");
	return 2;
}
