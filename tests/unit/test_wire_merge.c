/* The host's answers in the streams of the device: their places, numbers, lengths and checksums. */
// uses: tools/nmw-fpga/wire_merge.c
#include "tools/nmw-fpga/wire.h"
#include "unit.h"
#include "wire/be.h"
#include "wire/packet.h"
#include "wire/packet_build.h"

#include <string.h>

#define SESSION "NMW0000000"

/* What went out, a letter a message; '|' between frames. */
static char out[512];
static uint64_t next; /* number that is expected */
static bool full;     /* the port takes nothing */

int frame_out_put(struct frame_out *f, const uint8_t *frame, uint32_t len, uint64_t ts_ns,
		  struct nmw_err *e)
{
	struct nmw_packet p;
	struct nmw_mold m;
	const uint8_t *msg, *ip = frame + 14;
	uint16_t n;
	(void)f, (void)ts_ns, (void)e;
	ck_assert_int_eq(nmw_packet_parse(NMW_LINK_ETHERNET, frame, len, len, &p), NMW_PACKET_OK);
	ck_assert_ptr_eq(p.payload + p.len, frame + len);
	ck_assert_uint_le(p.len, NMW_MOLD_MTU_DEF);
	ck_assert_uint_eq(nmw_packet_sum(ip, 20, 0), 0xFFFF);
	uint32_t pseudo = nmw_packet_sum(ip + 12, 8, NMW_IPPROTO_UDP + p.len + 8);
	ck_assert_uint_eq(nmw_packet_sum(ip + 20, p.len + 8, pseudo), 0xFFFF);
	ck_assert_int_eq(nmw_mold_open(&m, p.payload, p.len), 0);
	ck_assert_mem_eq(m.session, SESSION, 10);
	ck_assert_uint_eq(m.seq, next);
	for (; (msg = nmw_mold_next(&m, &n)); next++)
		strncat(out, (const char *)msg, 1);
	ck_assert_ptr_eq(m.at, m.end);
	strcat(out, m.count == NMW_MOLD_END ? "E|" : "|");
	return full;
}

static struct merge *fresh(const char *client, const char *own)
{
	static struct merge m;
	uint8_t buf[256] = {0};
	struct nmw_endpoint from, to;
	uint32_t len;
	memset(&m, 0, sizeof m);
	out[0] = 0;
	next = 1;
	ck_assert_int_eq(nmw_endpoint_parse(client, &from, NULL), 0);
	ck_assert_int_eq(nmw_endpoint_parse(own, &to, NULL), 0);
	const uint8_t *f = nmw_packet_udp(buf + NMW_PACKET_HEADROOM, 20, &from, &to, 0, &len);
	merge_client(&m, 3, f, len);
	ck_assert(m.client[3].known);
	return &m;
}

/* A frame of the device's to client 3: a message of len bytes a letter. */
static void device(struct merge *m, uint64_t seq, const char *letters, uint16_t len, uint16_t count)
{
	static uint8_t buf[2048], msg[1500];
	struct nmw_endpoint from, to;
	struct nmw_mold_out o;
	uint32_t n;
	nmw_endpoint_parse("10.0.0.1:9001", &from, NULL);
	nmw_endpoint_parse("10.0.1.1:40000", &to, NULL);
	nmw_mold_start(&o, buf + NMW_PACKET_HEADROOM, NMW_MOLD_MTU_DEF, SESSION, seq);
	for (; *letters; letters++) {
		memset(msg, *letters, sizeof msg);
		ck_assert(nmw_mold_add(&o, msg, len));
	}
	n = nmw_mold_finish(&o, count);
	const uint8_t *f = nmw_packet_udp(buf + NMW_PACKET_HEADROOM, n, &from, &to, 7, &n);
	ck_assert_int_eq(merge_frame(m, f, n, 1, NULL), 0);
}

static void shown(struct merge *m, unsigned n)
{
	struct nmw_wire_seen s = {.view = NMW_WIRE_VIEW_REPLY};
	nmw_wire_put(s.word, NMW_WO_DEST, 5, 3);
	while (n--)
		merge_reply(m, &s);
}

static void host(struct merge *m, char letter)
{
	uint8_t msg[29];
	memset(msg, letter, sizeof msg);
	ck_assert(merge_answer(m, 3, msg, sizeof msg, 30));
}

START_TEST(without_answers_nothing_changes)
{
	struct merge *m = fresh("10.0.1.1:40000", "10.0.0.1:9001");
	device(m, 1, "AB", 30, 0);
	device(m, 3, "", 0, 0); /* a heartbeat */
	device(m, 3, "C", 30, 0);
	ck_assert_int_eq(merge_rest(m, NULL), 0);
	ck_assert_str_eq(out, "AB||C|");
	ck_assert(!merge_waits(m));
}
END_TEST

START_TEST(an_answer_stands_behind_what_came_before)
{
	struct merge *m = fresh("10.0.1.1:40000", "10.0.0.1:9001");
	shown(m, 2);
	host(m, 'j');
	shown(m, 1);
	host(m, 'q');
	ck_assert_int_eq(merge_rest(m, NULL), 0); /* nothing went out before it */
	device(m, 1, "ABC", 30, 0);
	device(m, 4, "", 0, 0);
	device(m, 4, "D", 30, 0);
	device(m, 5, "", 0, NMW_MOLD_END);
	ck_assert_str_eq(out, "ABjCq||D|E|");
}
END_TEST

START_TEST(an_answer_does_not_wait_for_a_frame)
{
	struct merge *m = fresh("10.0.1.1:40000", "10.0.0.1:9001");
	shown(m, 1);
	device(m, 1, "A", 30, 0);
	host(m, 'j');
	host(m, 'k');
	ck_assert(merge_waits(m));
	ck_assert_int_eq(merge_rest(m, NULL), 0);
	ck_assert(!merge_waits(m));
	device(m, 2, "B", 30, 0);
	ck_assert_str_eq(out, "A|jk|B|");
}
END_TEST

START_TEST(a_frame_that_is_full_becomes_two)
{
	struct merge *m = fresh("10.0.1.1:40000", "10.0.0.1:9001");
	host(m, 'j');
	device(m, 1, "ABCD", 361, 0); /* 20 + 4 x 363 bytes: full to the last */
	ck_assert_str_eq(out, "jABC|D|");
}
END_TEST

START_TEST(the_end_of_a_session_comes_after_all_answers)
{
	struct merge *m = fresh("10.0.1.1:40000", "10.0.0.1:9001");
	host(m, 'j');
	host(m, 'k');
	device(m, 1, "", 0, NMW_MOLD_END);
	ck_assert_str_eq(out, "jk|E|");
}
END_TEST

START_TEST(other_streams_go_through)
{
	struct merge *m = fresh("10.0.1.1:40001", "10.0.0.1:9001");
	host(m, 'j');
	device(m, 1, "AB", 30, 0);
	ck_assert_str_eq(out, "AB|");
	ck_assert(merge_waits(m));
}
END_TEST

START_TEST(answers_that_wait_are_bounded)
{
	struct merge *m = fresh("10.0.1.1:40000", "10.0.0.1:9001");
	uint8_t msg[MERGE_BYTES + 1] = {0};
	for (unsigned i = 0; i < MERGE_ANSWERS; i++)
		host(m, 'j');
	ck_assert(!merge_answer(m, 3, msg, 29, 30));
	m->client[3].n = 0;
	ck_assert(!merge_answer(m, 3, msg, sizeof msg, 30));
}
END_TEST

START_TEST(what_the_port_drops_was_not_sent)
{
	struct merge *m = fresh("10.0.1.1:40000", "10.0.0.1:9001");
	shown(m, 1);
	host(m, 'j');
	device(m, 1, "A", 30, 0);
	full = true;
	host(m, 'k');
	device(m, 2, "BC", 30, 0);
	device(m, 4, "", 0, NMW_MOLD_END);
	full = false;
	ck_assert_str_eq(out, "Aj|kBC|E|");
	ck_assert_uint_eq(m->lost, 2);
	ck_assert_uint_eq(m->lost_answers, 1);
	m = fresh("10.0.1.1:40001", "10.0.0.1:9001"); /* another's stream */
	full = true;
	device(m, 1, "AB", 30, 0);
	full = false;
	ck_assert_uint_eq(m->lost, 2);
}
END_TEST

UNIT_MAIN("wire_merge", without_answers_nothing_changes, an_answer_stands_behind_what_came_before,
	  an_answer_does_not_wait_for_a_frame, a_frame_that_is_full_becomes_two,
	  the_end_of_a_session_comes_after_all_answers, other_streams_go_through,
	  answers_that_wait_are_bounded, what_the_port_drops_was_not_sent)
