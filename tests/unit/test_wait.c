/* How long the first sleep of an idle stage is. */
#include "ring/wait.h"
#include "unit.h"

#define SLOTS 8192u

START_TEST(a_stream_lengthens_the_first_sleep)
{
	struct nmw_wait w;
	nmw_wait_init(&w, NMW_WAIT_AUTO);
	ck_assert_uint_eq(w.first_ns, NMW_WAIT_NAP_MIN);
	nmw_wait_turn(&w, 100, SLOTS);
	ck_assert_uint_eq(w.first_ns, 2 * NMW_WAIT_NAP_MIN);
	for (unsigned i = 0; i < 10; i++)
		nmw_wait_turn(&w, 100, SLOTS);
	ck_assert_uint_eq(w.first_ns, NMW_WAIT_NAP_MAX);
}
END_TEST

START_TEST(a_large_turn_shortens_it)
{
	struct nmw_wait w;
	nmw_wait_init(&w, NMW_WAIT_AUTO);
	for (unsigned i = 0; i < 10; i++)
		nmw_wait_turn(&w, 100, SLOTS);
	nmw_wait_turn(&w, SLOTS / 8 + 1, SLOTS); /* as it should be */
	ck_assert_uint_eq(w.first_ns, NMW_WAIT_NAP_MAX);
	nmw_wait_turn(&w, SLOTS / 4 + 1, SLOTS);
	ck_assert_uint_eq(w.first_ns, NMW_WAIT_NAP_MAX / 2);
	for (unsigned i = 0; i < 10; i++)
		nmw_wait_turn(&w, SLOTS, SLOTS);
	ck_assert_uint_eq(w.first_ns, NMW_WAIT_NAP_MIN);
}
END_TEST

/* Message by message somebody waits for each. */
START_TEST(few_messages_end_it)
{
	struct nmw_wait w;
	nmw_wait_init(&w, NMW_WAIT_AUTO);
	nmw_wait_turn(&w, 100, SLOTS);
	nmw_wait_turn(&w, 1, SLOTS);
	ck_assert_uint_eq(w.first_ns, NMW_WAIT_NAP_MIN);
	nmw_wait_turn(&w, 1, SLOTS);
	ck_assert_uint_eq(w.first_ns, NMW_WAIT_NAP_MIN);
}
END_TEST

/* One by one they are waited for asleep: a spin only where it is in nobody's way. */
START_TEST(turns_that_are_far_apart_are_slept_for)
{
	struct nmw_wait w;
	nmw_wait_init(&w, NMW_WAIT_AUTO);
	w.alone = false;
	ck_assert(nmw_wait_spins(&w, 0));
	uint64_t now = 1;
	for (unsigned i = 0; i < 20; i++)
		nmw_wait_gap(&w, now += 100000);
	ck_assert(nmw_wait_sparse(&w));
	ck_assert(!nmw_wait_spins(&w, 0));
	w.alone = true;
	ck_assert(nmw_wait_spins(&w, 0));
	for (unsigned i = 0; i < 20; i++)
		nmw_wait_gap(&w, now += 10000);
	ck_assert(!nmw_wait_sparse(&w));
	for (unsigned i = 0; i < 100; i++)
		nmw_wait_gap(&w, now += 100000);
	w.first_ns = 2 * NMW_WAIT_NAP_MIN; /* a stream, whose sleeps are the distance */
	ck_assert(!nmw_wait_sparse(&w));
}
END_TEST

/* The next stage of the same CPU finds them while they are near. */
START_TEST(a_spinner_that_shares_its_cpu_ends_its_turn_in_a_stream)
{
	struct nmw_wait w;
	nmw_wait_init(&w, NMW_WAIT_SPIN);
	w.alone = false;
	nmw_wait_passed(&w, NMW_WAIT_AHEAD - 1);
	ck_assert_uint_eq(w.spins, 0);
	nmw_wait_passed(&w, 1);
	ck_assert_uint_eq(w.spins, 1);
	nmw_wait_passed(&w, NMW_WAIT_AHEAD - 1); /* counted anew */
	ck_assert_uint_eq(w.spins, 1);
	w.alone = true;
	nmw_wait_passed(&w, NMW_WAIT_AHEAD);
	ck_assert_uint_eq(w.spins, 1);
}
END_TEST

UNIT_MAIN("wait", a_stream_lengthens_the_first_sleep, a_large_turn_shortens_it, few_messages_end_it,
	  turns_that_are_far_apart_are_slept_for,
	  a_spinner_that_shares_its_cpu_ends_its_turn_in_a_stream)
