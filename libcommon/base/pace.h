/* pace.h: when to let the next message go: an absolute schedule.
 *
 *   max        at once
 *   original   at the distances of the messages' own times
 *   10x, 0.5x  the same, ten times as fast, half as fast
 *   1Mpps      so many a second, evenly
 *
 * The schedule hangs on the time of the first message and never on that of the one before, so that
 * a late message does not delay the following ones: what was missed is caught up at once, and the
 * rate over any longer time is the one that was asked for.
 *
 * One thread a schedule; no allocation; never fails after parse.  Costs nothing with max, one
 * multiplication and one division a message otherwise; the caller reads the clock.
 */
#ifndef NMW_BASE_PACE_H
#define NMW_BASE_PACE_H

#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

enum nmw_pace_mode { NMW_PACE_MAX, NMW_PACE_ORIGINAL, NMW_PACE_RATE };

struct nmw_pace {
	enum nmw_pace_mode mode;
	bool started;
	uint32_t speed_milli; /* ORIGINAL: 1,000 = as recorded, 10,000 = ten times as fast */
	uint64_t rate;	      /* RATE: messages a second */
	uint64_t start_ns;    /* CLOCK_MONOTONIC of the first message */
	uint64_t first_ts_ns; /* its own time */
	uint64_t sent;	      /* RATE: messages scheduled so far */
	uint64_t late_ns;     /* the latest that a message was let go after its time */
};

/* Reads max, original, a speed (0.001x to 1000x) or a rate (1pps to 1Gpps). 0 or -EINVAL with exit
 * 2. */
int nmw_pace_parse(struct nmw_pace *p, const char *s, struct nmw_err *e);

/* When the next message, of time ts_ns, is due: CLOCK_MONOTONIC ns; 0 = at once. now_ns is the
 * monotonic clock, at which the schedule starts with its first message. Call once a message. */
uint64_t nmw_pace_due(struct nmw_pace *p, uint64_t ts_ns, uint64_t now_ns);

/* One step of waiting for due_ns, at most 5 ms: true when it has come. The caller looks after its
 * own business (signals, dead peers) between the steps. */
bool nmw_pace_wait(struct nmw_pace *p, uint64_t due_ns);

#endif
