#include "wire/mold_hold.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

static struct nmw_mold_hold *hold;
static int owner[NMW_MOLD_HOLD_STREAMS + 1];

static void make(void)
{
	hold = nmw_mold_hold_new();
	ck_assert_ptr_nonnull(hold);
}

static struct nmw_mold_window *start(unsigned i, uint64_t seq)
{
	return nmw_mold_hold_start(hold, &owner[i], seq, (const uint8_t *)&seq, sizeof seq);
}

static bool put(struct nmw_mold_window *w, uint64_t seq)
{
	return nmw_mold_hold_put(w, seq, (const uint8_t *)&seq, sizeof seq);
}

static void first_is(const struct nmw_mold_window *w, uint64_t seq)
{
	uint32_t len;
	const uint8_t *p = nmw_mold_hold_first(w, &len);
	ck_assert_uint_eq(nmw_mold_hold_seq(w), seq);
	ck_assert_uint_eq(len, sizeof seq);
	ck_assert_mem_eq(p, &seq, sizeof seq);
}

START_TEST(in_order_whatever_came_first)
{
	make();
	struct nmw_mold_window *w = start(0, 45);
	ck_assert(put(w, 60) && put(w, 41) && put(w, 52) && put(w, 52));
	static const uint64_t want[] = {41, 45, 52, 52, 60};
	for (unsigned i = 0; i < 5; i++) {
		first_is(w, want[i]);
		ck_assert_int_eq(nmw_mold_hold_pop(hold, w), i < 4);
	}
	ck_assert_ptr_null(nmw_mold_hold_oldest(hold));
	nmw_mold_hold_free(hold);
}
END_TEST

START_TEST(equal_ones_as_they_came)
{
	make();
	struct nmw_mold_window *w =
		nmw_mold_hold_start(hold, owner, 7, (const uint8_t *)"first", 6);
	ck_assert(nmw_mold_hold_put(w, 7, (const uint8_t *)"second", 7));
	uint32_t len;
	ck_assert_str_eq((const char *)nmw_mold_hold_first(w, &len), "first");
	ck_assert(nmw_mold_hold_pop(hold, w));
	ck_assert_str_eq((const char *)nmw_mold_hold_first(w, &len), "second");
	nmw_mold_hold_free(hold);
}
END_TEST

START_TEST(a_window_is_bounded)
{
	make();
	struct nmw_mold_window *w = start(0, 100);
	for (unsigned i = 1; i < NMW_MOLD_HOLD_PACKETS; i++)
		ck_assert(put(w, 100 - i));
	ck_assert(!put(w, 5));
	for (unsigned i = 0; i < 1000; i++) { /* buffers come back */
		ck_assert(nmw_mold_hold_pop(hold, w));
		ck_assert(put(w, 200 + i % 7));
	}
	static uint8_t big[NMW_MOLD_HOLD_BYTES + 1];
	ck_assert(nmw_mold_hold_pop(hold, w));
	ck_assert(!nmw_mold_hold_put(w, 5, big, sizeof big));
	ck_assert(nmw_mold_hold_put(w, 5, big, sizeof big - 1));
	ck_assert_ptr_null(nmw_mold_hold_start(hold, owner, 5, big, sizeof big));
	nmw_mold_hold_free(hold);
	nmw_mold_hold_free(NULL);
}
END_TEST

START_TEST(the_pool_is_bounded)
{
	make();
	struct nmw_mold_window *w[NMW_MOLD_HOLD_STREAMS];
	for (unsigned i = 0; i < NMW_MOLD_HOLD_STREAMS; i++)
		ck_assert_ptr_nonnull(w[i] = start(i, i));
	ck_assert_ptr_null(start(NMW_MOLD_HOLD_STREAMS, 1));
	ck_assert_ptr_eq(nmw_mold_hold_oldest(hold), &owner[0]);
	ck_assert(!nmw_mold_hold_pop(hold, w[3]));
	ck_assert(!nmw_mold_hold_pop(hold, w[0]));
	ck_assert_ptr_eq(nmw_mold_hold_oldest(hold), &owner[1]);
	ck_assert_ptr_nonnull(start(NMW_MOLD_HOLD_STREAMS, 9));
	for (unsigned i = 1; i < NMW_MOLD_HOLD_STREAMS; i++)
		if (i != 3) {
			ck_assert_ptr_eq(nmw_mold_hold_oldest(hold), &owner[i]);
			first_is(w[i], i);
			nmw_mold_hold_pop(hold, w[i]);
		}
	ck_assert_ptr_eq(nmw_mold_hold_oldest(hold), &owner[NMW_MOLD_HOLD_STREAMS]);
	nmw_mold_hold_free(hold);
}
END_TEST

UNIT_MAIN("mold_hold", in_order_whatever_came_first, equal_ones_as_they_came, a_window_is_bounded,
	  the_pool_is_bounded)
