/* OUCH semantics, one test a rule, each with both versions of the protocol. */
#include "book/engine_impl.h"
#include "engine_rig.h"
#include "unit.h"
#include "wire_util.h"
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static struct rig r;
static struct nmw_cmd c;

static const uint8_t versions[] = {NMW_CODEC_OUCH42, NMW_CODEC_OUCH50};

/* Opens an engine for each version in turn; sessions 1 (account A) and 2 (account B) are up. */
static void open_rig(const struct nmw_engine_spec *spec, unsigned version)
{
	if (r.mem)
		rig_close(&r);
	rig_open(&r, spec, versions[version]);
	rig_ctl(&r, 1, NMW_CTL_LOGIN, "A", 0);
	rig_ctl(&r, 2, NMW_CTL_LOGIN, "B", 0);
	rig_text(&r);
}

#define EACH_VERSION(spec) for (unsigned v = 0; v < 2 && (open_rig(spec, v), true); v++)

static void enter(uint32_t session, unsigned id, char side, uint32_t qty, int64_t price)
{
	c = rig_order(&r, id, side, qty, price);
	rig_cmd(&r, session, &c);
}

static void enter_ioc(uint32_t session, unsigned id, char side, uint32_t qty, int64_t price)
{
	c = rig_order(&r, id, side, qty, price);
	c.tif = NMW_TIF_IOC;
	rig_cmd(&r, session, &c);
}

static void replace(uint32_t session, unsigned id, unsigned id2, uint32_t qty, int64_t price)
{
	c = rig_replace(&r, id, id2, qty, price);
	rig_cmd(&r, session, &c);
}

static void cancel(uint32_t session, unsigned id, uint32_t qty)
{
	c = rig_cancel(&r, id, qty);
	rig_cmd(&r, session, &c);
}

static void modify(uint32_t session, unsigned id, char side, uint32_t qty)
{
	c = rig_modify(&r, id, side, qty);
	rig_cmd(&r, session, &c);
}

static void post_only(struct nmw_cmd *o)
{
	o->post_only = 1;
	if (r.codec == NMW_CODEC_OUCH42)
		o->info.display = 'P';
}

static void halt(char state)
{
	c = rig_halt(state);
	rig_feed(&r, &c);
}

static struct nmw_engine_stat stat_of(void)
{
	struct nmw_engine_stat s;
	nmw_engine_stat(r.e, &s);
	return s;
}

static void check_books(void)
{
	char why[256];
	ck_assert_msg(nmw_books_check(nmw_engine_books(r.e), why, sizeof(why)) == 0, "%s", why);
}

/* ---- entering -------------------------------------------------------------------------------- */

START_TEST(accepts_and_rests)
{
	EACH_VERSION(&rig_small)
	{
		enter(1, 1, 'B', 100, 10000);
		rig_expect(&r, "1:A 1 B 100 @10000 ref 1 L\n"
			       "f:A 1 B 100 @10000\n");
		ck_assert_uint_eq(stat_of().live_orders, 1);
	}
}
END_TEST

START_TEST(fills_both_sides_with_one_match_number)
{
	EACH_VERSION(&rig_small)
	{
		enter(1, 1, 'S', 100, 10000);
		rig_text(&r);
		enter(2, 1, 'B', 60, 10100);
		rig_expect(&r, "2:A 1 B 60 @10100 ref 2 L\n"
			       "2:E 1 60 @10000 R #1\n"
			       "1:E 1 60 @10000 A #1\n"
			       "f:E 1 60 #1\n");
		enter(2, 2, 'B', 100, 10000);
		rig_expect(&r, "2:A 2 B 100 @10000 ref 3 L\n"
			       "2:E 2 40 @10000 R #2\n"
			       "1:E 1 40 @10000 A #2\n"
			       "f:E 1 40 #2\n"
			       "f:A 3 B 60 @10000\n");
		check_books();
	}
}
END_TEST

START_TEST(best_price_first_then_time)
{
	EACH_VERSION(&rig_small)
	{
		enter(1, 1, 'S', 10, 10200);
		enter(1, 2, 'S', 20, 10100);
		enter(1, 3, 'S', 30, 10100);
		rig_text(&r);
		enter(2, 1, 'B', 55, 10200);
		rig_expect(&r, "2:A 1 B 55 @10200 ref 4 L\n"
			       "2:E 1 20 @10100 R #1\n1:E 2 20 @10100 A #1\nf:E 2 20 #1\n"
			       "2:E 1 30 @10100 R #2\n1:E 3 30 @10100 A #2\nf:E 3 30 #2\n"
			       "2:E 1 5 @10200 R #3\n1:E 1 5 @10200 A #3\nf:E 1 5 #3\n");
	}
}
END_TEST

START_TEST(sweeps_of_any_length)
{
	EACH_VERSION(&rig_small)
	{
		for (unsigned i = 1; i <= 500; i++)
			enter(1, i, 'S', 1, 10000 + i % 50);
		rig_text(&r);
		size_t before = r.got.n;
		enter(2, 1, 'B', 600, 10100);
		ck_assert_uint_eq(r.got.n - before, 1 + 3 * 500 + 1);
		ck_assert_uint_eq(stat_of().live_orders, 1);
		ck_assert_uint_eq(stat_of().fills, 500);
		check_books();
	}
}
END_TEST

START_TEST(repeated_enter_is_ignored)
{
	EACH_VERSION(&rig_small)
	{
		enter(1, 1, 'B', 100, 10000);
		cancel(1, 1, 0);
		enter(1, 2, 'B', 100, 10000);
		rig_text(&r);
		enter(1, 1, 'B', 100, 10000); /* dead id */
		enter(1, 2, 'S', 7, 9000);    /* live id, other details */
		rig_expect(&r, "");
		ck_assert_uint_eq(stat_of().ignored, 2);
		enter(2, 1, 'B', 100, 10000); /* another account's ids are its own */
		rig_expect(&r, "2:A 1 B 100 @10000 ref 3 L\nf:A 3 B 100 @10000\n");
	}
}
END_TEST

START_TEST(user_reference_numbers_rise)
{
	open_rig(&rig_small, 1);
	enter(1, 5, 'B', 100, 10000);
	rig_text(&r);
	enter(1, 3, 'B', 100, 10000); /* lower, though never used */
	rig_expect(&r, "");
	enter(1, 6, 'B', 0, 10000); /* a reject uses its number up */
	rig_expect(&r, "1:J 6 13\n");
	enter(1, 6, 'B', 100, 10000);
	rig_expect(&r, "");
	c = (struct nmw_cmd){.op = NMW_OP_QUERY};
	rig_cmd(&r, 1, &c);
	rig_expect(&r, "1:Q 7\n");
}
END_TEST

START_TEST(tokens_need_not_rise)
{
	open_rig(&rig_small, 0);
	enter(1, 5, 'B', 100, 10000);
	enter(1, 3, 'B', 100, 10000);
	rig_expect(&r, "1:A 5 B 100 @10000 ref 1 L\nf:A 1 B 100 @10000\n"
		       "1:A 3 B 100 @10000 ref 2 L\nf:A 2 B 100 @10000\n");
	enter(1, 6, 'B', 0, 10000);
	rig_expect(&r, "1:J 6 Z\n");
	enter(1, 6, 'B', 100, 10000);
	rig_expect(&r, "");
}
END_TEST

START_TEST(immediate_or_cancel)
{
	EACH_VERSION(&rig_small)
	{
		enter_ioc(1, 1, 'B', 100, 10000);
		rig_expect(&r, "1:A 1 B 100 @10000 ref 1 L\n1:C 1 100 I\n");
		enter(2, 1, 'S', 30, 9900);
		rig_text(&r);
		enter_ioc(1, 2, 'B', 100, 10000);
		rig_expect(&r, "1:A 2 B 100 @10000 ref 3 L\n"
			       "1:E 2 30 @9900 R #1\n2:E 1 30 @9900 A #1\nf:E 2 30 #1\n"
			       "1:C 2 70 I\n");
		ck_assert_uint_eq(stat_of().live_orders, 0);
	}
}
END_TEST

START_TEST(market_orders_take_any_price_and_never_rest)
{
	EACH_VERSION(&rig_small)
	{
		enter(2, 1, 'S', 30, 1999999900);
		rig_text(&r);
		enter(1, 1, 'B', 100, NMW_PX_MARKET_42);
		rig_expect(&r, "1:A 1 B 100 @2147483647 ref 2 L\n"
			       "1:E 1 30 @1999999900 R #1\n2:E 1 30 @1999999900 A #1\nf:E 1 30 #1\n"
			       "1:C 1 70 I\n");
		enter(2, 2, 'B', 30, 1);
		rig_text(&r);
		enter(1, 2, 'S', 30, NMW_PX_MARKET_42);
		rig_expect(&r, "1:A 2 S 30 @2147483647 ref 4 L\n"
			       "1:E 2 30 @1 R #2\n2:E 2 30 @1 A #2\nf:E 3 30 #2\n");
	}
}
END_TEST

START_TEST(minimum_quantity)
{
	EACH_VERSION(&rig_small)
	{
		enter(2, 1, 'S', 30, 10000);
		enter(2, 2, 'S', 30, 10100);
		rig_text(&r);
		c = rig_order(&r, 1, 'B', 100, 10000);
		c.info.min_qty = 31;
		rig_cmd(&r, 1, &c);
		rig_expect(&r, "1:A 1 B 100 @10000 ref 3 L\n1:C 1 100 I\n");
		c = rig_order(&r, 2, 'B', 100, 10100);
		c.info.min_qty = 60;
		rig_cmd(&r, 1, &c);
		rig_expect(&r, "1:A 2 B 100 @10100 ref 4 L\n"
			       "1:E 2 30 @10000 R #1\n2:E 1 30 @10000 A #1\nf:E 1 30 #1\n"
			       "1:E 2 30 @10100 R #2\n2:E 2 30 @10100 A #2\nf:E 2 30 #2\n"
			       "f:A 4 B 40 @10100\n");
		c = rig_order(&r, 3, 'S', 100, 10200);
		c.info.min_qty = 1;
		rig_cmd(&r, 2, &c); /* nothing there at all */
		rig_expect(&r, "2:A 3 S 100 @10200 ref 5 L\n2:C 3 100 I\n");
	}
}
END_TEST

START_TEST(post_only_orders)
{
	EACH_VERSION(&rig_small)
	{
		enter(2, 1, 'S', 30, 10000);
		rig_text(&r);
		c = rig_order(&r, 1, 'B', 100, 10000);
		post_only(&c);
		rig_cmd(&r, 1, &c);
		rig_expect(&r, "1:A 1 B 100 @10000 ref 2 L\n1:C 1 100 G\n");
		c = rig_order(&r, 2, 'B', 100, 9999);
		post_only(&c);
		rig_cmd(&r, 1, &c);
		rig_expect(&r, "1:A 2 B 100 @9999 ref 3 L\nf:A 3 B 100 @9999\n");
	}
}
END_TEST

START_TEST(hidden_orders)
{
	EACH_VERSION(&rig_small)
	{
		c = rig_order(&r, 1, 'S', 50, 10000);
		c.info.display = 'N';
		rig_cmd(&r, 1, &c);
		rig_expect(&r, "1:A 1 S 50 @10000 ref 1 L\n"); /* the feed does not see it */
		enter(1, 2, 'S', 20, 10000);		       /* later, but displayed: first */
		rig_text(&r);
		enter(2, 1, 'B', 30, 10000);
		rig_expect(&r, "2:A 1 B 30 @10000 ref 3 L\n"
			       "2:E 1 20 @10000 R #1\n1:E 2 20 @10000 A #1\nf:E 2 20 #1\n"
			       "2:E 1 10 @10000 R #2\n1:E 1 10 @10000 A #2\nf:P 10 @10000 #2\n");
		cancel(1, 1, 30);
		cancel(1, 1, 0);
		rig_expect(&r, "1:C 1 20 U\n1:C 1 20 U\n");
	}
}
END_TEST

START_TEST(time_to_live)
{
	EACH_VERSION(&rig_small)
	{
		for (unsigned id = 1; id <= 3; id++) {
			c = rig_order(&r, id, 'B', 100 * id, 10000);
			c.tif = NMW_TIF_GTT;
			c.tif_s = id == 2 ? 5 : 10;
			rig_cmd(&r, 1, &c);
		}
		rig_text(&r);
		r.now_ns = RIG_START + 6 * UINT64_C(1000000000);
		cancel(1, 9, 0);
		rig_expect(&r, "1:C 2 200 T\nf:D 2\n");
		cancel(1, 1, 0);
		rig_text(&r);
		r.now_ns = RIG_START + 3600 * UINT64_C(1000000000);
		enter(2, 1, 'S', 1, 10000); /* what fell due is gone before it */
		rig_expect(&r, "1:C 3 300 T\nf:D 3\n"
			       "2:A 1 S 1 @10000 ref 4 L\nf:A 4 S 1 @10000\n");
		ck_assert_uint_eq(stat_of().expired, 2);
	}
}
END_TEST

START_TEST(time_to_live_in_order_of_expiry)
{
	EACH_VERSION(&rig_small)
	{
		for (unsigned id = 1; id <= 40; id++) {
			c = rig_order(&r, id, 'B', id, 10000);
			c.tif = NMW_TIF_GTT;
			c.tif_s = 1 + id * 7 % 41;
			rig_cmd(&r, 1, &c);
		}
		rig_text(&r);
		uint32_t last = 0;
		size_t from = r.got.n;
		r.now_ns += 100 * UINT64_C(1000000000);
		cancel(1, 99, 0);
		ck_assert_uint_eq(r.got.n - from, 80);
		for (size_t i = from; i < r.got.n; i += 2) {
			const uint8_t *p = r.got.m[i].p + (v ? 13 : 23);
			uint32_t id = (uint32_t)(p[2] << 8 | p[3]), due = 1 + id * 7 % 41;
			ck_assert_uint_gt(due, last);
			last = due;
		}
	}
}
END_TEST

START_TEST(time_to_live_of_equals_ends_in_order_of_entry)
{
	EACH_VERSION(&rig_small)
	{
		const uint64_t at = r.now_ns;
		for (unsigned id = 1; id <= 20; id++) {
			r.now_ns = at; /* all at the same time */
			c = rig_order(&r, id, 'B', id, 10000);
			c.tif = NMW_TIF_GTT;
			c.tif_s = 1;
			rig_cmd(&r, 1, &c);
		}
		cancel(1, 3, 0);
		cancel(1, 10, 0);
		rig_text(&r);
		size_t from = r.got.n;
		r.now_ns += UINT64_C(1000000000);
		cancel(1, 99, 0);
		ck_assert_uint_eq(r.got.n - from, 36);
		unsigned last = 0;
		for (size_t i = from; i < r.got.n; i += 2) { /* shares = id */
			const uint8_t *p = r.got.m[i].p + (v ? 13 : 23);
			ck_assert_uint_gt(p[3], last);
			last = p[3];
		}
	}
}
END_TEST

/* ---- canceling ------------------------------------------------------------------------------- */

START_TEST(cancel_in_full_and_late)
{
	EACH_VERSION(&rig_small)
	{
		enter(1, 1, 'B', 100, 10000);
		rig_text(&r);
		cancel(1, 1, 0);
		rig_expect(&r, "1:C 1 100 U\nf:D 1\n");
		cancel(1, 1, 0);  /* there is no "too late to cancel" */
		cancel(1, 77, 0); /* never seen */
		cancel(2, 1, 0);  /* another account's */
		rig_expect(&r, "");
		ck_assert_uint_eq(stat_of().ignored, 3);
	}
}
END_TEST

START_TEST(cancel_down_keeps_priority)
{
	EACH_VERSION(&rig_small)
	{
		enter(1, 1, 'S', 100, 10000);
		enter(1, 2, 'S', 100, 10000);
		rig_text(&r);
		cancel(1, 1, 40);
		rig_expect(&r, "1:C 1 60 U\nf:X 1 60\n");
		enter(2, 1, 'B', 50, 10000);
		rig_expect(&r, "2:A 1 B 50 @10000 ref 3 L\n"
			       "2:E 1 40 @10000 R #1\n1:E 1 40 @10000 A #1\nf:E 1 40 #1\n"
			       "2:E 1 10 @10000 R #2\n1:E 2 10 @10000 A #2\nf:E 2 10 #2\n");
	}
}
END_TEST

START_TEST(cancel_size_counts_what_was_executed)
{
	EACH_VERSION(&rig_small)
	{
		enter(1, 1, 'S', 100, 10000);
		enter(2, 1, 'B', 30, 10000);
		rig_text(&r);
		cancel(1, 1, 100); /* superfluous: all 70 stay */
		cancel(1, 1, 500);
		rig_expect(&r, "");
		cancel(1, 1, 80); /* 30 executed, 50 stay */
		rig_expect(&r, "1:C 1 20 U\nf:X 1 20\n");
		cancel(1, 1, 30); /* no more than was executed: the rest goes */
		rig_expect(&r, "1:C 1 50 U\nf:D 1\n");
	}
}
END_TEST

/* ---- replacing ------------------------------------------------------------------------------- */

START_TEST(replace_moves_the_order)
{
	EACH_VERSION(&rig_small)
	{
		enter(1, 1, 'B', 100, 10000);
		rig_text(&r);
		replace(1, 1, 2, 150, 10100);
		rig_expect(&r, "1:U 2 was 1 B 150 @10100 ref 2 L\nf:U 1 2 150 @10100\n");
		cancel(1, 1, 0);
		rig_expect(&r, "");
		cancel(1, 2, 0);
		rig_expect(&r, "1:C 2 150 U\nf:D 2\n");
	}
}
END_TEST

START_TEST(replace_loses_priority_always)
{
	EACH_VERSION(&rig_small)
	{
		enter(1, 1, 'S', 100, 10000);
		enter(1, 2, 'S', 100, 10000);
		replace(1, 1, 3, 50, 10000); /* less, at the same price */
		rig_text(&r);
		enter_ioc(2, 1, 'B', 120, 10000);
		rig_expect(&r, "2:A 1 B 120 @10000 ref 4 L\n"
			       "2:E 1 100 @10000 R #1\n1:E 2 100 @10000 A #1\nf:E 2 100 #1\n"
			       "2:E 1 20 @10000 R #2\n1:E 3 20 @10000 A #2\nf:E 3 20 #2\n");
	}
}
END_TEST

START_TEST(replace_quantity_is_the_chains)
{
	EACH_VERSION(&rig_small)
	{
		enter(1, 1, 'S', 100, 10000);
		enter(2, 1, 'B', 30, 10000);
		rig_text(&r);
		replace(1, 1, 2, 80, 10100);
		rig_expect(&r, "1:U 2 was 1 S 50 @10100 ref 3 L\nf:U 1 3 50 @10100\n");
		enter(2, 2, 'B', 10, 10100);
		rig_text(&r);
		replace(1, 2, 3, 100, 10200); /* 40 of the chain are executed */
		rig_expect(&r, "1:U 3 was 2 S 60 @10200 ref 5 L\nf:U 3 5 60 @10200\n");
		cancel(1, 3, 70); /* and count for the size of a cancel */
		rig_expect(&r, "1:C 3 30 U\nf:X 5 30\n");
		replace(1, 3, 4, 40, 10200); /* nothing is left: dead */
		rig_expect(&r, "1:U 4 was 3 S 0 @10200 ref 6 D\nf:D 5\n");
		ck_assert_uint_eq(stat_of().live_orders, 0);
	}
}
END_TEST

START_TEST(replace_that_takes)
{
	EACH_VERSION(&rig_small)
	{
		enter(1, 1, 'B', 100, 10000);
		enter(2, 1, 'S', 40, 10100);
		rig_text(&r);
		replace(1, 1, 2, 100, 10100);
		rig_expect(&r, "1:U 2 was 1 B 100 @10100 ref 3 L\nf:D 1\n"
			       "1:E 2 40 @10100 R #1\n2:E 1 40 @10100 A #1\nf:E 2 40 #1\n"
			       "f:A 3 B 60 @10100\n");
	}
}
END_TEST

START_TEST(replace_of_the_dead_or_to_a_used_id_is_ignored)
{
	EACH_VERSION(&rig_small)
	{
		enter(1, 1, 'B', 100, 10000);
		enter(1, 2, 'B', 100, 10000);
		cancel(1, 1, 0);
		rig_text(&r);
		replace(1, 1, 3, 50, 10000); /* dead */
		replace(1, 2, 1, 50, 10000); /* used */
		replace(1, 2, 2, 50, 10000);
		rig_expect(&r, "");
		enter(1, 3, 'B', 100, 10000); /* its id was not used up */
		rig_expect(&r, "1:A 3 B 100 @10000 ref 3 L\nf:A 3 B 100 @10000\n");
		ck_assert_uint_eq(stat_of().ignored, 3);
	}
}
END_TEST

START_TEST(replace_with_invalid_details_cancels)
{
	EACH_VERSION(&rig_small)
	{
		enter(1, 1, 'B', 100, 10000);
		rig_text(&r);
		replace(1, 1, 2, 1000000, 10000);
		rig_expect(&r, "1:C 1 100 Z\nf:D 1\n");
		enter(1, 3, 'B', 100, 10000);
		rig_text(&r);
		replace(1, 3, 4, 100, 0);
		rig_expect(&r, "1:C 3 100 Z\nf:D 2\n");
	}
}
END_TEST

START_TEST(rejected_replace_leaves_the_order_and_uses_the_id)
{
	EACH_VERSION(&rig_small)
	{
		enter(1, 1, 'B', 100, 10000);
		halt('H');
		rig_text(&r);
		replace(1, 1, 2, 50, 10000);
		rig_expect(&r, v ? "1:J 2 07\n" : "1:J 2 H\n");
		halt('T');
		enter(1, 2, 'B', 50, 10000);
		rig_expect(&r, "");
		cancel(1, 1, 0);
		rig_expect(&r, "1:C 1 100 U\nf:D 1\n");
	}
}
END_TEST

START_TEST(replace_between_displayed_and_hidden)
{
	EACH_VERSION(&rig_small)
	{
		enter(1, 1, 'B', 100, 10000);
		rig_text(&r);
		c = rig_replace(&r, 1, 2, 100, 10000);
		c.info.display = 'N';
		rig_cmd(&r, 1, &c);
		rig_expect(&r, "1:U 2 was 1 B 100 @10000 ref 2 L\nf:D 1\n");
		replace(1, 2, 3, 100, 10000);
		rig_expect(&r, "1:U 3 was 2 B 100 @10000 ref 3 L\nf:A 3 B 100 @10000\n");
	}
}
END_TEST

START_TEST(replace_to_immediate)
{
	EACH_VERSION(&rig_small)
	{
		enter(1, 1, 'B', 100, 10000);
		rig_text(&r);
		c = rig_replace(&r, 1, 2, 100, 10000);
		c.tif = NMW_TIF_IOC;
		rig_cmd(&r, 1, &c);
		rig_expect(&r, "1:U 2 was 1 B 100 @10000 ref 2 L\nf:D 1\n1:C 2 100 I\n");
		ck_assert_uint_eq(stat_of().live_orders, 0);
	}
}
END_TEST

START_TEST(replace_changes_the_time_to_live)
{
	EACH_VERSION(&rig_small)
	{
		for (unsigned id = 1; id <= 2; id++) {
			c = rig_order(&r, id, 'B', 100, 10000);
			c.tif = NMW_TIF_GTT;
			c.tif_s = 5;
			rig_cmd(&r, 1, &c);
		}
		replace(1, 1, 3, 100, 10000); /* a day order now */
		c = rig_replace(&r, 2, 4, 100, 10000);
		c.tif = NMW_TIF_GTT;
		c.tif_s = 60;
		rig_cmd(&r, 1, &c);
		rig_text(&r);
		r.now_ns += 30 * UINT64_C(1000000000);
		cancel(1, 99, 0);
		rig_expect(&r, "");
		r.now_ns += 30 * UINT64_C(1000000000);
		cancel(1, 99, 0);
		rig_expect(&r, "1:C 4 100 T\nf:D 4\n");
	}
}
END_TEST

/* ---- modifying ------------------------------------------------------------------------------- */

START_TEST(modify_changes_the_kind_of_sale)
{
	EACH_VERSION(&rig_small)
	{
		enter(1, 1, 'S', 100, 10000);
		enter(1, 2, 'B', 100, 9000);
		rig_text(&r);
		modify(1, 1, 'T', 100);
		rig_expect(&r, "1:M 1 T 100\n");
		modify(1, 1, 'B', 100); /* never from selling to buying */
		modify(1, 2, 'S', 100);
		rig_expect(&r, "");
		replace(1, 1, 3, 100, 10000);
		rig_expect(&r, "1:U 3 was 1 T 100 @10000 ref 3 L\nf:U 1 3 100 @10000\n");
	}
}
END_TEST

START_TEST(modify_down_keeps_priority_up_loses_it)
{
	EACH_VERSION(&rig_small)
	{
		enter(1, 1, 'S', 100, 10000);
		enter(1, 2, 'S', 100, 10000);
		rig_text(&r);
		modify(1, 1, 'S', 60);
		rig_expect(&r, "1:M 1 S 60\nf:X 1 40\n");
		enter_ioc(2, 1, 'B', 10, 10000);
		rig_expect(&r, "2:A 1 B 10 @10000 ref 3 L\n"
			       "2:E 1 10 @10000 R #1\n1:E 1 10 @10000 A #1\nf:E 1 10 #1\n");
		modify(1, 1, 'S', 70); /* 10 are executed: 60 open, 10 more than there were */
		rig_expect(&r, "1:M 1 S 60\n1:T 1 @10000 Y ref 4\nf:U 1 4 60 @10000\n");
		enter_ioc(2, 2, 'B', 110, 10000);
		rig_expect(&r, "2:A 2 B 110 @10000 ref 5 L\n"
			       "2:E 2 100 @10000 R #2\n1:E 2 100 @10000 A #2\nf:E 2 100 #2\n"
			       "2:E 2 10 @10000 R #3\n1:E 1 10 @10000 A #3\nf:E 4 10 #3\n");
		modify(1, 1, 'S', 20); /* all of it is executed */
		modify(1, 1, 'S', 1000000);
		rig_expect(&r, "");
	}
}
END_TEST

START_TEST(trade_now_is_ignored)
{
	open_rig(&rig_small, 0);
	enter(1, 1, 'S', 100, 10000);
	rig_text(&r);
	c = (struct nmw_cmd){.op = NMW_OP_TRADE_NOW, .key = rig_key(&r, 1)};
	rig_cmd(&r, 1, &c);
	rig_expect(&r, "");
	ck_assert_uint_eq(stat_of().ignored, 1);
	ck_assert_uint_eq(stat_of().live_orders, 1);
}
END_TEST

/* ---- self-match ------------------------------------------------------------------------------ */

static struct nmw_engine_spec with_stp(enum nmw_stp stp)
{
	struct nmw_engine_spec s = rig_small;
	s.stp = stp;
	return s;
}

START_TEST(self_match_allowed)
{
	EACH_VERSION(&rig_small)
	{
		enter(1, 1, 'S', 100, 10000);
		rig_text(&r);
		enter(1, 2, 'B', 100, 10000);
		rig_expect(&r, "1:A 2 B 100 @10000 ref 2 L\n"
			       "1:E 2 100 @10000 R #1\n1:E 1 100 @10000 A #1\nf:E 1 100 #1\n");
	}
}
END_TEST

START_TEST(self_match_cancels_new)
{
	const struct nmw_engine_spec s = with_stp(NMW_STP_CANCEL_NEW);
	EACH_VERSION(&s)
	{
		enter(2, 1, 'S', 30, 10000);
		enter(1, 1, 'S', 40, 10000);
		rig_text(&r);
		enter(1, 2, 'B', 100, 10000);
		rig_expect(&r, "1:A 2 B 100 @10000 ref 3 L\n"
			       "1:E 2 30 @10000 R #1\n2:E 1 30 @10000 A #1\nf:E 1 30 #1\n"
			       "1:D 2 70 Q 40 @10000 R\n");
		ck_assert_uint_eq(stat_of().live_orders, 1);
		c = rig_order(&r, 3, 'B', 100, 10000);
		c.info.min_qty = 1; /* nothing is there before the own order */
		rig_cmd(&r, 1, &c);
		rig_expect(&r, "1:A 3 B 100 @10000 ref 4 L\n1:C 3 100 I\n");
	}
}
END_TEST

START_TEST(self_match_cancels_old)
{
	const struct nmw_engine_spec s = with_stp(NMW_STP_CANCEL_OLD);
	EACH_VERSION(&s)
	{
		enter(1, 1, 'S', 40, 10000);
		enter(2, 1, 'S', 30, 10000);
		rig_text(&r);
		enter(1, 2, 'B', 100, 10000);
		rig_expect(&r, "1:A 2 B 100 @10000 ref 3 L\n"
			       "1:D 1 40 Q 40 @10000 A\nf:D 1\n"
			       "1:E 2 30 @10000 R #1\n2:E 1 30 @10000 A #1\nf:E 2 30 #1\n"
			       "f:A 3 B 70 @10000\n");
	}
}
END_TEST

/* ---- sessions -------------------------------------------------------------------------------- */

START_TEST(first_messages_of_the_day)
{
	EACH_VERSION(&rig_small)
	{
		rig_close(&r);
		rig_open(&r, &rig_small, versions[v]);
		const struct nmw_symbol_conf conf = {
			.name = "ABC     ", .locate = 7, .lot = 10, .state = 'H'};
		ck_assert_int_eq(nmw_engine_symbol(r.e, &conf, NULL), 0);
		rig_ctl(&r, 1, NMW_CTL_LOGIN, "A", 0);
		ck_assert_str_eq(rig_text_all(&r), "f:S O\nf:R ABC locate 7 lot 10\nf:H ABC H\n"
						   "f:S S\nf:S Q\n1:ctl 1\n1:S S\n");
		enter(1, 1, 'B', 100, 10000); /* a symbol that was not listed */
		ck_assert_str_eq(rig_text_all(&r),
				 "f:R TEST locate 1 lot 100\nf:H TEST T\n"
				 "1:A 1 B 100 @10000 ref 1 L\nf:A 1 B 100 @10000\n");
		nmw_engine_end(r.e, &r.out);
		ck_assert_str_eq(rig_text_all(&r), "1:S E\nf:S M\nf:S E\nf:S C\n");
		nmw_engine_end(r.e, &r.out);
		ck_assert_str_eq(rig_text_all(&r), "");
	}
}
END_TEST

START_TEST(cancel_on_disconnect)
{
	EACH_VERSION(&rig_small)
	{
		rig_ctl(&r, 3, NMW_CTL_LOGIN, "C", NMW_CTL_CANCEL_ON_DISCONNECT);
		enter(3, 1, 'B', 10, 10000);
		enter(1, 1, 'B', 10, 10000);
		enter(3, 2, 'S', 20, 20000);
		enter(3, 3, 'B', 30, 15000);
		replace(3, 1, 4, 11, 10000); /* the youngest now */
		cancel(3, 2, 0);
		rig_text_all(&r);
		rig_ctl(&r, 3, NMW_CTL_LOST, "", 0);
		ck_assert_str_eq(rig_text_all(&r),
				 "3:C 3 30 U\nf:D 4\n3:C 4 11 U\nf:D 5\n3:ctl 3\n");
		rig_ctl(&r, 1, NMW_CTL_LOGOUT, "", 0); /* no such flag: its order stays */
		ck_assert_str_eq(rig_text_all(&r), "1:ctl 2\n");
		ck_assert_uint_eq(stat_of().live_orders, 1);
		enter(1, 2, 'B', 10, 10000); /* logged out */
		ck_assert_uint_eq(stat_of().no_session, 1);
	}
}
END_TEST

/* The flag is the session's: it holds for what the session entered before it said so, too. */
START_TEST(cancel_on_disconnect_said_later)
{
	EACH_VERSION(&rig_small)
	{
		rig_ctl(&r, 3, NMW_CTL_LOGIN, "C", 0);
		for (unsigned id = 1; id <= 5; id++)
			enter(3, id, 'B', id, 10000 + id % 3);
		enter(1, 1, 'B', 10, 10000);
		cancel(3, 4, 0);
		replace(3, 1, 6, 11, 10000); /* the youngest, in an older handle */
		rig_ctl(&r, 3, NMW_CTL_LOGIN, "C", NMW_CTL_CANCEL_ON_DISCONNECT);
		enter(3, 7, 'B', 7, 10000);
		rig_ctl(&r, 3, NMW_CTL_LOGIN, "C", 0); /* and no more */
		enter(3, 8, 'B', 8, 10000);
		rig_ctl(&r, 3, NMW_CTL_LOGIN, "C", NMW_CTL_CANCEL_ON_DISCONNECT);
		rig_text_all(&r);
		rig_ctl(&r, 3, NMW_CTL_LOST, "", 0);
		ck_assert_str_eq(rig_text_all(&r), "3:C 2 2 U\nf:D 2\n3:C 3 3 U\nf:D 3\n"
						   "3:C 5 5 U\nf:D 5\n3:C 6 11 U\nf:D 7\n"
						   "3:C 7 7 U\nf:D 8\n3:C 8 8 U\nf:D 9\n3:ctl 3\n");
		ck_assert_uint_eq(stat_of().live_orders, 1);
	}
}
END_TEST

START_TEST(account_outlives_its_session)
{
	EACH_VERSION(&rig_small)
	{
		enter(1, 1, 'B', 100, 10000);
		rig_ctl(&r, 1, NMW_CTL_LOST, "", 0);
		rig_ctl(&r, 5, NMW_CTL_LOGIN, "A", 0);
		rig_text(&r);
		enter(5, 1, 'B', 100, 10000); /* used before the connection was lost */
		rig_expect(&r, "");
		enter(2, 1, 'S', 10, 10000);
		rig_expect(&r, "2:A 1 S 10 @10000 ref 2 L\n"
			       "2:E 1 10 @10000 R #1\n5:E 1 10 @10000 A #1\nf:E 1 10 #1\n");
		cancel(5, 1, 0);
		rig_expect(&r, "5:C 1 90 U\nf:D 1\n");
	}
}
END_TEST

/* A login of a session that is up, under another name: the client before is gone, and what its end
 * brings about goes before the login. */
START_TEST(login_under_another_account_ends_the_session)
{
	EACH_VERSION(&rig_small)
	{
		rig_ctl(&r, 3, NMW_CTL_LOGIN, "OLD", NMW_CTL_CANCEL_ON_DISCONNECT);
		enter(3, 1, 'B', 10, 10000);
		enter(3, 2, 'B', 20, 10000);
		rig_text_all(&r);
		rig_ctl(&r, 3, NMW_CTL_LOGIN, "OLD", NMW_CTL_CANCEL_ON_DISCONNECT); /* itself */
		ck_assert_str_eq(rig_text_all(&r), "3:ctl 1\n");
		rig_ctl(&r, 3, NMW_CTL_LOGIN, "NEW", 0);
		ck_assert_str_eq(rig_text_all(&r),
				 "3:C 1 10 U\nf:D 1\n3:C 2 20 U\nf:D 2\n3:ctl 1\n3:S S\n");
		enter(3, 1, 'B', 10, 10000); /* an id of the account before */
		rig_expect(&r, "3:A 1 B 10 @10000 ref 3 L\nf:A 3 B 10 @10000\n");
		rig_ctl(&r, 3, NMW_CTL_LOGIN, "OTHER", 0); /* no such flag: its order stays */
		enter(1, 1, 'S', 10, 10000);		   /* and nobody is told of it */
		rig_expect(&r, "1:A 1 S 10 @10000 ref 4 L\n1:E 1 10 @10000 R #1\nf:E 3 10 #1\n");
		ck_assert_uint_eq(stat_of().live_orders, 0);
	}
}
END_TEST

/* Tokens are the account's, user reference numbers too: which of the two a dead order used up is
 * not a matter of who has its session by then. */
START_TEST(session_that_changes_hands)
{
	struct nmw_engine_spec s = rig_small;
	char why[128];
	s.ids = 1;
	open_rig(&s, 1);
	for (unsigned id = 1; id <= 40; id++)
		enter(1, id, 'B', 100, 10000);
	r.codec = NMW_CODEC_OUCH42;
	rig_ctl(&r, 1, NMW_CTL_LOGIN, "C", 0);
	r.codec = NMW_CODEC_OUCH50;
	rig_ctl(&r, 3, NMW_CTL_LOGIN, "A", 0);
	for (unsigned id = 1; id <= 40; id++)
		cancel(3, id, 0);
	ck_assert_int_eq(nmw_books_check(nmw_engine_books(r.e), why, sizeof(why)), 0);
	ck_assert_uint_eq(nmw_engine_books(r.e)->magic, NMW_BOOKS_MAGIC);
	struct nmw_engine_stat st;
	nmw_engine_stat(r.e, &st);
	ck_assert_uint_eq(st.live_orders, 0);
	rig_move(&r);
}
END_TEST

/* A feed states orders of any size; what is taken from them is no business of their flags. */
START_TEST(fills_of_a_feeds_order)
{
	const struct nmw_engine_spec s = rig_small;
	struct nmw_engine_stat st;
	open_rig(&s, 1);
	struct nmw_cmd add = {.op = NMW_OP_FEED_ADD,
			      .key = {.lo = 7},
			      .side = 'S',
			      .qty = UINT32_MAX,
			      .price = 10000,
			      .locate = 5,
			      .info = {.symbol = symbol_of("TEST")}};
	rig_feed(&r, &add);
	for (unsigned id = 1; id <= 4295; id++) {
		enter_ioc(1, id, 'B', 999999, 10000);
		rig_text(&r);
	}
	nmw_engine_stat(r.e, &st);
	ck_assert_uint_eq(st.fill_shares, UINT32_MAX);
	ck_assert_uint_eq(st.live_orders, 0);
	enter(1, 5000, 'S', 100, 10000);
	rig_expect(&r, "1:A 5000 S 100 @10000 ref 4296 L\nf:A 4296 S 100 @10000\n");
}
END_TEST

START_TEST(session_without_a_login)
{
	EACH_VERSION(&rig_small)
	{
		enter(7, 1, 'B', 100, 10000);
		enter(8, 1, 'B', 100, 10000); /* an account of its own */
		rig_expect(&r, "7:A 1 B 100 @10000 ref 1 L\nf:A 1 B 100 @10000\n"
			       "8:A 1 B 100 @10000 ref 2 L\nf:A 2 B 100 @10000\n");
		ck_assert_uint_eq(stat_of().implicit_sessions, 2);
		rig_ctl(&r, 7, NMW_CTL_LOGIN, "LATE", 0); /* its orders stay its own */
		rig_text(&r);
		cancel(7, 1, 0);
		rig_expect(&r, "7:C 1 100 U\nf:D 1\n");
	}
}
END_TEST

START_TEST(messages_without_a_home)
{
	open_rig(&rig_small, 0);
	enter(0, 1, 'B', 100, 10000);
	ck_assert_uint_eq(stat_of().no_session, 1);
	r.codec = NMW_CODEC_OUCH50;
	enter(1, 1, 'B', 100, 10000); /* the session speaks 4.2 */
	ck_assert_uint_eq(stat_of().codec, 1);
	rig_send(&r, 1, NMW_CH_ORDER, NMW_CODEC_OUCH42, (const uint8_t *)"O123", 4);
	rig_send(&r, 1, NMW_CH_CTL, NMW_CODEC_CTL, (const uint8_t *)"x", 1);
	ck_assert_uint_eq(stat_of().bad_message, 2);
	rig_send(&r, 1, NMW_CH_REPLY, NMW_CODEC_OUCH42, (const uint8_t *)"S12345678S", 10);
	ck_assert_uint_eq(stat_of().filtered, 1);
	rig_send(&r, 1, NMW_CH_ORDER, 99, (const uint8_t *)"S12345678S", 10);
	ck_assert_uint_eq(stat_of().codec, 2);
	rig_expect(&r, "");
}
END_TEST

START_TEST(codec_is_sniffed_or_asked_for)
{
	uint8_t p[256];
	open_rig(&rig_small, 0);
	c = rig_order(&r, 1, 'B', 100, 10000);
	uint32_t len = nmw_codec_ouch42.encode_cmd(&c, p);
	rig_send(&r, 9, NMW_CH_ORDER, NMW_CODEC_NONE, p, len);
	rig_expect(&r, "9:A 1 B 100 @10000 ref 1 L\nf:A 1 B 100 @10000\n");
	struct nmw_engine_spec only = rig_small;
	only.codec = NMW_CODEC_OUCH50;
	open_rig(&only, 1);
	rig_send(&r, 9, NMW_CH_ORDER, NMW_CODEC_OUCH42, p, len);
	ck_assert_uint_eq(stat_of().codec, 1);
}
END_TEST

START_TEST(limits_are_refused_not_overrun)
{
	struct nmw_engine_spec s = rig_small;
	s.orders = 2;
	s.sessions = 3;
	s.symbols = 1;
	s.ids = 5;
	EACH_VERSION(&s)
	{
		enter(1, 1, 'B', 100, 10000);
		enter(1, 2, 'B', 100, 10000);
		rig_text(&r);
		enter(1, 3, 'B', 100, 10000); /* no room to rest */
		rig_expect(&r, v ? "1:J 3 0F\n" : "1:J 3 O\n");
		enter_ioc(2, 1, 'S', 150, 10000); /* room is not needed */
		rig_text(&r);
		c = rig_order(&r, 4, 'B', 100, 10000);
		c.info.symbol = symbol_of("OTHER");
		rig_cmd(&r, 1, &c);
		rig_expect(&r, v ? "1:J 4 17\n" : "1:J 4 S\n");
		enter(1, 5, 'S', 1,
		      30000); /* the sixth id: tokens are remembered, numbers need not be */
		rig_expect(&r, v ? "1:A 5 S 1 @30000 ref 4 L\nf:A 4 S 1 @30000\n" : "1:J 5 O\n");
		enter(7, 1, 'B', 1, 10000);
		enter(8, 1, 'B', 1, 10000); /* the fourth session */
		ck_assert_uint_eq(stat_of().capacity, v ? 4 : 5);
		check_books();
	}
}
END_TEST

START_TEST(timers_are_limited)
{
	struct nmw_engine_spec s = rig_small;
	s.timers = 1;
	EACH_VERSION(&s)
	{
		for (unsigned id = 1; id <= 2; id++) {
			c = rig_order(&r, id, 'B', 100, 10000);
			c.tif = NMW_TIF_GTT;
			c.tif_s = 60;
			rig_cmd(&r, 1, &c);
		}
		rig_expect(&r, v ? "1:A 1 B 100 @10000 ref 1 L\nf:A 1 B 100 @10000\n1:J 2 0F\n"
				 : "1:A 1 B 100 @10000 ref 1 L\nf:A 1 B 100 @10000\n1:J 2 O\n");
		c = rig_replace(&r, 1, 3, 100, 10000); /* its own timer is there for it */
		c.tif = NMW_TIF_GTT;
		c.tif_s = 60;
		rig_cmd(&r, 1, &c);
		rig_expect(&r, "1:U 3 was 1 B 100 @10000 ref 2 L\nf:U 1 2 100 @10000\n");
	}
}
END_TEST

/* ---- refusals -------------------------------------------------------------------------------- */

static void bad_side(struct nmw_cmd *o)
{
	o->side = 'X';
}
static void no_qty(struct nmw_cmd *o)
{
	o->qty = 0;
}
static void much_qty(struct nmw_cmd *o)
{
	o->qty = 1000000;
}
static void min_over(struct nmw_cmd *o)
{
	o->info.min_qty = o->qty + 1;
}
static void min_post(struct nmw_cmd *o)
{
	o->info.min_qty = 1;
	post_only(o);
}
static void bad_tif(struct nmw_cmd *o)
{
	o->tif = NMW_TIF_BAD;
	o->info.tif_raw = r.codec == NMW_CODEC_OUCH50 ? '9' : 100000;
}
static void bad_display(struct nmw_cmd *o)
{
	o->info.display = 'I';
}
static void midpoint(struct nmw_cmd *o)
{
	o->price_type = 'M';
	if (r.codec == NMW_CODEC_OUCH42)
		o->info.display = 'M';
}
static void bad_capacity(struct nmw_cmd *o)
{
	o->info.capacity = 'Q';
}
static void bad_iso(struct nmw_cmd *o)
{
	o->info.iso = '?';
}
static void cross(struct nmw_cmd *o)
{
	o->info.cross = 'O';
}
static void no_price(struct nmw_cmd *o)
{
	o->price = 0;
}
static void high_price(struct nmw_cmd *o)
{
	o->price = NMW_PX_MAX_42 + 1;
}
static void market_post(struct nmw_cmd *o)
{
	o->price = NMW_PX_MARKET_42;
	post_only(o);
}
static void unlisted(struct nmw_cmd *o)
{
	o->info.symbol = symbol_of("NOPE");
}
static void halted(struct nmw_cmd *o)
{
	o->info.symbol = symbol_of("HALT");
}
static void paused(struct nmw_cmd *o)
{
	o->info.symbol = symbol_of("PAUSE");
}
static void quoted(struct nmw_cmd *o)
{
	o->info.symbol = symbol_of("QUOTE");
}
static void off_tick(struct nmw_cmd *o)
{
	o->price = 10050;
}
static void under_band(struct nmw_cmd *o)
{
	o->price = 4900;
}
static void over_band(struct nmw_cmd *o)
{
	o->price = 20100;
}

static const struct refusal {
	const char *name;
	void (*spoil)(struct nmw_cmd *o);
	const char *code42, *code50;
} refusals[] = {
	{"side", bad_side, "O", "09"},	       {"quantity 0", no_qty, "Z", "13"},
	{"quantity", much_qty, "Z", "13"},     {"minimum", min_over, "N", "0D"},
	{"min post", min_post, "N", "0D"},     {"tif", bad_tif, "O", "0F"},
	{"display", bad_display, "D", "03"},   {"midpoint", midpoint, "D", "05"},
	{"capacity", bad_capacity, "O", "0F"}, {"iso", bad_iso, "d", "08"},
	{"cross", cross, "R", "14"},	       {"price 0", no_price, "X", "1D"},
	{"price", high_price, "X", "1D"},      {"market post", market_post, "X", "1D"},
	{"symbol", unlisted, "S", "17"},       {"halted", halted, "H", "07"},
	{"paused", paused, "H", "07"},	       {"quotes only", quoted, "H", "07"},
	{"tick", off_tick, "X", "1D"},	       {"band low", under_band, "X", "1D"},
	{"band high", over_band, "X", "1D"},
};

static void list_symbols(void)
{
	static const struct nmw_symbol_conf list[] = {
		{.name = "TEST    ", .tick = 100, .band_lo = 5000, .band_hi = 20000, .state = 'T'},
		{.name = "HALT    ", .state = 'H'},
		{.name = "PAUSE   ", .state = 'P'},
		{.name = "QUOTE   ", .state = 'Q'},
	};
	for (unsigned i = 0; i < sizeof(list) / sizeof(*list); i++)
		ck_assert_int_eq(nmw_engine_symbol(r.e, &list[i], NULL), 0);
	nmw_engine_closed_list(r.e, true);
}

START_TEST(refuses_with_the_right_code)
{
	EACH_VERSION(&rig_small)
	{
		list_symbols();
		for (unsigned i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
			char want[64];
			c = rig_order(&r, i + 1, 'B', 100, 10000);
			refusals[i].spoil(&c);
			rig_cmd(&r, 1, &c);
			snprintf(want, sizeof(want), "1:J %u %s\n", i + 1,
				 v ? refusals[i].code50 : refusals[i].code42);
			ck_assert_msg(strcmp(rig_text(&r), want) == 0, "%s: %s", refusals[i].name,
				      r.text);
		}
		ck_assert_uint_eq(stat_of().rejected, sizeof(refusals) / sizeof(*refusals));
		enter(1, 100, 'B', 100, 5000); /* both ends of the band are in it */
		enter(1, 101, 'S', 100, 20000);
		rig_expect(&r, "1:A 100 B 100 @5000 ref 1 L\nf:A 1 B 100 @5000\n"
			       "1:A 101 S 100 @20000 ref 2 L\nf:A 2 S 100 @20000\n");
	}
}
END_TEST

/* An appendage of one field. */
static void app_of(struct nmw_cmd *o, uint8_t *app, uint8_t tag, unsigned size, const char *value)
{
	app[0] = (uint8_t)(size + 1);
	app[1] = tag;
	memcpy(app + 2, value, size);
	o->app = app;
	o->app_len = (uint16_t)(size + 2);
}

START_TEST(refuses_what_an_appendage_asks_for)
{
	static const struct {
		uint8_t tag, size;
		const char *value, *want;
	} asks[] = {
		{NMW_TAG_PEG_OFFSET, 4, "\0\0\0\1", "05"},
		{NMW_TAG_DISCRETION_PRICE, 8, "\0\0\0\0\0\0\0\1", "05"},
		{NMW_TAG_DISCRETION_TYPE, 1, "L", "05"},
		{NMW_TAG_DISCRETION_OFFSET, 4, "\0\0\0\1", "05"},
		{NMW_TAG_PRICE_TYPE, 1, "P", "05"},
		{NMW_TAG_MAX_FLOOR, 4, "\0\0\0\12", "03"},
		{NMW_TAG_RANDOM_RESERVES, 4, "\0\0\0\12", "03"},
		{NMW_TAG_DISPLAY_PRICE, 8, "\0\0\0\0\0\0\0\1", "03"},
		{NMW_TAG_ROUTE, 4, "LIST", "16"},
		{NMW_TAG_HANDLE_INST, 1, "I", "0F"},
	};
	uint8_t app[16];
	open_rig(&rig_small, 1);
	for (unsigned i = 0; i < sizeof(asks) / sizeof(*asks); i++) {
		char want[64];
		c = rig_order(&r, i + 1, 'B', 100, 10000);
		app_of(&c, app, asks[i].tag, asks[i].size, asks[i].value);
		rig_cmd(&r, 1, &c);
		snprintf(want, sizeof(want), "1:J %u %s\n", i + 1, asks[i].want);
		ck_assert_msg(strcmp(rig_text(&r), want) == 0, "tag %u: %s", asks[i].tag, r.text);
	}
	c = rig_order(&r, 50, 'B', 100, 10000);
	app_of(&c, app, NMW_TAG_HANDLE_INST, 1, "N");
	rig_cmd(&r, 1, &c);
	c = rig_order(&r, 51, 'B', 100, 10000);
	app_of(&c, app, NMW_TAG_MAX_FLOOR, 4, "\0\0\0\x64"); /* all of it */
	rig_cmd(&r, 1, &c);
	rig_expect(&r, "1:A 50 B 100 @10000 ref 1 L\nf:A 1 B 100 @10000\n"
		       "1:A 51 B 100 @10000 ref 2 L\nf:A 2 B 100 @10000\n");
	const struct outmsg *m = &r.got.m[r.got.n - 2]; /* Accepted echoes the appendage */
	ck_assert_uint_eq(m->len, 64 + 6);
	ck_assert_mem_eq(m->p + 64, app, 6);
}
END_TEST

START_TEST(after_hours_and_no_time_to_live)
{
	open_rig(&rig_small, 1);
	c = rig_order(&r, 1, 'B', 100, 10000);
	c.tif = NMW_TIF_AFTER;
	rig_cmd(&r, 1, &c);
	c = rig_order(&r, 2, 'B', 100, 10000);
	c.tif = NMW_TIF_GTT; /* without an expiry */
	c.app = (const uint8_t *)"";
	rig_cmd(&r, 1, &c);
	rig_expect(&r, "1:J 1 02\n1:J 2 0F\n");
}
END_TEST

/* ---- the region ------------------------------------------------------------------------------ */

START_TEST(region_moves_and_is_checked)
{
	EACH_VERSION(&rig_small)
	{
		enter(1, 1, 'S', 100, 10000);
		c = rig_order(&r, 2, 'S', 10, 10000);
		c.tif = NMW_TIF_GTT;
		c.tif_s = 1;
		rig_cmd(&r, 1, &c);
		rig_text(&r);
		rig_move(&r);
		enter(1, 1, 'S', 100, 10000); /* known still */
		enter(2, 1, 'B', 60, 10000);
		rig_expect(&r, "2:A 1 B 60 @10000 ref 3 L\n"
			       "2:E 1 60 @10000 R #1\n1:E 1 60 @10000 A #1\nf:E 1 60 #1\n");
		r.now_ns += 2 * UINT64_C(1000000000);
		cancel(1, 1, 0);
		rig_expect(&r, "1:C 2 10 T\nf:D 2\n1:C 1 40 U\nf:D 1\n");
		ck_assert_ptr_null(nmw_engine_join(r.mem, r.size - 1));
		for (size_t at = offsetof(struct nmw_engine, sessions_off);
		     at < offsetof(struct nmw_engine, now_ns); at += 8) {
			((uint8_t *)r.mem)[at] ^= 64;
			ck_assert_ptr_null(nmw_engine_join(r.mem, r.size));
			((uint8_t *)r.mem)[at] ^= 64;
		}
		ck_assert_ptr_nonnull(nmw_engine_join(r.mem, r.size));
		((uint8_t *)r.mem)[0] ^= 1;
		ck_assert_ptr_null(nmw_engine_join(r.mem, r.size));
	}
}
END_TEST

START_TEST(spec_out_of_range)
{
	struct nmw_engine_spec s = rig_small;
	static _Alignas(64) char mem[64];
	s.window = 96;
	ck_assert_uint_eq(nmw_engine_footprint(&s), 0);
	ck_assert_ptr_null(nmw_engine_init(mem, &s));
	s = rig_small;
	s.symbols = 0;
	ck_assert_uint_eq(nmw_engine_footprint(&s), 0);
	s = rig_small;
	s.orders = 0;
	ck_assert_uint_eq(nmw_engine_footprint(&s), 0);
	s = rig_small;
	s.timers = s.orders + 1;
	ck_assert_uint_eq(nmw_engine_footprint(&s), 0);
	s = rig_small;
	s.window = 65;
	ck_assert_uint_eq(nmw_engine_footprint(&s), 0);
}
END_TEST

START_TEST(what_is_not_wanted_is_not_written)
{
	struct nmw_engine_spec s = rig_small;
	s.feed_out = false;
	open_rig(&s, 0);
	enter(1, 1, 'B', 100, 10000);
	rig_expect(&r, "1:A 1 B 100 @10000 ref 1 L\n");
	s.feed_out = true;
	s.replies_out = false;
	open_rig(&s, 0);
	enter(1, 1, 'B', 100, 10000);
	rig_expect(&r, "f:A 1 B 100 @10000\n");
}
END_TEST

START_TEST(timestamps_follow_the_offset)
{
	struct nmw_engine_spec s = rig_small;
	s.utc_offset_ns = -5 * INT64_C(3600000000000);
	open_rig(&s, 0);
	enter(1, 1, 'B', 100, 10000);
	const struct outmsg *m = &r.got.m[r.got.n - 2];
	uint64_t tod = (UINT64_C(9) * 3600 + 30 * 60) * 1000000000 + 3 * RIG_STEP;
	for (unsigned i = 0; i < 8; i++)
		ck_assert_uint_eq(m->p[1 + i], (uint8_t)(tod >> (56 - 8 * i)));
	ck_assert_uint_eq(m->ts_ns, RIG_START + 3 * RIG_STEP);
	ck_assert_uint_eq(m->in_seq, 3);
}
END_TEST

UNIT_MAIN("engine rules", accepts_and_rests, fills_both_sides_with_one_match_number,
	  best_price_first_then_time, sweeps_of_any_length, repeated_enter_is_ignored,
	  user_reference_numbers_rise, tokens_need_not_rise, immediate_or_cancel,
	  market_orders_take_any_price_and_never_rest, minimum_quantity, post_only_orders,
	  hidden_orders, time_to_live, time_to_live_in_order_of_expiry,
	  time_to_live_of_equals_ends_in_order_of_entry, cancel_in_full_and_late,
	  cancel_down_keeps_priority, cancel_size_counts_what_was_executed, replace_moves_the_order,
	  replace_loses_priority_always, replace_quantity_is_the_chains, replace_that_takes,
	  replace_of_the_dead_or_to_a_used_id_is_ignored, replace_with_invalid_details_cancels,
	  rejected_replace_leaves_the_order_and_uses_the_id, replace_between_displayed_and_hidden,
	  replace_to_immediate, replace_changes_the_time_to_live, modify_changes_the_kind_of_sale,
	  modify_down_keeps_priority_up_loses_it, trade_now_is_ignored, self_match_allowed,
	  self_match_cancels_new, self_match_cancels_old, first_messages_of_the_day,
	  cancel_on_disconnect, account_outlives_its_session,
	  login_under_another_account_ends_the_session, cancel_on_disconnect_said_later,
	  session_that_changes_hands, fills_of_a_feeds_order, session_without_a_login,
	  messages_without_a_home, codec_is_sniffed_or_asked_for, limits_are_refused_not_overrun,
	  timers_are_limited, refuses_with_the_right_code, refuses_what_an_appendage_asks_for,
	  after_hours_and_no_time_to_live, region_moves_and_is_checked, spec_out_of_range,
	  what_is_not_wanted_is_not_written, timestamps_follow_the_offset)
