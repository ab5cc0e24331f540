#include "base/pace.h"

#include "base/clock.h"
#include "base/parse.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

#define STEP_NS	     5000000ull /* longest sleep: bounds how late a signal is noticed */
#define SPIN_NS	     15000ull	/* closer than this the clock is polled: a sleep overshoots */
#define SPEED_MAX    1000000u	/* 1000x */
#define SLACK_NS     1000ul
#define DUE_FAR_NS   (UINT64_MAX / 4)
#define SPEED_DIGITS 3 /* decimals of a speed */

__extension__ typedef unsigned __int128 u128;

/* a * b / c, saturated: a schedule may name times beyond any clock. */
static uint64_t mul_div(uint64_t a, uint64_t b, uint64_t c)
{
	u128 q = (u128)a * b / c;
	return q > DUE_FAR_NS ? DUE_FAR_NS : (uint64_t)q;
}

/* "10x", "0.25x" in thousandths; 0 = not a speed. */
static uint32_t parse_speed(const char *s)
{
	uint64_t milli = 0;
	int decimals = -1; /* digits after the point, -1 before it */
	const char *p = s;
	for (; (*p >= '0' && *p <= '9') || *p == '.'; p++) {
		if (*p == '.') {
			if (decimals >= 0 || p == s)
				return 0;
			decimals = 0;
			continue;
		}
		if (decimals == SPEED_DIGITS)
			return 0;
		decimals += decimals >= 0;
		milli = milli * 10 + (uint64_t)(*p - '0');
		if (milli > SPEED_MAX * 10ull)
			return 0;
	}
	if (p == s || p[-1] == '.' || strcmp(p, "x") != 0)
		return 0;
	for (int i = decimals < 0 ? 0 : decimals; i < SPEED_DIGITS; i++)
		milli *= 10;
	return milli <= SPEED_MAX ? (uint32_t)milli : 0;
}

int nmw_pace_parse(struct nmw_pace *p, const char *s, struct nmw_err *e)
{
	memset(p, 0, sizeof *p);
	if (!strcmp(s, "max"))
		return 0;
	p->speed_milli = !strcmp(s, "original") ? 1000 : parse_speed(s);
	if (p->speed_milli) {
		p->mode = NMW_PACE_ORIGINAL;
		return 0;
	}
	if (!nmw_parse_rate(s, 1, NMW_NS_PER_S, &p->rate, NULL)) {
		p->mode = NMW_PACE_RATE;
		return 0;
	}
	return nmw_err_set(e, -EINVAL, NMW_EXIT_USAGE,
			   "%s: not a pace: max, original, a speed 0.001x to 1000x, or a rate 1pps "
			   "to 1000Mpps",
			   s);
}

uint64_t nmw_pace_due(struct nmw_pace *p, uint64_t ts_ns, uint64_t now_ns)
{
	if (p->mode == NMW_PACE_MAX)
		return 0;
	if (!p->started) {
		p->started = true;
		p->start_ns = now_ns;
		p->first_ts_ns = ts_ns;
		prctl(PR_SET_TIMERSLACK, SLACK_NS); /* the default is 50 us; sharper is a wish */
	}
	uint64_t after;
	if (p->mode == NMW_PACE_RATE)
		after = mul_div(p->sent++, NMW_NS_PER_S, p->rate);
	else if (ts_ns <= p->first_ts_ns)
		after = 0;
	else
		after = mul_div(ts_ns - p->first_ts_ns, 1000, p->speed_milli);
	uint64_t due = p->start_ns + after;
	if (now_ns > due && now_ns - due > p->late_ns)
		p->late_ns = now_ns - due;
	return due;
}

bool nmw_pace_wait(struct nmw_pace *p, uint64_t due_ns)
{
	uint64_t now = nmw_clock_mono();
	if (now + SPIN_NS < due_ns) {
		uint64_t until = due_ns - SPIN_NS;
		if (until > now + STEP_NS)
			until = now + STEP_NS;
		struct timespec t = {.tv_sec = (time_t)(until / NMW_NS_PER_S),
				     .tv_nsec = (long)(until % NMW_NS_PER_S)};
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
		now = nmw_clock_mono();
		if (now + SPIN_NS < due_ns)
			return false;
	}
	while (now < due_ns) { /* at most SPIN_NS */
		nmw_clock_pause();
		now = nmw_clock_mono();
	}
	if (now - due_ns > p->late_ns)
		p->late_ns = now - due_ns;
	return true;
}
