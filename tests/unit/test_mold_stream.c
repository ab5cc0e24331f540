/* A MoldUDP64 stream from its sender to its receiver over lines that lose, repeat and reorder. */
#include "base/rng.h"
#include "unit.h"
#include "wire/mold_recv.h"
#include "wire/mold_send.h"

#include <errno.h>
#include <string.h>

#define MS     1000000ull
#define FLIGHT 4096u /* packets on their way */

struct flight {
	uint64_t at_ns;
	unsigned line;
	uint32_t len;
	uint8_t p[1500];
};

static struct nmw_mold_send *tx;
static struct nmw_mold_recv rx;
static struct nmw_rng rng;
static struct nmw_err err;
static struct flight flight[FLIGHT];
static unsigned n_flight, lines;
static uint32_t loss_ppm[NMW_MOLD_LINES + 1];
static uint64_t now, jitter_ns;
static uint64_t expected, delivered, in_gaps, duplicates, emitted, ends, end_next, requests;
static struct nmw_mold_packet last;

static void launch(unsigned line, const struct nmw_mold_packet *p, uint64_t delay)
{
	if (nmw_rng_chance(&rng, loss_ppm[line]))
		return;
	ck_assert_uint_lt(n_flight, FLIGHT);
	struct flight *f = &flight[n_flight++];
	f->at_ns = now + delay + (jitter_ns ? nmw_rng_below(&rng, jitter_ns) : 0);
	f->line = line;
	f->len = NMW_MOLD_HDR + p->body_len;
	ck_assert_uint_le(f->len, sizeof f->p);
	memcpy(f->p, p->head, NMW_MOLD_HDR);
	memcpy(f->p + NMW_MOLD_HDR, p->body, p->body_len);
}

static void on_emit(void *arg, const struct nmw_mold_packet *p)
{
	(void)arg;
	emitted++;
	last = *p;
	for (unsigned i = 0; i < lines; i++)
		launch(i, p, 1000);
}

static uint32_t content(uint64_t seq, uint8_t *p)
{
	uint32_t len = (uint32_t)(seq * 2654435761u >> 7) % 60;
	for (uint32_t i = 0; i < len; i++)
		p[i] = (uint8_t)(seq + i);
	return len;
}

static void on_message(void *arg, uint64_t seq, const uint8_t *msg, uint16_t len)
{
	uint8_t want[64];
	(void)arg;
	ck_assert_uint_eq(seq, expected);
	ck_assert_uint_eq(len, content(seq, want));
	ck_assert_mem_eq(msg, want, len);
	expected++;
	delivered++;
}

static void on_gap(void *arg, uint64_t first, uint64_t count)
{
	(void)arg;
	ck_assert_uint_eq(first, expected);
	ck_assert_uint_gt(count, 0);
	expected += count;
	in_gaps += count;
}

static void on_end(void *arg, uint64_t next)
{
	(void)arg;
	ends++;
	end_next = next;
}

/* The request and its answer go through the network too. */
static void on_request(void *arg, const uint8_t *packet, unsigned attempt)
{
	struct nmw_mold_packet p;
	(void)arg;
	(void)attempt;
	requests++;
	if (nmw_mold_send_answer(tx, packet, NMW_MOLD_HDR, &p) == NMW_MOLD_ANSWERED)
		launch(NMW_MOLD_LINE_REPLY, &p, 2000);
}

static void on_duplicate(void *arg, uint64_t n)
{
	(void)arg;
	duplicates += n;
}

static void begin(unsigned n_lines, bool server, uint32_t window)
{
	struct nmw_mold_send_conf sc = {.session = "SESSION001",
					.first = 1,
					.payload = 1400,
					.history = NMW_MOLD_HISTORY_MIN,
					.heartbeat_ns = 1000 * MS,
					.emit = on_emit};
	struct nmw_mold_recv_conf rc = {.first = 1,
					.lines = n_lines,
					.window = window,
					.packet_max = 2048,
					.hold_ns = 5 * MS,
					.request_ns = 10 * MS,
					.retries = 5,
					.silence_ns = 3000 * MS};
	const struct nmw_mold_recv_calls calls = {.message = on_message,
						  .gap = on_gap,
						  .end = on_end,
						  .request = server ? on_request : NULL,
						  .duplicate = on_duplicate};
	memcpy(sc.session, "SESSION001", 10);
	ck_assert_int_eq(nmw_mold_send_open(&tx, &sc, &err), 0);
	ck_assert_int_eq(nmw_mold_recv_open(&rx, &rc, &calls, &err), 0);
	nmw_rng_seed(&rng, 42);
	lines = n_lines;
	now = 1000 * MS;
	expected = 1;
}

static void clean(void)
{
	nmw_mold_send_close(tx);
	nmw_mold_recv_close(&rx);
}

/* Hands over, in the order of time, what has arrived. */
static void arrive(void)
{
	for (;;) {
		unsigned best = n_flight;
		for (unsigned i = 0; i < n_flight; i++)
			if (flight[i].at_ns <= now &&
			    (best == n_flight || flight[i].at_ns < flight[best].at_ns))
				best = i;
		if (best == n_flight)
			break;
		struct flight f = flight[best];
		memmove(flight + best, flight + best + 1, (--n_flight - best) * sizeof f);
		nmw_mold_recv_packet(&rx, f.line, f.p, f.len, now);
	}
	nmw_mold_recv_tick(&rx, now);
}

static void step(uint64_t ns)
{
	now += ns;
	nmw_mold_send_tick(tx, now);
	arrive();
}

static void put_some(unsigned n)
{
	uint8_t msg[64];
	for (unsigned i = 0; i < n; i++)
		ck_assert_int_eq(nmw_mold_send_put(tx, msg, content(nmw_mold_send_next(tx), msg)),
				 0);
	nmw_mold_send_flush(tx, now);
}

static void stream(unsigned bursts)
{
	for (unsigned i = 0; i < bursts; i++) {
		put_some((unsigned)nmw_rng_below(&rng, 40) + 1);
		step(nmw_rng_below(&rng, MS / 2));
	}
	nmw_mold_send_end(tx, now);
	for (unsigned i = 0; i < 4000; i++)
		step(2 * MS);
}

/* However it comes, all of it arrives. */
static void stream_whole(unsigned bursts)
{
	stream(bursts);
	ck_assert_uint_eq(delivered, nmw_mold_send_next(tx) - 1);
	ck_assert_uint_eq(in_gaps, 0);
}

START_TEST(nothing_lost_on_a_good_line)
{
	begin(1, false, 64);
	stream(2000);
	ck_assert_uint_eq(delivered, nmw_mold_send_next(tx) - 1);
	ck_assert_uint_eq(in_gaps + duplicates, 0);
	ck_assert_uint_eq(ends, 1);
	ck_assert_uint_eq(end_next, nmw_mold_send_next(tx));
	clean();
}
END_TEST

START_TEST(either_line_may_lose)
{
	begin(2, false, 256);
	loss_ppm[0] = 100000;
	jitter_ns = MS / 5;
	stream_whole(2000);
	ck_assert_uint_gt(rx.line[0].duplicates + rx.line[1].duplicates, 1000);
	clean();
}
END_TEST

START_TEST(both_lose_and_ask)
{
	begin(2, true, 256);
	loss_ppm[0] = loss_ppm[1] = 100000;
	loss_ppm[NMW_MOLD_LINE_REPLY] = 100000;
	jitter_ns = MS / 5;
	stream_whole(2000);
	ck_assert_uint_gt(requests, 10);
	clean();
}
END_TEST

START_TEST(a_line_that_loses_half_and_reorders)
{
	begin(1, true, 256);
	loss_ppm[0] = 500000;
	jitter_ns = 3 * MS;
	stream_whole(1000);
	clean();
}
END_TEST

START_TEST(without_a_server_holes_are_gaps)
{
	begin(1, false, 16);
	loss_ppm[0] = 100000;
	jitter_ns = MS;
	stream(2000);
	ck_assert_uint_gt(in_gaps, 0);
	ck_assert_uint_eq(delivered + in_gaps, nmw_mold_send_next(tx) - 1);
	ck_assert_uint_eq(ends, 1);
	clean();
}
END_TEST

START_TEST(a_dead_server_is_given_up)
{
	begin(1, true, 64);
	loss_ppm[0] = 100000;
	loss_ppm[NMW_MOLD_LINE_REPLY] = 1000000;
	stream(500);
	ck_assert_uint_gt(in_gaps, 0);
	ck_assert_uint_eq(delivered + in_gaps, nmw_mold_send_next(tx) - 1);
	clean();
}
END_TEST

/* All of the beginning was missed: many answers, each a packet long. */
START_TEST(late_joiner_asks_for_all)
{
	begin(1, true, 64);
	loss_ppm[0] = 1000000;
	for (unsigned i = 0; i < 200; i++) {
		put_some(30);
		step(MS);
	}
	loss_ppm[0] = 0;
	uint64_t before = now;
	put_some(1);
	for (unsigned i = 0; i < 1000 && delivered < 6001; i++)
		step(MS / 100);
	ck_assert_uint_eq(delivered, 6001);
	ck_assert_uint_eq(in_gaps, 0);
	ck_assert_uint_lt(now - before, 8 * MS); /* a round trip each, no timeouts */
	clean();
}
END_TEST

START_TEST(heartbeats_fill_silence)
{
	begin(1, false, 16);
	put_some(3);
	emitted = 0;
	for (unsigned i = 0; i < 49; i++)
		step(100 * MS);
	ck_assert_uint_eq(emitted, 4);
	ck_assert_uint_eq(last.body_len, 0);
	ck_assert_uint_eq(nmw_be64(last.head + 10), 4);
	ck_assert_uint_eq(nmw_be16(last.head + 18), 0);
	clean();
}
END_TEST

START_TEST(packets_fill_the_payload)
{
	uint8_t msg[98] = {0};
	begin(1, false, 16);
	loss_ppm[0] = 1000000;
	for (unsigned i = 0; i < 28; i++)
		nmw_mold_send_put(tx, msg, sizeof msg);
	ck_assert_uint_eq(emitted, 2); /* 1400 - 20 = 13 x 100 + 80 */
	ck_assert_uint_eq(last.messages, 13);
	nmw_mold_send_flush(tx, now);
	ck_assert_uint_eq(emitted, 3);
	ck_assert_uint_eq(last.messages, 2);
	ck_assert_int_eq(nmw_mold_send_put(tx, msg, 1379), -EMSGSIZE);
	clean();
}
END_TEST

START_TEST(requests_are_checked)
{
	struct nmw_mold_packet p;
	uint8_t q[20] = "SESSION001";
	begin(1, false, 16);
	for (unsigned i = 0; i < 40000; i++) {
		put_some(1);
		n_flight = 0;
	}
	ck_assert_uint_gt(nmw_mold_send_oldest(tx), 1);
	nmw_put64(q + 10, 1);
	nmw_put16(q + 18, 1);
	ck_assert_int_eq(nmw_mold_send_answer(tx, q, 20, &p), NMW_MOLD_TOO_OLD);
	nmw_put64(q + 10, 40001);
	ck_assert_int_eq(nmw_mold_send_answer(tx, q, 20, &p), NMW_MOLD_NOT_YET);
	nmw_put64(q + 10, 40000);
	nmw_put16(q + 18, 60000);
	ck_assert_int_eq(nmw_mold_send_answer(tx, q, 20, &p), NMW_MOLD_ANSWERED);
	ck_assert_uint_eq(p.messages, 1);
	ck_assert_int_eq(nmw_mold_send_answer(tx, q, 19, &p), NMW_MOLD_NO_REQUEST);
	q[0] = 'X';
	ck_assert_int_eq(nmw_mold_send_answer(tx, q, 20, &p), NMW_MOLD_NO_REQUEST);
	clean();
}
END_TEST

static void feed(const char session[10], uint64_t seq, uint16_t count, const char *bytes)
{
	uint8_t p[64];
	struct nmw_mold_out o;
	nmw_mold_start(&o, p, sizeof p, session, seq);
	for (const char *c = bytes; *c; c++)
		nmw_mold_add(&o, (const uint8_t *)c, 1);
	uint32_t len = nmw_mold_finish(&o, count);
	nmw_mold_recv_packet(&rx, 0, p, len, now);
}

static char seen[64];
static void note(void *arg, uint64_t seq, const uint8_t *msg, uint16_t len)
{
	(void)arg;
	(void)seq;
	(void)len;
	strncat(seen, (const char *)msg, 1);
}

static void note_gap(void *arg, uint64_t first, uint64_t count)
{
	(void)arg;
	(void)first;
	while (count--)
		strcat(seen, ".");
}

START_TEST(sessions_do_not_mix)
{
	begin(1, false, 16);
	rx.calls.message = note;
	rx.calls.gap = note_gap;
	rx.conf.first = 0;
	feed("A         ", 7, 0, "ab");
	feed("B         ", 9, 0, "xy"); /* foreign */
	feed("A         ", 8, 0, "bc"); /* overlaps */
	feed("A         ", 11, 0, "e"); /* early */
	now += 10 * MS;
	nmw_mold_recv_tick(&rx, now);
	ck_assert_str_eq(seen, "abc.e");
	feed("A         ", 12, NMW_MOLD_END, "");
	ck_assert_uint_eq(ends, 1);
	feed("B         ", 1, 0, "x"); /* the next day */
	ck_assert_str_eq(seen, "abc.ex");
	now += 4000 * MS;
	feed("C         ", 5, 0, "z"); /* B fell silent */
	ck_assert_str_eq(seen, "abc.exz");
	ck_assert_uint_eq(rx.stat.foreign, 1);
	clean();
}
END_TEST

static void ignore_gap(void *arg, uint64_t first, uint64_t count)
{
	(void)arg;
	ck_assert_uint_ge(first, expected);
	expected = first + count;
}

/* One forged number does not end the stream; what goes on from there does. */
START_TEST(far_numbers_are_not_believed)
{
	begin(1, false, 16);
	rx.calls.message = note;
	rx.calls.gap = note_gap;
	rx.conf.jump = 5;
	feed("A         ", 1, 0, "ab");
	feed("A         ", 1ull << 62, 0, "x");
	feed("A         ", 9, 0, "x");
	feed("A         ", 3, 0, "c");
	for (unsigned i = 0; i + 1 < NMW_MOLD_FAR_RUN; i++)
		feed("A         ", 100 + i, 0, "x");
	feed("A         ", 4, 0, "d"); /* refutes it */
	for (unsigned i = 0; i + 1 < NMW_MOLD_FAR_RUN; i++)
		feed("A         ", 200 + i, 0, "x");
	ck_assert_str_eq(seen, "abcd");
	ck_assert_uint_eq(rx.seen, 5);
	ck_assert_uint_eq(rx.stat.far, 2 + 2 * (NMW_MOLD_FAR_RUN - 1));
	rx.calls.gap = ignore_gap;
	feed("A         ", 200 + NMW_MOLD_FAR_RUN - 1, 0, "e"); /* the stream is there */
	now += 10 * MS;
	nmw_mold_recv_tick(&rx, now);
	feed("A         ", 200 + NMW_MOLD_FAR_RUN, 0, "f");
	ck_assert_str_eq(seen, "abcdef");
	clean();
}
END_TEST

/* Further behind than is believed: the server has it all. */
START_TEST(far_behind_asks_the_server)
{
	begin(1, true, 64);
	rx.conf.jump = 100;
	loss_ppm[0] = 1000000;
	for (unsigned i = 0; i < 200; i++) {
		put_some(30);
		step(MS);
	}
	loss_ppm[0] = 0;
	for (unsigned i = 0; i < 1000 && delivered < 6000; i++) {
		put_some(1);
		step(MS);
	}
	ck_assert_uint_ge(delivered, 6000);
	ck_assert_uint_eq(in_gaps, 0);
	clean();
}
END_TEST

static void ignore_message(void *arg, uint64_t seq, const uint8_t *msg, uint16_t len)
{
	uint8_t sum = 0;
	(void)arg;
	for (uint16_t i = 0; i < len; i++)
		sum ^= msg[i];
	ck_assert_uint_ge(seq + sum, expected); /* rises; every byte can be read */
	expected = seq + 1;
}

/* Damaged in any byte: nothing is read that is not there, and the order stays. */
START_TEST(damaged_packets)
{
	begin(2, true, 32);
	rx.calls.message = ignore_message;
	rx.calls.gap = ignore_gap;
	rx.conf.jump = 1000;
	loss_ppm[0] = loss_ppm[1] = 50000;
	for (unsigned i = 0; i < 20000; i++) {
		put_some((unsigned)nmw_rng_below(&rng, 10) + 1);
		for (unsigned k = 0; k < n_flight; k++) {
			struct flight *f = &flight[k];
			if (nmw_rng_chance(&rng, 900000))
				continue;
			f->p[nmw_rng_below(&rng, f->len)] = (uint8_t)nmw_rng_u64(&rng);
			if (nmw_rng_chance(&rng, 300000))
				f->len = (uint32_t)nmw_rng_below(&rng, f->len + 1);
			/* the name is what tells sessions apart: mostly kept */
			if (nmw_rng_chance(&rng, 990000))
				memcpy(f->p, "SESSION001", 10);
			if (!f->len)
				f->len = 1;
		}
		step(nmw_rng_below(&rng, 3 * MS));
		/* no number out of nowhere was believed */
		ck_assert_uint_le(rx.next, nmw_mold_send_next(tx) + rx.conf.jump);
	}
	clean();
}
END_TEST

UNIT_MAIN("mold_stream", damaged_packets, nothing_lost_on_a_good_line, either_line_may_lose,
	  both_lose_and_ask, a_line_that_loses_half_and_reorders, without_a_server_holes_are_gaps,
	  a_dead_server_is_given_up, late_joiner_asks_for_all, heartbeats_fill_silence,
	  packets_fill_the_payload, requests_are_checked, sessions_do_not_mix,
	  far_numbers_are_not_believed, far_behind_asks_the_server)
