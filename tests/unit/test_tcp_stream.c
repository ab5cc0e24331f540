#include "wire/tcp_stream.h"
#include "base/rng.h"
#include "unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STREAM 200000u /* bytes of a test stream */
#define FLOWS  8u

/* What came out of each direction. */
struct got {
	uint8_t bytes[STREAM + 70000];
	uint32_t n;
	uint64_t missing; /* bytes said to be missing */
	unsigned gaps, starts, fins, rsts, tails, opens, forgets;
	bool with_syn;
};

static struct got got[FLOWS][2];
static uint32_t unit;			    /* the reader takes whole units only */
static uint16_t key_of_data, key_of_forget; /* client's port when they last came */
static uint8_t sent[2][STREAM];
static struct nmw_tcp *t;

static uint32_t on_data(void *arg, uint32_t flow, unsigned dir, const uint8_t *p, uint32_t len)
{
	struct got *g = &got[flow][dir];
	uint32_t n = len - len % unit;
	(void)arg;
	key_of_data = nmw_tcp_key(t, flow)->a_port;
	ck_assert_uint_le(g->n + n, sizeof g->bytes);
	memcpy(g->bytes + g->n, p, n);
	g->n += n;
	return n;
}

static void on_event(void *arg, uint32_t flow, unsigned dir, enum nmw_tcp_event ev, uint64_t n)
{
	struct got *g = &got[flow][dir];
	(void)arg;
	switch (ev) {
	case NMW_TCP_EV_OPEN:
		g->opens++;
		break;
	case NMW_TCP_EV_START:
		g->starts++;
		g->with_syn = n;
		break;
	case NMW_TCP_EV_GAP:
		g->gaps++;
		g->missing += n;
		break;
	case NMW_TCP_EV_FIN:
		g->fins++;
		break;
	case NMW_TCP_EV_RST:
		g->rsts++;
		break;
	case NMW_TCP_EV_TAIL:
		g->tails++;
		break;
	case NMW_TCP_EV_FORGET:
		g->forgets++;
		key_of_forget = nmw_tcp_key(t, flow)->a_port;
		break;
	}
}

static void setup(uint32_t flows, uint32_t buffers)
{
	const struct nmw_tcp_spec spec = {flows, buffers, NMW_TCP_WINDOW_MIN};
	const struct nmw_tcp_ops ops = {on_data, on_event, NULL};
	struct nmw_err e = NMW_ERR_INIT;
	unit = 1;
	memset(got, 0, sizeof got);
	for (uint32_t i = 0; i < STREAM; i++) {
		sent[0][i] = (uint8_t)(i * 31 ^ i >> 8);
		sent[1][i] = (uint8_t)(i * 17 ^ i >> 7 ^ 0x55);
	}
	nmw_tcp_free(t);
	t = nmw_tcp_new(&spec, &ops, &e);
	ck_assert_ptr_nonnull(t);
}

static struct nmw_packet packet_of(uint8_t client, unsigned dir, uint32_t seq, uint8_t flags)
{
	struct nmw_packet p = {.proto = NMW_IPPROTO_TCP,
			       .family = 4,
			       .seq = seq,
			       .flags = flags,
			       .sport = dir ? 9001 : (uint16_t)(40000 + client),
			       .dport = dir ? (uint16_t)(40000 + client) : 9001,
			       .src = {10, 0, 0, dir ? 9 : 1},
			       .dst = {10, 0, 0, dir ? 1 : 9}};
	return p;
}

static uint32_t isn; /* initial sequence number of direction 0 */

/* Bytes from..to of the client's stream. */
static void segment(uint32_t from, uint32_t to)
{
	struct nmw_packet p = packet_of(1, 0, isn + 1 + from, NMW_TCP_ACK);
	p.payload = sent[0] + from;
	p.len = to - from;
	nmw_tcp_segment(t, &p);
}

static void control(uint32_t at, uint8_t flags)
{
	struct nmw_packet p = packet_of(1, 0, isn + at, flags);
	nmw_tcp_segment(t, &p);
}

static void ack_back(uint32_t upto)
{
	struct nmw_packet p = packet_of(1, 1, 777, NMW_TCP_ACK);
	p.ack = isn + 1 + upto;
	nmw_tcp_segment(t, &p);
}

static void check_got(uint32_t n)
{
	ck_assert_uint_eq(got[0][0].n, n);
	ck_assert_mem_eq(got[0][0].bytes, sent[0], n);
}

START_TEST(in_order_and_in_place)
{
	setup(4, 1);
	control(0, NMW_TCP_SYN);
	for (uint32_t i = 0; i < 100; i++)
		segment(i * 100, i * 100 + 100);
	check_got(10000);
	ck_assert(got[0][0].with_syn);
	ck_assert_uint_eq(got[0][0].opens, 1);
	ck_assert_uint_eq(got[0][0].starts, 1);
	ck_assert_uint_eq(nmw_tcp_stat(t)->retransmits + nmw_tcp_stat(t)->reordered, 0);
}
END_TEST

START_TEST(rest_is_kept_until_it_is_whole)
{
	setup(4, 1);
	unit = 7;
	for (uint32_t i = 0; i < 1000; i++)
		segment(i, i + 1);
	check_got(994);
	nmw_tcp_flush(t);
	ck_assert_uint_eq(got[0][0].tails, 1);
	ck_assert(!got[0][0].with_syn);
}
END_TEST

/* Every order of five segments, at sequence numbers that wrap inside. */
START_TEST(any_order)
{
	for (unsigned code = 0; code < 5 * 4 * 3 * 2; code++) {
		uint32_t left[5] = {0, 1, 2, 3, 4}, rest = code;
		setup(4, 1);
		isn = 0u - 250;
		control(0, NMW_TCP_SYN);
		for (uint32_t n = 5; n; n--) {
			uint32_t k = rest % n;
			rest /= n;
			segment(left[k] * 100, left[k] * 100 + 100);
			left[k] = left[n - 1];
		}
		check_got(500);
		ck_assert_uint_eq(got[0][0].gaps, 0);
	}
	isn = 0;
}
END_TEST

START_TEST(retransmissions_and_overlaps)
{
	setup(4, 1);
	control(0, NMW_TCP_SYN);
	control(0, NMW_TCP_SYN);
	segment(0, 100);
	segment(0, 100);
	segment(50, 150);
	segment(0, 20);
	segment(149, 149); /* keep-alive */
	segment(148, 149);
	segment(300, 400);
	segment(250, 350);
	segment(320, 330);
	segment(200, 500); /* around all that is held */
	segment(100, 260);
	check_got(500);
	ck_assert_uint_eq(got[0][0].gaps, 0);
	ck_assert_uint_eq(got[0][0].opens, 1);
	ck_assert_uint_ge(nmw_tcp_stat(t)->retransmits, 5);
}
END_TEST

/* Of bytes that differ between two copies the first count. */
START_TEST(first_bytes_count)
{
	static uint8_t other[100];
	setup(4, 1);
	control(0, NMW_TCP_SYN);
	segment(100, 200);
	struct nmw_packet p = packet_of(1, 0, isn + 1 + 100, NMW_TCP_ACK);
	p.payload = other;
	p.len = 100;
	nmw_tcp_segment(t, &p);
	segment(0, 100);
	check_got(200);
}
END_TEST

START_TEST(a_hole_that_the_peer_acknowledged)
{
	setup(4, 1);
	control(0, NMW_TCP_SYN);
	segment(0, 100);
	for (uint32_t i = 2; i < 40; i++) {
		segment(i * 100, i * 100 + 100);
		if (i == 5)
			ck_assert_uint_eq(got[0][0].gaps, 0);
		ack_back(i * 100 + 100);
	}
	ck_assert_uint_eq(got[0][0].gaps, 1);
	ck_assert_uint_eq(got[0][0].missing, 100);
	ck_assert_uint_eq(got[0][0].n, 3900);
	ck_assert_mem_eq(got[0][0].bytes + 100, sent[0] + 200, 3800);
}
END_TEST

START_TEST(a_hole_without_acknowledgement_waits)
{
	setup(4, 1);
	control(0, NMW_TCP_SYN);
	segment(0, 100);
	for (uint32_t i = 2; i < 1000; i++)
		segment(i * 100, i * 100 + 100);
	check_got(100);
	segment(100, 200); /* at last */
	check_got(100000);
}
END_TEST

START_TEST(a_window_that_is_full)
{
	setup(4, 1);
	control(0, NMW_TCP_SYN);
	for (uint32_t i = 1; i < 150; i++)
		segment(i * 1000, i * 1000 + 1000);
	ck_assert_uint_eq(got[0][0].gaps, 1);
	ck_assert_uint_eq(got[0][0].missing, 1000);
	ck_assert_uint_eq(got[0][0].n, 149000);
	ck_assert_mem_eq(got[0][0].bytes, sent[0] + 1000, 149000);
}
END_TEST

START_TEST(more_holes_than_are_remembered)
{
	setup(4, 1);
	control(0, NMW_TCP_SYN);
	for (uint32_t i = 1; i < 200; i += 2)
		segment(i * 10, i * 10 + 10);
	nmw_tcp_flush(t);
	ck_assert_uint_eq(got[0][0].gaps, 100);
	ck_assert_uint_eq(got[0][0].missing, 1000);
	ck_assert_uint_eq(got[0][0].n, 1000);
}
END_TEST

/* One stray packet does not throw the stream away, a real loss beyond the window does not stop it.
 */
START_TEST(far_jumps)
{
	setup(4, 1);
	control(0, NMW_TCP_SYN);
	segment(0, 100);
	struct nmw_packet stray = packet_of(1, 0, isn + 0x40000000u, NMW_TCP_ACK);
	stray.payload = sent[1];
	stray.len = 100;
	nmw_tcp_segment(t, &stray);
	segment(100, 200);
	check_got(200);
	segment(180000, 180100);
	segment(180100, 180200);
	segment(180200, 180300);
	ck_assert_uint_eq(got[0][0].gaps, 1);
	ck_assert_uint_eq(got[0][0].n, 400);
	ck_assert_mem_eq(got[0][0].bytes + 200, sent[0] + 180100, 200);
}
END_TEST

START_TEST(ends)
{
	setup(4, 1);
	control(0, NMW_TCP_SYN);
	segment(100, 200);
	control(201, NMW_TCP_FIN | NMW_TCP_ACK); /* before the hole is filled */
	ck_assert_uint_eq(got[0][0].fins, 0);
	segment(0, 100);
	ck_assert_uint_eq(got[0][0].fins, 1);
	control(201, NMW_TCP_FIN | NMW_TCP_ACK);
	ck_assert_uint_eq(got[0][0].fins, 1);
	control(202, NMW_TCP_RST);
	ck_assert_uint_eq(got[0][0].rsts, 1);
	isn += 1000000; /* the same ports again */
	control(0, NMW_TCP_SYN);
	ck_assert_uint_eq(got[0][0].forgets, 1);
	ck_assert_uint_eq(got[0][0].opens, 2);
	segment(0, 100);
	ck_assert_uint_eq(got[0][0].n, 300);
	isn = 0;
}
END_TEST

START_TEST(a_reset_gives_holes_up)
{
	setup(4, 1);
	control(0, NMW_TCP_SYN);
	segment(100, 200);
	control(201, NMW_TCP_RST);
	ck_assert_uint_eq(got[0][0].gaps, 1);
	ck_assert_uint_eq(got[0][0].n, 100);
}
END_TEST

START_TEST(a_segment_that_the_capture_cut)
{
	setup(4, 1);
	control(0, NMW_TCP_SYN);
	struct nmw_packet p = packet_of(1, 0, isn + 1, NMW_TCP_ACK);
	p.payload = sent[0];
	p.len = 60;
	p.cut = 40;
	nmw_tcp_segment(t, &p);
	ck_assert_uint_eq(got[0][0].missing, 40);
	segment(100, 200);
	ck_assert_uint_eq(got[0][0].n, 160);
	ck_assert_uint_eq(got[0][0].gaps, 1);
}
END_TEST

START_TEST(no_buffer_is_left)
{
	setup(4, 1);
	unit = 10;
	segment(0, 105); /* takes the only buffer */
	struct nmw_packet p = packet_of(2, 0, 5000, NMW_TCP_ACK);
	p.payload = sent[1];
	p.len = 105;
	nmw_tcp_segment(t, &p);
	ck_assert_uint_eq(got[1][0].n, 100);
	ck_assert_uint_eq(got[1][0].missing, 5);
	ck_assert_uint_eq(nmw_tcp_stat(t)->no_buffer, 1);
	segment(105, 110); /* gives it back */
	check_got(110);
	p.seq += 105;
	nmw_tcp_segment(t, &p);
	ck_assert_uint_eq(got[1][0].missing, 5);
}
END_TEST

START_TEST(more_connections_than_fit)
{
	setup(2, 2);
	for (uint8_t c = 1; c <= 5; c++) {
		struct nmw_packet p = packet_of(c, 0, 100, NMW_TCP_ACK);
		p.payload = sent[0];
		p.len = 10;
		nmw_tcp_segment(t, &p);
	}
	unsigned opens = 0, forgets = 0;
	for (unsigned i = 0; i < 2; i++) {
		opens += got[i][0].opens;
		forgets += got[i][0].forgets;
	}
	ck_assert_uint_eq(opens, 5);
	ck_assert_uint_eq(forgets, 3);
}
END_TEST

/* Two directions in random pieces: repeated, overlapping, out of order, with the ports' order
 * either way: the same bytes come out. */
static void shuffled(uint64_t seed, bool lossy)
{
	struct nmw_rng r;
	nmw_rng_seed(&r, seed);
	setup(4, 4);
	unit = 1 + (uint32_t)nmw_rng_below(&r, 40);
	const uint32_t total = 20000 + (uint32_t)nmw_rng_below(&r, 1000);
	const uint32_t base[2] = {(uint32_t)nmw_rng_u64(&r),
				  0u - (uint32_t)nmw_rng_below(&r, 9000)};
	uint32_t at[2] = {0, 0};
	for (unsigned d = 0; d < 2; d++) {
		struct nmw_packet p = packet_of(1, d, base[d] - 1, NMW_TCP_SYN);
		nmw_tcp_segment(t, &p);
	}
	while (at[0] < total || at[1] < total) {
		unsigned d = (unsigned)nmw_rng_below(&r, 2);
		uint32_t back = (uint32_t)nmw_rng_below(&r, 3000);
		uint32_t ahead = (uint32_t)nmw_rng_below(&r, 3000);
		uint32_t from = nmw_rng_below(&r, 2) ? at[d] : at[d] > back ? at[d] - back : 0;
		from += nmw_rng_below(&r, 4) ? 0 : ahead;
		uint32_t to = from + 1 + (uint32_t)nmw_rng_below(&r, 1460);
		to = to < total ? to : total;
		if (from >= to)
			from = to - 1;
		if (lossy && nmw_rng_chance(&r, 20000)) { /* these bytes never come */
			at[d] = to > at[d] ? to : at[d];
			continue;
		}
		struct nmw_packet p = packet_of(1, d, base[d] + from, NMW_TCP_ACK);
		p.ack = base[!d]; /* nothing */
		p.payload = sent[d] + from;
		p.len = to - from;
		nmw_tcp_segment(t, &p);
		if (from <= at[d] && to > at[d])
			at[d] = to;
	}
	nmw_tcp_flush(t);
	for (unsigned d = 0; d < 2; d++) {
		uint32_t n = got[0][d].n;
		if (lossy) /* nothing is invented: bytes out and bytes missing are bytes in */
			ck_assert_uint_le(n + got[0][d].missing, total);
		else
			ck_assert_msg(n == total - total % unit &&
					      !memcmp(got[0][d].bytes, sent[d], n) &&
					      got[0][d].gaps == 0,
				      "seed %llu direction %u: %u of %u bytes, %u gaps",
				      (unsigned long long)seed, d, n, total, got[0][d].gaps);
	}
}

/* What a connection held when it gave way is delivered as its own, not as the next one's. */
START_TEST(a_connection_gives_way_under_its_own_key)
{
	setup(1, 1);
	control(0, NMW_TCP_SYN);
	segment(100, 200);
	ck_assert_uint_eq(got[0][0].n, 0);
	struct nmw_packet p = packet_of(2, 0, 5, NMW_TCP_ACK); /* nothing of its own to deliver */
	nmw_tcp_segment(t, &p);
	ck_assert_uint_eq(got[0][0].n, 100);
	ck_assert_uint_eq(got[0][0].forgets, 1);
	ck_assert_uint_eq(key_of_data, 40001);
	ck_assert_uint_eq(key_of_forget, 40001);
	ck_assert_uint_eq(nmw_tcp_key(t, 0)->a_port, 40002);
}
END_TEST

START_TEST(shuffled_streams)
{
	const char *given = getenv("NMW_SEED");
	uint64_t first = given ? strtoull(given, NULL, 0) : 1;
	for (uint64_t seed = first; seed < first + 300; seed++) {
		shuffled(seed, false);
		shuffled(seed, true);
	}
}
END_TEST

/* The object lies in pages that a leak checker does not read. */
static void teardown(void)
{
	nmw_tcp_free(t);
	t = NULL;
}

int main(void)
{
	const TTest *const tests[] = {in_order_and_in_place,
				      rest_is_kept_until_it_is_whole,
				      any_order,
				      retransmissions_and_overlaps,
				      first_bytes_count,
				      a_hole_that_the_peer_acknowledged,
				      a_hole_without_acknowledgement_waits,
				      a_window_that_is_full,
				      more_holes_than_are_remembered,
				      far_jumps,
				      ends,
				      a_reset_gives_holes_up,
				      a_segment_that_the_capture_cut,
				      no_buffer_is_left,
				      more_connections_than_fit,
				      a_connection_gives_way_under_its_own_key,
				      shuffled_streams};
	return unit_run_between("tcp_stream", NULL, teardown, tests,
				sizeof tests / sizeof tests[0]);
}
