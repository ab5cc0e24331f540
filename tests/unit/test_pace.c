#include "base/pace.h"
#include "base/clock.h"
#include "unit.h"

#include <errno.h>

static struct nmw_pace p;
static struct nmw_err e;

START_TEST(words)
{
	static const struct {
		const char *text;
		enum nmw_pace_mode mode;
		uint32_t speed_milli;
		uint64_t rate;
	} good[] = {
		{"max", NMW_PACE_MAX, 0, 0},
		{"original", NMW_PACE_ORIGINAL, 1000, 0},
		{"1x", NMW_PACE_ORIGINAL, 1000, 0},
		{"10x", NMW_PACE_ORIGINAL, 10000, 0},
		{"0.5x", NMW_PACE_ORIGINAL, 500, 0},
		{"0.001x", NMW_PACE_ORIGINAL, 1, 0},
		{"1000x", NMW_PACE_ORIGINAL, 1000000, 0},
		{"2.25x", NMW_PACE_ORIGINAL, 2250, 0},
		{"1Mpps", NMW_PACE_RATE, 0, 1000000},
		{"100kpps", NMW_PACE_RATE, 0, 100000},
		{"1pps", NMW_PACE_RATE, 0, 1},
	};
	for (unsigned i = 0; i < sizeof good / sizeof good[0]; i++) {
		ck_assert_int_eq(nmw_pace_parse(&p, good[i].text, &e), 0);
		ck_assert_int_eq(p.mode, good[i].mode);
		ck_assert_uint_eq(p.speed_milli, good[i].speed_milli);
		ck_assert_uint_eq(p.rate, good[i].rate);
	}
	static const char *const bad[] = {"",	  "x",	    "0x",	"-1x",
					  "10",	  "10 x",   "10xx",	".5x",
					  "5.x",  "1.2.3x", "1001x",	"0.0001x",
					  "fast", "0pps",   "1000001x", "99999999999999999999x",
					  "MAX"};
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		ck_assert_msg(nmw_pace_parse(&p, bad[i], &e) == -EINVAL, "%s", bad[i]);
		ck_assert_int_eq(e.exit, NMW_EXIT_USAGE);
	}
}
END_TEST

START_TEST(rates_do_not_drift)
{
	const uint64_t start = 1000000, s = 1000000000;
	ck_assert_int_eq(nmw_pace_parse(&p, "3pps", &e), 0);
	for (uint64_t i = 0; i < 30000; i++) /* however late each message is asked for */
		ck_assert_uint_eq(nmw_pace_due(&p, 0, start + i * s), start + i * s / 3);
	ck_assert_uint_eq(p.late_ns, 29999 * s - 29999 * s / 3);
}
END_TEST

START_TEST(speeds_follow_the_messages)
{
	const uint64_t start = 5000, first = 1767623400000000000ull;
	ck_assert_int_eq(nmw_pace_parse(&p, "10x", &e), 0);
	ck_assert_uint_eq(nmw_pace_due(&p, first, start), start);
	ck_assert_uint_eq(nmw_pace_due(&p, first + 1000, start), start + 100);
	ck_assert_uint_eq(nmw_pace_due(&p, first + 3600000000000ull, start),
			  start + 360000000000ull);
	ck_assert_uint_eq(nmw_pace_due(&p, first - 77, start), start); /* back in time: at once */
	ck_assert_uint_eq(nmw_pace_due(&p, first + 2000, start), start + 200);
	ck_assert_int_eq(nmw_pace_parse(&p, "0.5x", &e), 0);
	ck_assert_uint_eq(nmw_pace_due(&p, first, start), start);
	ck_assert_uint_eq(nmw_pace_due(&p, first + 1000, start), start + 2000);
	ck_assert_uint_gt(nmw_pace_due(&p, UINT64_MAX, start), UINT64_MAX / 8); /* no overflow */
	ck_assert_int_eq(nmw_pace_parse(&p, "max", &e), 0);
	ck_assert_uint_eq(nmw_pace_due(&p, first, start), 0);
}
END_TEST

START_TEST(waiting)
{
	ck_assert_int_eq(nmw_pace_parse(&p, "1kpps", &e), 0);
	uint64_t now = nmw_clock_mono(), due = now + 12000000;
	unsigned steps = 1;
	nmw_pace_due(&p, 0, now);
	while (!nmw_pace_wait(&p, due))
		steps++;
	ck_assert_uint_ge(nmw_clock_mono(), due);
	ck_assert_uint_ge(steps, 2); /* none of them over 5 ms, but for a busy machine */
	ck_assert(nmw_pace_wait(&p, now));
	ck_assert_uint_gt(p.late_ns, 0);
}
END_TEST

UNIT_MAIN("pace", words, rates_do_not_drift, speeds_follow_the_messages, waiting)
