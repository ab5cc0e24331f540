/* Replay of a market-data feed: the recipe, what is counted, and a real feed line by line. */
#include "book/replay_check.h"
#include "engine_rig.h"
#include "unit.h"
#include "wire/be.h"
#include "wire_util.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct rig r;

static void open_rig(void)
{
	struct nmw_engine_spec s = rig_small;
	s.check = true;
	s.codec = NMW_CODEC_ITCH50;
	rig_open(&r, &s, NMW_CODEC_ITCH50);
}

static void feed(struct nmw_cmd c)
{
	c.locate = 5;
	c.ts_ns = 34200000000000;
	rig_feed(&r, &c);
}

static void add(uint64_t ref, char side, uint32_t qty, int64_t price)
{
	feed((struct nmw_cmd){.op = NMW_OP_FEED_ADD,
			      .key = {.lo = ref},
			      .side = (uint8_t)side,
			      .qty = qty,
			      .price = price,
			      .info = {.symbol = symbol_of("TEST")}});
}

static void exec(uint64_t ref, uint32_t qty)
{
	feed((struct nmw_cmd){.op = NMW_OP_FEED_EXEC, .key = {.lo = ref}, .qty = qty, .match = 9});
}

static void exec_px(uint64_t ref, uint32_t qty, int64_t price, bool printable)
{
	feed((struct nmw_cmd){.op = NMW_OP_FEED_EXEC_PX,
			      .key = {.lo = ref},
			      .qty = qty,
			      .price = price,
			      .printable = printable});
}

static void reduce(uint64_t ref, uint32_t qty)
{
	feed((struct nmw_cmd){.op = NMW_OP_FEED_REDUCE, .key = {.lo = ref}, .qty = qty});
}

static void drop(uint64_t ref)
{
	feed((struct nmw_cmd){.op = NMW_OP_FEED_DELETE, .key = {.lo = ref}});
}

static void replace(uint64_t ref, uint64_t ref2, uint32_t qty, int64_t price)
{
	feed((struct nmw_cmd){.op = NMW_OP_FEED_REPLACE,
			      .key = {.lo = ref},
			      .key2 = {.lo = ref2},
			      .qty = qty,
			      .price = price});
}

static void state(char code)
{
	struct nmw_cmd c = rig_halt(code);
	feed(c);
}

static void event(char code)
{
	feed((struct nmw_cmd){.op = NMW_OP_FEED_SYSTEM, .code = (uint8_t)code});
}

static struct nmw_engine_stat stat_of(void)
{
	struct nmw_engine_stat s;
	nmw_replay_compare(r.e);
	nmw_engine_stat(r.e, &s);
	return s;
}

START_TEST(book_messages)
{
	open_rig();
	add(10, 'B', 100, 10000);
	add(11, 'S', 100, 10100);
	exec(11, 30);
	reduce(11, 20);
	replace(10, 12, 70, 9900);
	drop(12);
	exec_px(11, 50, 10050, true);
	rig_expect(&r, "f:A 10 B 100 @10000\nf:A 11 S 100 @10100\n"
		       "f:E 11 30 #1\nf:X 11 20\nf:U 10 12 70 @9900\nf:D 12\nf:E 11 50 #2\n");
	struct nmw_engine_stat s = stat_of();
	ck_assert_uint_eq(s.check_executions, 2);
	ck_assert_uint_eq(s.check_reproduced, 2);
	ck_assert_uint_eq(s.check_book_diff, 0);
	ck_assert_uint_eq(s.live_orders, 0);
	rig_close(&r);
}
END_TEST

START_TEST(queue_is_by_reference)
{
	open_rig();
	add(20, 'S', 100, 10100);
	add(10, 'S', 100, 10100); /* later, but an older reference */
	exec(10, 100);
	exec(20, 100);
	struct nmw_engine_stat s = stat_of();
	ck_assert_uint_eq(s.check_executions, 2);
	ck_assert_uint_eq(s.check_reproduced, 2);
	rig_close(&r);
}
END_TEST

START_TEST(difference_is_counted_once_and_told)
{
	char line[256];
	open_rig();
	add(10, 'S', 100, 10100);
	add(11, 'S', 100, 10100);
	exec(11, 100); /* 10 was first */
	exec(10, 100);
	struct nmw_engine_stat s = stat_of();
	ck_assert_uint_eq(s.check_executions, 2);
	ck_assert_uint_eq(s.check_reproduced, 1);
	ck_assert_uint_eq(s.check_book_diff, 0);
	ck_assert(nmw_replay_line(r.e, 0, line, sizeof(line)));
	ck_assert_str_eq(line, "replay: 1 of 2 executions reproduced, 0 crossing adds, 0 unknown "
			       "references, 0 live orders");
	ck_assert(nmw_replay_line(r.e, 3, line, sizeof(line)));
	ck_assert_str_eq(line, "first execution that differs: 09:30:00.000000000: order 11, 100 "
			       "shares, stated; order 10 with 100 shares is first in its book");
	ck_assert(!nmw_replay_line(r.e, 4, line, sizeof(line)));
	rig_close(&r);
}
END_TEST

START_TEST(execution_of_more_than_is_there)
{
	open_rig();
	add(10, 'S', 100, 10100);
	exec(10, 101);
	struct nmw_engine_stat s = stat_of();
	ck_assert_uint_eq(s.check_reproduced, 0);
	ck_assert_uint_eq(s.live_orders, 0);
	rig_close(&r);
}
END_TEST

START_TEST(unknown_references_are_counted)
{
	open_rig();
	exec(1, 100);
	reduce(2, 100);
	drop(3);
	replace(4, 5, 100, 10000);
	struct nmw_engine_stat s = stat_of();
	ck_assert_uint_eq(s.check_unknown_refs, 4);
	ck_assert_uint_eq(s.check_executions, 0);
	rig_expect(&r, "");
	rig_close(&r);
}
END_TEST

START_TEST(crossing_adds_rest_and_are_counted)
{
	open_rig();
	add(10, 'S', 100, 10100);
	add(11, 'B', 100, 10100);
	replace(11, 12, 100, 10200);
	add(13, 'B', 100, 10099);
	struct nmw_engine_stat s = stat_of();
	ck_assert_uint_eq(s.check_crossed_adds, 2);
	ck_assert_uint_eq(s.live_orders, 3);
	ck_assert_uint_eq(s.check_book_diff, 0);
	rig_close(&r);
}
END_TEST

START_TEST(no_matching_while_halted_or_before_the_market_opens)
{
	open_rig();
	event('O');
	event('S');
	add(10, 'S', 100, 10100);
	add(11, 'B', 100, 10100); /* orders queue */
	exec(11, 100);
	event('Q');
	state('H');
	add(12, 'B', 100, 10100);
	exec(10, 40);
	state('T');
	exec(12, 100);
	struct nmw_engine_stat s = stat_of();
	ck_assert_uint_eq(s.check_crossed_adds, 0);
	ck_assert_uint_eq(s.check_forced, 2);
	ck_assert_uint_eq(s.check_executions, 1);
	ck_assert_uint_eq(s.check_reproduced, 1);
	ck_assert_uint_eq(s.check_book_diff, 0);
	ck_assert_str_eq(rig_text_all(&r),
			 "f:S O\nf:S S\nf:R TEST locate 5 lot 100\nf:H TEST T\n"
			 "f:A 10 S 100 @10100\nf:A 11 B 100 @10100\nf:E 11 100 #1\nf:S Q\n"
			 "f:H TEST H\nf:A 12 B 100 @10100\nf:E 10 40 #2\nf:H TEST T\n"
			 "f:E 12 100 #3\n");
	rig_close(&r);
}
END_TEST

START_TEST(executions_of_a_cross_are_taken_without_matching)
{
	open_rig();
	add(10, 'S', 100, 10100);
	add(11, 'S', 100, 10100);
	exec_px(11, 60, 10000, false);
	rig_text(&r);
	exec_px(11, 40, 10000, false);
	rig_expect(&r, "f:C 11 40 @10000 #2 N\n");
	struct nmw_engine_stat s = stat_of();
	ck_assert_uint_eq(s.check_forced, 2);
	ck_assert_uint_eq(s.check_executions, 0);
	ck_assert_uint_eq(s.live_orders, 1);
	ck_assert_uint_eq(s.check_book_diff, 0);
	rig_close(&r);
}
END_TEST

START_TEST(what_is_not_order_flow_is_counted)
{
	char line[256];
	open_rig();
	feed((struct nmw_cmd){.op = NMW_OP_FEED_TRADE, .qty = 1, .side = 'B'});
	feed((struct nmw_cmd){.op = NMW_OP_FEED_CROSS, .qty = 1, .code = 'O'});
	feed((struct nmw_cmd){.op = NMW_OP_FEED_BROKEN});
	nmw_replay_compare(r.e);
	ck_assert(nmw_replay_line(r.e, 2, line, sizeof(line)));
	ck_assert_str_eq(line, "replay: not order flow, counted only: 1 trades of hidden orders, "
			       "1 crosses, 0 executions of a cross or while halted, "
			       "1 broken trades");
	ck_assert_uint_eq(stat_of().filtered, 3);
	rig_close(&r);
}
END_TEST

START_TEST(messages_that_make_no_order)
{
	open_rig();
	add(1, 'B', 0, 10000);
	add(1, 'X', 1, 10000);
	add(1, 'B', 1, UINT32_MAX);
	ck_assert_uint_eq(stat_of().bad_message, 3);
	add(1, 'B', 1, 10000);
	add(1, 'B', 1, 10000); /* the same reference again */
	add(2, 'B', 1, 10000);
	replace(1, 2, 1, 10000); /* onto one in use */
	replace(1, 3, 0, 10000);
	ck_assert_uint_eq(stat_of().ignored, 1);
	ck_assert_uint_eq(stat_of().bad_message, 5);
	ck_assert_uint_eq(stat_of().live_orders, 2);
	ck_assert_uint_eq(stat_of().check_book_diff, 0);
	rig_close(&r);
}
END_TEST

START_TEST(a_different_book_is_seen)
{
	open_rig();
	add(1, 'B', 100, 10000);
	add(2, 'B', 100, 10000);
	struct nmw_books *b = (struct nmw_books *)(uintptr_t)nmw_engine_books(r.e);
	nmw_book_reduce(b, nmw_book_walk(b, 0, NMW_BUY, 0), 99);
	ck_assert_uint_eq(nmw_replay_compare(r.e), 2); /* not as stated, and one stated missing */
	rig_close(&r);
}
END_TEST

START_TEST(passive_table_keeps_all)
{
	enum { N = 300 };
	struct nmw_passive *t = aligned_alloc(64, (nmw_passive_footprint(N) + 63) / 64 * 64);
	ck_assert_ptr_nonnull(t);
	nmw_passive_init(t, N);
	for (unsigned round = 0; round < 50; round++) {
		for (unsigned i = 0; i < N; i++) {
			const struct nmw_passive_order o = {
				.ref = (round * N + i) * 64 + 1, .qty = i + 1, .px = i};
			ck_assert(nmw_passive_add(t, &o));
			ck_assert(!nmw_passive_add(t, &o));
		}
		const struct nmw_passive_order more = {.ref = UINT64_MAX, .qty = 1};
		ck_assert(!nmw_passive_add(t, &more));
		for (unsigned k = 0; k < N; k++) {
			unsigned i = k * 7 % N;
			uint64_t ref = (round * N + i) * 64 + 1;
			ck_assert_ptr_nonnull(nmw_passive_find(t, ref));
			ck_assert_uint_eq(nmw_passive_find(t, ref)->px, i);
			nmw_passive_reduce(t, ref, i);
			ck_assert_uint_eq(nmw_passive_find(t, ref)->qty, 1);
			nmw_passive_remove(t, ref);
			ck_assert_ptr_null(nmw_passive_find(t, ref));
		}
		ck_assert_uint_eq(nmw_passive_count(t), 0);
	}
	free(t);
}
END_TEST

/* ---- a real feed as plain commands --------------------------------------- */

/* "ADD seq ts ref side px4 qty rank" and so on: everything rests by its rank, what takes is an
 * immediate order of a session. */
static bool golden_cmd(const char *line, unsigned *token, uint64_t *seq, uint64_t *ts)
{
	uint64_t a, b;
	uint32_t px, qty;
	char side;
	if (sscanf(line, "ADD %" SCNu64 " %" SCNu64 " %" SCNu64 " %c %" SCNu32 " %" SCNu32, seq, ts,
		   &a, &side, &px, &qty) == 6) {
		add(a, side, qty, px);
	} else if (sscanf(line, "CXL %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu32, seq, ts, &a,
			  &qty) == 4) {
		if (qty)
			reduce(a, qty);
		else
			drop(a);
	} else if (sscanf(line,
			  "RPL %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu32
			  " %" SCNu32,
			  seq, ts, &a, &b, &px, &qty) == 6) {
		replace(a, b, qty, px);
	} else if (sscanf(line, "IOC %" SCNu64 " %" SCNu64 " %c %" SCNu32 " %" SCNu32, seq, ts,
			  &side, &px, &qty) == 5) {
		r.codec = NMW_CODEC_OUCH50;
		struct nmw_cmd c = rig_order(&r, ++*token, side, qty, px);
		c.tif = NMW_TIF_IOC;
		rig_cmd(&r, 1, &c);
		r.codec = NMW_CODEC_ITCH50;
	} else {
		return false;
	}
	return true;
}

/* Executions among the outputs, as the lines of golden.execs: the reply has the price, the market
 * data the reference. */
static void expect_execs(FILE *execs, uint64_t seq, uint64_t ts, unsigned *n)
{
	char got[128], want[128];
	uint64_t px = 0;
	for (size_t i = 0; i < r.got.n; i++) {
		const struct outmsg *m = &r.got.m[i];
		if (m->codec == NMW_CODEC_OUCH50 && m->p[0] == 'E')
			px = nmw_be64(m->p + 17);
		if (m->codec != NMW_CODEC_ITCH50 || m->p[0] != 'E')
			continue;
		uint64_t ref = nmw_be64(m->p + 11);
		uint32_t qty = nmw_be32(m->p + 19);
		snprintf(got, sizeof(got),
			 "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu32 " %" PRIu64 " 1\n", seq, ts,
			 ref, qty, px);
		ck_assert_ptr_nonnull(fgets(want, sizeof(want), execs));
		ck_assert_str_eq(got, want);
		++*n;
	}
}

START_TEST(golden_commands_give_golden_executions)
{
	const char *path = shared_path("aapl-20190130/golden.cmds");
	FILE *cmds = path ? fopen(path, "r") : NULL;
	path = shared_path("aapl-20190130/golden.execs");
	FILE *execs = path ? fopen(path, "r") : NULL;
	if (!cmds || !execs)
		return; /* the shared data is not on this machine */
	struct nmw_engine_spec s = rig_small;
	char line[256];
	unsigned token = 0, n = 0;
	s.orders = 20000;
	rig_open(&r, &s, NMW_CODEC_ITCH50);
	while (fgets(line, sizeof(line), cmds)) {
		uint64_t seq, ts;
		r.got.n = 0;
		ck_assert_msg(golden_cmd(line, &token, &seq, &ts), "%s", line);
		expect_execs(execs, seq, ts, &n);
	}
	ck_assert_ptr_null(fgets(line, sizeof(line), execs));
	ck_assert_uint_eq(n, 746);
	struct nmw_engine_stat st;
	nmw_engine_stat(r.e, &st);
	ck_assert_uint_eq(st.live_orders, 5805);
	ck_assert_uint_eq(st.check_crossed_adds, 0);
	ck_assert_uint_eq(st.check_unknown_refs, 0);
	fclose(cmds);
	fclose(execs);
	rig_close(&r);
}
END_TEST

UNIT_MAIN("engine feed", book_messages, queue_is_by_reference, difference_is_counted_once_and_told,
	  execution_of_more_than_is_there, unknown_references_are_counted,
	  crossing_adds_rest_and_are_counted, no_matching_while_halted_or_before_the_market_opens,
	  executions_of_a_cross_are_taken_without_matching, what_is_not_order_flow_is_counted,
	  messages_that_make_no_order, a_different_book_is_seen, passive_table_keeps_all,
	  golden_commands_give_golden_executions)
