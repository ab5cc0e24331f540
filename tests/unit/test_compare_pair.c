/* Which message of one ring stands against which of the other: odd ones, holes, rings made anew. */
// uses: tools/nmw-stat/compare_msg.c
// uses: tools/nmw-stat/compare_pair.c
#include "tools/nmw-stat/compare_pair.h"
#include "unit.h"

#include <string.h>

static struct compare_pair p;

static void setup(void)
{
	memset(&p, 0, sizeof p);
	for (unsigned i = 0; i < 2; i++)
		p.q[i].window = calloc(COMPARE_WINDOW, sizeof *p.q[i].window);
}

static void teardown(void)
{
	free(p.q[0].window);
	free(p.q[1].window);
}

/* A message of that number and cause; what it says is one character. */
static void put(unsigned side, uint64_t seq, uint64_t cause, char says)
{
	uint64_t desc[NMW_DESC_SZ / 8] = {0};
	struct nmw_slot *s = (struct nmw_slot *)(void *)desc;
	s->seq = seq;
	s->in_seq = cause;
	s->len = 1;
	compare_take(compare_at(&p.q[side], p.q[side].head++), s, (uint8_t *)&says, 1, false);
}

/* A run of messages from seq on: "1a 1b 2c" is a and b of cause 1, c of cause 2. */
static void run(unsigned side, uint64_t seq, const char *text)
{
	for (const char *t = text; *t;) {
		char *end;
		uint64_t cause = strtoull(t, &end, 10);
		put(side, seq++, cause, *end);
		t = end + 1 + strspn(end + 1, " ");
	}
}

/* Verdicts until it waits, a character each: = ! m(issing) e(xtra) s(kipped). */
static const char *verdicts(void)
{
	static char out[512];
	static const char words[] = {[COMPARE_EQUAL] = '=',
				     [COMPARE_DIFFERENT] = '!',
				     [COMPARE_MISSING] = 'm',
				     [COMPARE_EXTRA] = 'e',
				     [COMPARE_SKIPPED] = 's'};
	unsigned n = 0;
	for (enum compare_verdict v; (v = compare_next(&p)) != COMPARE_WAIT;) {
		ck_assert(n < sizeof out - 1);
		out[n++] = words[v];
	}
	out[n] = 0;
	return out;
}

static void gives(const char *want)
{
	ck_assert_str_eq(verdicts(), want);
}

START_TEST(the_same_is_equal)
{
	run(0, 1, "1a 1b 2c 3d");
	run(1, 1, "1a 1b");
	gives("==");
	ck_assert_uint_eq(compare_lag(&p), 2);
	run(1, 3, "2c 3d");
	gives("==");
	ck_assert_uint_eq(compare_lag(&p), 0);
}
END_TEST

START_TEST(a_difference_is_told_at_once_and_is_one)
{
	run(0, 1, "1a 2b 3c");
	run(1, 1, "1a 2x");
	gives("=!");
	ck_assert_uint_eq(compare_slot(p.of[0] ? p.of[0] : p.of[1])->seq, 2);
	run(1, 3, "3c");
	gives("=");
}
END_TEST

START_TEST(other_makers_of_one_order_are_two_differences)
{
	run(0, 1, "1a 2b 2c 3d");
	run(1, 1, "1a 2c 2b 3d");
	gives("=!!=");
}
END_TEST

START_TEST(one_less_is_missing)
{
	run(0, 1, "1a 2b 2c 2d 3e 4f");
	run(1, 1, "1a 2b 2d 3e 4f");
	gives("==m===");
}
END_TEST

START_TEST(one_more_is_extra)
{
	run(0, 1, "1a 2b 3e 4f");
	run(1, 1, "1a 2b 2x 2y 3e 4f");
	gives("==ee==");
}
END_TEST

START_TEST(a_cause_without_an_answer_is_missing)
{
	run(0, 1, "1a 2b 3c 4d");
	run(1, 1, "1a 3c 4d");
	gives("=m==");
	run(0, 5, "6e");
	run(1, 4, "5x 6e");
	gives("e=");
}
END_TEST

START_TEST(what_is_not_read_is_no_difference)
{
	run(0, 1, "1a 1b");
	run(0, 6, "4f 5g");
	run(1, 1, "1a 1b 2c 3d 4e 4f 5g");
	gives("==sss==");
	run(0, 8, "6h 7i 8j");
	run(1, 10, "8j"); /* the other one missed two */
	gives("ss=");
}
END_TEST

START_TEST(a_hole_that_is_not_as_many_on_both)
{
	run(0, 1, "1a");
	run(1, 1, "1a");
	gives("=");
	/* 2 to 5 were 4 messages on one and 5 on the other */
	run(0, 6, "6f 7g 8h");
	run(1, 2, "2b 3c 3d 4e 5x 6f 7g 8h");
	const char *v = verdicts();
	ck_assert_ptr_null(strpbrk(v, "!me"));
	ck_assert_str_eq(v + strlen(v) - 3, "===");
}
END_TEST

START_TEST(one_that_began_late)
{
	run(0, 40, "20a 21b");
	run(1, 1, "1x 2y");
	gives("ss");
	for (uint64_t i = 3; i < 40; i++)
		put(1, i, i / 2, 'z');
	run(1, 40, "20a 21b");
	const char *v = verdicts();
	ck_assert_ptr_null(strpbrk(v, "!me"));
	ck_assert_str_eq(v + strlen(v) - 2, "==");
}
END_TEST

START_TEST(what_comes_behind_the_end_is_missing)
{
	run(0, 1, "1a 2b 3c");
	run(1, 1, "1a");
	gives("=");
	p.q[1].ended = true;
	gives("mm");
	p.q[0].ended = true;
	gives("");
}
END_TEST

START_TEST(made_anew_they_meet_by_cause)
{
	run(0, 1, "1a 2b 3c 4d");
	run(1, 1, "1a 2b");
	gives("==");
	ck_assert_uint_eq(compare_remade(&p), 2);
	run(1, 1, "3c 4d 5e 6f"); /* from the input that is still there */
	run(0, 5, "5e 6f");
	gives("ss==");
	ck_assert_uint_eq(compare_lag(&p), 0);
}
END_TEST

START_TEST(both_made_anew_begin_together)
{
	run(0, 900, "70a 71b");
	run(1, 900, "70a 71b");
	gives("==");
	compare_anew(&p);
	run(0, 1, "1x 2y");
	run(1, 1, "1x 2z");
	gives("=!");
}
END_TEST

START_TEST(without_causes_the_contents_tell)
{
	run(0, 1, "0a 0b 0c 0d 0e");
	run(1, 1, "0a 0c 0d 0e"); /* datagram b never came */
	gives("=m===");
}
END_TEST

START_TEST(causes_may_be_numbered_otherwise)
{
	run(0, 1, "1a 2b 3c 4d");
	run(1, 1, "8a 9b 10x 11d"); /* a source that had seen more */
	gives("==!=");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {the_same_is_equal,
				      a_difference_is_told_at_once_and_is_one,
				      other_makers_of_one_order_are_two_differences,
				      one_less_is_missing,
				      one_more_is_extra,
				      a_cause_without_an_answer_is_missing,
				      what_is_not_read_is_no_difference,
				      a_hole_that_is_not_as_many_on_both,
				      one_that_began_late,
				      what_comes_behind_the_end_is_missing,
				      made_anew_they_meet_by_cause,
				      both_made_anew_begin_together,
				      without_causes_the_contents_tell,
				      causes_may_be_numbered_otherwise};
	return unit_run_between("compare_pair", setup, teardown, tests,
				sizeof tests / sizeof tests[0]);
}
