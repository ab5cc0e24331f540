/* How long the first sleep of an idle stage is, and in which order those that spin have their
 * turns. */
#include "base/clock.h"
#include "ring/wait.h"
#include "unit.h"

#include <sched.h>

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

#define TURNS 40u /* in the wrong order, most of them, are no chance */

#define ASK 0x80u /* bit of a turn */

/* Who has a turn before one of the stage in the middle: the writer of its ring, the reader of the
 * other one. */
enum before { READER_WRITER, WRITER_READER, READER, WRITER, LONG_AGO };

static void turn_of(uint64_t *who, unsigned cpu)
{
	uint64_t before = nmw_clock_mono();
	while (nmw_clock_mono() <= before)
		continue;
	*who = nmw_clock_mono() << 8 | cpu;
}

/* Pins the test to the CPU that it runs on, which it returns; *all: where it might run. */
static unsigned stay_here(cpu_set_t *all)
{
	cpu_set_t one;
	unsigned cpu = (unsigned)sched_getcpu();
	ck_assert_int_eq(sched_getaffinity(0, sizeof *all, all), 0);
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
	return cpu;
}

/* One in the middle of a pipeline; before each of its turns others have theirs, on CPU cpu, in
 * every eighth one in the right order. How often it changes place. */
static uint32_t changes_of(enum before others, unsigned cpu, unsigned turns)
{
	struct nmw_wait w;
	uint64_t turn_in = 0, turn_out = 0, writer = 0, reader = 0;
	nmw_wait_init(&w, NMW_WAIT_SPIN);
	w.alone = false;
	w.order.in = (struct nmw_ring_turns){.own = &turn_in, .other = &writer};
	w.order.out = (struct nmw_ring_turns){.own = &turn_out, .other = &reader};
	for (unsigned i = 0; i < turns; i++) {
		enum before now = i % 8 || others == LONG_AGO ? others : READER_WRITER;
		if (now == LONG_AGO)
			reader = writer = (nmw_clock_mono() - 2000000) << 8 | cpu;
		if (now == WRITER_READER || now == WRITER)
			turn_of(&writer, cpu);
		if (now != WRITER && now != LONG_AGO)
			turn_of(&reader, cpu);
		if (now == READER_WRITER)
			turn_of(&writer, cpu);
		nmw_wait_turn_over(&w);
		ck_assert_uint_gt(turn_in, writer | 0xff);
		ck_assert_uint_eq(turn_in, turn_out & ~(uint64_t)ASK);
	}
	ck_assert_uint_eq(w.order.places, (w.order.changes + 1) / 2);
	ck_assert_uint_eq(!!(turn_out & ASK), w.order.changes / 2 % 2); /* the reader is asked */
	return w.order.changes;
}

START_TEST(who_spins_in_the_wrong_order_changes_place)
{
	cpu_set_t all;
	unsigned cpu = stay_here(&all);
	const unsigned here = cpu & 0x7f, elsewhere = (cpu + 1) & 0x7f;
	ck_assert_uint_eq(changes_of(WRITER_READER, here, TURNS), 1);
	ck_assert_uint_eq(changes_of(READER, here, TURNS), 1);
	ck_assert_uint_eq(changes_of(WRITER, here, TURNS), 1);
	ck_assert_uint_eq(changes_of(READER_WRITER, here, TURNS), 0);
	/* who has a CPU of its own, or does not spin */
	ck_assert_uint_eq(changes_of(WRITER_READER, elsewhere, TURNS), 0);
	ck_assert_uint_eq(changes_of(LONG_AGO, here, TURNS), 0);
	/* it waits twice as long for the second change, and so on */
	ck_assert_uint_eq(changes_of(WRITER_READER, here, 4 * TURNS), 2);
	ck_assert_uint_eq(changes_of(WRITER_READER, here, 8 * TURNS), 3);
	ck_assert_int_eq(sched_setaffinity(0, sizeof all, &all), 0);
}
END_TEST

START_TEST(a_reader_that_is_asked_changes_place_once)
{
	struct nmw_wait w;
	uint64_t turn_in = 0, writer = nmw_clock_mono() << 8 | ASK;
	cpu_set_t all;
	unsigned cpu = stay_here(&all);
	nmw_wait_init(&w, NMW_WAIT_SPIN);
	w.alone = false;
	w.order.in = (struct nmw_ring_turns){.own = &turn_in, .other = &writer};
	for (unsigned i = 0; i < 12; i++) { /* what was asked before it came is no matter */
		turn_of(&writer, (cpu & 0x7f) | (i / 4 % 2 ? 0 : ASK));
		nmw_wait_turn_over(&w);
		ck_assert_uint_eq(w.order.places, i / 4);
	}
	ck_assert_int_eq(sched_setaffinity(0, sizeof all, &all), 0);
}
END_TEST

/* Whether the first stage goes on looking; unread: messages that its reader has not had; back: ns
 * since the others had their turns, at least. */
static bool keeps(bool quiet, uint64_t passed, uint64_t unread, uint64_t back)
{
	struct nmw_wait w;
	uint64_t turn = 0, reader = 0, next = 8, cursor = next - 1 - unread;
	nmw_wait_init(&w, NMW_WAIT_SPIN);
	w.alone = false;
	w.order.out = (struct nmw_ring_turns){&turn, &reader, &next, &cursor};
	w.order.quiet = quiet;
	nmw_wait_passed(&w, passed);
	w.order.back_ns = nmw_clock_mono() - back;
	nmw_wait_turn_over(&w);
	return turn == 0;
}

START_TEST(the_first_stage_looks_for_packets_while_nobody_has_work)
{
	unsigned n = 0;
	while (!keeps(true, 0, 0, 0)) /* the kernel may take longer than it keeps its turn */
		ck_assert_uint_lt(++n, 10000);
	for (n = 0; n < 100; n++) {
		ck_assert(!keeps(true, 0, 0, 1000000));
		ck_assert(!keeps(false, 0, 0, 0)); /* they had something to do */
		ck_assert(!keeps(true, 1, 0, 0));  /* and have now */
		ck_assert(!keeps(true, 0, 1, 0));  /* or still */
	}
}
END_TEST

/* Without neighbours, or as a tap, which may not write. */
START_TEST(who_has_no_neighbours_keeps_its_place)
{
	struct nmw_wait w;
	nmw_wait_init(&w, NMW_WAIT_SPIN);
	w.alone = false;
	for (unsigned i = 0; i < TURNS; i++)
		nmw_wait_turn_over(&w);
	ck_assert_uint_eq(w.order.changes, 0);
	ck_assert_uint_eq(w.spins, TURNS);
}
END_TEST

UNIT_MAIN("wait", a_stream_lengthens_the_first_sleep, a_large_turn_shortens_it, few_messages_end_it,
	  turns_that_are_far_apart_are_slept_for,
	  a_spinner_that_shares_its_cpu_ends_its_turn_in_a_stream,
	  who_spins_in_the_wrong_order_changes_place, a_reader_that_is_asked_changes_place_once,
	  who_has_no_neighbours_keeps_its_place,
	  the_first_stage_looks_for_packets_while_nobody_has_work)
