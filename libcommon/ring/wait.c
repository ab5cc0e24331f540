#include "ring/wait.h"

#include "base/clock.h"

#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#define SPIN_NS	     2000u     /* a message that comes soon is worth a busy CPU */
#define SPIN_LONG_NS 50000u    /* where CPUs are plenty */
#define CPUS_PLENTY  4	       /* one for each stage of the usual three, and one to spare */
#define STREAM_N     32u       /* messages that came during a short sleep: a stream */
#define FUTEX_NS     1000000u  /* idle that long: sleep until woken */
#define SLEEP_NS     10000000u /* of one sleep, so that housekeeping goes on */
#define NAP_FAR_NS   5000000u  /* longest sleep where nobody wakes */
#define PAUSES	     4u	       /* between two looks while spinning */

void nmw_wait_init(struct nmw_wait *w, enum nmw_wait_mode mode)
{
	cpu_set_t cpus;
	memset(w, 0, sizeof *w);
	w->mode = mode;
	w->sleep_ns = w->first_ns = NMW_WAIT_NAP_MIN;
	w->spin_ns = SPIN_NS;
	if (sched_getaffinity(0, sizeof cpus, &cpus) == 0 && CPU_COUNT(&cpus) >= CPUS_PLENTY)
		w->spin_ns = SPIN_LONG_NS;
	/* the default slack of 50 us would turn 20 us into 70 */
	prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
}

void nmw_wait_turn(struct nmw_wait *w, uint64_t n, uint64_t slots)
{
	if (n < STREAM_N)
		w->first_ns = NMW_WAIT_NAP_MIN;
	else if (n > slots / 4)
		w->first_ns /= 2;
	else if (n < slots / 8)
		w->first_ns *= 2;
	if (w->first_ns < NMW_WAIT_NAP_MIN)
		w->first_ns = NMW_WAIT_NAP_MIN;
	if (w->first_ns > NMW_WAIT_NAP_MAX)
		w->first_ns = NMW_WAIT_NAP_MAX;
}

static void pause_some(void)
{
	for (unsigned i = 0; i < PAUSES; i++)
		nmw_clock_pause();
}

static void nap(struct nmw_wait *w, uint64_t ns)
{
	struct timespec t = {0, (long)ns};
	w->parks++;
	nanosleep(&t, NULL);
}

/* 20 us, doubling to 200; where no ring can wake us, longer the longer it lasts: a sixteenth of the
 * idle time adds little to it. */
static void nap_longer(struct nmw_wait *w, uint64_t idle)
{
	uint64_t max = idle / 16 > NMW_WAIT_NAP_MAX ? idle / 16 : NMW_WAIT_NAP_MAX;
	max = max < NAP_FAR_NS ? max : NAP_FAR_NS;
	nap(w, w->sleep_ns < max ? w->sleep_ns : max);
	w->sleep_ns = 2 * w->sleep_ns < max ? 2 * w->sleep_ns : max;
}

uint64_t nmw_wait_idle(struct nmw_wait *w, struct nmw_cons *c)
{
	if (w->mode == NMW_WAIT_SPIN) {
		w->spins++;
		nmw_clock_pause();
		if (w->spins % 64)
			return 0;
	}
	uint64_t now = nmw_clock_mono();
	if (w->idle_since == 0) {
		w->idle_since = now;
		w->sleep_ns = w->first_ns;
	}
	uint64_t idle = now - w->idle_since;
	if (w->mode == NMW_WAIT_SPIN)
		return idle;
	if (w->mode == NMW_WAIT_AUTO && idle < w->spin_ns && w->first_ns == NMW_WAIT_NAP_MIN) {
		w->spins++;
		pause_some();
	} else if (c && (w->mode == NMW_WAIT_PARK || idle >= FUTEX_NS)) {
		w->parks++;
		nmw_cons_sleep(c, SLEEP_NS);
	} else {
		nap_longer(w, idle);
	}
	return idle;
}
