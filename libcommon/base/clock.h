/* clock.h: time.  Any thread; about 20 ns a call (vDSO). */
#ifndef NMW_BASE_CLOCK_H
#define NMW_BASE_CLOCK_H

#include "base/units.h"
#include <stdint.h>
#include <time.h>

static inline uint64_t nmw_clock_ns(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * NMW_NS_PER_S + (uint64_t)t.tv_nsec;
}

/* CLOCK_MONOTONIC, ns: latency, timers. */
static inline uint64_t nmw_clock_mono(void)
{
	return nmw_clock_ns(CLOCK_MONOTONIC);
}

/* CLOCK_REALTIME, ns since the epoch: message time. */
static inline uint64_t nmw_clock_real(void)
{
	return nmw_clock_ns(CLOCK_REALTIME);
}

static inline void nmw_clock_pause(void)
{
	__builtin_ia32_pause();
}

#endif
